using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using Npgsql;

namespace CCGate.Projections.Spend;

/// <summary>Adds up a range of the ledger from the members that matter: turning the whole of PostgreSQL's jsonb back into text would cost it twice as much.</summary>
internal sealed class PostgresSpendRange(PostgresDatabase database, IEventStore store)
{
    private const int BatchSize = 1000;

    /// <summary>
    /// A row for each attempt, and one for a request that has none. <c>#&gt; '{}'</c> with the fence (<c>offset 0</c>) unpacks the stored document once instead
    /// of once for each member.
    /// </summary>
    private const string Sql = """
        copy (
          with event as (
            select data #> '{}' as data from metering.mt_events where seq_id > $after and seq_id <= $upTo and type = 'request_completed' offset 0
          ), request as (
            select data, data -> 'Attempts' as attempts, coalesce(jsonb_array_length(data -> 'Attempts'), 0) as count from event offset 0
          ), part as (
            select data, attempts, count, generate_series(0, greatest(count, 1) - 1) as n from request
          ), attempt as (
            select data, count, n, attempts -> n as attempt, attempts -> n -> 'Usage' as usage from part offset 0
          )
          select data ->> 'TenantId', data ->> 'KeyId', data ->> 'RequestedModel', data ->> 'AdmittedAt', data ->> 'CompletedAt', data ->> 'Outcome',
            (data -> 'UnsettledUsd')::numeric, (data -> 'UnsettledTokens')::bigint, count, n, attempt ->> 'ProviderModel', attempt ->> 'UpstreamId', (attempt -> 'SpendUsd')::numeric,
            (usage -> 'InputTokens')::bigint, (usage -> 'CacheReadTokens')::bigint, (usage -> 'CacheWrite5mTokens')::bigint, (usage -> 'CacheWrite1hTokens')::bigint,
            (usage -> 'OutputTokens')::bigint, (usage -> 'ReasoningTokens')::bigint, (usage -> 'WebSearches')::bigint, jsonb_typeof(attempt)
          from attempt
        ) to stdout (format binary)
        """;

    public async Task<SpendRows> ReadAsync(long after, long upTo, CancellationToken cancellationToken)
    {
        // Two halves at once: a query of this kind keeps one process of the server busy.
        var middle = after + ((upTo - after) / 2);
        var halves = await Task.WhenAll(ReadRangeAsync(after, middle, cancellationToken), ReadRangeAsync(middle, upTo, cancellationToken));
        halves[0].Add(halves[1]);
        return halves[0];
    }

    private async Task<SpendRows> ReadRangeAsync(long after, long upTo, CancellationToken cancellationToken)
    {
        if (await TryAddUpAsync(after, upTo, cancellationToken) is not { } rows)
        {
            return await ReadOneByOneAsync(after, upTo, cancellationToken);
        }

        // Adjustments are few.
        await using var command = database.Source.CreateCommand($"""
            select seq_id, stream_id, version, type, id, "timestamp", data::text from metering.mt_events
            where seq_id > $1 and seq_id <= $2 and type = '{EventTypes.SpendAdjusted}' order by seq_id
            """);
        command.CommandTimeout = 0;
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = after });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = upTo });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new StoredEvent(
                reader.GetInt64(0), reader.GetString(1), reader.GetInt64(2), reader.GetString(3), reader.GetGuid(4), reader.GetFieldValue<DateTimeOffset>(5), reader.GetString(6)));
        }

        return rows;
    }

    /// <summary>Null when an event is not written as this gateway writes it: then the range is read event by event.</summary>
    private async Task<SpendRows?> TryAddUpAsync(long after, long upTo, CancellationToken cancellationToken)
    {
        var rows = new SpendRows();
        try
        {
            var sql = Sql.Replace("$after", after.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal).Replace("$upTo", upTo.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
            await using var connection = await database.Source.OpenConnectionAsync(cancellationToken);
            await using var reader = await connection.BeginBinaryExportAsync(sql, cancellationToken);
            reader.Timeout = Timeout.InfiniteTimeSpan;

            // Read to the end in any case: a copy that is cancelled when it has ended already leaves a connection behind that cannot be used again.
            var isOrdinary = true;
            while (await reader.StartRowAsync(cancellationToken) >= 0)
            {
                isOrdinary &= TryAdd(reader, rows);
            }

            return isOrdinary ? rows : null;
        }
        catch (PostgresException odd) when (odd.SqlState.StartsWith("22", StringComparison.Ordinal))
        {
            return null;
        }
    }

    private static bool TryAdd(NpgsqlBinaryExporter reader, SpendRows rows)
    {
        var (tenant, key, requested) = (Text(reader), Text(reader), Text(reader));
        var (admitted, completed, outcome) = (Ticks(Text(reader)), Ticks(Text(reader)), Failed(Text(reader)));
        var (unsettledUsd, unsettledTokens) = (Amount(reader), Number(reader));
        var (count, n) = (reader.Read<int>(), reader.Read<int>());
        var (model, upstream, spend) = (Text(reader), Text(reader), Amount(reader));
        var (input, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning, searches) =
            (Number(reader), Number(reader), Number(reader), Number(reader), Number(reader), Number(reader), Number(reader));
        var type = Text(reader);
        if (admitted is not { } from || completed is not { } to || outcome is not { } failed || unsettledUsd is not { } unsettled || spend is not { } spent || (count > 0 && type != "object"))
        {
            return false;
        }

        var bucket = Instant.ToMicroseconds(new DateTimeOffset(from - (from % WindowClock.QuarterHour.Ticks), TimeSpan.Zero));
        var row = rows.Row(new SpendKey(bucket, tenant ?? "", key ?? "", (count == 0 ? requested : model) ?? "", upstream ?? ""));
        row.AddUsage(input, cacheRead, cacheWrite5m, cacheWrite1h, output, reasoning, searches, spent);
        if (n + 1 >= count)
        {
            row.AddRequest(1, failed ? 1 : 0, (to - from) / TimeSpan.TicksPerMillisecond, unsettled, unsettledTokens);
        }

        return true;
    }

    private static string? Text(NpgsqlBinaryExporter reader)
    {
        if (reader.IsNull)
        {
            reader.Skip();
            return null;
        }

        return reader.Read<string>();
    }

    private static long Number(NpgsqlBinaryExporter reader)
    {
        if (reader.IsNull)
        {
            reader.Skip();
            return 0;
        }

        return reader.Read<long>();
    }

    /// <summary>In picodollars; null when it is no whole number of them.</summary>
    private static long? Amount(NpgsqlBinaryExporter reader)
    {
        if (reader.IsNull)
        {
            reader.Skip();
            return 0;
        }

        var usd = reader.Read<decimal>();
        return Math.Abs(usd) < long.MaxValue / Picodollars.PerUsd && usd * Picodollars.PerUsd is var pico && pico == decimal.Truncate(pico) ? decimal.ToInt64(pico) : null;
    }

    private static bool? Failed(string? outcome) => outcome switch
    {
        null or nameof(RequestOutcome.Succeeded) => false,
        nameof(RequestOutcome.Failed) or nameof(RequestOutcome.ClientAborted) or nameof(RequestOutcome.UpstreamTruncated) or nameof(RequestOutcome.Interrupted) => true,
        _ => null,
    };

    /// <summary>Such as <c>2026-11-21T10:14:59.1234567+00:00</c>, with or without a fraction; null for anything else.</summary>
    private static long? Ticks(string? text)
    {
        if (text is not { Length: >= 25 and <= 33 } || !text.EndsWith("+00:00", StringComparison.Ordinal)
            || !DateTime.TryParseExact(text.AsSpan(0, 19), "yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out var second))
        {
            return null;
        }

        var fraction = 0L;
        if (text.Length > 25)
        {
            var digits = text.AsSpan(20, text.Length - 26);
            if (text[19] != '.' || !long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out fraction))
            {
                return null;
            }

            for (var missing = digits.Length; missing < 7; missing++)
            {
                fraction *= 10;
            }
        }

        return second.Ticks + fraction;
    }

    private async Task<SpendRows> ReadOneByOneAsync(long after, long upTo, CancellationToken cancellationToken)
    {
        var rows = new SpendRows();
        while (await store.ReadAsync(after, upTo, BatchSize, cancellationToken) is { Count: > 0 } events)
        {
            foreach (var stored in events)
            {
                rows.Add(stored);
            }

            after = events[^1].Position;
        }

        return rows;
    }
}
