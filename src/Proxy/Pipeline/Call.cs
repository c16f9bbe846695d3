using CCGate.Proxy.Surfaces;

namespace CCGate.Proxy.Pipeline;

/// <summary>Whether what a client asks for is billed.</summary>
internal enum CallKind
{
    /// <summary>Tokens are generated: journaled, held and billed.</summary>
    Generation,

    /// <summary>Tokens are only counted: forwarded, but never held, billed or recorded.</summary>
    TokenCount,
}

/// <summary>The client's request after reading: what the gateway must know of it, and its bytes.</summary>
internal sealed record Call(CallKind Kind, string Path, string Query, string Model, RequestBody Body)
{
    public bool Streaming { get; init; }

    public string? SessionId { get; init; }

    /// <summary>The most output tokens the client asks for.</summary>
    public long MaxOutputTokens { get; init; }

    /// <summary>Output tokens below which the provider would refuse the request: its thinking budget.</summary>
    public long ThinkingBudgetTokens { get; init; }

    /// <summary>An upper bound of the tokens the model can be made to read.</summary>
    public long PromptTokensBound { get; init; }

    public long WebSearchesBound { get; init; }

    /// <summary>The client asks for a speed that is priced apart, such as <c>fast</c>.</summary>
    public bool Fast { get; init; }
}
