using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Writes the turns of a conversation as the items of a request; see <see cref="OpenAiResponsesInput"/> for what they look like.</summary>
internal sealed class OpenAiResponsesInputWriter(Conversation conversation, Utf8JsonWriter json)
{
    private const int MaxCallIdChars = 64;
    private readonly HashSet<string> freeFormTools = FreeFormTools(conversation);
    private readonly HashSet<string> freeFormCalls = new(StringComparer.Ordinal);

    /// <summary>Whether there are thoughts that only a model that reasons can take back.</summary>
    public bool HasOwnReasoning { get; private set; }

    public void Write()
    {
        foreach (var turn in conversation.Turns)
        {
            WriteTurn(turn);
        }
    }

    private static HashSet<string> FreeFormTools(Conversation conversation)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tool in conversation.Tools)
        {
            if (tool.IsFreeForm)
            {
                names.Add(tool.Name);
            }
        }

        return names;
    }

    /// <summary>What is said becomes one message for as long as no call, result or thought stands between.</summary>
    private void WriteTurn(Turn turn)
    {
        var isOpen = false;
        foreach (var part in turn.Parts)
        {
            if (part is TextPart or RefusalPart or MediaPart)
            {
                if (!isOpen)
                {
                    StartMessage(turn.Role);
                    isOpen = true;
                }

                WriteSaid(part, turn.Role);
                continue;
            }

            if (isOpen)
            {
                EndMessage();
                isOpen = false;
            }

            WriteItem(part);
        }

        if (isOpen)
        {
            EndMessage();
        }
    }

    private void StartMessage(Role role)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "message"u8);
        json.WriteString("role"u8, role switch { Role.User => "user"u8, Role.Assistant => "assistant"u8, _ => "developer"u8 });
        json.WriteStartArray("content"u8);
    }

    private void EndMessage()
    {
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteSaid(Part part, Role role)
    {
        switch (part)
        {
            case TextPart text:
                WriteText(text.Text, role == Role.Assistant ? "output_text"u8 : "input_text"u8);
                break;
            case RefusalPart refusal when role == Role.Assistant:
                json.WriteStartObject();
                json.WriteString("type"u8, "refusal"u8);
                json.WriteString("refusal"u8, refusal.Text);
                json.WriteEndObject();
                break;
            case RefusalPart refusal:
                WriteText(refusal.Text, "input_text"u8);
                break;
            case MediaPart media when role == Role.User:
                WriteMedia(media);
                break;
            default:
                throw Losses.Refuse("messages", "the responses protocol takes media from the user and from tools only");
        }
    }

    private void WriteItem(Part part)
    {
        switch (part)
        {
            case ThinkingPart thinking:
                WriteReasoning(thinking);
                break;
            case ToolCallPart call:
                WriteCall(call);
                break;
            case ToolResultPart result:
                WriteResult(result);
                break;
            default:
                throw Losses.Refuse("messages", $"the responses protocol has nothing for a {part.GetType().Name}");
        }
    }

    /// <summary>Only who made a thought can read it back; without its bytes there is nothing to read.</summary>
    private void WriteReasoning(ThinkingPart thinking)
    {
        if (OpaqueReasoning.TryOwn(thinking.Signature) is not { } own)
        {
            return;
        }

        HasOwnReasoning = true;
        json.WriteStartObject();
        json.WriteString("type"u8, "reasoning"u8);
        if (own.Id.Length > 0)
        {
            json.WriteString("id"u8, own.Id);
        }

        json.WriteStartArray("summary"u8);
        if (thinking.Text.Length > 0)
        {
            WriteText(thinking.Text, "summary_text"u8);
        }

        json.WriteEndArray();
        json.WriteString("encrypted_content"u8, own.Encrypted);
        json.WriteEndObject();
    }

    private void WriteCall(ToolCallPart call)
    {
        var isFreeForm = freeFormTools.Contains(call.Name);
        if (isFreeForm)
        {
            freeFormCalls.Add(call.Id);
        }

        json.WriteStartObject();
        json.WriteString("type"u8, isFreeForm ? "custom_tool_call"u8 : "function_call"u8);
        json.WriteString("call_id"u8, ToolNames.Fit(call.Id, MaxCallIdChars));
        json.WriteString("name"u8, ToolNames.Fit(call.Name));
        json.WriteString(isFreeForm ? "input"u8 : "arguments"u8, isFreeForm ? FreeForm.Unwrap(call.Arguments) : call.Arguments.Length > 0 ? call.Arguments : "{}");
        json.WriteEndObject();
    }

    private void WriteResult(ToolResultPart result)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, freeFormCalls.Contains(result.CallId) ? "custom_tool_call_output"u8 : "function_call_output"u8);
        json.WriteString("call_id"u8, ToolNames.Fit(result.CallId, MaxCallIdChars));
        var prefix = result.IsError ? "Error: " : string.Empty;
        if (result.Content is [] or [TextPart])
        {
            json.WriteString("output"u8, prefix + (result.Content is [TextPart only] ? only.Text : string.Empty));
        }
        else
        {
            json.WriteStartArray("output"u8);
            WriteResultContent(result.Content, prefix);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private void WriteResultContent(IReadOnlyList<Part> content, string prefix)
    {
        for (var index = 0; index < content.Count; index++)
        {
            if (index == 0 && prefix.Length > 0 && content[0] is not TextPart)
            {
                WriteText(prefix, "input_text"u8);
            }

            WriteSaid(index == 0 && content[0] is TextPart text ? text with { Text = prefix + text.Text } : content[index], Role.User);
        }
    }

    private void WriteText(string text, ReadOnlySpan<byte> type)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, type);
        json.WriteString("text"u8, text);
        json.WriteEndObject();
    }

    private void WriteMedia(MediaPart media)
    {
        switch (media.Kind)
        {
            case MediaKind.Image:
                json.WriteStartObject();
                json.WriteString("type"u8, "input_image"u8);
                json.WriteString("image_url"u8, Address(media, "image/png"));
                json.WriteString("detail"u8, media.Detail ?? "auto");
                json.WriteEndObject();
                break;
            case MediaKind.Document when media.Data is { } data && media.MediaType?.StartsWith("text/", StringComparison.OrdinalIgnoreCase) == true:
                WriteText(Decode(data), "input_text"u8);
                break;
            case MediaKind.Document:
                WriteFile(media);
                break;
            default:
                throw Losses.Refuse("messages", $"the responses protocol takes no {(media.Kind == MediaKind.Audio ? "audio" : "video")}");
        }
    }

    private void WriteFile(MediaPart media)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "input_file"u8);
        if (media.Data is null)
        {
            json.WriteString("file_url"u8, media.Url?.OriginalString ?? string.Empty);
        }
        else
        {
            json.WriteString("filename"u8, media.Name ?? "document.pdf"); // Data without a name is refused.
            json.WriteString("file_data"u8, Address(media, "application/pdf"));
        }

        json.WriteEndObject();
    }

    private static string Address(MediaPart media, string usualType) =>
        media.Data is { } data ? $"data:{media.MediaType ?? usualType};base64,{data}" : media.Url?.OriginalString ?? string.Empty;

    private static string Decode(string base64)
    {
        try
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(base64));
        }
        catch (FormatException)
        {
            throw Losses.Refuse("messages", "a document is not base64");
        }
    }
}
