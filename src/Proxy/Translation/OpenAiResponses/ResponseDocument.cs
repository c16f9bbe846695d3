using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>The response object for a client: the whole answer, or what an event of a stream says of it.</summary>
/// <remarks>
/// <code>
/// {"id":"resp_…","object":"response","created_at":…,"status":"completed","error":null,"incomplete_details":null,"model":…,"output":[items],…,"usage":{…}}
/// </code>
/// Of what was asked it repeats what is cheap: the tools of a coding agent are tens of kilobytes, three times in every stream.
/// </remarks>
internal sealed class ResponseDocument(Conversation conversation, string upstreamId, string model, DateTimeOffset created)
{
    private const int MaxStemChars = 40;
    private readonly string stem = Stem(upstreamId, created);
    private readonly OfferedTools tools = new(conversation);

    public List<OutputItem> Items { get; } = [];

    public TokenUsage? Usage { get; set; }

    /// <summary>Of the item that comes next.</summary>
    public string NextId(string prefix) => $"{prefix}_{stem}_{Items.Count}";

    public CallItem NewCall(string callId, string name)
    {
        var tool = tools.Find(name);
        return new CallItem(NextId(CallItem.Prefix(tool)), callId, name, tool);
    }

    public static (string Status, string? Incomplete) Ending(StopReason stop, bool saidRefusal) => stop switch
    {
        StopReason.MaxTokens or StopReason.ContextWindowExceeded => ("incomplete", "max_output_tokens"),
        StopReason.Refusal when !saidRefusal => ("incomplete", "content_filter"),
        _ => ("completed", null),
    };

    public void Write(Utf8JsonWriter json, string status, string? incomplete = null, Fault? fault = null)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, $"resp_{stem}");
        json.WriteString("object"u8, "response"u8);
        json.WriteNumber("created_at"u8, created.ToUnixTimeSeconds());
        json.WriteString("status"u8, status);
        json.WriteBoolean("background"u8, false);
        WriteTrouble(json, incomplete, fault);
        json.WriteString("model"u8, model.Length > 0 ? model : conversation.Model);
        json.WriteStartArray("output"u8);
        for (var index = 0; index < Items.Count && status != "in_progress"; index++)
        {
            Items[index].Write(json, status == "completed" || index < Items.Count - 1 ? "completed" : "incomplete");
        }

        json.WriteEndArray();
        WriteAsked(json);
        json.WritePropertyName("usage"u8);
        if (Usage is { } usage && status != "in_progress")
        {
            WriteUsage(usage, json);
        }
        else
        {
            json.WriteNullValue();
        }

        json.WriteEndObject();
    }

    private static void WriteTrouble(Utf8JsonWriter json, string? incomplete, Fault? fault)
    {
        json.WritePropertyName("error"u8);
        if (fault is null)
        {
            json.WriteNullValue();
        }
        else
        {
            json.WriteStartObject();
            json.WriteString("code"u8, OpenAiResponsesError.CodeInStream(fault));
            json.WriteString("message"u8, fault.Message);
            json.WriteEndObject();
        }

        json.WritePropertyName("incomplete_details"u8);
        if (incomplete is null)
        {
            json.WriteNullValue();
        }
        else
        {
            json.WriteStartObject();
            json.WriteString("reason"u8, incomplete);
            json.WriteEndObject();
        }
    }

    private void WriteAsked(Utf8JsonWriter json)
    {
        json.WriteNull("instructions"u8);
        json.WriteStartObject("metadata"u8);
        json.WriteEndObject();
        WriteNumber(json, "max_output_tokens", conversation.MaxOutputTokens);
        json.WriteBoolean("parallel_tool_calls"u8, conversation.ParallelToolCalls ?? true);
        json.WriteNull("previous_response_id"u8);
        json.WriteStartObject("reasoning"u8);
        json.WriteString("effort"u8, conversation.Reasoning?.Effort);
        json.WriteString("summary"u8, conversation.Reasoning?.Shown == true ? "auto" : null);
        json.WriteEndObject();
        json.WriteString("service_tier"u8, Usage?.ServiceTier is "flex" or "scale" or "priority" ? Usage.ServiceTier : "default");
        json.WriteBoolean("store"u8, false);
        WriteNumber(json, "temperature", conversation.Temperature ?? 1);
        json.WriteString("tool_choice"u8, conversation.ToolChoice switch { ToolChoice.None => "none"u8, ToolChoice.Auto => "auto"u8, _ => "required"u8 });
        json.WriteStartArray("tools"u8);
        json.WriteEndArray();
        WriteNumber(json, "top_p", conversation.TopP ?? 1);
        json.WriteString("truncation"u8, "disabled"u8);
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static void WriteUsage(TokenUsage usage, Utf8JsonWriter json)
    {
        var written = usage.CacheWrite5mTokens + usage.CacheWrite1hTokens;
        var input = usage.InputTokens + usage.CacheReadTokens + written;
        json.WriteStartObject();
        json.WriteNumber("input_tokens"u8, input);
        json.WriteStartObject("input_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, usage.CacheReadTokens);
        json.WriteNumber("cache_write_tokens"u8, written);
        json.WriteEndObject();
        json.WriteNumber("output_tokens"u8, usage.OutputTokens);
        json.WriteStartObject("output_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, usage.ReasoningTokens);
        json.WriteEndObject();
        json.WriteNumber("total_tokens"u8, input + usage.OutputTokens);
        json.WriteEndObject();
    }

    /// <summary>What all ids of the answer have in common.</summary>
    private static string Stem(string upstreamId, DateTimeOffset created)
    {
        var name = upstreamId.StartsWith("resp_", StringComparison.Ordinal) ? upstreamId[5..] : upstreamId;
        return name.Length > 0 ? ToolNames.Fit(name, MaxStemChars) : Guid.CreateVersion7(created).ToString("N");
    }
}
