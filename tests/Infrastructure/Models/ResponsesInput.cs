namespace CCGate.Tests.Infrastructure.Models;

/// <summary>Reads the input of a request to the Responses API, with the rules that tie one item to the next.</summary>
/// <param name="stored">Whether the provider keeps answers, so that items can be named instead of repeated.</param>
internal sealed class ResponsesInput(ModelRequest request, bool stored)
{
    private readonly HashSet<string> open = [];

    // A reasoning item that waits for the item it led to.
    private string? reasoning;

    public void Read(RequestNode input)
    {
        if (input.IsText)
        {
            request.Texts.Add(input.NonEmptyText);
            return;
        }

        foreach (var item in input.Items)
        {
            ReadItem(item);
        }

        RequireItemAfterReasoning(input);
        if (open.Count > 0)
        {
            throw input.Refusal($"No tool output found for function call {open.First()}.");
        }
    }

    private void ReadItem(RequestNode item)
    {
        switch (item.Find("type")?.OneOf("message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning", "item_reference") ?? "message")
        {
            case "message":
                ReadMessage(item);
                break;
            case "function_call":
                item.Find("id")?.Matching("^fc_");
                Called(item, item["arguments"].JsonText);
                break;
            case "custom_tool_call":
                item.Find("id")?.Matching("^ctc_");
                Called(item, item["input"].Text);
                break;
            case "reasoning":
                RequireItemAfterReasoning(item);
                ReadReasoning(item);
                break;
            case "item_reference":
                throw item.Refusal($"Item with id '{item["id"].Text}' not found. Items are not persisted when `store` is set to false.");
            default:
                ReadResult(item);
                break;
        }
    }

    private void ReadMessage(RequestNode item)
    {
        // Codex tells the phase of a message (commentary or final answer), and newer models answer with one.
        var role = item.Only("type", "id", "status", "role", "content", "phase")["role"].OneOf("user", "assistant", "system", "developer");
        item.Find("id")?.Matching("^msg_");
        var said = role == "assistant";
        if (said)
        {
            reasoning = null;
        }
        else
        {
            RequireItemAfterReasoning(item);
        }

        var texts = role switch { "user" => request.Texts, "assistant" => [], _ => request.System };
        ReadContent(item["content"], texts, said ? ["output_text", "refusal"] : ["input_text", "input_image", "input_file"]);
    }

    private void Called(RequestNode item, string arguments)
    {
        reasoning = null;
        open.Add(item["call_id"].NonEmptyText);
        request.Calls.Add(new ModelToolCall(item["call_id"].Text, item["name"].NonEmptyText, arguments));
    }

    private void ReadReasoning(RequestNode item)
    {
        item.Find("id")?.Matching("^rs_");
        foreach (var part in item.Only("type", "id", "summary", "content", "encrypted_content", "status")["summary"].Items)
        {
            part["type"].OneOf("summary_text");
        }

        reasoning = item.Find("id")?.Text ?? "rs";
        if (item.Find("encrypted_content") is not { } encrypted)
        {
            if (!stored)
            {
                throw item.Refusal($"Item with id '{reasoning}' not found. Items are not persisted when `store` is set to false.");
            }

            return;
        }

        if (encrypted.Text != ResponsesItem.Encrypted)
        {
            throw encrypted.Refusal("The encrypted content could not be verified.");
        }

        request.Signatures.Add(encrypted.Text);
    }

    private void RequireItemAfterReasoning(RequestNode item)
    {
        if (reasoning is not null)
        {
            throw item.Refusal($"Item '{reasoning}' of type 'reasoning' was provided without its required following item.");
        }
    }

    private void ReadResult(RequestNode item)
    {
        var id = item.Only("type", "id", "status", "call_id", "output", "name")["call_id"].NonEmptyText;
        if (!open.Remove(id))
        {
            throw item.Refusal($"No tool call found for function call output with call_id {id}.");
        }

        var texts = new List<string>();
        ReadContent(item["output"], texts, ["input_text", "input_image", "input_file"]);
        request.Results.Add(new ModelToolResult(id, string.Concat(texts)));
    }

    private void ReadContent(RequestNode content, List<string> texts, string[] types)
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
                case "input_text" or "output_text":
                    texts.Add(part.Only("type", "text", "annotations", "logprobs")["text"].Text);
                    break;
                case "input_image" when part.Only("type", "detail", "image_url", "file_id").Find("image_url") is { } url:
                    ModelDataUrl.Read(url, request);
                    break;
                default:
                    break;
            }
        }
    }
}
