using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Writes a request for an upstream, which is asked to store nothing.</summary>
internal static class OpenAiResponsesRequestWriter
{
    // "Expected a value >= 16": https://platform.openai.com/docs/api-reference/responses/create, max_output_tokens.
    private const long MinOutputTokens = 16;

    // The same for names, ids and users: https://platform.openai.com/docs/api-reference/responses/create, safety_identifier.
    private const int MaxIdentifierChars = 64;

    public static void Write(Conversation conversation, Utf8JsonWriter json, Losses losses)
    {
        RefuseOrDrop(conversation, losses);
        var model = OpenAiModel.Of(conversation.Model);
        var effort = model.EffortFor(conversation.Reasoning, losses);
        var isFree = model.TakesSampling(conversation, effort, losses);
        json.WriteStartObject();
        json.WriteString("model"u8, conversation.Model);
        if (conversation.System.Count > 0)
        {
            json.WriteString("instructions"u8, Instructions(conversation));
        }

        var input = new OpenAiResponsesInputWriter(conversation, json);
        json.WriteStartArray("input"u8);
        input.Write();
        json.WriteEndArray();
        WriteTools(conversation, json);
        WriteSettings(conversation, json, losses, isFree);
        WriteReasoning(effort, isShown: model.Reasons && conversation.Reasoning?.Shown == true, json);
        WriteText(conversation, json);
        var wantsReasoning = (conversation.Reasoning is not null && effort != "none") || input.HasOwnReasoning;
        WriteInclude(isFree ? conversation.Logprobs : null, json, reasons: model.Reasons && wantsReasoning);
        json.WriteBoolean("store"u8, false);
        json.WriteBoolean("stream"u8, conversation.Streaming);
        json.WriteEndObject();
    }

    private static void RefuseOrDrop(Conversation conversation, Losses losses)
    {
        if (conversation.StopSequences.Count > 0)
        {
            throw Losses.Refuse("stop_sequences", "the responses protocol has none");
        }

        DropIf(conversation.TopK is not null, "top_k");
        DropIf(conversation.FrequencyPenalty is not (null or 0), "frequency_penalty");
        DropIf(conversation.PresencePenalty is not (null or 0), "presence_penalty");
        DropIf(conversation.Seed is not null, "seed");
        DropIf(conversation.HasCacheMarkers, "cache_control"); // They cache by themselves.

        void DropIf(bool isSaid, string field)
        {
            if (isSaid)
            {
                losses.Drop(field);
            }
        }
    }

    private static string Instructions(Conversation conversation)
    {
        if (conversation.System is [{ } only])
        {
            return only.Text;
        }

        var all = new StringBuilder();
        foreach (var part in conversation.System)
        {
            all.Append(all.Length > 0 ? "\n\n" : string.Empty).Append(part.Text);
        }

        return all.ToString();
    }

    private static void WriteTools(Conversation conversation, Utf8JsonWriter json)
    {
        if (conversation.Tools.Count == 0)
        {
            return;
        }

        json.WriteStartArray("tools"u8);
        foreach (var tool in conversation.Tools)
        {
            WriteTool(tool, json);
        }

        json.WriteEndArray();
        WriteChoice(conversation, json);
        if (conversation.ParallelToolCalls is { } parallel)
        {
            json.WriteBoolean("parallel_tool_calls"u8, parallel);
        }
    }

    private static void WriteTool(Tool tool, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, tool.IsFreeForm ? "custom"u8 : "function"u8);
        json.WriteString("name"u8, ToolNames.Fit(tool.Name, MaxIdentifierChars));
        if (tool.Description is { } description)
        {
            json.WriteString("description"u8, description);
        }

        if (!tool.IsFreeForm)
        {
            json.WritePropertyName("parameters"u8);
            if (tool.Schema is { } schema)
            {
                ResponsesJson.WriteRaw(json, schema);
            }
            else
            {
                json.WriteRawValue("""{"type":"object","properties":{}}"""u8, skipInputValidation: true);
            }

            // Missing means true here and false elsewhere, and few schemas are strict ones.
            json.WriteBoolean("strict"u8, tool.Strict ?? false);
        }

        json.WriteEndObject();
    }

    private static void WriteChoice(Conversation conversation, Utf8JsonWriter json)
    {
        switch (conversation.ToolChoice)
        {
            case ToolChoice.None:
                json.WriteString("tool_choice"u8, "none"u8);
                break;
            case ToolChoice.Any:
                json.WriteString("tool_choice"u8, "required"u8);
                break;
            case ToolChoice.One when conversation.ChosenTool is { } chosen:
                json.WriteStartObject("tool_choice"u8);
                json.WriteString("type"u8, IsFreeForm(conversation, chosen) ? "custom"u8 : "function"u8);
                json.WriteString("name"u8, ToolNames.Fit(chosen, MaxIdentifierChars));
                json.WriteEndObject();
                break;
            default:
                break; // Auto is what they do unasked.
        }
    }

    private static bool IsFreeForm(Conversation conversation, string name)
    {
        foreach (var tool in conversation.Tools)
        {
            if (tool.Name == name)
            {
                return tool.IsFreeForm;
            }
        }

        return false;
    }

    private static void WriteSettings(Conversation conversation, Utf8JsonWriter json, Losses losses, bool takesSampling)
    {
        if (conversation.MaxOutputTokens is { } max)
        {
            json.WriteNumber("max_output_tokens"u8, Math.Max(max, MinOutputTokens));
        }

        if (takesSampling)
        {
            WriteSampling("temperature"u8, conversation.Temperature, json);
            WriteSampling("top_p"u8, conversation.TopP, json);
        }

        if (conversation.User is { Length: > 0 } user)
        {
            // Longer ones are refused; a hash tells users apart as well, which is all that it is for.
            json.WriteString("safety_identifier"u8, user.Length <= MaxIdentifierChars ? user : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(user))));
        }

        if (ServiceTiers.ForOpenAi(conversation.ServiceTier, losses) is { } tier)
        {
            json.WriteString("service_tier"u8, tier);
        }
    }

    private static void WriteSampling(ReadOnlySpan<byte> name, double? value, Utf8JsonWriter json)
    {
        if (value is { } number and not 1)
        {
            json.WriteNumber(name, number);
        }
    }

    private static void WriteReasoning(string? effort, bool isShown, Utf8JsonWriter json)
    {
        if (effort is null && !isShown)
        {
            return;
        }

        json.WriteStartObject("reasoning"u8);
        if (effort is not null)
        {
            json.WriteString("effort"u8, effort);
        }

        if (isShown)
        {
            json.WriteString("summary"u8, "auto"u8);
        }

        json.WriteEndObject();
    }

    private static void WriteText(Conversation conversation, Utf8JsonWriter json)
    {
        if (conversation.Format is null && conversation.Verbosity is null)
        {
            return;
        }

        json.WriteStartObject("text"u8);
        if (conversation.Format is { } format)
        {
            json.WritePropertyName("format"u8);
            WriteFormat(format, json);
        }

        if (conversation.Verbosity is { } verbosity)
        {
            json.WriteString("verbosity"u8, verbosity);
        }

        json.WriteEndObject();
    }

    private static void WriteFormat(OutputFormat format, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        if (format.Schema is { } schema)
        {
            json.WriteString("type"u8, "json_schema"u8);
            json.WriteString("name"u8, ToolNames.Fit(format.Name ?? "answer", MaxIdentifierChars));
            if (format.Description is { } description)
            {
                json.WriteString("description"u8, description);
            }

            json.WritePropertyName("schema"u8);
            ResponsesJson.WriteRaw(json, schema);
            json.WriteBoolean("strict"u8, format.Strict ?? false);
        }
        else
        {
            json.WriteString("type"u8, "json_object"u8);
        }

        json.WriteEndObject();
    }

    private static void WriteInclude(int? logprobs, Utf8JsonWriter json, bool reasons)
    {
        if (logprobs is { } alternatives)
        {
            json.WriteNumber("top_logprobs"u8, alternatives);
        }

        if (!reasons && logprobs is null)
        {
            return;
        }

        json.WriteStartArray("include"u8);
        if (reasons)
        {
            // What is not stored there has to come here, or the next turn could not give it back.
            json.WriteStringValue("reasoning.encrypted_content"u8);
        }

        if (logprobs is not null)
        {
            json.WriteStringValue("message.output_text.logprobs"u8);
        }

        json.WriteEndArray();
    }
}
