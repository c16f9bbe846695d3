using System.Text.Json.Nodes;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>An output item of the Responses API, whole and in pieces.</summary>
internal static class ResponsesItem
{
    /// <summary>What a reasoning item must come back with.</summary>
    public static string Encrypted => ModelSignature.Of("openai", "reasoning");

    public static JsonObject Empty(ModelAnswer answer, ModelPart part, int index) => Item(answer, part, index, "", "in_progress");

    public static JsonObject Whole(ModelAnswer answer, ModelPart part, int index)
    {
        var text = part switch { ModelThought thought => thought.Text, ModelToolCall call => call.Arguments, _ => ((ModelText)part).Text };
        return Item(answer, part, index, text, "completed");
    }

    /// <summary>The events between the beginning of an item and its end.</summary>
    public static IEnumerable<(string Type, JsonObject Data)> Events(ModelPart part) => part switch
    {
        ModelThought thought => ThoughtEvents(thought.Text),
        ModelToolCall call => CallEvents(call.Arguments),
        _ => TextEvents(((ModelText)part).Text),
    };

    private static JsonObject Item(ModelAnswer answer, ModelPart part, int index, string text, string status) => part switch
    {
        ModelThought => new JsonObject
        {
            ["id"] = $"rs_{answer.Id}_{index}",
            ["type"] = "reasoning",
            ["summary"] = text.Length > 0 ? new JsonArray(Summary(text)) : new JsonArray(),
            ["encrypted_content"] = Encrypted,
        },
        ModelToolCall call => new JsonObject
        {
            ["id"] = $"fc_{answer.Id}_{index}",
            ["type"] = "function_call",
            ["status"] = status,
            ["arguments"] = text,
            ["call_id"] = call.Id,
            ["name"] = call.Name,
        },
        _ => new JsonObject
        {
            ["id"] = $"msg_{answer.Id}_{index}",
            ["type"] = "message",
            ["status"] = status,
            ["content"] = text.Length > 0 ? new JsonArray(Text(text)) : new JsonArray(),
            ["role"] = "assistant",
        },
    };

    private static IEnumerable<(string Type, JsonObject Data)> TextEvents(string text)
    {
        yield return ("response.content_part.added", new JsonObject { ["content_index"] = 0, ["part"] = Text("") });
        foreach (var piece in ModelPieces.Of(text))
        {
            yield return ("response.output_text.delta", new JsonObject { ["content_index"] = 0, ["delta"] = piece, ["logprobs"] = new JsonArray() });
        }

        yield return ("response.output_text.done", new JsonObject { ["content_index"] = 0, ["text"] = text, ["logprobs"] = new JsonArray() });
        yield return ("response.content_part.done", new JsonObject { ["content_index"] = 0, ["part"] = Text(text) });
    }

    private static IEnumerable<(string Type, JsonObject Data)> ThoughtEvents(string text)
    {
        yield return ("response.reasoning_summary_part.added", new JsonObject { ["summary_index"] = 0, ["part"] = Summary("") });
        foreach (var piece in ModelPieces.Of(text))
        {
            yield return ("response.reasoning_summary_text.delta", new JsonObject { ["summary_index"] = 0, ["delta"] = piece });
        }

        yield return ("response.reasoning_summary_text.done", new JsonObject { ["summary_index"] = 0, ["text"] = text });
        yield return ("response.reasoning_summary_part.done", new JsonObject { ["summary_index"] = 0, ["part"] = Summary(text) });
    }

    private static IEnumerable<(string Type, JsonObject Data)> CallEvents(string arguments)
    {
        foreach (var piece in ModelPieces.Of(arguments))
        {
            yield return ("response.function_call_arguments.delta", new JsonObject { ["delta"] = piece });
        }

        yield return ("response.function_call_arguments.done", new JsonObject { ["arguments"] = arguments });
    }

    private static JsonObject Text(string text) => new() { ["type"] = "output_text", ["annotations"] = new JsonArray(), ["logprobs"] = new JsonArray(), ["text"] = text };

    private static JsonObject Summary(string text) => new() { ["type"] = "summary_text", ["text"] = text };
}
