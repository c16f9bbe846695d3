using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CCGate.Proxy.Usage;
using static CCGate.Proxy.Translation.Gemini.GeminiJson;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Reads the chunks of an upstream's answer, each of which is an answer of its own; one that was not streamed is the only chunk.</summary>
/// <remarks>
/// <code>
/// data: {"candidates": [{"content": {"parts": [{"text": "Let me", "thought": true}]}}], "usageMetadata": {…}, "modelVersion": …, "responseId": …}
/// data: {"candidates": [{"content": {"parts": [{"text": "Hel"}]}}], …}
/// data: {"candidates": [{"content": {"parts": [{"functionCall": {"name", "args"}, "thoughtSignature": …}]}}], …}        calls come whole
/// data: {"candidates": [{"content": {"parts": [{"text": "", "thoughtSignature": …}]}, "finishReason": "STOP"}], …}      nothing says that it is the last
/// </code>
/// </remarks>
internal sealed class GeminiStream : IAnswerReader
{
    private readonly GeminiGrounding grounding = new();
    private string id = "";
    private bool hasBegun;
    private bool hasCandidate;
    private bool hasFailed;
    private bool hasEnded;
    private bool isInText;
    private int calls;
    private string? heldSignature;
    private string? finish;
    private JsonElement? usage;

    public void Read(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data, List<AnswerEvent> events)
    {
        try
        {
            Read(JsonElement.Parse(data, Syntax), events);
        }
        catch (Exception error) when (IsUnreadable(error))
        {
            throw new UnreadableAnswerException($"A chunk of the answer cannot be read: {error.Message}");
        }
    }

    /// <summary>Takes a chunk, or an array of them.</summary>
    public void Read(JsonElement chunk, List<AnswerEvent> events)
    {
        if (chunk.ValueKind == JsonValueKind.Array)
        {
            foreach (var one in chunk.EnumerateArray())
            {
                ReadChunk(one, events);
            }

            return;
        }

        ReadChunk(chunk, events);
    }

    public void End(List<AnswerEvent> events)
    {
        if (hasFailed || hasEnded || finish is null)
        {
            return;
        }

        ReleaseSignature(events);
        hasEnded = true;
        events.Add(new AnswerEnded(StopOf(finish, calls > 0), null));
    }

    /// <summary>Takes an answer that was not streamed: it is whole even if it does not say why it ended.</summary>
    public void ReadWhole(JsonElement body, List<AnswerEvent> events)
    {
        Read(body, events);
        finish ??= hasCandidate ? "STOP" : null;
        End(events);
    }

    private void ReadChunk(JsonElement chunk, List<AnswerEvent> events)
    {
        if (chunk.ValueKind != JsonValueKind.Object || hasFailed || hasEnded)
        {
            return;
        }

        if (Member(chunk, "error") is { ValueKind: JsonValueKind.Object } error)
        {
            Fail(GeminiErrors.Read(error, status: null), events);
            return;
        }

        Begin(chunk, events);
        if (Member(chunk, "candidates") is { ValueKind: JsonValueKind.Array } candidates && candidates.GetArrayLength() > 0)
        {
            ReadCandidate(candidates[0], events);
        }

        if (Member(chunk, "promptFeedback") is { } feedback && Text(feedback, "blockReason") is { } reason)
        {
            finish = reason is "BLOCK_REASON_UNSPECIFIED" ? finish : "PROMPT_BLOCKED";
            Refuse(Text(feedback, "blockReasonMessage"), events);
        }

        if (!hasFailed && Member(chunk, "usageMetadata") is { ValueKind: JsonValueKind.Object } told && GeminiUsage.HasCounts(told))
        {
            usage = UsageJson.Merge(usage, told);
            events.Add(new UsageTold(GeminiUsage.Read(usage.Value) with { RawUsage = null }));
        }
    }

    private void Begin(JsonElement chunk, List<AnswerEvent> events)
    {
        if (!hasBegun)
        {
            hasBegun = true;
            id = Text(chunk, "responseId") is { Length: > 0 } given ? given : Guid.CreateVersion7().ToString("N");
            events.Add(new AnswerBegan(id, Text(chunk, "modelVersion") ?? ""));
        }
    }

    private void ReadCandidate(JsonElement candidate, List<AnswerEvent> events)
    {
        hasCandidate |= candidate.ValueKind == JsonValueKind.Object;
        if (Member(candidate, "content") is { } content && Member(content, "parts") is { ValueKind: JsonValueKind.Array } parts)
        {
            foreach (var part in parts.EnumerateArray())
            {
                ReadPart(part, events);
            }
        }

        if (isInText && Member(candidate, "groundingMetadata") is { } metadata)
        {
            grounding.Read(metadata, events);
        }

        if (Member(candidate, "logprobsResult") is { } logprobs && GeminiLogprobs.Read(logprobs) is { Count: > 0 } entries)
        {
            events.Add(new LogprobsAdded(entries));
        }

        if (Text(candidate, "finishReason") is { } reason and not "FINISH_REASON_UNSPECIFIED")
        {
            Finish(reason, Text(candidate, "finishMessage"), events);
        }
    }

    private void Finish(string reason, string? message, List<AnswerEvent> events)
    {
        finish = reason;
        if (reason is "MALFORMED_FUNCTION_CALL" or "UNEXPECTED_TOOL_CALL" or "TOO_MANY_TOOL_CALLS" or "MALFORMED_RESPONSE" or "MISSING_THOUGHT_SIGNATURE")
        {
            // The model stumbled: an answer without the call would look as if it were done.
            Fail(new Fault(FaultKind.Server, 502, message ?? $"The model ended its answer with {reason}.") { Code = reason }, events);
        }
        else if (StopOf(reason, hasCalls: false) == StopReason.Refusal)
        {
            Refuse(message, events);
        }
    }

    private void ReadPart(JsonElement part, List<AnswerEvent> events)
    {
        var signature = Text(part, "thoughtSignature") is { Length: > 0 } signed ? Signatures.Mark(Maker, signed) : null;
        if (Member(part, "functionCall") is { ValueKind: JsonValueKind.Object } call)
        {
            ReadCall(call, signature, events);
        }
        else if (IsTrue(part, "thought"))
        {
            ReadThought(Text(part, "text") ?? MediaAsText(part) ?? "", signature, events);
        }
        else if ((Text(part, "text") ?? CodeAsText(part) ?? MediaAsText(part)) is { Length: > 0 } text)
        {
            ReadText(text, signature, events);
        }
        else if (signature is not null)
        {
            Sign(signature, events);
        }
    }

    private void ReadThought(string text, string? signature, List<AnswerEvent> events)
    {
        LeaveText(events);
        if (text.Length > 0)
        {
            events.Add(new ThinkingDelta(text));
        }

        if (signature is not null)
        {
            events.Add(new ThinkingSigned(signature, IsRedacted: false));
        }
    }

    private void ReadText(string text, string? signature, List<AnswerEvent> events)
    {
        ReleaseSignature(events);
        if (signature is not null && !isInText)
        {
            events.Add(new ThinkingSigned(signature, IsRedacted: false));
            signature = null;
        }

        isInText = true;
        grounding.AddText(text);
        events.Add(new TextDelta(text));
        heldSignature = signature;
    }

    private void ReadCall(JsonElement call, string? signature, List<AnswerEvent> events)
    {
        LeaveText(events);
        var callId = Text(call, "id") is { Length: > 0 } given ? given : IdOf(calls);
        calls++;
        events.Add(new ToolCallBegan(callId, Text(call, "name") ?? "") { Signature = signature });
        events.Add(new ToolCallDelta(Member(call, "args") is { ValueKind: JsonValueKind.Object } args ? args.GetRawText() : "{}"));
        events.Add(PartEnded.Instance);
    }

    /// <summary>A signature behind a text waits for the end of it: citations of the text may yet come.</summary>
    private void Sign(string signature, List<AnswerEvent> events)
    {
        if (!isInText)
        {
            events.Add(new ThinkingSigned(signature, IsRedacted: false));
            return;
        }

        ReleaseSignature(events);
        heldSignature = signature;
    }

    private void ReleaseSignature(List<AnswerEvent> events)
    {
        if (heldSignature is { } signature)
        {
            heldSignature = null;
            isInText = false;
            grounding.EndText();
            events.Add(new ThinkingSigned(signature, IsRedacted: false));
        }
    }

    private void LeaveText(List<AnswerEvent> events)
    {
        ReleaseSignature(events);
        isInText = false;
        grounding.EndText();
    }

    private void Refuse(string? message, List<AnswerEvent> events)
    {
        if (message is { Length: > 0 })
        {
            LeaveText(events);
            events.Add(new RefusalDelta(message));
        }
    }

    private void Fail(Fault fault, List<AnswerEvent> events)
    {
        hasFailed = true;
        events.Add(new AnswerFailed(fault));
    }

    /// <summary>For a call that came without an id: of letters and lengths that every protocol takes, and of no other answer.</summary>
    private string IdOf(int index) =>
        string.Create(CultureInfo.InvariantCulture, $"call_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(id)).AsSpan(0, 8))}_{index}");

    /// <remarks>https://ai.google.dev/api/generate-content#FinishReason.</remarks>
    private static StopReason StopOf(string reason, bool hasCalls) => reason switch
    {
        "MAX_TOKENS" => StopReason.MaxTokens,
        "SAFETY" or "RECITATION" or "PROHIBITED_CONTENT" or "BLOCKLIST" or "SPII" or "LANGUAGE" or "MODEL_ARMOR" or "PROMPT_BLOCKED"
            or "IMAGE_SAFETY" or "IMAGE_PROHIBITED_CONTENT" or "IMAGE_RECITATION" => StopReason.Refusal,
        _ => hasCalls ? StopReason.ToolUse : StopReason.EndTurn,
    };
}
