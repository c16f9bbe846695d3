using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Reads an upstream's stream; see <see cref="OpenAiResponsesStreamWriter"/> for what it looks like.</summary>
/// <remarks>
/// Events name their item by its place (<c>output_index</c>), so items may be told in turns: those that are not the first one open wait. Some upstreams tell
/// an item, or the whole answer, in one piece at its end: what no delta has told is taken from there.
/// </remarks>
internal sealed class OpenAiResponsesStreamReader : IAnswerReader
{
    private readonly StreamedItems items = new();
    private List<AnswerEvent> told = [];
    private bool began;
    private bool ended;
    private bool called;
    private bool refused;

    public void Read(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data, List<AnswerEvent> events)
    {
        if (ended || data.TrimEnd(" "u8).SequenceEqual("[DONE]"u8))
        {
            return;
        }

        told = items.Told = events;
        try
        {
            var document = JsonElement.Parse(data, ResponsesJson.Syntax);
            if (document.ValueKind == JsonValueKind.Object)
            {
                ReadEvent(ResponsesJson.Text(document, "type") ?? Encoding.UTF8.GetString(name), document);
            }
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            throw new UnreadableAnswerException("The upstream's stream has an event that is not JSON.");
        }
    }

    public void End(List<AnswerEvent> events)
    {
        // The last word is an event: without it the answer broke off.
    }

    private void ReadEvent(string type, JsonElement document)
    {
        switch (type)
        {
            case "response.created" or "response.queued" or "response.in_progress":
                Begin(ResponsesJson.Child(document, "response"));
                break;
            case "response.completed" or "response.incomplete" or "response.done":
                ReadEnd(ResponsesJson.Child(document, "response") ?? document, type);
                break;
            case "response.failed" or "error":
                ReadFailure(document);
                break;
            case "response.output_item.added":
                ReadAdded(document);
                break;
            case "response.output_item.done":
                if (ResponsesJson.Child(document, "item") is { } item)
                {
                    Begin(null);
                    Finish(items.Find(document, ResponsesJson.Text(item, "type"), ResponsesJson.Text(item, "id")), item);
                }

                break;
            default:
                ReadPart(type, document);
                break;
        }
    }

    private void ReadPart(string type, JsonElement document)
    {
        if (type.StartsWith("response.output_text", StringComparison.Ordinal) || type.StartsWith("response.refusal", StringComparison.Ordinal)
            || type.StartsWith("response.content_part", StringComparison.Ordinal))
        {
            ReadSaid(type, document);
        }
        else if (type.StartsWith("response.reasoning_", StringComparison.Ordinal))
        {
            ReadThought(type, document);
        }
        else
        {
            ReadArguments(type, document);
        }
    }

    /// <param name="response">Null when an upstream begins with an item.</param>
    private void Begin(JsonElement? response)
    {
        if (!began)
        {
            began = true;
            told.Add(new AnswerBegan(
                response is { } known ? ResponsesJson.Text(known, "id") ?? string.Empty : string.Empty,
                response is { } served ? ResponsesJson.Text(served, "model") ?? string.Empty : string.Empty));
        }
    }

    private void ReadAdded(JsonElement document)
    {
        if (ResponsesJson.Child(document, "item") is { } added)
        {
            Begin(null);
            var item = items.Find(document, ResponsesJson.Text(added, "type"), ResponsesJson.Text(added, "id"), isNew: true);
            if (!item.IsDone)
            {
                BeginCall(item, added);
            }
        }
    }

    private void BeginCall(StreamedItem item, JsonElement told)
    {
        if (!item.HasBegun && item.Type is "function_call" or "custom_tool_call"
            && (ResponsesJson.Text(told, "call_id") ?? ResponsesJson.Text(told, "id")) is { Length: > 0 } id && ResponsesJson.Text(told, "name") is { Length: > 0 } name)
        {
            item.HasBegun = called = true;
            items.Tell(item, new ToolCallBegan(id, name));
        }
    }

    private void ReadArguments(string type, JsonElement document)
    {
        var field = type switch
        {
            "response.function_call_arguments.delta" or "response.custom_tool_call_input.delta" => "delta",
            "response.function_call_arguments.done" => "arguments",
            "response.custom_tool_call_input.done" => "input",
            _ => null, // Of OpenAI's own tools, or not known.
        };
        if (field is null)
        {
            return;
        }

        Begin(null);
        if (items.Find(document, null) is { IsDone: false, HasBegun: true } item)
        {
            TellArguments(item, ResponsesJson.Text(document, field), isWhole: field != "delta");
        }
    }

    private void TellArguments(StreamedItem item, string? arguments, bool isWhole)
    {
        if (arguments is { Length: > 0 } && !(isWhole && item.HasDeltas))
        {
            item.HasDeltas = true;
            items.Tell(item, new ToolCallDelta(arguments));
        }
    }

    private void ReadThought(string type, JsonElement document)
    {
        Begin(null);
        var item = items.Find(document, "reasoning");
        var (isSummary, isWhole) = (type.StartsWith("response.reasoning_summary_text.", StringComparison.Ordinal), type.EndsWith(".done", StringComparison.Ordinal));
        if (item.IsDone || (ResponsesJson.Text(document, isWhole ? "text" : "delta") is not { Length: > 0 } text))
        {
            return;
        }

        if (isSummary)
        {
            var index = ResponsesJson.Count(document, "summary_index") ?? Math.Max(0, item.LastSummary);
            if (!isWhole || index > item.LastSummary)
            {
                TellSummary(item, index, text);
            }
        }
        else if (type == "response.reasoning_text.delta" && item.LastSummary < 0)
        {
            item.HasDeltas = true;
            items.Tell(item, new ThinkingDelta(text));
        }
    }

    private void TellSummary(StreamedItem item, int index, string text)
    {
        if (index > item.LastSummary)
        {
            if (item.HasDeltas)
            {
                items.Tell(item, new ThinkingDelta("\n\n"));
            }

            item.LastSummary = index;
        }

        item.HasDeltas = true;
        items.Tell(item, new ThinkingDelta(text));
    }

    private void ReadSaid(string type, JsonElement document)
    {
        Begin(null);
        var item = items.Find(document, "message");
        var index = ResponsesJson.Count(document, "content_index") ?? Math.Max(0, item.Content);
        if (item.IsDone || index <= item.LastContent)
        {
            return;
        }

        OpenContent(item, index);
        switch (type)
        {
            case "response.output_text.delta" or "response.refusal.delta":
                TellSaid(item, ResponsesJson.Text(document, "delta"), type == "response.refusal.delta");
                TellLogprobs(item, document);
                break;
            case "response.output_text.done" or "response.refusal.done":
                TellWhole(item, document);
                break;
            case "response.output_text.annotation.added" or "response.output_text_annotation.added":
                TellCitation(item, ResponsesJson.Child(document, "annotation"));
                break;
            case "response.content_part.done" when ResponsesJson.Child(document, "part") is { } part:
                TellWhole(item, part);
                EndContent(item);
                break;
            default:
                break;
        }
    }

    private void OpenContent(StreamedItem item, int index)
    {
        if (item.Content != index)
        {
            EndContent(item);
            item.Content = index;
        }
    }

    private void EndContent(StreamedItem item)
    {
        if (item.Content < 0)
        {
            return;
        }

        if (item.ContentHasText)
        {
            items.Tell(item, PartEnded.Instance);
        }

        (item.LastContent, item.Content) = (item.Content, -1);
        item.ContentHasText = item.ContentHasCitations = item.ContentHasLogprobs = false;
    }

    /// <summary>Tells what no delta has told of the part at hand.</summary>
    private void TellWhole(StreamedItem item, JsonElement part)
    {
        if (!item.ContentHasText)
        {
            var refusal = ResponsesJson.Text(part, "refusal");
            TellSaid(item, refusal ?? ResponsesJson.Text(part, "text"), refusal is not null);
        }

        if (!item.ContentHasCitations && ResponsesJson.Array(part, "annotations") is { } annotations)
        {
            foreach (var annotation in annotations.EnumerateArray())
            {
                TellCitation(item, annotation);
            }
        }

        if (!item.ContentHasLogprobs)
        {
            TellLogprobs(item, part);
        }
    }

    private void TellSaid(StreamedItem item, string? text, bool isRefusal)
    {
        if (text is { Length: > 0 })
        {
            item.ContentHasText = true;
            refused |= isRefusal;
            items.Tell(item, isRefusal ? new RefusalDelta(text) : new TextDelta(text));
        }
    }

    private void TellCitation(StreamedItem item, JsonElement? annotation)
    {
        if (annotation is { } told && item.ContentHasText && OpenAiResponsesContent.ReadCitation(told) is { } citation)
        {
            item.ContentHasCitations = true;
            items.Tell(item, new CitationAdded(citation));
        }
    }

    private void TellLogprobs(StreamedItem item, JsonElement holder)
    {
        if (item.ContentHasText && ResponsesJson.Array(holder, "logprobs") is { } entries && entries.GetArrayLength() > 0)
        {
            item.ContentHasLogprobs = true;
            items.Tell(item, new LogprobsAdded([.. entries.EnumerateArray()]));
        }
    }

    /// <param name="whole">The whole item; null when the upstream told it in pieces only.</param>
    private void Finish(StreamedItem item, JsonElement? whole)
    {
        if (item.IsDone)
        {
            return;
        }

        switch (item.Type)
        {
            case "message":
                FinishMessage(item, whole);
                break;
            case "reasoning":
                FinishReasoning(item, whole);
                break;
            case "function_call" or "custom_tool_call":
                FinishCall(item, whole);
                break;
            default:
                break; // What OpenAI's own tools did shows in the text.
        }

        items.Finish(item);
    }

    private void FinishMessage(StreamedItem item, JsonElement? whole)
    {
        if (whole is { } message && ResponsesJson.Array(message, "content") is { } contents)
        {
            var index = 0;
            foreach (var content in contents.EnumerateArray())
            {
                if (index > item.LastContent)
                {
                    OpenContent(item, index);
                    TellWhole(item, content);
                    EndContent(item);
                }

                index++;
            }
        }

        EndContent(item);
    }

    private void FinishReasoning(StreamedItem item, JsonElement? whole)
    {
        if (!item.HasDeltas && whole is { } told && OpenAiResponsesAnswer.Thoughts(told) is { Length: > 0 } thoughts)
        {
            item.HasDeltas = true;
            items.Tell(item, new ThinkingDelta(thoughts));
        }

        if (whole is { } signed && OpenAiResponsesAnswer.Signature(signed) is { } signature)
        {
            items.Tell(item, new ThinkingSigned(signature, IsRedacted: false));
        }
        else if (item.HasDeltas)
        {
            items.Tell(item, PartEnded.Instance);
        }
    }

    private void FinishCall(StreamedItem item, JsonElement? whole)
    {
        if (whole is { } call)
        {
            BeginCall(item, call);
            if (item.HasBegun)
            {
                TellArguments(item, ResponsesJson.Text(call, item.Type == "function_call" ? "arguments" : "input"), isWhole: true);
            }
        }

        if (!item.HasBegun)
        {
            throw new UnreadableAnswerException("The upstream called a tool without its name or an id.");
        }

        items.Tell(item, PartEnded.Instance);
    }

    private void ReadEnd(JsonElement response, string type)
    {
        Begin(response);
        if (ResponsesJson.Array(response, "output") is { } output)
        {
            var knewNone = items.Count == 0;
            var index = 0;
            foreach (var whole in output.EnumerateArray())
            {
                var kind = ResponsesJson.Text(whole, "type");
                if (knewNone || (items.Known(index) is { } known && (known.Type ?? kind) == kind))
                {
                    Finish(items.At(index, kind, ResponsesJson.Text(whole, "id")), whole);
                }

                index++;
            }
        }

        while (items.First is { } unfinished)
        {
            Finish(unfinished, null);
        }

        if (OpenAiResponsesAnswer.Usage(response) is { } usage)
        {
            told.Add(new UsageTold(usage));
        }

        ended = true;
        var stop = OpenAiResponsesAnswer.Stop(response, called, refused);
        told.Add(new AnswerEnded(type == "response.incomplete" && stop is StopReason.EndTurn or StopReason.ToolUse ? StopReason.MaxTokens : stop, null));
    }

    private void ReadFailure(JsonElement document)
    {
        var response = ResponsesJson.Child(document, "response") ?? document;
        ended = true;
        told.Add(new AnswerFailed(OpenAiResponsesError.ReadInStream(ResponsesJson.Child(response, "error") ?? response)));
    }
}
