using CCGate.Hosting.Configuration;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Translation;

namespace CCGate.Proxy.Pipeline;

/// <summary>Whether what a client asks for is billed.</summary>
internal enum CallKind
{
    /// <summary>Tokens are generated: journaled, held and billed.</summary>
    Generation,

    /// <summary>Tokens are only counted: forwarded, but never held, billed or recorded.</summary>
    TokenCount,
}

/// <summary>Another model that reads the whole conversation when the one that answers asks it.</summary>
/// <param name="Model">Its name.</param>
/// <param name="Uses">How often it may be asked.</param>
internal readonly record struct Advisor(string Model, long Uses);

/// <summary>The client's request after reading: what the gateway must know of it, and its bytes.</summary>
internal sealed record Call(CallKind Kind, string Path, string Query, string Model, RequestBody Body)
{
    /// <summary>Stands in <see cref="Path"/> for the model, in a protocol whose paths name it.</summary>
    public const string ModelInPath = "{model}";

    /// <summary>The model by the name the client gave it, which is the one in the body; <see cref="Model"/> is what that stands for.</summary>
    public string NamedModel { get; init; } = Model;

    /// <summary>The kind of upstream that speaks its protocol.</summary>
    public UpstreamKind Upstreams { get; init; }

    /// <summary>Whether upstreams that speak another protocol may serve it too: what generates text is translated, counting tokens and embeddings are not.</summary>
    public bool AnyKind { get; init; }

    public bool Streaming { get; init; }

    public string? SessionId { get; init; }

    /// <summary>What tells its conversation from others, whose prompt cache an upstream may have; null when nothing does.</summary>
    public ulong? Affinity { get; init; }

    /// <summary>The most output tokens the client asks for, in each answer.</summary>
    public long MaxOutputTokens { get; init; }

    /// <summary>How many answers it asks for, a summary of its conversation included.</summary>
    public long Choices { get; init; } = 1;

    /// <summary>Output tokens below which the provider would refuse the request: its thinking budget.</summary>
    public long ThinkingBudgetTokens { get; init; }

    /// <summary>An upper bound of the tokens the model can be made to read.</summary>
    public long PromptTokensBound { get; init; }

    public long WebSearchesBound { get; init; }

    /// <summary>The models that may be asked for advice on it.</summary>
    public IReadOnlyList<Advisor> Advisors { get; init; } = [];

    /// <summary>The client asks for a speed that is priced apart, such as <c>fast</c>.</summary>
    public bool Fast { get; init; }

    /// <summary>The upstream is asked for usage that the client did not ask for: what tells it is not passed on.</summary>
    public bool HidesUsage { get; init; }

    /// <summary>What it is to upstreams of other protocols.</summary>
    public Translations Translations => field ??= new Translations(this);

    /// <summary>What the prompt comes to where nobody says it: text has about four bytes a token, and the bound counts two.</summary>
    public long LikelyPromptTokens => Math.Max(1, PromptTokensBound / 2);

    /// <summary>The path for an upstream that knows the model by this name.</summary>
    public string PathFor(string providerModel) => PathFor(Path, providerModel);

    public static string PathFor(string path, string providerModel) => path.Replace(ModelInPath, Uri.EscapeDataString(providerModel), StringComparison.Ordinal);
}
