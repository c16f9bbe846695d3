using CCGate.Contracts;
using CCGate.Hosting.Storage;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace CCGate.Metering.EventStore;

/// <summary>The ledger on PostgreSQL, in Marten's tables, so that a service that has Marten opens the same database.</summary>
/// <remarks>
/// Positions come from a sequence, so a transaction that commits late owns a lower position than one that committed before it. Every append therefore
/// holds <see cref="Fence"/> shared, and a reader takes it alone for an instant: what was drawn by then is committed or gone. No timeout ever decides
/// that a gap is empty.
/// </remarks>
internal sealed partial class PostgresEventStore(PostgresDatabase database, ILogger<PostgresEventStore> logger) : IEventStore
{
    // Advisory locks are per database and known to the programs alone: "ccgate" in ASCII and a number.
    private const long Fence = 0x6363_6761_7465_01;
    private const long Migration = 0x6363_6761_7465_02;

    // Each attempt after a conflict sees what the other appender committed, so one is nearly always enough.
    private const int MaxAttempts = 10;

    private static readonly string Script = ReadScript();

    private const string LastDrawn = "select case when is_called then last_value else 0 end from metering.mt_events_sequence";

    private long settled;

    public async Task MigrateAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.Source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // "create … if not exists" is not safe beside another one that creates the same thing.
        await using (var locked = new NpgsqlCommand("select pg_advisory_xact_lock($1)", connection) { Parameters = { new() { Value = Migration } } })
        {
            await locked.ExecuteNonQueryAsync(cancellationToken);
        }

        await using var command = new NpgsqlCommand("create schema if not exists ccgate;\n" + Script, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    public async Task<int> AppendAsync(IReadOnlyList<EventRecord> events, CancellationToken cancellationToken)
    {
        var distinct = events.DistinctBy(record => record.Id).ToList();
        if (distinct.Count == 0)
        {
            return 0;
        }

        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryAppendAsync(distinct, cancellationToken);
            }
            catch (PostgresException conflict) when (attempt < MaxAttempts && IsConflict(conflict))
            {
                LogConflict(conflict.SqlState, attempt);
            }
            catch (PostgresException refused) when (IsAboutTheData(refused))
            {
                throw new UnstorableEventException($"PostgreSQL cannot store it: {refused.SqlState} {refused.MessageText}", refused);
            }
        }
    }

    private async Task<int> TryAppendAsync(List<EventRecord> events, CancellationToken cancellationToken)
    {
        await using var connection = await database.Source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var batch = connection.CreateBatch();

        // 1. The fence, shared. An appender that vanishes between its statements must not hold up the readers for ever.
        batch.BatchCommands.Add(new NpgsqlBatchCommand("""
            select set_config('idle_in_transaction_session_timeout', '60s', true), pg_advisory_xact_lock_shared($1)
            """) { Parameters = { new() { Value = Fence } } });

        // 2. The rows of the streams that get something new, in one order for everybody: two appenders wait for each other here, and cannot deadlock.
        batch.BatchCommands.Add(new NpgsqlBatchCommand("""
            insert into metering.mt_streams as s (id, version)
            select distinct e.stream collate "C", 0 from unnest($1, $2) as e(id, stream)
            where not exists (select from metering.mt_events x where x.id = e.id)
            order by 1
            on conflict on constraint pkey_mt_streams_id do update set version = s.version
            """) { Parameters = { Column(NpgsqlDbType.Uuid, events, record => record.Id), Column(NpgsqlDbType.Text, events, record => record.Stream) } });

        // 3. A statement of its own, whose snapshot sees what the appenders we waited for have stored. Numbers are drawn for what is new, and only now.
        batch.BatchCommands.Add(new NpgsqlBatchCommand("""
            with fresh as (
              select e.*, row_number() over (partition by e.stream order by e.o) as n
              from unnest($1, $2, $3, $4, $5, $6) with ordinality as e(id, stream, type, dotnet, at, data, o)
              where not exists (select from metering.mt_events x where x.id = e.id)
            ), numbered as (
              select nextval('metering.mt_events_sequence') as seq, f.*
              from (select fresh.*, s.version + fresh.n as version from fresh join metering.mt_streams s on s.id = fresh.stream order by fresh.o) f
            ), stored as (
              insert into metering.mt_events (seq_id, id, stream_id, version, data, type, "timestamp", tenant_id, mt_dotnet_type, is_archived)
              select seq, id, stream, version, data, type, at, '*DEFAULT*', dotnet, false from numbered order by seq
              returning stream_id, version
            ), bumped as (
              update metering.mt_streams s set version = last.version, "timestamp" = now()
              from (select stream_id, max(version) as version from stored group by stream_id) last where s.id = last.stream_id
            )
            select count(*) from stored
            """)
        {
            Parameters =
            {
                Column(NpgsqlDbType.Uuid, events, record => record.Id),
                Column(NpgsqlDbType.Text, events, record => record.Stream),
                Column(NpgsqlDbType.Text, events, record => record.Type),
                Column(NpgsqlDbType.Text, events, record => EventTypes.DotnetType(record.Type)),
                Column(NpgsqlDbType.TimestampTz, events, record => record.Timestamp.UtcDateTime),
                Column(NpgsqlDbType.Jsonb, events, record => record.Data),
            },
        });

        await batch.PrepareAsync(cancellationToken);
        var count = await ReadLastNumberAsync(batch, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (int)count;
    }

    public async Task<long> HighWaterMarkAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.Source.OpenConnectionAsync(cancellationToken);

        // Nothing drawn since the last time: nobody has to be disturbed.
        if (await ReadNumberAsync(connection, LastDrawn, cancellationToken) is var drawn && drawn == Volatile.Read(ref settled))
        {
            return drawn;
        }

        try
        {
            drawn = await FenceAsync(connection, cancellationToken);
        }
        catch (PostgresException slow) when (slow.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            // An append is taking its time. Waiting on would keep the other appenders out; what was settled before still is.
            LogSlowAppend();
            var recorded = "select coalesce(max(last_seq_id), 0) from metering.mt_event_progression where name = 'HighWaterMark'";
            return Math.Max(Volatile.Read(ref settled), await ReadNumberAsync(connection, recorded, cancellationToken));
        }

        // For a Marten daemon, which then starts caught up, and for a reader that finds the fence held.
        await using var record = new NpgsqlCommand("""
            insert into metering.mt_event_progression as p (name, last_seq_id, last_updated) values ('HighWaterMark', $1, transaction_timestamp())
            on conflict on constraint pk_mt_event_progression do update set last_seq_id = excluded.last_seq_id, last_updated = excluded.last_updated
            where p.last_seq_id < excluded.last_seq_id
            """, connection) { Parameters = { new() { Value = drawn } } };
        await record.ExecuteNonQueryAsync(cancellationToken);
        Volatile.Write(ref settled, drawn);
        return drawn;
    }

    public async Task<IReadOnlyList<StoredEvent>> ReadAsync(long after, long upTo, int limit, CancellationToken cancellationToken) =>
        await SelectAsync("where seq_id > $1 and seq_id <= $2 order by seq_id limit $3", cancellationToken, after, upTo, limit);

    public async Task<StoredEvent?> FindAsync(Guid id, CancellationToken cancellationToken) =>
        (await SelectAsync("where id = $1", cancellationToken, id)).SingleOrDefault();

    public async Task<IReadOnlyList<StoredEvent>> ReadStreamAsync(string stream, long after, int limit, CancellationToken cancellationToken) =>
        await SelectAsync("where stream_id = $1 and version > $2 order by version limit $3", cancellationToken, stream, after, limit);

    private async Task<List<StoredEvent>> SelectAsync(string rest, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = database.Source.CreateCommand(
            $"""select seq_id, stream_id, version, type, id, "timestamp", data::text from metering.mt_events {rest}""");
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        var events = new List<StoredEvent>();
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            events.Add(new StoredEvent(
                reader.GetInt64(0),
                reader.GetString(1),
                reader.GetInt64(2),
                reader.GetString(3),
                reader.GetGuid(4),
                reader.GetFieldValue<DateTimeOffset>(5),
                reader.GetString(6)));
        }

        return events;
    }

    /// <summary>Waits, for a moment, until no append is under way, and reads the last number given out.</summary>
    private static async Task<long> FenceAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var batch = connection.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand("select set_config('lock_timeout', '1s', true)"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand("select pg_advisory_xact_lock($1)") { Parameters = { new() { Value = Fence } } });
        batch.BatchCommands.Add(new NpgsqlBatchCommand(LastDrawn));
        var drawn = await ReadLastNumberAsync(batch, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return drawn;
    }

    private static async Task<long> ReadNumberAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static async Task<long> ReadLastNumberAsync(NpgsqlBatch batch, CancellationToken cancellationToken)
    {
        var number = 0L;
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        do
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                number = reader.GetFieldType(0) == typeof(long) ? reader.GetInt64(0) : 0;
            }
        }
        while (await reader.NextResultAsync(cancellationToken));

        return number;
    }

    private static NpgsqlParameter<T[]> Column<T>(NpgsqlDbType type, List<EventRecord> events, Func<EventRecord, T> value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | type, TypedValue = [.. events.Select(value)] };

    /// <summary>Another appender was faster with the same event, or locked in another order, as a foreign writer may.</summary>
    private static bool IsConflict(PostgresException exception) =>
        exception.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure;

    /// <summary>Class 22: a value that cannot be kept; class 54: one that is too large. Neither gets better by waiting.</summary>
    private static bool IsAboutTheData(PostgresException exception) =>
        exception.SqlState.StartsWith("22", StringComparison.Ordinal) || exception.SqlState.StartsWith("54", StringComparison.Ordinal);

    private static string ReadScript()
    {
        using var stream = typeof(PostgresEventStore).Assembly.GetManifestResourceStream(typeof(PostgresEventStore), "marten.sql")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [LoggerMessage(LogLevel.Debug, "Append met another one ({SqlState}), attempt {Attempt}")]
    private partial void LogConflict(string sqlState, int attempt);

    [LoggerMessage(LogLevel.Warning, "An append has been open for more than a second; readers stay at the last settled position")]
    private partial void LogSlowAppend();
}
