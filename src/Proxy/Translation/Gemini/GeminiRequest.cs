using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using static CCGate.Proxy.Translation.Gemini.GeminiJson;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Reads a client's request for <c>generateContent</c>; its contents are <see cref="GeminiContents"/>'.</summary>
/// <remarks>
/// <code>
/// {"systemInstruction": {"parts": [{"text": …}]},
///  "contents": [{"role": "user", "parts": […]}, {"role": "model", "parts": […]}],
///  "tools": [{"functionDeclarations": [{"name": …, "description": …, "parameters": {"type": "OBJECT", …}}]}],
///  "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": […]}},
///  "generationConfig": {"temperature": …, "maxOutputTokens": …, "thinkingConfig": {…}}}
/// </code>
/// Every member may be spelled <c>like_this</c>. What each means: https://ai.google.dev/api/generate-content.
/// </remarks>
internal sealed class GeminiRequest
{
    private readonly Conversation conversation;
    private readonly Losses losses;
    private readonly HashSet<string> allowedTools = [];
    private bool wantsJson;
    private JsonElement? schema;
    private bool wantsLogprobs;
    private int alternatives;

    private GeminiRequest(Conversation conversation, Losses losses)
    {
        this.conversation = conversation;
        this.losses = losses;
    }

    public static Conversation Read(Call call, Losses losses)
    {
        var conversation = new Conversation
        {
            Model = call.Model,
            Streaming = call.Streaming,
            StreamsAsArray = call.Streaming && !call.Query.Contains("alt=sse", StringComparison.OrdinalIgnoreCase),
        };
        try
        {
            new GeminiRequest(conversation, losses).ReadAll(JsonElement.Parse(call.Body.Bytes.Span, Syntax));
        }
        catch (Exception error) when (IsUnreadable(error))
        {
            throw BodyJson.NotJson(error);
        }

        return conversation;
    }

    private void ReadAll(JsonElement root)
    {
        foreach (var member in Object(root, "The request body").EnumerateObject())
        {
            if (member.Value.ValueKind != JsonValueKind.Null)
            {
                ReadMember(Camel(member.Name), member.Value);
            }
        }

        if (wantsJson || schema is not null)
        {
            conversation.Format = new OutputFormat(null, schema, null);
        }

        conversation.Logprobs = wantsLogprobs ? alternatives : null;
        if (allowedTools.Count > 0 && conversation.ToolChoice != ToolChoice.One)
        {
            conversation.Tools.RemoveAll(tool => !allowedTools.Contains(tool.Name)); // Elsewhere a choice is of one or of all.
        }
    }

    private void ReadMember(string name, JsonElement value)
    {
        switch (name)
        {
            case "contents":
                new GeminiContents(conversation, losses).Read(value);
                break;
            case "systemInstruction":
                ReadSystem(value);
                break;
            case "tools":
                ReadTools(value);
                break;
            case "toolConfig":
                ReadToolConfig(Object(value, name));
                break;
            case "generationConfig":
                ReadConfig(Object(value, name));
                break;
            case "cachedContent":
                throw Losses.Refuse(name, "only the provider that keeps it can read it");
            case "serviceTier":
                conversation.ServiceTier = String(value, name).ToLowerInvariant();
                break;
            case "model":
                break; // The path names it.
            default:
                losses.Drop(name);
                break;
        }
    }

    private void ReadSystem(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            conversation.System.Add(new TextPart(value.GetString()!));
            return;
        }

        // The API takes one part where a list belongs, and a content without a role.
        var parts = Member(Object(value, "systemInstruction"), "parts") ?? value;
        var index = 0;
        foreach (var part in parts.ValueKind == JsonValueKind.Array ? [.. parts.EnumerateArray()] : new[] { parts })
        {
            var text = Text(Object(part, $"systemInstruction.parts[{index}]"), "text")
                ?? throw Losses.Refuse($"systemInstruction.parts[{index}]", "instructions must be text");
            conversation.System.Add(new TextPart(text));
            index++;
        }
    }

    private void ReadTools(JsonElement tools)
    {
        var index = 0;
        foreach (var tool in Array(tools, "tools").EnumerateArray())
        {
            foreach (var member in Object(tool, $"tools[{index}]").EnumerateObject())
            {
                var path = $"tools[{index}].{Camel(member.Name)}";
                if (Camel(member.Name) != "functionDeclarations")
                {
                    throw Losses.Refuse(path, "no other protocol's provider runs it");
                }

                var place = 0;
                foreach (var declaration in Array(member.Value, path).EnumerateArray())
                {
                    ReadDeclaration(Object(declaration, $"{path}[{place}]"), $"{path}[{place++}]");
                }
            }

            index++;
        }
    }

    private void ReadDeclaration(JsonElement declaration, string path)
    {
        var name = Text(declaration, "name") ?? throw Losses.Refuse($"{path}.name", "is missing");
        var parameters = Member(declaration, "parametersJsonSchema") is { } exact ? exact
            : Member(declaration, "parameters") is { } own ? GeminiSchema.ToJsonSchema(Object(own, $"{path}.parameters"))
            : (JsonElement?)null;
        foreach (var member in declaration.EnumerateObject())
        {
            if (Camel(member.Name) is not ("name" or "description" or "parameters" or "parametersJsonSchema"))
            {
                losses.Drop($"tools.functionDeclarations.{Camel(member.Name)}");
            }
        }

        conversation.Tools.Add(new Tool(name, Text(declaration, "description"), parameters));
    }

    private void ReadToolConfig(JsonElement config)
    {
        foreach (var member in config.EnumerateObject())
        {
            if (Camel(member.Name) != "functionCallingConfig")
            {
                losses.Drop($"toolConfig.{Camel(member.Name)}");
            }
        }

        if (Member(config, "functionCallingConfig") is not { } calling)
        {
            return;
        }

        const string Path = "toolConfig.functionCallingConfig";
        var mode = Text(Object(calling, Path), "mode")?.ToUpperInvariant();
        conversation.ToolChoice = mode switch
        {
            null or "AUTO" or "VALIDATED" or "MODE_UNSPECIFIED" => ToolChoice.Auto,
            "ANY" => ToolChoice.Any,
            "NONE" => ToolChoice.None,
            _ => throw Losses.Refuse($"{Path}.mode", "must be AUTO, ANY, NONE or VALIDATED"),
        };
        if (Member(calling, "allowedFunctionNames") is { } names && mode is "ANY" or "VALIDATED")
        {
            ReadAllowed(names, $"{Path}.allowedFunctionNames");
        }
    }

    private void ReadAllowed(JsonElement names, string path)
    {
        foreach (var name in Array(names, path).EnumerateArray())
        {
            allowedTools.Add(String(name, path));
        }

        if (allowedTools.Count == 1 && conversation.ToolChoice == ToolChoice.Any)
        {
            foreach (var only in allowedTools)
            {
                (conversation.ToolChoice, conversation.ChosenTool) = (ToolChoice.One, only);
            }
        }
    }

    private void ReadConfig(JsonElement config)
    {
        foreach (var member in config.EnumerateObject())
        {
            var name = Camel(member.Name);
            if (member.Value.ValueKind != JsonValueKind.Null && !ReadSampling(name, member.Value) && !ReadOutput(name, member.Value))
            {
                losses.Drop($"generationConfig.{name}");
            }
        }
    }

    private bool ReadSampling(string name, JsonElement value)
    {
        switch (name)
        {
            case "temperature":
                conversation.Temperature = Number(value, name);
                return true;
            case "topP":
                conversation.TopP = Number(value, name);
                return true;
            case "topK":
                conversation.TopK = (long)Math.Clamp(Number(value, name), 0, int.MaxValue);
                return true;
            case "seed":
                conversation.Seed = Count(value, name);
                return true;
            case "presencePenalty":
                conversation.PresencePenalty = Number(value, name);
                return true;
            case "frequencyPenalty":
                conversation.FrequencyPenalty = Number(value, name);
                return true;
            case "maxOutputTokens":
                conversation.MaxOutputTokens = Count(value, name);
                return true;
            case "responseLogprobs":
                wantsLogprobs = value.ValueKind == JsonValueKind.True;
                return true;
            case "logprobs":
                alternatives = (int)Math.Clamp(Count(value, name), 0, 100);
                return true;
            default:
                return false;
        }
    }

    private bool ReadOutput(string name, JsonElement value)
    {
        switch (name)
        {
            case "candidateCount" when Count(value, name) != 1:
                throw Losses.Refuse("generationConfig.candidateCount", "only 1 can be carried");
            case "candidateCount":
                return true;
            case "stopSequences":
                foreach (var sequence in Array(value, "generationConfig.stopSequences").EnumerateArray())
                {
                    conversation.StopSequences.Add(String(sequence, "generationConfig.stopSequences"));
                }

                return true;
            case "responseMimeType":
                wantsJson = String(value, "generationConfig.responseMimeType") switch
                {
                    "application/json" => true,
                    "text/plain" or "" => false,
                    _ => throw Losses.Refuse("generationConfig.responseMimeType", "must be application/json or text/plain"),
                };
                return true;
            case "responseSchema":
                schema ??= GeminiSchema.ToJsonSchema(Object(value, "generationConfig.responseSchema"));
                return true;
            case "responseJsonSchema":
                schema = value;
                return true;
            case "thinkingConfig":
                ReadThinking(Object(value, "generationConfig.thinkingConfig"));
                return true;
            case "responseModalities":
                RefuseOtherThanText(value);
                return true;
            default:
                return false;
        }
    }

    private static void RefuseOtherThanText(JsonElement modalities)
    {
        foreach (var modality in Array(modalities, "generationConfig.responseModalities").EnumerateArray())
        {
            if (!String(modality, "generationConfig.responseModalities").Equals("TEXT", StringComparison.OrdinalIgnoreCase))
            {
                throw Losses.Refuse("generationConfig.responseModalities", "only TEXT can be carried");
            }
        }
    }

    private void ReadThinking(JsonElement thinking)
    {
        var level = Text(thinking, "thinkingLevel")?.ToLowerInvariant();
        var budget = Whole(Member(thinking, "thinkingBudget"));
        conversation.Reasoning = new Reasoning(level is "minimal" or "low" or "medium" or "high" ? level : null, budget < 0 ? null : budget)
        {
            Shown = Member(thinking, "includeThoughts") is { } include ? include.ValueKind == JsonValueKind.True : null,
        };
    }

    private static double Number(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Number && double.IsFinite(value.GetDouble())
            ? value.GetDouble()
            : throw Losses.Refuse($"generationConfig.{name}", "must be a number");

    private static long Count(JsonElement value, string name) => Whole(value) ?? throw Losses.Refuse($"generationConfig.{name}", "must be a whole number");

    private static string String(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Losses.Refuse(path, "must be a text");

    public static JsonElement Object(JsonElement value, string path) => value.ValueKind == JsonValueKind.Object ? value : throw Losses.Refuse(path, "must be an object");

    public static JsonElement Array(JsonElement value, string path) => value.ValueKind == JsonValueKind.Array ? value : throw Losses.Refuse(path, "must be an array");
}
