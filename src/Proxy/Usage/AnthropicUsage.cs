using System.Buffers;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Usage;

/// <summary>The <c>usage</c> object of the Messages API.</summary>
internal static class AnthropicUsage
{
    // More than any model reads or writes: a count beyond it is a fault of the upstream, and must not reach a bill.
    private const long MaxTokens = 1_000_000_000;

    /// <summary>What a usage object says in our classes.</summary>
    public static TokenUsage Read(JsonElement usage)
    {
        var written = Count(usage, "cache_creation_input_tokens") ?? 0;
        var (written5m, written1h) = Child(usage, "cache_creation") is { } breakdown
            ? (Count(breakdown, "ephemeral_5m_input_tokens") ?? 0, Count(breakdown, "ephemeral_1h_input_tokens") ?? 0)
            : (0, 0);
        return new TokenUsage
        {
            InputTokens = Count(usage, "input_tokens") ?? 0,
            CacheReadTokens = Count(usage, "cache_read_input_tokens") ?? 0,
            // Five minutes is what a cache write is unless a request says otherwise, so it takes what the breakdown leaves unsaid.
            CacheWrite5mTokens = written5m + Math.Max(0, written - written5m - written1h),
            CacheWrite1hTokens = written1h,
            OutputTokens = Count(usage, "output_tokens") ?? 0,
            ReasoningTokens = Child(usage, "output_tokens_details") is { } details ? Count(details, "thinking_tokens") ?? 0 : 0,
            WebSearches = Child(usage, "server_tool_use") is { } tools ? Count(tools, "web_search_requests") ?? 0 : 0,
            ServiceTier = Text(usage, "service_tier"),
            InferenceGeo = Text(usage, "inference_geo"),
            Speed = Text(usage, "speed"),
            RawUsage = usage,
        };
    }

    /// <summary>Whether the object says how much was generated.</summary>
    public static bool HasOutput(JsonElement usage) => Count(usage, "output_tokens") is not null;

    /// <summary>Values are cumulative, so the later one replaces the earlier, field by field; a null says nothing.</summary>
    public static JsonElement Merge(JsonElement earlier, JsonElement later)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            WriteMerged(writer, earlier, later);
        }

        return JsonElement.Parse(buffer.WrittenSpan);
    }

    private static void WriteMerged(Utf8JsonWriter writer, JsonElement earlier, JsonElement later)
    {
        if (earlier.ValueKind != JsonValueKind.Object || later.ValueKind != JsonValueKind.Object)
        {
            (later.ValueKind == JsonValueKind.Null ? earlier : later).WriteTo(writer);
            return;
        }

        writer.WriteStartObject();
        foreach (var member in earlier.EnumerateObject())
        {
            writer.WritePropertyName(member.Name);
            WriteMerged(writer, member.Value, later.TryGetProperty(member.Name, out var value) ? value : member.Value);
        }

        foreach (var member in later.EnumerateObject())
        {
            if (!earlier.TryGetProperty(member.Name, out _))
            {
                member.WriteTo(writer);
            }
        }

        writer.WriteEndObject();
    }

    private static JsonElement? Child(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    private static string? Text(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static long? Count(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var count) && count is >= 0 and <= MaxTokens
            ? count
            : null;
}
