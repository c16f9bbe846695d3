using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;

namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>Reads a request of the Messages API.</summary>
/// <remarks>
/// <code>
/// { "model", "max_tokens", "stream",
///   "system":   "…" or [{"type":"text","text","cache_control"}],
///   "messages": [{"role":"user|assistant|system", "content":"…" or [block, …]}],
///   "tools":    [{"name","description","input_schema"}], "tool_choice": {"type":"auto|any|tool|none"},
///   "thinking": {"type":"enabled|adaptive|disabled","budget_tokens","display"}, "output_config": {"effort","format":{"type":"json_schema","schema"}} }
/// </code>
/// </remarks>
internal static class AnthropicRequest
{
    private const string BillingHeader = "x-anthropic-billing-header";

    // A header names what was dropped; a client's inventions must not fill it.
    private const int MaxUnknown = 16;

    private static readonly JsonDocumentOptions Syntax = new() { MaxDepth = 1024 };

    public static Conversation Read(Call call, Losses losses)
    {
        try
        {
            var body = JsonElement.Parse(call.Body.Bytes.Span, Syntax);
            if (body.ValueKind != JsonValueKind.Object)
            {
                throw new RefusedException(RefusalReason.InvalidRequest, "The request body is not a JSON object.");
            }

            var conversation = new Conversation { Model = call.Model, Streaming = call.Streaming };
            ReadMembers(body, conversation, losses);
            return conversation;
        }
        catch (Exception error) when (BodyJson.IsUnreadable(error))
        {
            throw BodyJson.NotJson(error);
        }
    }

    private static void ReadMembers(JsonElement body, Conversation conversation, Losses losses)
    {
        var unknown = 0;
        foreach (var member in body.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.Null || ReadPrompt(member, conversation, losses) || ReadSampling(member, conversation)
                || ReadOptions(member, conversation, losses))
            {
                continue;
            }

            if (member.Name.Length <= 64 && unknown++ < MaxUnknown)
            {
                losses.Drop(member.Name);
            }
        }

        ReadReasoning(body, conversation, losses);
    }

    private static bool ReadPrompt(JsonProperty member, Conversation conversation, Losses losses)
    {
        switch (member.Name)
        {
            case "system":
                ReadSystem(member.Value, conversation);
                return true;
            case "messages":
                ReadMessages(member.Value, conversation, losses);
                return true;
            case "tools":
                ReadTools(member.Value, conversation, losses);
                return true;
            case "tool_choice":
                ReadToolChoice(member.Value, conversation);
                return true;
            default:
                return false;
        }
    }

    private static bool ReadSampling(JsonProperty member, Conversation conversation)
    {
        switch (member.Name)
        {
            case "max_tokens":
                conversation.MaxOutputTokens = Integer(member.Value, member.Name);
                return true;
            case "temperature":
                conversation.Temperature = Number(member.Value, member.Name);
                return true;
            case "top_p":
                conversation.TopP = Number(member.Value, member.Name);
                return true;
            case "top_k":
                conversation.TopK = Integer(member.Value, member.Name);
                return true;
            case "stop_sequences":
                foreach (var stop in Array(member.Value, member.Name))
                {
                    conversation.StopSequences.Add(stop.ValueKind == JsonValueKind.String ? stop.GetString()! : throw BodyJson.Wrong(member.Name, "a list of strings"));
                }

                return true;
            default:
                return false;
        }
    }

    private static bool ReadOptions(JsonProperty member, Conversation conversation, Losses losses)
    {
        switch (member.Name)
        {
            case "model" or "stream" or "thinking" or "output_config":
                return true;
            case "output_format":
                ReadFormat(member.Value, member.Name, conversation);
                return true;
            case "metadata":
                conversation.User = Text(Object(member.Value, member.Name), "user_id");
                return true;
            case "service_tier":
                conversation.ServiceTier = String(member.Value, member.Name);
                return true;
            case "mcp_servers" when member.Value.ValueKind == JsonValueKind.Array && member.Value.GetArrayLength() == 0:
                return true;
            case "mcp_servers" or "container":
                throw Losses.Refuse(member.Name, "only Anthropic runs it");
            case "inference_geo" when !member.Value.ValueEquals("global"u8):
                throw Losses.Refuse(member.Name, "where another provider runs the model cannot be chosen");
            case "speed" when !member.Value.ValueEquals("standard"u8):
                losses.Drop(member.Name);
                return true;
            default:
                return member.Name is "speed" or "inference_geo";
        }
    }

    private static void ReadSystem(JsonElement system, Conversation conversation)
    {
        if (system.ValueKind == JsonValueKind.String)
        {
            conversation.System.Add(new TextPart(system.GetString()!));
            return;
        }

        var index = 0;
        foreach (var block in Array(system, "system"))
        {
            var at = $"system[{index}]";
            var text = Text(Object(block, at), "text") ?? throw BodyJson.Wrong($"{at}.text", "a string");

            // Claude Code's first block names its version to Anthropic's billing; to any other model it is noise that changes.
            if (index++ > 0 || !text.StartsWith(BillingHeader, StringComparison.Ordinal))
            {
                conversation.System.Add(new TextPart(text) { Cache = AnthropicBlocks.Cache(block) });
            }
        }
    }

    private static void ReadMessages(JsonElement messages, Conversation conversation, Losses losses)
    {
        var index = 0;
        foreach (var message in Array(messages, "messages"))
        {
            var at = $"messages[{index++}]";
            var role = Text(Object(message, at), "role") switch
            {
                "user" => Role.User,
                "assistant" => Role.Assistant,
                "system" => Role.System,
                _ => throw BodyJson.Wrong($"{at}.role", "user, assistant or system"),
            };
            if (!message.TryGetProperty("content", out var content))
            {
                throw BodyJson.Wrong($"{at}.content", "a string or a list of blocks");
            }

            AnthropicBlocks.Read(content, $"{at}.content", role, conversation, losses);
        }
    }

    private static void ReadTools(JsonElement tools, Conversation conversation, Losses losses)
    {
        var index = 0;
        foreach (var tool in Array(tools, "tools"))
        {
            var at = $"tools[{index++}]";
            var type = Text(Object(tool, at), "type");
            if (type is not (null or "custom"))
            {
                throw Losses.Refuse($"{at}.type", $"no upstream of another kind knows the tool {type}");
            }

            conversation.Tools.Add(new Tool(
                Text(tool, "name") ?? throw BodyJson.Wrong($"{at}.name", "a string"),
                Text(tool, "description"),
                tool.TryGetProperty("input_schema", out var schema) && schema.ValueKind == JsonValueKind.Object ? schema : null)
            {
                Strict = tool.TryGetProperty("strict", out var strict) && strict.ValueKind is JsonValueKind.True or JsonValueKind.False ? strict.GetBoolean() : null,
                Cache = AnthropicBlocks.Cache(tool),
            });
            if (tool.TryGetProperty("defer_loading", out var deferred) && deferred.ValueKind == JsonValueKind.True)
            {
                losses.Drop("tools.defer_loading");
            }

            if (tool.TryGetProperty("input_examples", out _))
            {
                losses.Drop("tools.input_examples");
            }
        }
    }

    private static void ReadToolChoice(JsonElement choice, Conversation conversation)
    {
        conversation.ToolChoice = Text(Object(choice, "tool_choice"), "type") switch
        {
            "auto" => ToolChoice.Auto,
            "any" => ToolChoice.Any,
            "tool" => ToolChoice.One,
            "none" => ToolChoice.None,
            _ => throw BodyJson.Wrong("tool_choice.type", "auto, any, tool or none"),
        };
        if (conversation.ToolChoice == ToolChoice.One)
        {
            conversation.ChosenTool = Text(choice, "name") ?? throw BodyJson.Wrong("tool_choice.name", "the name of a tool");
        }

        if (choice.TryGetProperty("disable_parallel_tool_use", out var disable) && disable.ValueKind == JsonValueKind.True)
        {
            conversation.ParallelToolCalls = false;
        }
    }

    private static void ReadReasoning(JsonElement body, Conversation conversation, Losses losses)
    {
        string? effort = null;
        if (body.TryGetProperty("output_config", out var config) && config.ValueKind != JsonValueKind.Null)
        {
            effort = Text(Object(config, "output_config"), "effort");
            if (effort is not (null or "low" or "medium" or "high" or "xhigh" or "max"))
            {
                throw BodyJson.Wrong("output_config.effort", "low, medium, high, xhigh or max");
            }

            if (config.TryGetProperty("format", out var format) && format.ValueKind != JsonValueKind.Null)
            {
                ReadFormat(format, "output_config.format", conversation);
            }

            if (config.TryGetProperty("task_budget", out _))
            {
                losses.Drop("output_config.task_budget");
            }
        }

        if (!body.TryGetProperty("thinking", out var thinking) || thinking.ValueKind == JsonValueKind.Null)
        {
            conversation.Reasoning = effort is null ? null : new Reasoning(effort, null);
            return;
        }

        var shown = Text(Object(thinking, "thinking"), "display") switch
        {
            "summarized" => true,
            "omitted" => false,
            _ => (bool?)null,
        };
        conversation.Reasoning = Text(thinking, "type") switch
        {
            "disabled" => new Reasoning("none", null),
            // Said or not, it is high: https://platform.claude.com/docs/en/build-with-claude/effort
            "adaptive" => new Reasoning(effort ?? "high", null) { Shown = shown },
            "enabled" => new Reasoning(effort, thinking.TryGetProperty("budget_tokens", out var budget) ? Integer(budget, "thinking.budget_tokens") : null) { Shown = shown },
            _ => throw BodyJson.Wrong("thinking.type", "enabled, adaptive or disabled"),
        };
    }

    private static void ReadFormat(JsonElement format, string at, Conversation conversation)
    {
        if (Text(Object(format, at), "type") != "json_schema" || !format.TryGetProperty("schema", out var schema) || schema.ValueKind != JsonValueKind.Object)
        {
            throw BodyJson.Wrong(at, "an object with the type json_schema and a schema");
        }

        conversation.Format = new OutputFormat(null, schema, Strict: true);
    }

    internal static string? Text(JsonElement holder, string name) =>
        holder.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    internal static JsonElement Object(JsonElement value, string at) => value.ValueKind == JsonValueKind.Object ? value : throw BodyJson.Wrong(at, "an object");

    internal static JsonElement.ArrayEnumerator Array(JsonElement value, string at) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw BodyJson.Wrong(at, "a list");

    private static string String(JsonElement value, string at) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw BodyJson.Wrong(at, "a string");

    private static double Number(JsonElement value, string at) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number : throw BodyJson.Wrong(at, "a number");

    private static long Integer(JsonElement value, string at) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= 0 ? number : throw BodyJson.Wrong(at, "a whole number");
}
