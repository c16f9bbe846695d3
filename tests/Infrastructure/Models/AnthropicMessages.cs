namespace CCGate.Tests.Infrastructure.Models;

/// <summary>Reads the messages of a request to the Messages API, with the rules that tie one to the next.</summary>
internal sealed class AnthropicMessages(ModelRequest request, bool hasBetas)
{
    private const string CallId = "^[a-zA-Z0-9_-]+$";

    // The calls of the turn before, which the user's turn has to answer.
    private readonly HashSet<string> open = [];

    public void Read(RequestNode messages)
    {
        var before = "";
        foreach (var message in messages.Items)
        {
            var role = message["role"].OneOf("user", "assistant", "system");
            if (role == "system")
            {
                ReadSystem(message);
                continue;
            }

            message.Only("role", "content");
            if (role == "assistant")
            {
                RequireNothingOpen(message);
                ReadAssistant(message["content"]);
            }
            else
            {
                ReadUser(message["content"]);
                RequireNothingOpen(message);
            }

            before = role;
        }

        if (before is not "user")
        {
            throw messages.Refusal(before.Length == 0 ? "at least one message is required" : "This model does not support assistant message prefill.");
        }
    }

    /// <summary>An instruction in the middle; with betas it also changes the effort: https://platform.claude.com/docs/en/build-with-claude/effort-per-message.</summary>
    private void ReadSystem(RequestNode message)
    {
        message.Only(hasBetas ? ["role", "content", "output_config", "clear_at"] : ["role", "content"]);
        if (message.Find("content") is { IsText: true } text)
        {
            request.System.Add(text.Text);
            return;
        }

        foreach (var block in message.ItemsOf("content"))
        {
            if (block["type"].OneOf(hasBetas ? ["text", "tool_addition", "tool_removal"] : ["text"]) == "text")
            {
                request.System.Add(block.Only("type", "text", "cache_control", "citations")["text"].NonEmptyText);
            }
        }
    }

    private void RequireNothingOpen(RequestNode message)
    {
        if (open.Count > 0)
        {
            throw message.Refusal($"`tool_use` ids were found without `tool_result` blocks immediately after: {string.Join(", ", open)}");
        }
    }

    private void ReadUser(RequestNode content)
    {
        if (content.IsText)
        {
            request.Texts.Add(content.NonEmptyText);
            return;
        }

        var resultsAreOver = false;
        foreach (var block in content.Items)
        {
            if (block["type"].Text == "tool_result")
            {
                if (resultsAreOver)
                {
                    throw block.Refusal("tool_result blocks must come before everything else");
                }

                ReadResult(block);
                continue;
            }

            resultsAreOver = true;
            ReadShown(block);
        }
    }

    private void ReadResult(RequestNode block)
    {
        var id = block.Only("type", "tool_use_id", "content", "is_error", "cache_control")["tool_use_id"].Matching(CallId);
        if (!open.Remove(id))
        {
            throw block.Refusal($"unexpected `tool_use_id` found in `tool_result` blocks: {id}");
        }

        var content = block.Find("content");
        if (content is { IsText: false } blocks)
        {
            var texts = request.Texts.Count;
            foreach (var shown in blocks.Items)
            {
                ReadShown(shown);
            }

            request.Results.Add(new ModelToolResult(id, string.Concat(request.Texts.Skip(texts))));
            request.Texts.RemoveRange(texts, request.Texts.Count - texts);
            return;
        }

        request.Results.Add(new ModelToolResult(id, content?.Text ?? ""));
    }

    private void ReadShown(RequestNode block)
    {
        switch (block["type"].OneOf("text", "image", "document", "tool_reference", "search_result"))
        {
            case "text":
                request.Texts.Add(block.Only("type", "text", "cache_control", "citations")["text"].NonEmptyText);
                break;
            case "image":
                ReadImage(block.Only("type", "source", "cache_control")["source"]);
                break;
            default:
                break;
        }
    }

    private void ReadImage(RequestNode source)
    {
        if (source["type"].OneOf("base64", "url", "file") == "base64")
        {
            var type = source.Only("type", "media_type", "data")["media_type"].OneOf("image/jpeg", "image/png", "image/gif", "image/webp");
            request.Images.Add(new ModelImage(type, source["data"].Bytes));
        }
    }

    private void ReadAssistant(RequestNode content)
    {
        if (content.IsText)
        {
            _ = content.NonEmptyText;
            return;
        }

        foreach (var block in content.Items)
        {
            ReadSaid(block);
        }
    }

    private void ReadSaid(RequestNode block)
    {
        switch (block["type"].OneOf("text", "thinking", "redacted_thinking", "tool_use"))
        {
            case "text":
                _ = block.Only("type", "text", "cache_control", "citations")["text"].NonEmptyText;
                break;
            case "tool_use":
                ReadCall(block.Only("type", "id", "name", "input", "cache_control", "caller"));
                break;
            case "thinking":
                var signature = block.Only("type", "thinking", "signature")["signature"];
                if (signature.Text != ModelSignature.Of("anthropic", block["thinking"].Text))
                {
                    throw signature.Refusal("Invalid `signature` in `thinking` block");
                }

                request.Signatures.Add(signature.Text);
                break;
            default:
                throw block.Refusal("Invalid `data` in `redacted_thinking` block");
        }
    }

    private void ReadCall(RequestNode block)
    {
        var id = block["id"].Matching(CallId);
        if (!open.Add(id))
        {
            throw block.Refusal("`tool_use` ids must be unique");
        }

        request.Calls.Add(new ModelToolCall(id, block["name"].NonEmptyText, block["input"].AnObject().Json.GetRawText()));
    }
}
