using System.Text.Json;
using static CCGate.Proxy.Translation.OpenAiChat.OpenAiChatFields;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Reads the messages of a chat.</summary>
/// <remarks>
/// <code>
/// {"role":"system"|"developer","content":"…"|[{"type":"text","text":"…"}]}
/// {"role":"user","content":"…"|[{"type":"text"},{"type":"image_url","image_url":{"url","detail"}},{"type":"input_audio","input_audio":{"data","format"}},
///                              {"type":"file","file":{"file_data","filename"}}]}
/// {"role":"assistant","content":…,"refusal":"…","reasoning_content":"…","reasoning_signature":"…",
///  "tool_calls":[{"id","type":"function","function":{"name","arguments"},"extra_content":{"google":{"thought_signature"}}},{"id","type":"custom","custom":{"name","input"}}],
///  "function_call":{"name","arguments"}}
/// {"role":"tool","tool_call_id":"…","content":…}      {"role":"function","name":"…","content":…}
/// </code>
/// </remarks>
internal sealed class OpenAiChatMessageReader(Conversation conversation, Losses losses)
{
    // Of functions: the id that each one's last call was given, for they have none.
    private readonly Dictionary<string, string> functionCalls = [];
    private int message = -1;

    public void Read(JsonElement messages)
    {
        foreach (var next in messages.EnumerateArray())
        {
            message++;
            ReadMessage(Object(next, $"messages[{message}]"));
        }
    }

    private void ReadMessage(JsonElement from)
    {
        switch (RequiredText(from, "role", Field("role")))
        {
            case "system" or "developer":
                ReadInstruction(from);
                break;
            case "user":
                ReadUser(from);
                break;
            case "assistant":
                ReadAssistant(from);
                break;
            case "tool":
                AddResult(RequiredText(from, "tool_call_id", Field("tool_call_id")), from);
                break;
            case "function":
                AddResult(functionCalls.GetValueOrDefault(RequiredText(from, "name", Field("name"))) ?? throw Losses.Refuse(Field("name"), "no function of this name was called"), from);
                break;
            default:
                throw Losses.Refuse(Field("role"), "must be system, developer, user, assistant, tool or function");
        }
    }

    private void ReadInstruction(JsonElement from)
    {
        foreach (var part in Content(from))
        {
            if (part is not TextPart text)
            {
                throw Losses.Refuse(Field("content"), "an instruction is text");
            }

            if (conversation.Turns.Count == 0)
            {
                conversation.System.Add(text);
            }
            else
            {
                conversation.Add(Role.System, text);
            }
        }
    }

    private void ReadUser(JsonElement from)
    {
        if (Member(from, "name") is not null)
        {
            losses.Drop("messages.name");
        }

        foreach (var part in Content(from))
        {
            conversation.Add(Role.User, part);
        }
    }

    private void ReadAssistant(JsonElement from)
    {
        if (Member(from, "audio") is not null)
        {
            throw Losses.Refuse(Field("audio"), "what was spoken is kept by another provider");
        }

        var thoughts = new List<Part>();
        var reasoning = Member(from, "reasoning_content") ?? Member(from, "reasoning");
        ReasoningSignatures.Read(
            reasoning is { } text ? Text(text, Field("reasoning_content")) : "",
            Member(from, "reasoning_signature") is { } signature ? Text(signature, Field("reasoning_signature")) : null,
            thoughts);
        AddAll(thoughts);
        AddAll(Content(from));
        if (Member(from, "refusal") is { } refusal && Text(refusal, Field("refusal")) is { Length: > 0 } refused)
        {
            conversation.Add(Role.Assistant, new RefusalPart(refused));
        }

        ReadCalls(from);
    }

    private void ReadCalls(JsonElement from)
    {
        if (Member(from, "tool_calls") is { } calls)
        {
            var index = 0;
            foreach (var call in List(calls, Field("tool_calls")).EnumerateArray())
            {
                var field = Field($"tool_calls[{index++}]");
                conversation.Add(Role.Assistant, ReadCall(Object(call, field), field));
            }
        }
        else if (Member(from, "function_call") is { } old)
        {
            var field = Field("function_call");
            var name = RequiredText(Object(old, field), "name", field + ".name");
            conversation.Add(Role.Assistant, new ToolCallPart(functionCalls[name] = $"call_{message}", name, Arguments(old, field)));
        }
    }

    private ToolCallPart ReadCall(JsonElement call, string field)
    {
        var id = RequiredText(call, "id", field + ".id");
        var type = Member(call, "type") is { } said ? Text(said, field + ".type") : "function";
        if (type == "custom")
        {
            var custom = RequiredObject(call, "custom", field + ".custom");
            var name = RequiredText(custom, "name", field + ".custom.name");
            var input = RequiredText(custom, "input", field + ".custom.input");

            // Without its tool nobody knows that it is text.
            return new ToolCallPart(id, name, conversation.IsFreeForm(name) ? input : $$"""{"input":"{{JsonEncodedText.Encode(input)}}"}""");
        }

        if (type != "function")
        {
            throw Losses.Refuse(field + ".type", "must be function or custom");
        }

        var function = RequiredObject(call, "function", field + ".function");
        return new ToolCallPart(id, RequiredText(function, "name", field + ".function.name"), Arguments(function, field + ".function"))
        {
            Signature = Signature(call) is { } signature ? Signatures.Mark(OpenAiChatProtocol.Maker, signature) : null,
        };
    }

    /// <summary>Where Gemini keeps its signature in chat completions: https://ai.google.dev/gemini-api/docs/thought-signatures</summary>
    public static string? Signature(JsonElement call) =>
        Member(call, "extra_content") is { ValueKind: JsonValueKind.Object } extra && Member(extra, "google") is { ValueKind: JsonValueKind.Object } google
        && Member(google, "thought_signature") is { ValueKind: JsonValueKind.String } signature ? signature.GetString() : null;

    private static string Arguments(JsonElement function, string field)
    {
        // Some agents keep them as the object they are.
        var text = Member(function, "arguments") switch
        {
            null => "",
            { ValueKind: JsonValueKind.Object } json => json.GetRawText(),
            { } value => Text(value, field + ".arguments"),
        };
        return string.IsNullOrWhiteSpace(text) ? "{}" : text;
    }

    private void AddResult(string callId, JsonElement from)
    {
        var result = new ToolResultPart(callId, Content(from), IsError: false);
        if (conversation.Turns is not [.., { Role: Role.User } last])
        {
            conversation.Add(Role.User, result);
            return;
        }

        // Results stand before everything else that the user says.
        var other = last.Parts.FindIndex(part => part is not ToolResultPart);
        last.Parts.Insert(other < 0 ? last.Parts.Count : other, result);
    }

    private void AddAll(List<Part> parts)
    {
        foreach (var part in parts)
        {
            conversation.Add(Role.Assistant, part);
        }
    }

    private List<Part> Content(JsonElement from)
    {
        var parts = new List<Part>(1);
        if (Member(from, "content") is not { } content)
        {
            return parts;
        }

        if (content.ValueKind == JsonValueKind.String)
        {
            if (content.GetString() is { Length: > 0 } text)
            {
                parts.Add(new TextPart(text));
            }

            return parts;
        }

        var index = 0;
        foreach (var part in List(content, Field("content")).EnumerateArray())
        {
            var field = Field($"content[{index++}]");
            parts.Add(OpenAiChatPartReader.Read(Object(part, field), field));
        }

        return parts;
    }

    private string Field(string name) => $"messages[{message}].{name}";
}
