using System.Text.Json;

namespace CCGate.Proxy.Translation;

/// <summary>A request to a model in no protocol: what a client asked, before it is written for an upstream that speaks another one.</summary>
internal sealed class Conversation
{
    public required string Model { get; set; }

    public bool Streaming { get; init; }

    /// <summary>Instructions that stand before the conversation: system and developer prompts.</summary>
    public List<TextPart> System { get; } = [];

    /// <summary>Roles alternate: <see cref="Add"/> sees to it.</summary>
    public List<Turn> Turns { get; } = [];

    public List<Tool> Tools { get; } = [];

    public ToolChoice ToolChoice { get; set; }

    /// <summary>The tool that <see cref="ToolChoice.One"/> means.</summary>
    public string? ChosenTool { get; set; }

    /// <summary>Null leaves it to the provider, which allows it.</summary>
    public bool? ParallelToolCalls { get; set; }

    public long? MaxOutputTokens { get; set; }

    public double? Temperature { get; set; }

    public double? TopP { get; set; }

    public long? TopK { get; set; }

    public double? FrequencyPenalty { get; set; }

    public double? PresencePenalty { get; set; }

    public long? Seed { get; set; }

    public List<string> StopSequences { get; } = [];

    /// <summary>Null leaves it to the model.</summary>
    public Reasoning? Reasoning { get; set; }

    /// <summary>Null for text.</summary>
    public OutputFormat? Format { get; set; }

    /// <summary>How many words are wanted: <c>low</c>, <c>medium</c>, <c>high</c>.</summary>
    public string? Verbosity { get; set; }

    /// <summary>Whom the client works for, as it names them to the provider.</summary>
    public string? User { get; set; }

    /// <summary>As requested, in the words of the client's protocol: <c>auto</c>, <c>default</c>, <c>flex</c>, <c>priority</c>, <c>standard_only</c>…</summary>
    public string? ServiceTier { get; set; }

    /// <summary>Log probabilities of the answer's tokens, and of so many alternatives to each; null for none.</summary>
    public int? Logprobs { get; set; }

    /// <summary>Whether a chat client asked its stream for the usage (<c>stream_options.include_usage</c>).</summary>
    public bool IncludeUsage { get; set; }

    /// <summary>A chat client offered <c>functions</c>, from before there were tools: it knows no other calls, and one at a time.</summary>
    public bool UsesFunctions { get; set; }

    /// <summary>Whether a client of Gemini's reads its stream as a JSON array, because it did not ask for events (<c>alt=sse</c>).</summary>
    public bool StreamsAsArray { get; init; }

    /// <summary>Whether the client says what is to be cached, which only Anthropic's protocol can.</summary>
    public bool HasCacheMarkers => System.Exists(static text => text.Cache is not null) || Tools.Exists(static tool => tool.Cache is not null) || HasPart(static part => part.Cache is not null);

    /// <summary>Whether the client says how closely an image is looked at, which only OpenAI's protocols can.</summary>
    public bool HasDetail => HasPart(static part => part is MediaPart { Detail: not (null or "auto") });

    /// <summary>Adds to the last turn when that is the same role's, for there are protocols where roles must alternate.</summary>
    public void Add(Role role, Part part)
    {
        if (Turns is not [.., { } last] || last.Role != role)
        {
            Turns.Add(last = new Turn(role, []));
        }

        last.Parts.Add(part);
    }

    /// <summary>Whether there is such a part, in a turn or in the result of a tool.</summary>
    private bool HasPart(Func<Part, bool> isSuch)
    {
        foreach (var turn in Turns)
        {
            foreach (var part in turn.Parts)
            {
                if (isSuch(part) || (part is ToolResultPart result && result.Content.Any(isSuch)))
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Whether the tool of this name takes text: <see cref="Tool.IsFreeForm"/>.</summary>
    public bool IsFreeForm(string name)
    {
        foreach (var tool in Tools)
        {
            if (tool.Name == name)
            {
                return tool.IsFreeForm;
            }
        }

        return false;
    }

    /// <summary>The tool that an earlier turn called by this id, for protocols whose results name it.</summary>
    public string? ToolCalled(string callId)
    {
        foreach (var turn in Turns)
        {
            foreach (var part in turn.Parts)
            {
                if (part is ToolCallPart call && call.Id == callId)
                {
                    return call.Name;
                }
            }
        }

        return null;
    }
}

/// <summary>Who speaks.</summary>
internal enum Role
{
    User,
    Assistant,

    /// <summary>An instruction in the middle of a conversation. Where a protocol has none, it is the user's text.</summary>
    System,
}

/// <summary>What one side says before the other one does.</summary>
internal sealed record Turn(Role Role, List<Part> Parts);

/// <summary>A piece of a turn.</summary>
internal abstract record Part
{
    /// <summary>The prompt is to be cached up to here; null when nothing was said.</summary>
    public CacheMarker? Cache { get; init; }
}

/// <param name="Ttl"><c>5m</c> or <c>1h</c>; null for the provider's default.</param>
internal sealed record CacheMarker(string? Ttl);

internal sealed record TextPart(string Text) : Part
{
    public IReadOnlyList<Citation> Citations { get; init; } = [];
}

/// <summary>Where a text is from.</summary>
/// <param name="Start">The first character of the text that it supports; null when it is not said.</param>
/// <param name="End">One behind the last.</param>
internal sealed record Citation(string Url, string? Title, string? CitedText, int? Start, int? End);

/// <summary>What is to be seen or heard.</summary>
internal enum MediaKind
{
    Image,

    /// <summary>A PDF, or text that is a file of its own.</summary>
    Document,
    Audio,
    Video,
}

/// <summary>A medium: either its bytes or where they are.</summary>
/// <param name="MediaType">Such as <c>image/png</c>; null when only an address is known.</param>
/// <param name="Data">Base64; null when there is an address.</param>
internal sealed record MediaPart(MediaKind Kind, string? MediaType, string? Data, Uri? Url) : Part
{
    public string? Name { get; init; }

    /// <summary>How closely an image is looked at: <c>auto</c>, <c>low</c>, <c>high</c>.</summary>
    public string? Detail { get; init; }
}

/// <summary>The model's wish to have a tool called.</summary>
/// <param name="Arguments">JSON, as the model wrote it. For a free-form tool the text itself.</param>
internal sealed record ToolCallPart(string Id, string Name, string Arguments) : Part
{
    /// <summary>Opaque bytes the provider wants to see again with this call; see <see cref="Signatures"/>.</summary>
    public string? Signature { get; init; }
}

/// <summary>What a tool answered: text and media. In a turn of the user's, before everything else.</summary>
internal sealed record ToolResultPart(string CallId, IReadOnlyList<Part> Content, bool IsError) : Part;

/// <summary>What the model thought; not part of what it said.</summary>
/// <param name="Text">Empty where the provider keeps it to itself.</param>
/// <param name="Signature">Opaque, and to be given back byte for byte to the kind of provider that made it; see <see cref="Signatures"/>. Null when there is none.</param>
internal sealed record ThinkingPart(string Text, string? Signature) : Part
{
    /// <summary>The signature is all there is: Anthropic's <c>redacted_thinking</c>.</summary>
    public bool IsRedacted { get; init; }
}

/// <summary>What the model said instead of an answer.</summary>
internal sealed record RefusalPart(string Text) : Part;

/// <summary>A function the client offers.</summary>
/// <param name="Schema">JSON Schema of its arguments, to be written as it came; null when there are none.</param>
internal sealed record Tool(string Name, string? Description, JsonElement? Schema)
{
    public bool? Strict { get; init; }

    /// <summary>It takes text instead of JSON (<c>custom</c> tools). Elsewhere it is a function with the one string <c>input</c>.</summary>
    public bool IsFreeForm { get; init; }

    /// <summary>What the client calls it where that is more than a function's name; null for a plain function. Only the writer of the client's answers asks.</summary>
    public ToolOrigin? Origin { get; init; }

    public CacheMarker? Cache { get; init; }
}

/// <summary>A tool as the client offered it, before it became a function.</summary>
/// <param name="Type">Such as <c>function</c>, <c>local_shell</c> or <c>tool_search</c>.</param>
/// <param name="Space">The group within which its name is unique; null when there is none.</param>
internal sealed record ToolOrigin(string Type, string? Space, string Name);

/// <summary>Whether tools are called.</summary>
internal enum ToolChoice
{
    /// <summary>As the model likes.</summary>
    Auto,
    None,

    /// <summary>At least one.</summary>
    Any,
    One,
}

/// <summary>How much the model is to think before it answers.</summary>
/// <param name="Effort"><c>none</c>, <c>minimal</c>, <c>low</c>, <c>medium</c>, <c>high</c>, <c>xhigh</c> or <c>max</c>; null when a budget or nothing was said.</param>
/// <param name="BudgetTokens">The most tokens; null when an effort or nothing was said.</param>
internal sealed record Reasoning(string? Effort, long? BudgetTokens)
{
    /// <summary>Whether the client wants to read the thoughts, or a summary of them; null when it did not say.</summary>
    public bool? Shown { get; init; }

    /// <summary>Neither an effort nor a budget was said: the model thinks as it likes, and <see cref="Shown"/> is all there is to tell.</summary>
    public bool IsOpen => Effort is null && BudgetTokens is null;

    /// <summary>The effort, where a protocol knows nothing else; null when <see cref="IsOpen"/>.</summary>
    public string? ToEffort() => Effort ?? BudgetTokens switch
    {
        null => null,
        0 => "none",
        <= 2048 => "low",
        <= 12_288 => "medium",
        _ => "high",
    };

    /// <summary>The budget, where a protocol knows nothing else; of an effort or a budget that was said.</summary>
    public long ToBudget() => BudgetTokens ?? Effort switch
    {
        "none" => 0,
        "minimal" => 1024,
        "low" => 2048,
        "high" => 24_576,
        "xhigh" or "max" => 32_768,
        _ => 8192,
    };
}

/// <summary>An answer in JSON.</summary>
/// <param name="Schema">Null for any object.</param>
internal sealed record OutputFormat(string? Name, JsonElement? Schema, bool? Strict)
{
    public string? Description { get; init; }
}
