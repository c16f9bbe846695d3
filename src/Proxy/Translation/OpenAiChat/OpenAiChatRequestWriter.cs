using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Writes a request for an upstream of chat completions; drawn in <see cref="OpenAiChatRequestReader"/>.</summary>
internal sealed class OpenAiChatRequestWriter(Conversation conversation, Utf8JsonWriter json, Losses losses)
{
    /// <summary>https://platform.openai.com/docs/api-reference/chat/create#chat_create-tools</summary>
    public const int LongestToolName = 64;

    // api.openai.com refuses a longer user.
    private const int LongestUser = 64;
    private readonly OpenAiModel model = OpenAiModel.Of(conversation.Model);

    public void Write()
    {
        json.WriteStartObject();
        json.WriteString("model"u8, conversation.Model);
        new OpenAiChatMessageWriter(conversation, json).Write();
        if (conversation.Streaming)
        {
            json.WriteBoolean("stream"u8, true);
            json.WriteStartObject("stream_options"u8);
            json.WriteBoolean("include_usage"u8, true);
            json.WriteEndObject();
        }

        if (conversation.MaxOutputTokens is { } limit)
        {
            json.WriteNumber(model.IsLate ? "max_completion_tokens"u8 : "max_tokens"u8, limit);
        }

        var effort = Effort();
        WriteSampling(effort);
        WriteTools();
        if (effort is not null)
        {
            json.WriteString("reasoning_effort"u8, effort);
        }

        WriteFormat();
        WriteRest();
        json.WriteEndObject();
    }

    private void WriteSampling(string? effort)
    {
        var isFree = model.TakesSampling(conversation, effort, losses);
        WriteNumber("temperature"u8, isFree ? conversation.Temperature : null);
        WriteNumber("top_p"u8, isFree ? conversation.TopP : null);
        WritePenalty("frequency_penalty", conversation.FrequencyPenalty);
        WritePenalty("presence_penalty", conversation.PresencePenalty);
        if (conversation.Seed is { } seed)
        {
            json.WriteNumber("seed"u8, seed);
        }

        if (conversation.HasCacheMarkers)
        {
            losses.Drop("cache_control");
        }

        if (conversation.TopK is not null)
        {
            losses.Drop("top_k");
        }

        WriteStop();
        if (isFree && conversation.Logprobs is { } alternatives)
        {
            json.WriteBoolean("logprobs"u8, true);
            json.WriteNumber("top_logprobs"u8, alternatives);
        }
    }

    private void WriteStop()
    {
        if (conversation.StopSequences.Count == 0)
        {
            return;
        }

        if (!model.TakesStop)
        {
            throw Losses.Refuse("stop", $"{conversation.Model} takes no stop sequences");
        }

        json.WriteStartArray("stop"u8);
        foreach (var stop in conversation.StopSequences)
        {
            json.WriteStringValue(stop);
        }

        json.WriteEndArray();
    }

    private void WritePenalty(string name, double? value)
    {
        if (value is { } penalty)
        {
            if (!model.HasFixedSampling)
            {
                json.WriteNumber(name, penalty);
            }

            DropUnless(!model.HasFixedSampling || penalty is 0, name);
        }
    }

    private void WriteNumber(ReadOnlySpan<byte> name, double? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
    }

    private void WriteTools()
    {
        // A choice without tools is refused.
        if (conversation.Tools.Count == 0)
        {
            return;
        }

        json.WriteStartArray("tools"u8);
        foreach (var tool in conversation.Tools)
        {
            WriteTool(tool);
        }

        json.WriteEndArray();
        WriteChoice();
        if (conversation.ParallelToolCalls is { } parallel)
        {
            json.WriteBoolean("parallel_tool_calls"u8, parallel);
        }
    }

    private void WriteTool(Tool tool)
    {
        var type = tool.IsFreeForm && model.HasFreeFormTools ? "custom" : "function";
        json.WriteStartObject();
        json.WriteString("type"u8, type);
        json.WriteStartObject(type);
        json.WriteString("name"u8, ToolNames.Fit(tool.Name, LongestToolName));
        if (tool.Description is { } description)
        {
            json.WriteString("description"u8, description);
        }

        if (tool.Schema is { } schema && !tool.IsFreeForm)
        {
            WriteRaw("parameters"u8, schema);
        }
        else if (tool.IsFreeForm && type == "function")
        {
            json.WritePropertyName("parameters"u8);
            json.WriteRawValue("""{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}"""u8);
        }

        if (tool.Strict is { } strict)
        {
            json.WriteBoolean("strict"u8, strict);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteChoice()
    {
        if (conversation.ToolChoice != ToolChoice.One || conversation.ChosenTool is not { } name)
        {
            if (conversation.ToolChoice is ToolChoice.None or ToolChoice.Any)
            {
                json.WriteString("tool_choice"u8, conversation.ToolChoice == ToolChoice.None ? "none"u8 : "required"u8);
            }

            return;
        }

        var type = conversation.IsFreeForm(name) && model.HasFreeFormTools ? "custom" : "function";
        json.WriteStartObject("tool_choice"u8);
        json.WriteString("type"u8, type);
        json.WriteStartObject(type);
        json.WriteString("name"u8, ToolNames.Fit(name, LongestToolName));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private string? Effort()
    {
        if (!model.ReasonsOnlyWithoutTools || conversation.Tools.Count == 0)
        {
            return model.EffortFor(conversation.Reasoning, losses);
        }

        DropUnless(conversation.Reasoning?.ToEffort() is null or "none", "thinking");
        return "none";
    }

    private void WriteFormat()
    {
        if (conversation.Format is not { } format)
        {
            return;
        }

        json.WriteStartObject("response_format"u8);
        json.WriteString("type"u8, format.Schema is null ? "json_object"u8 : "json_schema"u8);
        if (format.Schema is { } schema)
        {
            json.WriteStartObject("json_schema"u8);
            json.WriteString("name"u8, ToolNames.Fit(format.Name ?? "answer", LongestToolName));
            if (format.Description is { } description)
            {
                json.WriteString("description"u8, description);
            }

            WriteRaw("schema"u8, schema);
            if (format.Strict is { } strict)
            {
                json.WriteBoolean("strict"u8, strict);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private void WriteRest()
    {
        if (conversation.Verbosity is { } verbosity)
        {
            DropUnless(model.HasVerbosity, "verbosity");
            if (model.HasVerbosity)
            {
                json.WriteString("verbosity"u8, verbosity);
            }
        }

        if (conversation.User is { } user)
        {
            json.WriteString("user"u8, user.Length <= LongestUser ? user : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(user))));
        }

        if (ServiceTiers.ForOpenAi(conversation.ServiceTier, losses) is { } tier)
        {
            json.WriteString("service_tier"u8, tier);
        }
    }

    private void WriteRaw(ReadOnlySpan<byte> name, JsonElement value)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(JsonMarshal.GetRawUtf8Value(value), skipInputValidation: true);
    }

    private void DropUnless(bool isCarried, string field)
    {
        if (!isCarried)
        {
            losses.Drop(field);
        }
    }
}
