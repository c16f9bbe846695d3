using System.Buffers.Text;
using System.Text;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;

namespace CCGate.Projections.Spend;

/// <summary>Attempts, member by member: a column holds one member of all of them, as UTF-8 text, empty where it is missing.</summary>
internal sealed class SpendSlice(byte[][] columns)
{
    /// <summary>No text in the ledger has it, or its slice is not taken for one.</summary>
    public const byte Separator = 0x1e;

    /// <summary>The columns' number and order.</summary>
    public enum Member
    {
        Tenant,
        Key,
        Model,
        Upstream,

        /// <summary><c>last</c> in a request, or <c>odd</c> when it is no attempt.</summary>
        Place,
        AdmittedAt,
        CompletedAt,
        Outcome,
        UnsettledUsd,
        UnsettledTokens,
        SpendUsd,
        InputTokens,
        CacheReadTokens,
        CacheWrite5mTokens,
        CacheWrite1hTokens,
        OutputTokens,
        ReasoningTokens,
        WebSearches,
    }

    /// <summary>Where the next value of each column starts.</summary>
    private readonly int[] starts = new int[columns.Length];

    /// <summary>False, having added some of it or nothing, when something is not written as this gateway writes it.</summary>
    public bool TryAddTo(NamedSpendRows rows, long count)
    {
        while (count-- > 0)
        {
            if (!TryAddNext(rows))
            {
                return false;
            }
        }

        // A separator within a text makes a value more.
        return Array.TrueForAll(Enum.GetValues<Member>(), member => starts[(int)member] == columns[(int)member].Length + 1);
    }

    private bool TryAddNext(NamedSpendRows rows)
    {
        var named = rows.Of(Next(Member.Tenant), Next(Member.Key), Next(Member.Model), Next(Member.Upstream));
        var place = Next(Member.Place);
        Span<long> usage = stackalloc long[(int)Member.WebSearches - (int)Member.InputTokens + 1];
        if (place.SequenceEqual("odd"u8) || !TryTicks(Next(Member.AdmittedAt), out var admitted) || !TryTicks(Next(Member.CompletedAt), out var completed)
            || !TryFailed(Next(Member.Outcome), out var failed) || !TryAmount(Next(Member.UnsettledUsd), out var unsettled)
            || !TryNumber(Next(Member.UnsettledTokens), out var unsettledTokens) || !TryAmount(Next(Member.SpendUsd), out var spent) || !TryUsage(usage))
        {
            return false;
        }

        var row = named.At(Instant.ToMicroseconds(new DateTimeOffset(admitted - (admitted % WindowClock.QuarterHour.Ticks), TimeSpan.Zero)));
        row.AddUsage(usage[0], usage[1], usage[2], usage[3], usage[4], usage[5], usage[6], spent);
        if (place.SequenceEqual("last"u8))
        {
            row.AddRequest(1, failed ? 1 : 0, (completed - admitted) / TimeSpan.TicksPerMillisecond, unsettled, unsettledTokens);
        }

        return true;
    }

    /// <summary>The next value of a column; empty when it has no more.</summary>
    private ReadOnlySpan<byte> Next(Member member)
    {
        ref var start = ref starts[(int)member];
        var column = columns[(int)member];
        var rest = start < column.Length ? column.AsSpan(start) : default;
        var length = rest.IndexOf(Separator);
        var value = length < 0 ? rest : rest[..length];
        start += value.Length + 1;
        return value;
    }

    private bool TryUsage(Span<long> usage)
    {
        for (var i = 0; i < usage.Length; i++)
        {
            if (!TryNumber(Next(Member.InputTokens + i), out usage[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, out long number)
    {
        number = 0;
        return text.IsEmpty || (Utf8Parser.TryParse(text, out number, out var length) && length == text.Length);
    }

    /// <summary>In picodollars; false when it is no whole number of them.</summary>
    private static bool TryAmount(ReadOnlySpan<byte> text, out long picodollars)
    {
        picodollars = 0;
        if (text.IsEmpty)
        {
            return true;
        }

        if (!Utf8Parser.TryParse(text, out decimal usd, out var length) || length != text.Length || Math.Abs(usd) >= long.MaxValue / Picodollars.PerUsd)
        {
            return false;
        }

        var pico = usd * Picodollars.PerUsd;
        picodollars = decimal.ToInt64(pico);
        return pico == picodollars;
    }

    private static bool TryFailed(ReadOnlySpan<byte> outcome, out bool failed)
    {
        failed = !outcome.IsEmpty && !outcome.SequenceEqual("Succeeded"u8);
        return !failed || outcome.SequenceEqual("Failed"u8) || outcome.SequenceEqual("ClientAborted"u8) || outcome.SequenceEqual("UpstreamTruncated"u8)
            || outcome.SequenceEqual("Interrupted"u8);
    }

    /// <summary>Such as <c>2026-11-21T10:14:59.1234567+00:00</c>, with or without a fraction; false for anything else.</summary>
    private static bool TryTicks(ReadOnlySpan<byte> text, out long ticks)
    {
        ticks = 0;
        if (text.Length is < 25 or > 33 || !text.EndsWith("+00:00"u8))
        {
            return false;
        }

        // The round-trip form wants all seven digits.
        Span<byte> whole = stackalloc byte[33];
        "0000-00-00T00:00:00.0000000+00:00"u8.CopyTo(whole);
        text[..^6].CopyTo(whole);
        if (!Utf8Parser.TryParse(whole, out DateTimeOffset instant, out var length, 'O') || length != whole.Length)
        {
            return false;
        }

        ticks = instant.UtcTicks;
        return true;
    }
}

/// <summary>Rows of the spend table, found by their names as they were sent.</summary>
internal sealed class NamedSpendRows
{
    private readonly Dictionary<byte[], NamedRow> named = new(ByteComparer.Instance);
    private byte[] scratch = new byte[256];

    public SpendRows Rows { get; } = new();

    public NamedRow Of(ReadOnlySpan<byte> tenant, ReadOnlySpan<byte> key, ReadOnlySpan<byte> model, ReadOnlySpan<byte> upstream)
    {
        var length = tenant.Length + key.Length + model.Length + upstream.Length + 3;
        if (length > scratch.Length)
        {
            scratch = new byte[length * 2];
        }

        var names = scratch.AsSpan(0, length);
        tenant.CopyTo(names);
        var rest = Append(names[tenant.Length..], key);
        rest = Append(rest, model);
        Append(rest, upstream);

        var lookup = named.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (!lookup.TryGetValue(names, out var row))
        {
            static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
            lookup[names] = row = new NamedRow(Rows, new SpendKey(0, Text(tenant), Text(key), Text(model), Text(upstream)));
        }

        return row;
    }

    private static Span<byte> Append(Span<byte> to, ReadOnlySpan<byte> name)
    {
        to[0] = SpendSlice.Separator;
        name.CopyTo(to[1..]);
        return to[(name.Length + 1)..];
    }

    /// <summary>The rows of one tenant, key, model and upstream.</summary>
    internal sealed class NamedRow(SpendRows rows, SpendKey key)
    {
        private SpendAmounts? last;

        /// <summary>Events come in the order of time, or nearly.</summary>
        public SpendAmounts At(long bucket) => last?.Key.BucketStart == bucket ? last : last = rows.Row(key with { BucketStart = bucket });
    }

    private sealed class ByteComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly ByteComparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
