using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Translation;

/// <summary>A model's answer in no protocol.</summary>
/// <param name="Id">As the upstream named it.</param>
/// <param name="Model">As served.</param>
internal sealed record Answer(string Id, string Model)
{
    public List<Part> Parts { get; } = [];

    public StopReason Stop { get; set; }

    /// <summary>Which of the stop sequences it met.</summary>
    public string? StopSequence { get; set; }

    public TokenUsage Usage { get; set; } = new();

    /// <summary>Entries as OpenAI's chat has them (<c>{"token","logprob","bytes","top_logprobs"}</c>); null when none were asked for or given.</summary>
    public List<JsonElement>? Logprobs { get; set; }

    /// <summary>The answer as a stream would have told it.</summary>
    public IEnumerable<AnswerEvent> ToEvents()
    {
        yield return new AnswerBegan(Id, Model);
        foreach (var part in Parts)
        {
            foreach (var told in EventsOf(part))
            {
                yield return told;
            }

            yield return PartEnded.Instance;
        }

        if (Logprobs is not null)
        {
            yield return new LogprobsAdded(Logprobs);
        }

        yield return new UsageTold(Usage);
        yield return new AnswerEnded(Stop, StopSequence);
    }

    private static IEnumerable<AnswerEvent> EventsOf(Part part) => part switch
    {
        TextPart text => [new TextDelta(text.Text), .. text.Citations.Select(citation => new CitationAdded(citation))],
        RefusalPart refusal => [new RefusalDelta(refusal.Text)],
        ThinkingPart { Signature: { } signature } signed => signed.Text.Length == 0
            ? [new ThinkingSigned(signature, signed.IsRedacted)]
            : [new ThinkingDelta(signed.Text), new ThinkingSigned(signature, signed.IsRedacted)],
        ThinkingPart thinking => [new ThinkingDelta(thinking.Text)],
        ToolCallPart call => [new ToolCallBegan(call.Id, call.Name) { Signature = call.Signature }, new ToolCallDelta(call.Arguments)],
        _ => [],
    };
}

/// <summary>Why a model stopped.</summary>
internal enum StopReason
{
    EndTurn,
    MaxTokens,
    StopSequence,
    ToolUse,

    /// <summary>It, or a filter, declined to go on.</summary>
    Refusal,

    /// <summary>A long turn of the provider's own tools was interrupted and may be continued.</summary>
    PauseTurn,
    ContextWindowExceeded,
}

/// <summary>
/// What one event of a streamed answer tells. Order: <see cref="AnswerBegan"/> first; parts one after another, never interleaved; <see cref="UsageTold"/> any
/// number of times, cumulative; <see cref="AnswerEnded"/> last, or <see cref="AnswerFailed"/>. A stream that breaks off has neither.
/// </summary>
internal abstract record AnswerEvent;

internal sealed record AnswerBegan(string Id, string Model) : AnswerEvent;

/// <summary>More of a text; begins one when the part before was another kind or has ended.</summary>
internal sealed record TextDelta(string Text) : AnswerEvent;

internal sealed record RefusalDelta(string Text) : AnswerEvent;

internal sealed record ThinkingDelta(string Text) : AnswerEvent;

/// <summary>The signature of the thinking part that came, or of one without text; ends that part.</summary>
internal sealed record ThinkingSigned(string Signature, bool IsRedacted) : AnswerEvent;

internal sealed record ToolCallBegan(string Id, string Name) : AnswerEvent
{
    /// <summary>See <see cref="ToolCallPart.Signature"/>.</summary>
    public string? Signature { get; init; }
}

/// <summary>More of the arguments of the tool call that began last.</summary>
internal sealed record ToolCallDelta(string Arguments) : AnswerEvent;

/// <summary>The part at hand is complete: the next delta, even of the same kind, begins another one.</summary>
internal sealed record PartEnded : AnswerEvent
{
    public static readonly PartEnded Instance = new();
}

/// <summary>Of the text at hand.</summary>
internal sealed record CitationAdded(Citation Citation) : AnswerEvent;

/// <summary>See <see cref="Answer.Logprobs"/>.</summary>
internal sealed record LogprobsAdded(IReadOnlyList<JsonElement> Entries) : AnswerEvent;

internal sealed record UsageTold(TokenUsage Usage) : AnswerEvent;

/// <summary>The answer is whole.</summary>
internal sealed record AnswerEnded(StopReason Stop, string? StopSequence) : AnswerEvent;

/// <summary>The upstream said in its stream that it failed.</summary>
internal sealed record AnswerFailed(Fault Fault) : AnswerEvent;

/// <summary>An upstream's error in no protocol.</summary>
/// <param name="Status">Its HTTP status; in the middle of a stream the one its kind would have had.</param>
internal sealed record Fault(FaultKind Kind, int Status, string Message)
{
    /// <summary>The provider's own name for it, such as <c>context_length_exceeded</c>.</summary>
    public string? Code { get; init; }

    /// <summary>The field it is about.</summary>
    public string? Param { get; init; }

    /// <summary>The kind that a status means where the body says nothing.</summary>
    public static FaultKind KindOf(int status) => status switch
    {
        401 => FaultKind.Unauthenticated,
        402 => FaultKind.Billing,
        403 => FaultKind.PermissionDenied,
        404 => FaultKind.NotFound,
        408 or 504 => FaultKind.Timeout,
        409 => FaultKind.Conflict,
        413 => FaultKind.TooLarge,
        429 => FaultKind.RateLimited,
        503 or 529 => FaultKind.Overloaded,
        >= 500 => FaultKind.Server,
        _ => FaultKind.InvalidRequest,
    };
}

/// <summary>What kind of error.</summary>
internal enum FaultKind
{
    InvalidRequest,
    Unauthenticated,
    Billing,
    PermissionDenied,
    NotFound,
    Timeout,
    Conflict,
    TooLarge,
    RateLimited,
    Overloaded,
    Server,
}
