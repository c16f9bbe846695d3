namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>An output item of an upstream's stream, as far as it was told.</summary>
internal sealed class StreamedItem
{
    /// <summary>Null until it is known, which may be when the item is done.</summary>
    public string? Type { get; set; }

    public string? Id { get; set; }

    /// <summary>The call has been told, so that its arguments can be.</summary>
    public bool HasBegun { get; set; }

    /// <summary>Arguments or thoughts have come in deltas: what tells them again at the end says nothing new.</summary>
    public bool HasDeltas { get; set; }

    public bool IsDone { get; set; }

    /// <summary>The part of a message that is being told; -1 between them.</summary>
    public int Content { get; set; } = -1;

    /// <summary>The last part of a message that was told to its end.</summary>
    public int LastContent { get; set; } = -1;

    public bool ContentHasText { get; set; }

    public bool ContentHasCitations { get; set; }

    public bool ContentHasLogprobs { get; set; }

    /// <summary>The summary part that was told last.</summary>
    public int LastSummary { get; set; } = -1;

    /// <summary>What waits for the items before this one.</summary>
    public List<AnswerEvent> Held { get; } = [];
}
