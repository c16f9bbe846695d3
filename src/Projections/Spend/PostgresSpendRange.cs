using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using Npgsql;

namespace CCGate.Projections.Spend;

/// <summary>Adds up a range of the ledger inside PostgreSQL: turning its jsonb back into text would cost twice as much as reading from it.</summary>
internal sealed class PostgresSpendRange(PostgresDatabase database, IEventStore store)
{
    private const int BatchSize = 1000;

    /// <summary>
    /// Times are taken apart as text, because the events have seven digits of a second and PostgreSQL six. Whatever is not written as this gateway
    /// writes it is odd: then the range is read event by event.
    /// </summary>
    private const string Sql = """
        with event as (
          select data ->> 'TenantId' as tenant, data ->> 'KeyId' as key, data ->> 'RequestedModel' as requested, coalesce(data ->> 'Outcome', 'Succeeded') as outcome,
            data ->> 'AdmittedAt' as admitted, data ->> 'CompletedAt' as completed, data -> 'Attempts' as attempts, coalesce(jsonb_array_length(data -> 'Attempts'), 0) as count,
            (data ->> 'UnsettledUsd')::numeric as unsettled_usd, (data ->> 'UnsettledTokens')::bigint as unsettled_tokens
          from metering.mt_events where seq_id > $1 and seq_id <= $2 and type = 'request_completed'
        ), timed as (
          select event.*,
            extract(epoch from left(admitted, 19)::timestamp)::bigint * 10000000 + rpad(split_part(split_part(admitted, '.', 2), '+', 1), 7, '0')::bigint as admitted_ticks,
            extract(epoch from left(completed, 19)::timestamp)::bigint * 10000000 + rpad(split_part(split_part(completed, '.', 2), '+', 1), 7, '0')::bigint as completed_ticks,
            (right(admitted, 6) = '+00:00' and right(completed, 6) = '+00:00' and length(admitted) <= 33 and length(completed) <= 33
              and outcome in ('Succeeded', 'Failed', 'ClientAborted', 'UpstreamTruncated', 'Interrupted')) is not true as odd
          from event
        ), part as (
          select timed.*, attempt, attempt -> 'Usage' as usage, (attempt ->> 'SpendUsd')::numeric as spend, coalesce(n = count, true) as last
          from timed left join lateral jsonb_array_elements(attempts) with ordinality as a(attempt, n) on true
        )
        select admitted_ticks / 9000000000 * 900000000, coalesce(tenant, ''), coalesce(key, ''),
          case when count = 0 then coalesce(requested, '') else coalesce(attempt ->> 'ProviderModel', '') end, coalesce(attempt ->> 'UpstreamId', ''),
          coalesce(sum((usage ->> 'InputTokens')::bigint), 0)::bigint, coalesce(sum((usage ->> 'CacheReadTokens')::bigint), 0)::bigint,
          coalesce(sum((usage ->> 'CacheWrite5mTokens')::bigint), 0)::bigint, coalesce(sum((usage ->> 'CacheWrite1hTokens')::bigint), 0)::bigint,
          coalesce(sum((usage ->> 'OutputTokens')::bigint), 0)::bigint, coalesce(sum((usage ->> 'ReasoningTokens')::bigint), 0)::bigint,
          coalesce(sum((usage ->> 'WebSearches')::bigint), 0)::bigint, (coalesce(sum(spend), 0) * 1000000000000)::bigint,
          count(*) filter (where last), count(*) filter (where last and outcome <> 'Succeeded'),
          coalesce(sum((completed_ticks - admitted_ticks) / 10000) filter (where last), 0)::bigint,
          (coalesce(sum(unsettled_usd) filter (where last), 0) * 1000000000000)::bigint, coalesce(sum(unsettled_tokens) filter (where last), 0)::bigint,
          bool_or(odd) or coalesce(scale(sum(spend)) > 12, false) or coalesce(scale(sum(unsettled_usd)) > 12, false) or bool_or(count > 0 and jsonb_typeof(attempt) <> 'object')
        from part group by 1, 2, 3, 4, 5
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

    private async Task<SpendRows?> TryAddUpAsync(long after, long upTo, CancellationToken cancellationToken)
    {
        var rows = new SpendRows();
        try
        {
            await using var command = database.Source.CreateCommand(Sql);
            command.CommandTimeout = 0;
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = after });
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = upTo });
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                if (reader.GetBoolean(18))
                {
                    return null;
                }

                var row = rows.Row(new SpendKey(reader.GetInt64(0), reader.GetString(1), reader.GetString(2), reader.GetString(3), reader.GetString(4)));
                row.AddUsage(
                    reader.GetInt64(5), reader.GetInt64(6), reader.GetInt64(7), reader.GetInt64(8), reader.GetInt64(9), reader.GetInt64(10), reader.GetInt64(11), reader.GetInt64(12));
                row.AddRequest(reader.GetInt64(13), reader.GetInt64(14), reader.GetInt64(15), reader.GetInt64(16), reader.GetInt64(17));
            }

            return rows;
        }
        catch (PostgresException odd) when (odd.SqlState.StartsWith("22", StringComparison.Ordinal))
        {
            return null;
        }
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
