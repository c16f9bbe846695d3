using System.Runtime.InteropServices;
using System.Text.Json;

namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>Writes a request of the Messages API.</summary>
internal static class AnthropicRequestWriter
{
    public const int LongestToolName = 128; // platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools: ^[a-zA-Z0-9_-]{1,128}$

    private static ReadOnlySpan<byte> AnyArguments => """{"type":"object","properties":{}}"""u8;

    private static ReadOnlySpan<byte> TextArgument => """{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"""u8;

    /// <summary>What is asked for when the client does not say: as much as the model surely writes.</summary>
    public static long MaxTokens(Conversation conversation) => conversation.MaxOutputTokens ?? ClaudeModel.Of(conversation.Model).MaxOutputTokens;

    public static void Write(Conversation conversation, Utf8JsonWriter json, Losses losses)
    {
        if (conversation.Logprobs is not null)
        {
            throw Losses.Refuse("logprobs", "no Claude gives them");
        }

        var model = ClaudeModel.Of(conversation.Model);
        var maxTokens = MaxTokens(conversation);
        var thinking = AnthropicThinking.For(conversation, model, maxTokens, losses);
        var prompt = AnthropicPrompt.Of(conversation, thinking, FormatInstruction(conversation.Format, model, losses));

        json.WriteStartObject();
        json.WriteString("model"u8, conversation.Model);
        json.WriteNumber("max_tokens"u8, maxTokens);
        prompt.WriteSystem(json);
        prompt.WriteMessages(json);
        WriteTools(conversation, model, prompt, json, losses);
        thinking.Write(json);
        WriteOutputConfig(conversation, model, thinking, json);
        WriteSampling(conversation, model, thinking, json, losses);
        WriteOptions(conversation, json, losses);
        json.WriteEndObject();
    }

    /// <summary>The sentence that stands in for a format the model or the API does not know; null when none is needed.</summary>
    private static string? FormatInstruction(OutputFormat? format, ClaudeModel model, Losses losses)
    {
        if (format is null || (format.Schema is not null && model.FollowsSchemas))
        {
            return null;
        }

        losses.Drop("response_format");
        return format.Schema is { } schema
            ? $"Answer with a JSON object only, without any text around it. It must follow this JSON schema: {schema.GetRawText()}"
            : "Answer with a JSON object only, without any text around it.";
    }

    private static void WriteTools(Conversation conversation, ClaudeModel model, AnthropicPrompt prompt, Utf8JsonWriter json, Losses losses)
    {
        if (conversation.Tools.Count == 0)
        {
            WriteCalledTools(conversation, json);
            return;
        }

        json.WriteStartArray("tools"u8);
        for (var i = 0; i < conversation.Tools.Count; i++)
        {
            WriteTool(conversation.Tools[i], model, prompt.TakeMarkerOfTool(i), json, losses);
        }

        json.WriteEndArray();
        WriteToolChoice(conversation, json);
    }

    /// <summary>The API refuses calls in a conversation whose tools it is not told, so they are told by name and not to be called.</summary>
    private static void WriteCalledTools(Conversation conversation, Utf8JsonWriter json)
    {
        HashSet<string>? called = null;
        foreach (var turn in conversation.Turns)
        {
            foreach (var part in turn.Parts)
            {
                if (part is ToolCallPart call)
                {
                    (called ??= []).Add(call.Name);
                }
            }
        }

        if (called is null)
        {
            return;
        }

        json.WriteStartArray("tools"u8);
        foreach (var name in called)
        {
            json.WriteStartObject();
            json.WriteString("name"u8, ToolNames.Fit(name, LongestToolName));
            json.WritePropertyName("input_schema"u8);
            json.WriteRawValue(AnyArguments, skipInputValidation: true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("tool_choice"u8);
        json.WriteString("type"u8, "none"u8);
        json.WriteEndObject();
    }

    private static void WriteTool(Tool tool, ClaudeModel model, CacheMarker? cache, Utf8JsonWriter json, Losses losses)
    {
        json.WriteStartObject();
        json.WriteString("name"u8, ToolNames.Fit(tool.Name, LongestToolName));
        if (!string.IsNullOrEmpty(tool.Description))
        {
            json.WriteString("description"u8, tool.Description);
        }

        json.WritePropertyName("input_schema"u8);
        WriteSchema(tool, json);
        if (tool is { Strict: true, IsFreeForm: false })
        {
            if (model.FollowsSchemas)
            {
                json.WriteBoolean("strict"u8, true);
            }
            else
            {
                losses.Drop("tools.strict");
            }
        }

        AnthropicPrompt.WriteMarker(cache, json);
        json.WriteEndObject();
    }

    private static void WriteSchema(Tool tool, Utf8JsonWriter json)
    {
        if (tool.IsFreeForm)
        {
            json.WriteRawValue(TextArgument, skipInputValidation: true);
        }
        else if (tool.Schema is not { ValueKind: JsonValueKind.Object } schema)
        {
            json.WriteRawValue(AnyArguments, skipInputValidation: true);
        }
        else if (schema.TryGetProperty("type", out _))
        {
            json.WriteRawValue(JsonMarshal.GetRawUtf8Value(schema), skipInputValidation: true);
        }
        else
        {
            // The API wants to be told that arguments are an object; elsewhere that goes without saying.
            json.WriteStartObject();
            json.WriteString("type"u8, "object"u8);
            foreach (var member in schema.EnumerateObject())
            {
                json.WritePropertyName(member.Name);
                json.WriteRawValue(JsonMarshal.GetRawUtf8Value(member.Value), skipInputValidation: true);
            }

            json.WriteEndObject();
        }
    }

    private static void WriteToolChoice(Conversation conversation, Utf8JsonWriter json)
    {
        var parallel = conversation.ParallelToolCalls ?? true;
        if (conversation.ToolChoice == ToolChoice.Auto && parallel)
        {
            return;
        }

        json.WriteStartObject("tool_choice"u8);
        json.WriteString("type"u8, conversation.ToolChoice switch
        {
            ToolChoice.None => "none"u8,
            ToolChoice.Any => "any"u8,
            ToolChoice.One => "tool"u8,
            _ => "auto"u8,
        });
        if (conversation.ToolChoice == ToolChoice.One)
        {
            json.WriteString("name"u8, ToolNames.Fit(conversation.ChosenTool ?? "", LongestToolName));
        }

        if (!parallel && conversation.ToolChoice != ToolChoice.None)
        {
            json.WriteBoolean("disable_parallel_tool_use"u8, true);
        }

        json.WriteEndObject();
    }

    private static void WriteOutputConfig(Conversation conversation, ClaudeModel model, AnthropicThinking thinking, Utf8JsonWriter json)
    {
        var schema = model.FollowsSchemas ? conversation.Format?.Schema : null;
        if (thinking.Effort is null && schema is null)
        {
            return;
        }

        json.WriteStartObject("output_config"u8);
        if (thinking.Effort is not null)
        {
            json.WriteString("effort"u8, thinking.Effort);
        }

        if (schema is { } wanted)
        {
            json.WriteStartObject("format"u8);
            json.WriteString("type"u8, "json_schema"u8);
            json.WritePropertyName("schema"u8);
            json.WriteRawValue(JsonMarshal.GetRawUtf8Value(wanted), skipInputValidation: true);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteSampling(Conversation conversation, ClaudeModel model, AnthropicThinking thinking, Utf8JsonWriter json, Losses losses)
    {
        var isFixed = model.RefusesSampling || thinking.IsActive;
        if (conversation.Temperature is { } temperature)
        {
            // One is the default; other protocols go up to two.
            if (!isFixed)
            {
                json.WriteNumber("temperature"u8, Math.Clamp(temperature, 0, 1));
            }

            DropUnless(temperature is 1 || (!isFixed && temperature is >= 0 and < 1), "temperature", losses);
        }

        WriteTopP(conversation, model, thinking, json, losses);
        if (conversation.TopK is { } topK)
        {
            if (!isFixed)
            {
                json.WriteNumber("top_k"u8, topK);
            }

            DropUnless(!isFixed, "top_k", losses);
        }

        DropUnsaid(conversation, losses);
    }

    private static void WriteTopP(Conversation conversation, ClaudeModel model, AnthropicThinking thinking, Utf8JsonWriter json, Losses losses)
    {
        if (conversation.TopP is { } topP)
        {
            var isAllowed = !model.RefusesSampling && (!thinking.IsActive || topP >= 0.95) && (thinking.IsActive || !model.TakesOneSampling || conversation.Temperature is null);
            if (isAllowed)
            {
                json.WriteNumber("top_p"u8, topP);
            }

            DropUnless(isAllowed || topP is 1, "top_p", losses);
        }
    }

    private static void DropUnsaid(Conversation conversation, Losses losses)
    {
        DropUnless(conversation.FrequencyPenalty is null or 0, "frequency_penalty", losses);
        DropUnless(conversation.PresencePenalty is null or 0, "presence_penalty", losses);
        DropUnless(conversation.Seed is null, "seed", losses);
        DropUnless(conversation.Verbosity is null, "verbosity", losses);
        DropUnless(!conversation.HasDetail, "detail", losses);
    }

    private static void DropUnless(bool kept, string field, Losses losses)
    {
        if (!kept)
        {
            losses.Drop(field);
        }
    }

    private static void WriteOptions(Conversation conversation, Utf8JsonWriter json, Losses losses)
    {
        if (conversation.StopSequences.Count > 0)
        {
            json.WriteStartArray("stop_sequences"u8);
            foreach (var stop in conversation.StopSequences)
            {
                json.WriteStringValue(string.IsNullOrWhiteSpace(stop) ? throw Losses.Refuse("stop", "no Claude stops at white space") : stop);
            }

            json.WriteEndArray();
        }

        // The API takes at most 256 characters.
        if (conversation.User is { Length: > 0 and <= 256 } user)
        {
            json.WriteStartObject("metadata"u8);
            json.WriteString("user_id"u8, user);
            json.WriteEndObject();
        }
        else if (conversation.User is { Length: > 256 })
        {
            losses.Drop("user");
        }

        if (ServiceTiers.ForAnthropic(conversation.ServiceTier, losses) is { } tier)
        {
            json.WriteString("service_tier"u8, tier);
        }

        if (conversation.Streaming)
        {
            json.WriteBoolean("stream"u8, true);
        }
    }
}
