using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;

namespace CCGate.Proxy.Usage;

/// <summary>How the usage objects of all protocols are kept, merged and counted.</summary>
internal static class UsageJson
{
    // Tool input is the model's own JSON, of any depth; it must not hide the usage behind it.
    public static readonly JsonReaderOptions Syntax = new() { MaxDepth = 1024 };

    // More than any model reads or writes, or searches: a count beyond it is a fault of the upstream, and must not reach a bill.
    public const long MaxWebSearches = 10_000;
    private const long MaxTokens = 100_000_000;

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

    /// <summary>Values are cumulative, so the later one replaces the earlier, field by field; a null says nothing.</summary>
    public static JsonElement Merge(JsonElement? earlier, JsonElement later)
    {
        if (earlier is not { } said)
        {
            return later;
        }

        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            WriteMerged(writer, said, later);
        }

        return JsonElement.Parse(buffer.WrittenSpan);
    }

    public static JsonElement? Child(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    public static string? Text(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    // Relays in languages without whole numbers write 57.0.
    public static long? Count(JsonElement? parent, string name, long max = MaxTokens) =>
        parent is { } holder && holder.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
        && value.TryGetDecimal(out var count) && count >= 0 && count <= max
            ? (long)decimal.Ceiling(count)
            : null;

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
}
