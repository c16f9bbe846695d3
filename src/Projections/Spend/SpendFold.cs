using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Storage;

namespace CCGate.Projections.Spend;

/// <summary>Reads of a completed request what the spend table needs, straight from its UTF-8: a fifth of what it costs to make objects of it.</summary>
/// <remarks>It takes only what is written as this gateway writes it, and declines the rest, of which <see cref="SpendRows"/> then makes what it is.</remarks>
internal sealed class SpendFold
{
    private const int MostNames = 100_000;

    private readonly Dictionary<byte[], string> names = new(new Utf8Comparer());
    private readonly Dictionary<byte[], string>.AlternateLookup<ReadOnlySpan<byte>> known;
    private Part[] parts = new Part[4];

    public SpendFold() => known = names.GetAlternateLookup<ReadOnlySpan<byte>>();

    public SpendRows Rows { get; } = new();

    /// <summary>False when it is not written in the ordinary way; then nothing was added.</summary>
    public bool TryAdd(ReadOnlySpan<byte> json)
    {
        try
        {
            var request = new Request();
            var reader = new Utf8JsonReader(json);
            Read(ref reader, ref request);
            Add(request);
            return true;
        }
        catch (Exception odd) when (odd is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            return false;
        }
    }

    private void Read(ref Utf8JsonReader reader, ref Request request)
    {
        Expect(reader.Read() && reader.TokenType == JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            Expect(!reader.ValueIsEscaped);
            var name = reader.ValueSpan;
            switch (name.Length)
            {
                case 5 when name.SequenceEqual("KeyId"u8):
                    request.Key = Name(ref reader);
                    break;
                case 7 when name.SequenceEqual("Outcome"u8):
                    request.Failed = ReadFailed(ref reader);
                    break;
                case 8 when name.SequenceEqual("TenantId"u8):
                    request.Tenant = Name(ref reader);
                    break;
                case 8 when name.SequenceEqual("Attempts"u8):
                    request.Attempts = ReadAttempts(ref reader);
                    break;
                case 10 when name.SequenceEqual("AdmittedAt"u8):
                    request.AdmittedAt = ReadInstant(ref reader);
                    break;
                case 11 when name.SequenceEqual("CompletedAt"u8):
                    request.CompletedAt = ReadInstant(ref reader);
                    break;
                case 12 when name.SequenceEqual("UnsettledUsd"u8):
                    request.UnsettledPico = ReadPico(ref reader);
                    break;
                case 14 when name.SequenceEqual("RequestedModel"u8):
                    request.Model = Name(ref reader);
                    break;
                case 15 when name.SequenceEqual("UnsettledTokens"u8):
                    request.UnsettledTokens = ReadCount(ref reader);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        Expect(reader.TokenType == JsonTokenType.EndObject && !reader.Read());
    }

    private int ReadAttempts(ref Utf8JsonReader reader)
    {
        reader.Read();
        Expect(reader.TokenType == JsonTokenType.StartArray);
        var count = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            if (count == parts.Length)
            {
                Array.Resize(ref parts, count * 2);
            }

            parts[count] = default;
            ReadAttempt(ref reader, ref parts[count++]);
        }

        Expect(reader.TokenType == JsonTokenType.EndArray);
        return count;
    }

    private void ReadAttempt(ref Utf8JsonReader reader, ref Part part)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            Expect(!reader.ValueIsEscaped);
            var name = reader.ValueSpan;
            switch (name.Length)
            {
                case 5 when name.SequenceEqual("Usage"u8):
                    ReadUsage(ref reader, ref part);
                    break;
                case 8 when name.SequenceEqual("SpendUsd"u8):
                    part.Pico = ReadPico(ref reader);
                    break;
                case 10 when name.SequenceEqual("UpstreamId"u8):
                    part.Upstream = Name(ref reader);
                    break;
                case 13 when name.SequenceEqual("ProviderModel"u8):
                    part.Model = Name(ref reader);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        Expect(reader.TokenType == JsonTokenType.EndObject);
    }

    private static void ReadUsage(ref Utf8JsonReader reader, ref Part part)
    {
        reader.Read();
        Expect(reader.TokenType == JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            Expect(!reader.ValueIsEscaped);
            var name = reader.ValueSpan;
            switch (name.Length)
            {
                case 11 when name.SequenceEqual("InputTokens"u8):
                    part.Input = ReadCount(ref reader);
                    break;
                case 11 when name.SequenceEqual("WebSearches"u8):
                    part.WebSearches = ReadCount(ref reader);
                    break;
                case 12 when name.SequenceEqual("OutputTokens"u8):
                    part.Output = ReadCount(ref reader);
                    break;
                case 15 when name.SequenceEqual("CacheReadTokens"u8):
                    part.CacheRead = ReadCount(ref reader);
                    break;
                case 15 when name.SequenceEqual("ReasoningTokens"u8):
                    part.Reasoning = ReadCount(ref reader);
                    break;
                case 18 when name.SequenceEqual("CacheWrite5mTokens"u8):
                    part.CacheWrite5m = ReadCount(ref reader);
                    break;
                case 18 when name.SequenceEqual("CacheWrite1hTokens"u8):
                    part.CacheWrite1h = ReadCount(ref reader);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        Expect(reader.TokenType == JsonTokenType.EndObject);
    }

    private void Add(in Request request)
    {
        Expect(request is { AdmittedAt: { } _, CompletedAt: { } _ });
        var bucket = QuarterHour.Of(request.AdmittedAt!.Value);
        var duration = (request.CompletedAt!.Value - request.AdmittedAt.Value).Ticks / TimeSpan.TicksPerMillisecond;
        var last = request.Attempts == 0 ? Rows.Row(new SpendKey(bucket, request.Tenant ?? "", request.Key ?? "", request.Model ?? "", "")) : null;
        for (var i = 0; i < request.Attempts; i++)
        {
            ref readonly var part = ref parts[i];
            last = Rows.Row(new SpendKey(bucket, request.Tenant ?? "", request.Key ?? "", part.Model ?? "", part.Upstream ?? ""));
            last.AddUsage(part.Input, part.CacheRead, part.CacheWrite5m, part.CacheWrite1h, part.Output, part.Reasoning, part.WebSearches, part.Pico);
        }

        last!.AddRequest(1, request.Failed ? 1 : 0, duration, request.UnsettledPico, request.UnsettledTokens);
    }

    private string? Name(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        if (reader.ValueIsEscaped)
        {
            return reader.GetString();
        }

        Expect(reader.TokenType == JsonTokenType.String);
        if (!known.TryGetValue(reader.ValueSpan, out var name))
        {
            // Clients choose the names of models, so there may be any number of them.
            if (names.Count >= MostNames)
            {
                names.Clear();
            }

            name = Encoding.UTF8.GetString(reader.ValueSpan);
            known[reader.ValueSpan] = name;
        }

        return name;
    }

    private static bool ReadFailed(ref Utf8JsonReader reader)
    {
        reader.Read();
        Expect(reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped);
        if (reader.ValueSpan.SequenceEqual("Succeeded"u8))
        {
            return false;
        }

        Expect(reader.ValueSpan.SequenceEqual("Failed"u8) || reader.ValueSpan.SequenceEqual("ClientAborted"u8)
            || reader.ValueSpan.SequenceEqual("UpstreamTruncated"u8) || reader.ValueSpan.SequenceEqual("Interrupted"u8));
        return true;
    }

    private static DateTimeOffset ReadInstant(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.GetDateTimeOffset();
    }

    private static long ReadCount(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.GetInt64();
    }

    /// <summary>Without an exponent and with up to 12 decimals it is a whole number of picodollars already, but for the point.</summary>
    private static long ReadPico(ref Utf8JsonReader reader)
    {
        reader.Read();
        Expect(reader.TokenType == JsonTokenType.Number);
        var text = reader.ValueSpan;
        var point = text.IndexOf((byte)'.');
        var decimals = point < 0 ? 0 : text.Length - point - 1;
        if (text.Length > 17 || decimals > 12 || text[0] == '-' || text.IndexOfAny((byte)'e', (byte)'E') >= 0)
        {
            return Picodollars.FromUsd(reader.GetDecimal());
        }

        Expect(Utf8Parser.TryParse(point < 0 ? text : text[..point], out long whole, out _));
        var fraction = 0L;
        Expect(decimals == 0 || Utf8Parser.TryParse(text[(point + 1)..], out fraction, out _));
        for (; decimals < 12; decimals++)
        {
            fraction *= 10;
        }

        return checked((whole * Picodollars.PerUsd) + fraction);
    }

    private static void Expect(bool ordinary)
    {
        if (!ordinary)
        {
            throw new FormatException("Not written as this gateway writes it.");
        }
    }

    private struct Request
    {
        public string? Tenant;
        public string? Key;
        public string? Model;
        public bool Failed;
        public int Attempts;
        public DateTimeOffset? AdmittedAt;
        public DateTimeOffset? CompletedAt;
        public long UnsettledPico;
        public long UnsettledTokens;
    }

    private struct Part
    {
        public string? Model;
        public string? Upstream;
        public long Input;
        public long CacheRead;
        public long CacheWrite5m;
        public long CacheWrite1h;
        public long Output;
        public long Reasoning;
        public long WebSearches;
        public long Pico;
    }

    private sealed class Utf8Comparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public bool Equals(byte[]? left, byte[]? right) => left.AsSpan().SequenceEqual(right);

        public int GetHashCode(byte[] name) => GetHashCode((ReadOnlySpan<byte>)name);

        public bool Equals(ReadOnlySpan<byte> left, byte[] right) => left.SequenceEqual(right);

        public int GetHashCode(ReadOnlySpan<byte> name)
        {
            var hash = 2166136261u; // FNV-1a: the names are short, and come from events that were let in.
            foreach (var unit in name)
            {
                hash = (hash ^ unit) * 16777619u;
            }

            return (int)hash;
        }

        public byte[] Create(ReadOnlySpan<byte> name) => name.ToArray();
    }
}
