using System.Text.Json;
using static CCGate.Proxy.Translation.OpenAiChat.OpenAiChatFields;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Reads the tools that a client offers, and which of them it wants called; drawn in <see cref="OpenAiChatRequestReader"/>.</summary>
internal static class OpenAiChatToolReader
{
    public static void Read(JsonElement body, Conversation conversation)
    {
        if (Member(body, "tools") is { } tools)
        {
            var index = 0;
            foreach (var tool in List(tools, "tools").EnumerateArray())
            {
                conversation.Tools.Add(ReadTool(tool, $"tools[{index++}]"));
            }
        }
        else if (Member(body, "functions") is { } functions)
        {
            var index = 0;
            foreach (var function in List(functions, "functions").EnumerateArray())
            {
                var field = $"functions[{index++}]";
                conversation.Tools.Add(ReadFunction(Object(function, field), field));
            }

            conversation.UsesFunctions = true;
            conversation.ParallelToolCalls = false;
        }

        if ((Member(body, "tool_choice") ?? Member(body, "function_call")) is { } choice)
        {
            ReadChoice(choice, conversation);
        }
    }

    private static Tool ReadTool(JsonElement tool, string field) => RequiredText(Object(tool, field), "type", field + ".type") switch
    {
        "function" => ReadFunction(RequiredObject(tool, "function", field + ".function"), field + ".function"),
        "custom" => ReadCustom(RequiredObject(tool, "custom", field + ".custom"), field + ".custom"),
        var type => throw Losses.Refuse(field + ".type", $"no upstream of another kind knows '{type}'"),
    };

    private static Tool ReadFunction(JsonElement function, string field) => new(
        RequiredText(function, "name", field + ".name"),
        Member(function, "description") is { } description ? Text(description, field + ".description") : null,
        Member(function, "parameters") is { } schema ? Object(schema, field + ".parameters") : null)
    {
        Strict = Member(function, "strict") is { } strict ? Flag(strict, field + ".strict") : null,
    };

    private static Tool ReadCustom(JsonElement custom, string field)
    {
        var description = Member(custom, "description") is { } text ? Text(text, field + ".description") : null;
        if (Member(custom, "format") is { } format && Member(Object(format, field + ".format"), "grammar") is { } grammar)
        {
            // Nobody else can be bound to it, but every model can read it.
            Object(grammar, field + ".format.grammar");
            var syntax = RequiredText(grammar, "syntax", field + ".format.grammar.syntax");
            description = $"{description}\n\nThe input follows this grammar ({syntax}):\n{RequiredText(grammar, "definition", field + ".format.grammar.definition")}".TrimStart();
        }

        return new Tool(RequiredText(custom, "name", field + ".name"), description, null) { IsFreeForm = true };
    }

    private static void ReadChoice(JsonElement choice, Conversation conversation)
    {
        if (choice.ValueKind == JsonValueKind.String)
        {
            conversation.ToolChoice = Mode(choice.GetString()!, "tool_choice");
            return;
        }

        var type = Member(Object(choice, "tool_choice"), "type") is { } named ? Text(named, "tool_choice.type") : "function_call";
        if (type == "allowed_tools")
        {
            ReadAllowed(RequiredObject(choice, "allowed_tools", "tool_choice.allowed_tools"), conversation);
            return;
        }

        conversation.ToolChoice = ToolChoice.One;
        conversation.ChosenTool = type switch
        {
            "function" or "custom" => NameOf(choice, type, "tool_choice." + type),
            "function_call" => RequiredText(choice, "name", "function_call.name"),
            _ => throw Losses.Refuse("tool_choice.type", $"no upstream of another kind knows '{type}'"),
        };
    }

    private static void ReadAllowed(JsonElement allowed, Conversation conversation)
    {
        conversation.ToolChoice = Mode(RequiredText(allowed, "mode", "tool_choice.allowed_tools.mode"), "tool_choice.allowed_tools.mode");
        var names = new HashSet<string>(StringComparer.Ordinal);
        const string Field = "tool_choice.allowed_tools.tools";
        foreach (var tool in List(Member(allowed, "tools") ?? throw Losses.Refuse(Field, "is required"), Field).EnumerateArray())
        {
            names.Add(NameOf(Object(tool, Field), RequiredText(tool, "type", Field + ".type"), Field));
        }

        conversation.Tools.RemoveAll(tool => !names.Contains(tool.Name));
    }

    private static string NameOf(JsonElement parent, string type, string field) => RequiredText(RequiredObject(parent, type, field), "name", field + ".name");

    private static ToolChoice Mode(string mode, string field) => mode switch
    {
        "auto" => ToolChoice.Auto,
        "none" => ToolChoice.None,
        "required" => ToolChoice.Any,
        _ => throw Losses.Refuse(field, "must be auto, none, required or an object"),
    };
}
