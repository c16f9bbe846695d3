using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using CCGate.Contracts;

namespace CCGate.Proxy.Usage;

/// <summary>The <c>usage</c> object of the Messages API.</summary>
internal static class AnthropicUsage
{
    // More than any model reads or writes, or searches: a count beyond it is a fault of the upstream, and must not reach a bill.
    private const long MaxTokens = 100_000_000;
    private const long MaxWebSearches = 10_000;

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
            WebSearches = Child(usage, "server_tool_use") is { } tools ? Count(tools, "web_search_requests", MaxWebSearches) ?? 0 : 0,
            ServiceTier = Text(usage, "service_tier"),
            InferenceGeo = Text(usage, "inference_geo"),
            Speed = Text(usage, "speed"),
            RawUsage = usage,
        };
    }

    /// <summary>The object as it was sent, less the members whose text is not Unicode: no event could be written with them.</summary>
    public static JsonElement Parse(ReadOnlySpan<byte> json)
    {
        var usage = JsonElement.Parse(json);
        if (json.IndexOf("\\u"u8) < 0 && Utf8.IsValid(json))
        {
            return usage;
        }

        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            WriteReadable(writer, usage);
        }

        return JsonElement.Parse(buffer.WrittenSpan);
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

    private static void WriteReadable(Utf8JsonWriter writer, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            value.WriteTo(writer);
            return;
        }

        writer.WriteStartObject();
        foreach (var member in value.EnumerateObject())
        {
            if (Readable(member) is { } name)
            {
                writer.WritePropertyName(name);
                WriteReadable(writer, member.Value);
            }
        }

        writer.WriteEndObject();
    }

    /// <summary>The name of a member that can be written; of an object, that is asked of each of its members.</summary>
    private static string? Readable(JsonProperty member)
    {
        try
        {
            if (member.Value.ValueKind != JsonValueKind.Object)
            {
                using var nowhere = new Utf8JsonWriter(Stream.Null);
                member.Value.WriteTo(nowhere);
            }

            return member.Name;
        }
        catch (Exception unreadable) when (unreadable is InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    private static JsonElement? Child(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    private static string? Text(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    // Relays in languages without whole numbers write 57.0.
    private static long? Count(JsonElement parent, string name, long max = MaxTokens) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var count) && count >= 0 && count <= max
            ? (long)decimal.Ceiling(count)
            : null;
}
