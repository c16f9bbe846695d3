namespace CCGate.Tests.Infrastructure.Models;

/// <summary>Reads the messages of a chat, with the rules that tie one to the next.</summary>
internal sealed class ChatMessages(ModelRequest request)
{
    // The calls of the last turn that no message has answered yet.
    private readonly HashSet<string> open = [];

    public void Read(RequestNode messages)
    {
        foreach (var message in messages.Items)
        {
            var role = message["role"].OneOf("developer", "system", "user", "assistant", "tool");
            if (role != "tool")
            {
                RequireNothingOpen(message);
            }

            switch (role)
            {
                case "tool":
                    ReadResult(message);
                    break;
                case "assistant":
                    ReadAssistant(message);
                    break;
                case "user":
                    ReadContent(message.Only("role", "content", "name")["content"], request.Texts, "text", "image_url", "input_audio", "file");
                    break;
                default:
                    ReadContent(message.Only("role", "content", "name")["content"], request.System, "text");
                    break;
            }
        }

        RequireNothingOpen(messages);
    }

    private void RequireNothingOpen(RequestNode message)
    {
        if (open.Count > 0)
        {
            throw message.Refusal("An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
                + $"The following tool_call_ids did not have response messages: {string.Join(", ", open)}");
        }
    }

    private void ReadResult(RequestNode message)
    {
        var id = message.Only("role", "content", "tool_call_id")["tool_call_id"].NonEmptyText;
        if (!open.Remove(id))
        {
            throw message.Refusal("messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.");
        }

        var texts = new List<string>();
        ReadContent(message["content"], texts, "text");
        request.Results.Add(new ModelToolResult(id, string.Concat(texts)));
    }

    private void ReadAssistant(RequestNode message)
    {
        message.Only("role", "content", "name", "refusal", "audio", "tool_calls", "function_call", "annotations");
        var calls = message.ItemsOf("tool_calls");
        if (message.Find("tool_calls") is { } none && calls.Count == 0)
        {
            throw none.Refusal("empty array. Expected an array with minimum length 1");
        }

        if (message.Find("content") is { } content)
        {
            ReadContent(content, [], "text", "refusal");
        }
        else if (calls.Count == 0 && message.Find("refusal") is null)
        {
            throw message.Refusal("Invalid value for 'content': expected a string, got null.");
        }

        foreach (var call in calls)
        {
            call.Only("id", "type", "function")["type"].OneOf("function");
            var function = call["function"].Only("name", "arguments");
            open.Add(call["id"].NonEmptyText);
            request.Calls.Add(new ModelToolCall(call["id"].Text, function["name"].NonEmptyText, function["arguments"].JsonText));
        }
    }

    private void ReadContent(RequestNode content, List<string> texts, params string[] types)
    {
        if (content.IsText)
        {
            texts.Add(content.Text);
            return;
        }

        foreach (var part in content.Items)
        {
            switch (part["type"].OneOf(types))
            {
                case "text":
                    texts.Add(part.Only("type", "text")["text"].Text);
                    break;
                case "image_url":
                    ModelDataUrl.Read(part.Only("type", "image_url")["image_url"].Only("url", "detail")["url"], request);
                    break;
                default:
                    break;
            }
        }
    }
}

/// <summary>An image in an address, as OpenAI takes it.</summary>
internal static class ModelDataUrl
{
    public static void Read(RequestNode url, ModelRequest request)
    {
        if (!url.Text.StartsWith("data:", StringComparison.Ordinal))
        {
            url.Matching("^https?://");
            return;
        }

        url.Matching("^data:image/(png|jpeg|gif|webp);base64,");
        var comma = url.Text.IndexOf(',', StringComparison.Ordinal);
        var bytes = new byte[url.Text.Length];
        if (!Convert.TryFromBase64String(url.Text[(comma + 1)..], bytes, out var count))
        {
            throw url.Refusal("Invalid base64 image_url.");
        }

        request.Images.Add(new ModelImage(url.Text["data:".Length..url.Text.IndexOf(';', StringComparison.Ordinal)], count));
    }
}
