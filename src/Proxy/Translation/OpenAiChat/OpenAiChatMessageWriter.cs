using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Writes the messages for an upstream of chat completions; drawn in <see cref="OpenAiChatMessageReader"/>.</summary>
/// <remarks>
/// A turn of the user's becomes several messages, because only these may follow the calls they answer:
/// <code>
/// {"role":"tool","tool_call_id":"a","content":"…"}      one for each result
/// {"role":"tool","tool_call_id":"b","content":"Error: …"}
/// {"role":"user","content":[{"type":"text","text":"The result of the tool call a:"},{"type":"image_url",…}]}      what no tool message can hold
/// {"role":"user","content":…}
/// </code>
/// </remarks>
internal sealed class OpenAiChatMessageWriter(Conversation conversation, Utf8JsonWriter json)
{
    private readonly OpenAiModel model = OpenAiModel.Of(conversation.Model);
    private readonly bool readsReasoning = OpenAiModel.ReadsReasoning(conversation.Model);

    public void Write()
    {
        json.WriteStartArray("messages"u8);
        if (conversation.System.Count > 0)
        {
            WriteText("system"u8, Joined(conversation.System, "\n\n"));
        }

        foreach (var turn in conversation.Turns)
        {
            switch (turn.Role)
            {
                case Role.System:
                    WriteText("system"u8, Joined(turn.Parts, "\n\n"));
                    break;
                case Role.Assistant:
                    WriteAssistant(turn.Parts);
                    break;
                default:
                    WriteUser(turn.Parts);
                    break;
            }
        }

        json.WriteEndArray();
    }

    private void WriteUser(List<Part> parts)
    {
        var others = 0;
        foreach (var part in parts)
        {
            if (part is ToolResultPart result)
            {
                WriteResult(result);
            }
            else
            {
                others++;
            }
        }

        foreach (var part in parts)
        {
            if (part is ToolResultPart result && OpenAiChatMedia.IsIn(result.Content))
            {
                WriteMediaOf(result);
            }
        }

        // Many mirrors know no other content than a text.
        if (others == 1 && parts[^1] is TextPart text)
        {
            WriteText("user"u8, text.Text);
        }
        else if (others > 0)
        {
            WriteParts(parts, null);
        }
    }

    private void WriteResult(ToolResultPart result)
    {
        var text = new StringBuilder(result.IsError ? "Error: " : "");
        var isFirst = true;
        foreach (var part in result.Content)
        {
            if ((part as TextPart)?.Text is { } piece)
            {
                text.Append(isFirst ? "" : "\n").Append(piece);
                isFirst = false;
            }
        }

        if (isFirst && OpenAiChatMedia.IsIn(result.Content))
        {
            text.Append("The result follows.");
        }

        json.WriteStartObject();
        json.WriteString("role"u8, "tool"u8);
        json.WriteString("tool_call_id"u8, result.CallId);
        json.WriteString("content"u8, text.ToString());
        json.WriteEndObject();
    }

    private void WriteMediaOf(ToolResultPart result)
    {
        var media = new List<Part>(result.Content.Count);
        foreach (var part in result.Content)
        {
            if (part is MediaPart)
            {
                media.Add(part);
            }
        }

        WriteParts(media, $"The result of the tool call {result.CallId}:");
    }

    private void WriteParts(List<Part> parts, string? introduction)
    {
        json.WriteStartObject();
        json.WriteString("role"u8, "user"u8);
        json.WriteStartArray("content"u8);
        if (introduction is not null)
        {
            OpenAiChatMedia.WriteText(introduction, json);
        }

        foreach (var part in parts)
        {
            if (part is TextPart text)
            {
                OpenAiChatMedia.WriteText(text.Text, json);
            }
            else if (part is MediaPart media)
            {
                OpenAiChatMedia.Write(media, json);
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteAssistant(List<Part> parts)
    {
        // The pieces of a text that has citations belong together.
        var text = Joined(parts, "");
        var refusal = new StringBuilder();
        var reasoning = new StringBuilder();
        var calls = 0;
        foreach (var part in parts)
        {
            calls += part is ToolCallPart ? 1 : 0;
            refusal.Append((part as RefusalPart)?.Text);
            reasoning.Append(part is ThinkingPart thinking && IsToldAgain(thinking) ? thinking.Text : "");
            if (part is MediaPart)
            {
                throw Losses.Refuse("messages", "chat completions have no media of the assistant's");
            }
        }

        if (calls == 0 && text.Length + refusal.Length + reasoning.Length == 0)
        {
            return; // Nothing is left, and an empty message would be refused.
        }

        json.WriteStartObject();
        json.WriteString("role"u8, "assistant"u8);
        json.WriteString("content"u8, text.Length == 0 && (calls > 0 || refusal.Length > 0) ? null : text);
        WriteUnlessEmpty("refusal"u8, refusal);
        WriteUnlessEmpty("reasoning_content"u8, reasoning);
        if (calls > 0)
        {
            WriteCalls(parts);
        }

        json.WriteEndObject();
    }

    private bool IsToldAgain(ThinkingPart thinking) =>
        readsReasoning && !thinking.IsRedacted && (thinking.Signature is null || Signatures.For(OpenAiChatProtocol.Maker, thinking.Signature) is not null);

    private void WriteCalls(List<Part> parts)
    {
        json.WriteStartArray("tool_calls"u8);
        foreach (var part in parts)
        {
            if (part is ToolCallPart call)
            {
                WriteCall(call);
            }
        }

        json.WriteEndArray();
    }

    private void WriteCall(ToolCallPart call)
    {
        var isFreeForm = conversation.IsFreeForm(call.Name);
        var isCustom = isFreeForm && model.HasFreeFormTools;
        var type = isCustom ? "custom" : "function";
        json.WriteStartObject();
        json.WriteString("id"u8, call.Id);
        json.WriteString("type"u8, type);
        json.WriteStartObject(type);
        json.WriteString("name"u8, ToolNames.Fit(call.Name, OpenAiChatRequestWriter.LongestToolName));
        json.WriteString(isCustom ? "input"u8 : "arguments"u8, isFreeForm && !isCustom ? $$"""{"input":"{{JsonEncodedText.Encode(call.Arguments)}}"}""" : call.Arguments);
        json.WriteEndObject();
        OpenAiChatMedia.WriteSignature(Signatures.For(OpenAiChatProtocol.Maker, call.Signature), json);
        json.WriteEndObject();
    }

    private void WriteText(ReadOnlySpan<byte> role, string text)
    {
        json.WriteStartObject();
        json.WriteString("role"u8, role);
        json.WriteString("content"u8, text);
        json.WriteEndObject();
    }

    private void WriteUnlessEmpty(ReadOnlySpan<byte> name, StringBuilder text)
    {
        if (text.Length > 0)
        {
            json.WriteString(name, text.ToString());
        }
    }

    private static string Joined(IReadOnlyList<Part> parts, string separator)
    {
        if (parts is [TextPart only])
        {
            return only.Text;
        }

        var joined = new StringBuilder();
        var isFirst = true;
        foreach (var part in parts)
        {
            if (part is TextPart text)
            {
                joined.Append(isFirst ? "" : separator).Append(text.Text);
                isFirst = false;
            }
        }

        return joined.ToString();
    }
}
