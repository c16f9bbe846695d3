using System.Text.Json;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Reads a streamed chat completion.</summary>
/// <remarks>
/// <code>
/// data: {"id":"chatcmpl-…","object":"chat.completion.chunk","model":"…","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}
/// data: {…,"choices":[{"index":0,"delta":{"reasoning_content":"…"}}]}
/// data: {…,"choices":[{"index":0,"delta":{"content":"Hel"}}]}
/// data: {…,"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}}]}
/// data: {…,"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}}]}
/// data: {…,"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}
/// data: {…,"choices":[],"usage":{…}}       mirrors: in any chunk, or in none
/// data: [DONE]                              mirrors: not always
/// data: {"error":{…}}                       in place of the rest
/// </code>
/// </remarks>
internal sealed class OpenAiChatStreamReader : IAnswerReader
{
    private static readonly JsonDocumentOptions Syntax = new() { MaxDepth = UsageJson.Syntax.MaxDepth };

    private readonly OpenAiChatCalls calls = new();
    private string id = "";
    private string model = "";
    private bool hasBegun;
    private bool hasEnded;
    private bool saysRefusal;
    private StopReason? stop;
    private string? stopSequence;

    public void Read(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data, List<AnswerEvent> events)
    {
        if (hasEnded)
        {
            return;
        }

        if (data.Trim((byte)' ').SequenceEqual("[DONE]"u8))
        {
            End(events);
            return;
        }

        try
        {
            var chunk = JsonElement.Parse(data, Syntax);
            if (chunk.ValueKind == JsonValueKind.Object)
            {
                ReadChunk(chunk, events);
            }
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or FormatException)
        {
            throw new UnreadableAnswerException("An event of the upstream's stream is not a chunk of a chat completion.");
        }
    }

    public void End(List<AnswerEvent> events)
    {
        if (hasEnded || stop is not { } reason)
        {
            return;
        }

        calls.Flush(events);
        hasEnded = true;
        reason = (reason, calls.Any, saysRefusal, stopSequence) switch
        {
            (StopReason.EndTurn, true, _, _) => StopReason.ToolUse, // Mirrors say "stop" for calls too.
            (StopReason.EndTurn, _, true, _) => StopReason.Refusal,
            (StopReason.EndTurn, _, _, not null) => StopReason.StopSequence,
            _ => reason,
        };
        events.Add(new AnswerEnded(reason, reason == StopReason.StopSequence ? stopSequence : null));
    }

    private void ReadChunk(JsonElement chunk, List<AnswerEvent> events)
    {
        if (chunk.TryGetProperty("error"u8, out var error) && error.ValueKind is JsonValueKind.Object or JsonValueKind.String)
        {
            hasEnded = true;
            events.Add(new AnswerFailed(OpenAiChatError.Read(null, error)));
            return;
        }

        id = id.Length > 0 ? id : UsageJson.Text(chunk, "id") ?? "";
        model = model.Length > 0 ? model : UsageJson.Text(chunk, "model") ?? "";
        var hasChoice = false;
        foreach (var choice in OpenAiChatAnswerReader.Items(chunk, "choices"))
        {
            hasChoice = true;
            Begin(events);
            if (IsFirst(choice))
            {
                ReadChoice(choice, events);
            }
        }

        if (OpenAiChatAnswerReader.ReadUsage(chunk) is not { } usage)
        {
            return;
        }

        Begin(events);
        events.Add(new UsageTold(usage));
        if (!hasChoice)
        {
            End(events); // Where there is a chunk for the usage alone nothing comes after it.
        }
    }

    /// <summary>Begins with the first choice, for Azure's first chunk has neither id nor model: https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-streaming</summary>
    private void Begin(List<AnswerEvent> events)
    {
        if (!hasBegun)
        {
            hasBegun = true;
            calls.AnswerId = id;
            events.Add(new AnswerBegan(id, model));
        }
    }

    private void ReadChoice(JsonElement choice, List<AnswerEvent> events)
    {
        if ((UsageJson.Child(choice, "delta") ?? UsageJson.Child(choice, "message")) is { } delta)
        {
            ReadDelta(delta, events);
        }

        if (OpenAiChatAnswerReader.ReadLogprobs(choice) is { } logprobs)
        {
            calls.Pass(new LogprobsAdded(logprobs), events);
        }

        if (OpenAiChatAnswerReader.ReadStop(choice, hasCalls: false) is { } reason)
        {
            stop = reason;
            stopSequence = OpenAiChatAnswerReader.ReadStopSequence(choice);
            calls.Flush(events);
        }
    }

    private void ReadDelta(JsonElement delta, List<AnswerEvent> events)
    {
        if (OpenAiChatAnswerReader.Reasoning(delta) is { Length: > 0 } reasoning)
        {
            calls.Pass(new ThinkingDelta(reasoning), events);
        }

        if (UsageJson.Text(delta, "reasoning_signature") is { Length: > 0 } signatures)
        {
            ReadSignatures(signatures, events);
        }

        if (OpenAiChatAnswerReader.Text(delta, "content") is { Length: > 0 } text)
        {
            calls.Pass(new TextDelta(text), events);
        }

        foreach (var citation in OpenAiChatAnswerReader.ReadCitations(delta))
        {
            calls.Pass(new CitationAdded(citation), events);
        }

        if (UsageJson.Text(delta, "refusal") is { Length: > 0 } refusal)
        {
            saysRefusal = true;
            calls.Pass(new RefusalDelta(refusal), events);
        }

        foreach (var call in OpenAiChatAnswerReader.Items(delta, "tool_calls"))
        {
            if (call.ValueKind == JsonValueKind.Object)
            {
                calls.Read(call, events);
            }
        }

        if (UsageJson.Child(delta, "function_call") is { } function)
        {
            calls.ReadFunction(function, events);
        }
    }

    /// <summary>Of another gateway of this kind; each signs the thinking that came before it.</summary>
    private void ReadSignatures(string signatures, List<AnswerEvent> events)
    {
        foreach (var range in signatures.AsSpan().Split(';'))
        {
            var entry = signatures.AsSpan()[range];
            var hash = entry.LastIndexOf('#');
            if (!entry.IsEmpty)
            {
                var signature = (hash < 0 ? entry : entry[..hash]).ToString();
                calls.Pass(new ThinkingSigned(Signatures.Mark(OpenAiChatProtocol.Maker, signature), IsRedacted: hash >= 0 && entry[(hash + 1)..] is "r"), events);
            }
        }
    }

    // One answer is asked for.
    private static bool IsFirst(JsonElement choice) =>
        choice.ValueKind == JsonValueKind.Object
        && !(choice.TryGetProperty("index"u8, out var index) && index.ValueKind == JsonValueKind.Number && index.TryGetInt64(out var number) && number != 0);
}
