using System.Text.Json;
using CCGate.Contracts;
using CCGate.Proxy.Usage;
using static CCGate.Proxy.Translation.Anthropic.AnthropicRequest;

namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>Reads and writes answers of the Messages API that are not streamed.</summary>
/// <remarks>
/// <code>
/// { "id":"msg_…", "type":"message", "role":"assistant", "model", "content":[block, …],
///   "stop_reason":"end_turn|max_tokens|stop_sequence|tool_use|pause_turn|refusal|model_context_window_exceeded", "stop_sequence",
///   "usage":{"input_tokens" (uncached only),"cache_creation_input_tokens","cache_read_input_tokens","output_tokens"} }
/// </code>
/// </remarks>
internal static class AnthropicAnswer
{
    public static Answer Read(JsonElement body)
    {
        try
        {
            if (body.ValueKind != JsonValueKind.Object || !body.TryGetProperty("content", out var content) || content.ValueKind != JsonValueKind.Array)
            {
                throw new UnreadableAnswerException("The upstream's answer is not a message.");
            }

            var answer = new Answer(Text(body, "id") ?? "", Text(body, "model") ?? "") { StopSequence = Text(body, "stop_sequence") };
            foreach (var block in content.EnumerateArray())
            {
                if (block.ValueKind == JsonValueKind.Object && ReadBlock(block) is { } part)
                {
                    answer.Parts.Add(part);
                }
            }

            answer.Stop = ReadStop(Text(body, "stop_reason"));
            answer.Usage = UsageJson.Child(body, "usage") is { } usage ? ReadUsage(usage) : new TokenUsage();
            return answer;
        }
        catch (Exception error) when (IsUnreadable(error))
        {
            throw new UnreadableAnswerException(error.Message);
        }
    }

    public static void Write(Answer answer, Conversation conversation, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        WriteHead(answer.Id, answer.Model, json);
        json.WriteStartArray("content"u8);
        foreach (var part in answer.Parts)
        {
            WriteBlock(part, conversation, json);
        }

        json.WriteEndArray();
        WriteStop(answer.Stop, answer.StopSequence, json);
        json.WritePropertyName("usage"u8);
        WriteUsage(answer.Usage, json);
        json.WriteEndObject();
    }

    public static void WriteHead(string id, string model, Utf8JsonWriter json)
    {
        json.WriteString("id"u8, id.StartsWith("msg_", StringComparison.Ordinal) ? id : $"msg_{id}");
        json.WriteString("type"u8, "message"u8);
        json.WriteString("role"u8, "assistant"u8);
        json.WriteString("model"u8, model);
    }

    public static void WriteStop(StopReason stop, string? sequence, Utf8JsonWriter json)
    {
        json.WriteString("stop_reason"u8, stop switch
        {
            StopReason.MaxTokens => "max_tokens"u8,
            StopReason.StopSequence => "stop_sequence"u8,
            StopReason.ToolUse => "tool_use"u8,
            StopReason.Refusal => "refusal"u8,
            StopReason.PauseTurn => "pause_turn"u8,
            StopReason.ContextWindowExceeded => "model_context_window_exceeded"u8,
            _ => "end_turn"u8,
        });
        json.WriteString("stop_sequence"u8, sequence);
    }

    public static StopReason ReadStop(string? reason) => reason switch
    {
        "max_tokens" => StopReason.MaxTokens,
        "stop_sequence" => StopReason.StopSequence,
        "tool_use" => StopReason.ToolUse,
        "refusal" => StopReason.Refusal,
        "pause_turn" => StopReason.PauseTurn,
        "model_context_window_exceeded" => StopReason.ContextWindowExceeded,
        _ => StopReason.EndTurn,
    };

    public static TokenUsage ReadUsage(JsonElement usage) => AnthropicUsage.Read(usage) with { RawUsage = null };

    public static void WriteUsage(TokenUsage usage, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("input_tokens"u8, usage.InputTokens);
        json.WriteNumber("cache_creation_input_tokens"u8, usage.CacheWrite5mTokens + usage.CacheWrite1hTokens);
        json.WriteNumber("cache_read_input_tokens"u8, usage.CacheReadTokens);
        json.WriteStartObject("cache_creation"u8);
        json.WriteNumber("ephemeral_5m_input_tokens"u8, usage.CacheWrite5mTokens);
        json.WriteNumber("ephemeral_1h_input_tokens"u8, usage.CacheWrite1hTokens);
        json.WriteEndObject();
        json.WriteNumber("output_tokens"u8, usage.OutputTokens);
        if (usage.ReasoningTokens > 0)
        {
            json.WriteStartObject("output_tokens_details"u8);
            json.WriteNumber("thinking_tokens"u8, usage.ReasoningTokens);
            json.WriteEndObject();
        }

        if (usage.WebSearches > 0)
        {
            json.WriteStartObject("server_tool_use"u8);
            json.WriteNumber("web_search_requests"u8, usage.WebSearches);
            json.WriteNumber("web_fetch_requests"u8, 0);
            json.WriteEndObject();
        }

        json.WriteString("service_tier"u8, usage.ServiceTier is "standard" or "priority" or "batch" ? usage.ServiceTier : null);
        json.WriteEndObject();
    }

    public static void WriteCitation(Citation citation, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "web_search_result_location"u8);
        json.WriteString("url"u8, citation.Url);
        json.WriteString("title"u8, citation.Title);
        json.WriteString("cited_text"u8, citation.CitedText ?? "");
        json.WriteString("encrypted_index"u8, ""u8);
        json.WriteEndObject();
    }

    /// <summary>What a reader of hostile bytes may meet.</summary>
    public static bool IsUnreadable(Exception error) => error is JsonException or InvalidOperationException or FormatException or ArgumentException or OverflowException;

    /// <summary>Null for what the provider's own tools said.</summary>
    private static Part? ReadBlock(JsonElement block) => Text(block, "type") switch
    {
        "text" => new TextPart(Text(block, "text") ?? "") { Citations = AnthropicBlocks.ReadCitations(block) },
        "thinking" => new ThinkingPart(Text(block, "thinking") ?? "", Text(block, "signature") is { Length: > 0 } signature ? Signatures.Mark(AnthropicBlocks.Maker, signature) : null),
        "redacted_thinking" => new ThinkingPart("", Signatures.Mark(AnthropicBlocks.Maker, Text(block, "data") ?? "")) { IsRedacted = true },
        "tool_use" => new ToolCallPart(Text(block, "id") ?? "", Text(block, "name") ?? "", block.TryGetProperty("input", out var input) && input.ValueKind == JsonValueKind.Object ? input.GetRawText() : "{}"),
        _ => null,
    };

    private static void WriteBlock(Part part, Conversation conversation, Utf8JsonWriter json)
    {
        switch (part)
        {
            case TextPart text:
                WriteText(text.Text, text.Citations, json);
                break;
            case RefusalPart refusal:
                WriteText(refusal.Text, [], json);
                break;
            case ThinkingPart { IsRedacted: true, Signature: { } data }:
                WriteRedacted(Signatures.ForClient(AnthropicBlocks.Maker, data), json);
                break;
            case ThinkingPart thought:
                WriteThinking(thought, conversation.Reasoning?.Shown != false, json);
                break;
            case ToolCallPart call:
                if (call.Signature is not null)
                {
                    WriteRedacted(SignatureOfCall(call.Signature), json);
                }

                WriteCall(call, json);
                break;
        }
    }

    /// <summary>See the remarks of <see cref="AnthropicBlocks"/>.</summary>
    public static string SignatureOfCall(string signature) => $"{Signatures.Prefix}{AnthropicBlocks.OfCall}.{signature}";

    public static void WriteRedacted(string data, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "redacted_thinking"u8);
        json.WriteString("data"u8, data);
        json.WriteEndObject();
    }

    private static void WriteText(string text, IReadOnlyList<Citation> citations, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "text"u8);
        json.WriteString("text"u8, text);
        if (citations.Count > 0)
        {
            json.WriteStartArray("citations"u8);
            foreach (var citation in citations)
            {
                WriteCitation(citation, json);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteThinking(ThinkingPart thought, bool shown, Utf8JsonWriter json)
    {
        if (!shown && thought.Signature is null)
        {
            return;
        }

        json.WriteStartObject();
        json.WriteString("type"u8, "thinking"u8);
        json.WriteString("thinking"u8, shown ? thought.Text : "");
        json.WriteString("signature"u8, thought.Signature is { } signature ? Signatures.ForClient(AnthropicBlocks.Maker, signature) : AnthropicBlocks.Unsigned);
        json.WriteEndObject();
    }

    private static void WriteCall(ToolCallPart call, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "tool_use"u8);
        json.WriteString("id"u8, call.Id);
        json.WriteString("name"u8, call.Name);
        json.WritePropertyName("input"u8);
        AnthropicParts.WriteArguments(call.Arguments, json);
        json.WriteEndObject();
    }
}
