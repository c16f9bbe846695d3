using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Usage;

/// <summary>Collects what an answer, streamed or not, says about its usage, in the protocol of one kind of upstream.</summary>
internal interface IUsageReader
{
    /// <summary>The model as served.</summary>
    string? Model { get; }

    /// <summary>Whether anything was generated yet.</summary>
    bool HasOutput { get; }

    /// <summary>Whether the answer came to its proper end.</summary>
    bool Ended { get; }

    /// <summary>Whether a client has all there is to read, though the protocol's last word may be missing.</summary>
    bool IsComplete { get; }

    /// <summary>Whether a stream has said that nothing of worth follows. A protocol that never says so ends with its bytes.</summary>
    bool IsOver { get; }

    /// <summary>The type of the error that ended the stream, such as <c>overloaded_error</c>.</summary>
    string? StreamError { get; }

    /// <summary>Takes one event of a streamed answer; half an event says nothing.</summary>
    void TakeEvent(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data);

    /// <summary>Takes the body of an answer that was not sent as events, or as much of it as came.</summary>
    void TakeBody(ReadOnlySpan<byte> body);

    /// <summary>Whether a body that begins like this is an error in place of an answer; null while too little has come to tell.</summary>
    bool? IsError(ReadOnlySpan<byte> beginning);

    /// <summary>What can be said of the answer as far as it went.</summary>
    (TokenUsage Usage, UsageState State) Conclude();
}

/// <summary>Which reader understands the answers of which upstreams.</summary>
internal static class UsageReaders
{
    /// <param name="kind">What the upstream speaks.</param>
    /// <param name="likelyPromptTokens">The prompt that is billed where an answer breaks off in a protocol that tells it only at the end.</param>
    public static IUsageReader For(UpstreamKind kind, long likelyPromptTokens) => kind switch
    {
        UpstreamKind.OpenAi or UpstreamKind.OpenAiResponses => new OpenAiUsageReader(likelyPromptTokens),
        UpstreamKind.Gemini => new GeminiUsageReader(likelyPromptTokens),
        _ => new AnthropicUsageReader(),
    };
}
