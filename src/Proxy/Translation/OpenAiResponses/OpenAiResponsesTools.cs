using System.Text.Json;
using static CCGate.Proxy.Translation.OpenAiResponses.RequestFields;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Reads what a client offers and demands of tools.</summary>
/// <remarks>
/// <code>
/// {"type":"function","name":…,"description":…,"parameters":{…},"strict":…}
/// {"type":"custom","name":…,"description":…,"format":{"type":"grammar","syntax":"lark","definition":…}}
/// {"type":"namespace","name":"mcp__x","description":…,"tools":[functions and custom ones]}
/// {"type":"local_shell"}   {"type":"tool_search","execution":"client","description":…,"parameters":{…}}   run by the client: functions elsewhere
/// {"type":"web_search",…}  run by OpenAI
/// </code>
/// Codex sends all of these: codex-rs/tools/src/tool_spec.rs.
/// </remarks>
internal sealed class OpenAiResponsesTools(Conversation conversation, Losses losses)
{
    public const string LocalShell = "local_shell";
    public const string ToolSearch = "tool_search";

    // Codex groups its own functions under this name; to the model they have none: codex-rs/tools/src/tool_spec.rs.
    private const string DefaultSpace = "functions";
    private static readonly JsonElement LocalShellSchema = JsonElement.Parse(
        """
        {"type":"object","properties":{"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"},"env":{"type":"object","additionalProperties":{"type":"string"}}},"required":["command"]}
        """u8);

    private readonly HashSet<string> names = new(StringComparer.Ordinal);

    /// <summary>The one name of a tool that a client calls by two.</summary>
    public static string FlatName(string? space, string name) => space is null or "" or DefaultSpace ? name : $"{space}__{name}";

    public void Read(JsonElement tools, string place) => Read(tools, place, space: null);

    /// <summary>Reads <c>tool_choice</c>, when all tools are known.</summary>
    public void ReadChoice(JsonElement request)
    {
        if (Any(request, "tool_choice") is not { } choice)
        {
            return;
        }

        if (choice.ValueKind == JsonValueKind.String)
        {
            conversation.ToolChoice = Mode(choice.GetString()!, "tool_choice");
            return;
        }

        if (choice.ValueKind != JsonValueKind.Object)
        {
            throw Losses.Refuse("tool_choice", "must be a string or an object");
        }

        ReadChosen(choice);
    }

    private void ReadChosen(JsonElement choice)
    {
        var type = RequiredText(choice, "type", "tool_choice");
        if (type == "allowed_tools")
        {
            ReadAllowed(choice);
            return;
        }

        var name = ChosenName(choice, type, "tool_choice") ?? throw Losses.Refuse("tool_choice.type", $"no upstream of another kind runs {type}");
        if (!names.Contains(name))
        {
            throw Losses.Refuse("tool_choice.name", $"no tool is called {name}");
        }

        conversation.ToolChoice = ToolChoice.One;
        conversation.ChosenTool = name;
    }

    private void ReadAllowed(JsonElement choice)
    {
        conversation.ToolChoice = Mode(Text(choice, "mode", "tool_choice") ?? "auto", "tool_choice.mode");
        var allowed = new HashSet<string>(StringComparer.Ordinal);
        var index = 0;
        foreach (var entry in (Array(choice, "tools", "tool_choice") ?? throw Losses.Refuse("tool_choice.tools", "is missing")).EnumerateArray())
        {
            var place = $"tool_choice.tools[{index++}]";
            if (entry.ValueKind != JsonValueKind.Object)
            {
                throw Losses.Refuse(place, "must be an object");
            }

            var type = RequiredText(entry, "type", place);
            if (ChosenName(entry, type, place) is { } name)
            {
                allowed.Add(name);
            }
            else
            {
                losses.Drop("tool_choice.tools");
            }
        }

        conversation.Tools.RemoveAll(tool => !allowed.Contains(tool.Name));
        if (conversation.ToolChoice == ToolChoice.Any && conversation.Tools.Count == 0)
        {
            throw Losses.Refuse("tool_choice.tools", "none of these can be called through another kind of upstream");
        }
    }

    /// <summary>Null when it is no tool of the client's.</summary>
    private static string? ChosenName(JsonElement entry, string type, string place) => type switch
    {
        "function" or "custom" => FlatName(Text(entry, "namespace", place), RequiredText(entry, "name", place)),
        LocalShell or ToolSearch => type,
        _ => null,
    };

    private static ToolChoice Mode(string mode, string place) => mode switch
    {
        "auto" => ToolChoice.Auto,
        "none" => ToolChoice.None,
        "required" => ToolChoice.Any,
        _ => throw Losses.Refuse(place, "must be auto, none or required"),
    };

    private void Read(JsonElement tools, string place, string? space)
    {
        var index = 0;
        foreach (var tool in tools.EnumerateArray())
        {
            var here = $"{place}[{index++}]";
            if (tool.ValueKind != JsonValueKind.Object)
            {
                throw Losses.Refuse(here, "must be an object");
            }

            ReadTool(tool, here, space);
        }
    }

    private void ReadTool(JsonElement tool, string place, string? space)
    {
        var type = RequiredText(tool, "type", place);
        switch (type)
        {
            case "function":
                Add(Named(tool, place, space) with
                {
                    Schema = Object(tool, "parameters", place),
                    Strict = Flag(tool, "strict", place),
                });
                break;
            case "custom":
                Add(Named(tool, place, space) with { Description = Described(tool, place), IsFreeForm = true });
                break;
            case "namespace" when space is null:
                Read(Array(tool, "tools", place) ?? throw Losses.Refuse(Path(place, "tools"), "is missing"), $"{place}.tools", RequiredText(tool, "name", place));
                break;
            default:
                ReadBuiltIn(tool, type, place);
                break;
        }
    }

    private void ReadBuiltIn(JsonElement tool, string type, string place)
    {
        if (type == LocalShell)
        {
            Add(new Tool(LocalShell, "Runs a command on the user's machine.", LocalShellSchema) { Origin = new ToolOrigin(LocalShell, null, LocalShell) });
        }
        else if (type == ToolSearch && Text(tool, "execution", place) == "client")
        {
            Add(new Tool(ToolSearch, Text(tool, "description", place), Object(tool, "parameters", place)) { Origin = new ToolOrigin(ToolSearch, null, ToolSearch) });
        }
        else if (type is ToolSearch or "image_generation" || type.StartsWith("web_search", StringComparison.Ordinal))
        {
            // Codex offers these beside its own tools in every request; without them it works all the same.
            losses.Drop(type is ToolSearch or "image_generation" ? $"tools.{type}" : "tools.web_search");
        }
        else
        {
            throw Losses.Refuse(Path(place, "type"), $"no upstream of another kind runs {type}");
        }
    }

    private static Tool Named(JsonElement tool, string place, string? space)
    {
        var name = RequiredText(tool, "name", place);
        var flat = FlatName(space, name);
        return new Tool(flat, Text(tool, "description", place), null) { Origin = flat == name ? null : new ToolOrigin("function", space, name) };
    }

    private static string? Described(JsonElement tool, string place)
    {
        var description = Text(tool, "description", place);
        var here = Path(place, "format");
        return Object(tool, "format", place) is { } format && Text(format, "definition", here) is { } grammar
            ? $"{description}\n\nThe input must follow this {Text(format, "syntax", here)} grammar:\n{grammar}".TrimStart()
            : description;
    }

    // A later tool of the same name is the same one, loaded again.
    private void Add(Tool tool)
    {
        if (names.Add(tool.Name))
        {
            conversation.Tools.Add(tool);
        }
    }
}
