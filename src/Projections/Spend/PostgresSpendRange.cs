using System.Data;
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

    /// <summary>In the order of <see cref="SpendSlice.Member"/>.</summary>
    private static readonly string[] Members =
    [
        "data ->> 'TenantId'", "data ->> 'KeyId'", "case when count = 0 then data ->> 'RequestedModel' else attempt ->> 'ProviderModel' end", "attempt ->> 'UpstreamId'",
        "case when count > 0 and jsonb_typeof(attempt) <> 'object' then 'odd' when n + 1 >= count then 'last' end",
        "data ->> 'AdmittedAt'", "data ->> 'CompletedAt'", "data ->> 'Outcome'", "data ->> 'UnsettledUsd'", "data ->> 'UnsettledTokens'", "attempt ->> 'SpendUsd'",
        "usage ->> 'InputTokens'", "usage ->> 'CacheReadTokens'", "usage ->> 'CacheWrite5mTokens'", "usage ->> 'CacheWrite1hTokens'", "usage ->> 'OutputTokens'",
        "usage ->> 'ReasoningTokens'", "usage ->> 'WebSearches'",
    ];

    private const string EmptyPath = "{}";

    /// <summary>Events in one row of the answer: its columns hold some ten thousands of bytes each.</summary>
    private const int SliceSize = 1000;

    /// <summary>
    /// What an attempt adds, and a request that has none. A row carries a slice, a column one member of all its attempts: the server sends 8 KB at a time, and
    /// row by row each of them would find this process asleep, which costs both more than the work itself. Members are sent as text, because turning each into
    /// a number there costs more than here. <c>#&gt; '{}'</c> with the fence (<c>offset 0</c>) unpacks the stored document once instead of once for each member.
    /// </summary>
    private static readonly string Sql = $"""
        select slice.* from generate_series($1::bigint, $2::bigint - 1, {SliceSize}) as start, lateral (
          with event as (
            select data #> '{EmptyPath}' as data from metering.mt_events
            where seq_id > start and seq_id <= least(start + {SliceSize}, $2) and type = '{EventTypes.RequestCompleted}' offset 0
          ), request as (
            select data, data -> 'Attempts' as attempts from event offset 0
          ), counted as (
            select data, attempts, case when jsonb_typeof(attempts) = 'array' then jsonb_array_length(attempts) else 0 end as count from request
          ), part as (
            select data, attempts, count, generate_series(0, greatest(count, 1) - 1) as n from counted
          ), attempt as (
            select data, count, n, attempts -> n as attempt, attempts -> n -> 'Usage' as usage from part offset 0
          )
          select count(*),
            {string.Join(", ", Members.Select(member => $"string_agg(coalesce({member}, ''), chr({SpendSlice.Separator}))"))}
          from attempt
        ) as slice
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
        await using var connection = await database.Source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // Compiling the query takes as long as running it.
        await using var settings = new NpgsqlCommand("set local jit = off", connection, transaction);
        await settings.ExecuteNonQueryAsync(cancellationToken);
        await using var command = new NpgsqlCommand(Sql, connection, transaction) { CommandTimeout = 0 };
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = after });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = upTo });
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken);
        var rows = new NamedSpendRows();
        var columns = new byte[Members.Length][];
        while (await reader.ReadAsync(cancellationToken))
        {
            var count = reader.GetInt64(0);
            for (var column = 0; column < columns.Length && count > 0; column++)
            {
                columns[column] = await reader.GetFieldValueAsync<byte[]>(column + 1, cancellationToken);
            }

            if (count > 0 && !new SpendSlice(columns).TryAddTo(rows, count))
            {
                return null;
            }
        }

        return rows.Rows;
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
