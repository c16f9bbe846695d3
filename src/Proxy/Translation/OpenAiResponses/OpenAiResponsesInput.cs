using System.Text;
using System.Text.Json;
using static CCGate.Proxy.Translation.OpenAiResponses.RequestFields;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Reads the conversation of a client's request.</summary>
/// <remarks>
/// <code>
/// "input": "Hello"     or items:
/// {"type":"message","role":"user","content":"…" or [{"type":"input_text","text":…},{"type":"input_image","image_url":…},…]}      type may be missing
/// {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":…}],"encrypted_content":…}
/// {"type":"function_call","call_id":…,"name":…,"namespace":…,"arguments":"{…}"}
/// {"type":"function_call_output","call_id":…,"output":"…" or [content]}
/// {"type":"custom_tool_call","call_id":…,"name":…,"input":"…"}                and custom_tool_call_output
/// {"type":"local_shell_call","call_id":…,"action":{"type":"exec","command":[…],…}}
/// {"type":"tool_search_call","call_id":…,"arguments":{…}}                     and tool_search_output with the tools found
/// {"type":"additional_tools","tools":[…]}
/// </code>
/// </remarks>
internal sealed class OpenAiResponsesInput(Conversation conversation, OpenAiResponsesTools tools, Losses losses)
{
    private readonly Dictionary<string, int> turnOfCall = new(StringComparer.Ordinal);
    private readonly Dictionary<int, int> resultsInTurn = [];
    private readonly HashSet<string> freeFormCalls = new(StringComparer.Ordinal);
    private string? signatureOfNextCall;

    public void Read(JsonElement request)
    {
        if (Any(request, "input") is not { } input)
        {
            throw Losses.Refuse("input", "is missing");
        }

        if (input.ValueKind == JsonValueKind.String)
        {
            conversation.Add(Role.User, new TextPart(input.GetString()!));
            return;
        }

        if (input.ValueKind != JsonValueKind.Array)
        {
            throw Losses.Refuse("input", "must be a string or an array");
        }

        var index = 0;
        foreach (var item in input.EnumerateArray())
        {
            var place = $"input[{index++}]";
            if (item.ValueKind != JsonValueKind.Object)
            {
                throw Losses.Refuse(place, "must be an object");
            }

            ReadItem(item, place);
        }
    }

    /// <summary>Makes JSON of the texts that were given to tools which are not, or no longer, offered as free-form ones; when all tools are known.</summary>
    public void SettleFreeFormCalls()
    {
        if (freeFormCalls.Count == 0)
        {
            return;
        }

        var freeForm = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tool in conversation.Tools)
        {
            if (tool.IsFreeForm)
            {
                freeForm.Add(tool.Name);
            }
        }

        foreach (var turn in conversation.Turns)
        {
            for (var index = 0; index < turn.Parts.Count; index++)
            {
                if (turn.Parts[index] is ToolCallPart call && freeFormCalls.Contains(call.Id) && !freeForm.Contains(call.Name))
                {
                    turn.Parts[index] = call with { Arguments = FreeForm.Wrap(call.Arguments) };
                }
            }
        }
    }

    private void ReadItem(JsonElement item, string place)
    {
        var type = Text(item, "type", place) ?? "message";
        switch (type)
        {
            case "message":
                ReadMessage(item, place);
                break;
            case "reasoning":
                ReadReasoning(item, place);
                break;
            case "additional_tools":
                tools.Read(Array(item, "tools", place) ?? throw Losses.Refuse(Path(place, "tools"), "is missing"), Path(place, "tools"));
                break;
            case "item_reference":
                throw Losses.Refuse(place, "this upstream keeps no items: send the item itself");
            default:
                ReadToolItem(item, type, place);
                break;
        }
    }

    private void ReadToolItem(JsonElement item, string type, string place)
    {
        switch (type)
        {
            case "function_call":
                AddCall(RequiredText(item, "call_id", place), Called(item, place), RequiredText(item, "arguments", place));
                break;
            case "custom_tool_call":
                var id = RequiredText(item, "call_id", place);
                freeFormCalls.Add(id);
                AddCall(id, Called(item, place), RequiredText(item, "input", place));
                break;
            case "local_shell_call":
                AddCall(CallId(item, place), OpenAiResponsesTools.LocalShell, LocalShell.ArgumentsOf(Object(item, "action", place) ?? throw Losses.Refuse(Path(place, "action"), "is missing")));
                break;
            case "function_call_output" or "custom_tool_call_output" or "local_shell_call_output":
                AddResult(CallId(item, place), ReadOutput(item, place));
                break;
            case "tool_search_call" or "tool_search_output":
                ReadSearch(item, type, place);
                break;
            default:
                Leave(type, place);
                break;
        }
    }

    /// <summary>What OpenAI's own tools did is in the text that followed. Nothing stands for anything else.</summary>
    private void Leave(string type, string place)
    {
        if (type is not ("web_search_call" or "file_search_call" or "code_interpreter_call" or "image_generation_call" or "mcp_list_tools" or "mcp_call"))
        {
            throw Losses.Refuse(Path(place, "type"), $"{type} cannot be carried to another kind of upstream");
        }

        losses.Drop($"input.{type}");
    }

    private void ReadSearch(JsonElement item, string type, string place)
    {
        var found = type == "tool_search_output" ? Array(item, "tools", place) : null;
        if (found is { } loaded)
        {
            tools.Read(loaded, Path(place, "tools"));
        }

        if (Text(item, "call_id", place) is not { } id)
        {
            losses.Drop($"input.{type}"); // OpenAI searched by itself.
        }
        else if (type == "tool_search_call")
        {
            AddCall(id, OpenAiResponsesTools.ToolSearch, Any(item, "arguments") is { } arguments ? Arguments(arguments) : "{}");
        }
        else
        {
            AddResult(id, [new TextPart(found is { } list ? list.GetRawText() : "[]")]);
        }
    }

    private static string Arguments(JsonElement arguments) => arguments.ValueKind == JsonValueKind.String ? arguments.GetString()! : arguments.GetRawText();

    private static string Called(JsonElement item, string place) =>
        OpenAiResponsesTools.FlatName(Text(item, "namespace", place), RequiredText(item, "name", place));

    // Older clients name a shell call by the id of its item.
    private static string CallId(JsonElement item, string place) => Text(item, "call_id", place) ?? Text(item, "id", place) ?? RequiredText(item, "call_id", place);

    private void AddCall(string id, string name, string arguments)
    {
        conversation.Add(Role.Assistant, new ToolCallPart(id, name, arguments) { Signature = signatureOfNextCall });
        signatureOfNextCall = null;
        turnOfCall[id] = conversation.Turns.Count - 1;
    }

    /// <summary>A result belongs before everything else in the turn after its call, wherever the client put it.</summary>
    private void AddResult(string id, IReadOnlyList<Part> content)
    {
        var result = new ToolResultPart(id, content, IsError: false);
        var turns = conversation.Turns;
        if (!turnOfCall.TryGetValue(id, out var called) || called + 1 >= turns.Count || turns[called + 1].Role != Role.User)
        {
            if (called + 2 < turns.Count && turns[called + 2].Role == Role.User && turnOfCall.ContainsKey(id))
            {
                called++; // An instruction stands between them.
            }
            else
            {
                conversation.Add(Role.User, result);
                resultsInTurn.TryAdd(turns.Count - 1, turns[^1].Parts.Count == 1 ? 1 : 0);
                return;
            }
        }

        var behind = resultsInTurn.GetValueOrDefault(called + 1);
        turns[called + 1].Parts.Insert(behind, result);
        resultsInTurn[called + 1] = behind + 1;
    }

    private static List<Part> ReadOutput(JsonElement item, string place)
    {
        if (Any(item, "output") is not { } output)
        {
            throw Losses.Refuse(Path(place, "output"), "is missing");
        }

        return ReadContent(output, Path(place, "output"));
    }

    private void ReadMessage(JsonElement item, string place)
    {
        var role = RequiredText(item, "role", place);
        var speaker = role switch
        {
            "user" => Role.User,
            "assistant" => Role.Assistant,
            "system" or "developer" => Role.System,
            _ => throw Losses.Refuse(Path(place, "role"), "must be user, assistant, system or developer"),
        };
        foreach (var part in ReadContent(Any(item, "content") ?? throw Losses.Refuse(Path(place, "content"), "is missing"), Path(place, "content")))
        {
            if (speaker != Role.System)
            {
                conversation.Add(speaker, part);
            }
            else if (part is not TextPart text)
            {
                throw Losses.Refuse(Path(place, "content"), "an instruction must be text");
            }
            else if (conversation.Turns.Count == 0)
            {
                conversation.System.Add(text);
            }
            else
            {
                conversation.Add(Role.System, text);
            }
        }
    }

    private static List<Part> ReadContent(JsonElement content, string place)
    {
        var parts = new List<Part>();
        if (content.ValueKind == JsonValueKind.String)
        {
            parts.Add(new TextPart(content.GetString()!));
            return parts;
        }

        if (content.ValueKind != JsonValueKind.Array)
        {
            throw Losses.Refuse(place, "must be a string or an array");
        }

        var index = 0;
        foreach (var part in content.EnumerateArray())
        {
            var here = $"{place}[{index++}]";
            parts.Add(part.ValueKind == JsonValueKind.Object ? OpenAiResponsesContent.Read(part, here) : throw Losses.Refuse(here, "must be an object"));
        }

        return parts;
    }

    private void ReadReasoning(JsonElement item, string place)
    {
        var text = Thoughts(item, "summary", place);
        text = text.Length > 0 ? text : Thoughts(item, "content", place);
        string? signature = null;
        var isRedacted = false;
        if (Text(item, "encrypted_content", place) is { Length: > 0 } encrypted)
        {
            if (OpaqueReasoning.IsForCall(encrypted, out var ofCall))
            {
                signatureOfNextCall = ofCall;
            }
            else
            {
                (signature, isRedacted) = OpaqueReasoning.Read(Text(item, "id", place), encrypted);
            }
        }

        if (text.Length > 0 || signature is not null)
        {
            conversation.Add(Role.Assistant, new ThinkingPart(text, signature) { IsRedacted = isRedacted });
        }
    }

    private static string Thoughts(JsonElement item, string name, string place)
    {
        if (Array(item, name, place) is not { } parts || parts.GetArrayLength() == 0)
        {
            return string.Empty;
        }

        var all = new StringBuilder();
        var index = 0;
        foreach (var part in parts.EnumerateArray())
        {
            var here = $"{Path(place, name)}[{index++}]";
            var text = part.ValueKind == JsonValueKind.Object ? RequiredText(part, "text", here) : throw Losses.Refuse(here, "must be an object");
            all.Append(all.Length > 0 ? "\n\n" : string.Empty).Append(text);
        }

        return all.ToString();
    }
}
