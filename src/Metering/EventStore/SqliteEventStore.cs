using CCGate.Contracts;
using CCGate.Hosting.Storage;
using Microsoft.Data.Sqlite;

namespace CCGate.Metering.EventStore;

/// <summary>The ledger in the SQLite file of <c>ccgate run</c>.</summary>
/// <remarks>SQLite has one writer at a time, over all processes, so positions are committed in the order they are given out.</remarks>
internal sealed class SqliteEventStore(SqliteDatabase database, TimeProvider time) : IEventStore
{
    private static readonly string Script = ReadScript();

    public Task MigrateAsync(CancellationToken cancellationToken) => WriteAsync(
        async connection =>
        {
            await using var command = connection.CreateCommand();
            command.CommandText = Script;
            return await command.ExecuteNonQueryAsync(cancellationToken);
        },
        cancellationToken);

    public Task<int> AppendAsync(IReadOnlyList<EventRecord> events, CancellationToken cancellationToken) => events.Count == 0
        ? Task.FromResult(0)
        : WriteAsync(connection => Task.FromResult(Append(connection, events)), cancellationToken);

    public async Task<long> HighWaterMarkAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "select coalesce(max(seq_id), 0) from mt_events";
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    public async Task<IReadOnlyList<StoredEvent>> ReadAsync(long after, long upTo, int limit, CancellationToken cancellationToken) =>
        await SelectAsync("where seq_id > @1 and seq_id <= @2 order by seq_id limit @3", cancellationToken, after, upTo, limit);

    public async Task<StoredEvent?> FindAsync(Guid id, CancellationToken cancellationToken) =>
        (await SelectAsync("where id = @1", cancellationToken, id)).SingleOrDefault();

    public async Task<IReadOnlyList<StoredEvent>> ReadStreamAsync(string stream, long after, int limit, CancellationToken cancellationToken) =>
        await SelectAsync("where stream_id = @1 and version > @2 order by version limit @3", cancellationToken, stream, after, limit);

    private async Task<List<StoredEvent>> SelectAsync(string rest, CancellationToken cancellationToken, params object[] values)
    {
        await using var connection = (SqliteConnection)await database.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = $"""select seq_id, stream_id, version, type, id, "timestamp", data from mt_events {rest}""";
        foreach (var value in values)
        {
            command.Parameters.AddWithValue("@" + (command.Parameters.Count + 1), value);
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
                DateTimeOffset.UnixEpoch.AddTicks(reader.GetInt64(5) * TimeSpan.TicksPerMicrosecond),
                reader.GetString(6)));
        }

        return events;
    }

    private async Task<int> WriteAsync(Func<SqliteConnection, Task<int>> write, CancellationToken cancellationToken)
    {
        using var turn = await database.TurnAsync(cancellationToken);
        await using var connection = (SqliteConnection)await database.OpenAsync(cancellationToken);

        // Not deferred is "begin immediate": one that reads first and then wants to write would fail when another process wrote in between.
        await using var transaction = connection.BeginTransaction(deferred: false);
        var result = await write(connection);
        await transaction.CommitAsync(cancellationToken);
        return result;
    }

    private int Append(SqliteConnection connection, IReadOnlyList<EventRecord> events)
    {
        using var open = Command(connection, """
            insert into mt_streams (id, version, "timestamp", created) values (@id, 0, @now, @now)
            on conflict (id) do update set version = version returning version
            """, "@id", "@now");

        // One statement for both questions, whether an event is here already and to store it: it is asked for every event there is.
        using var insert = Command(connection, """
            insert into mt_events (id, stream_id, version, data, type, "timestamp", mt_dotnet_type)
            values (@id, @stream, @version, @data, @type, @timestamp, @dotnet) on conflict (id) do nothing
            """, "@id", "@stream", "@version", "@data", "@type", "@timestamp", "@dotnet");
        using var close = Command(
            connection, """update mt_streams set version = @version, "timestamp" = @now where id = @id and version < @version""", "@id", "@version", "@now");
        using var forget = Command(connection, "delete from mt_streams where id = @id", "@id");

        var now = Microseconds(time.GetUtcNow());
        var versions = new Dictionary<string, long>(StringComparer.Ordinal);
        var stored = 0;
        foreach (var record in events)
        {
            if (!versions.TryGetValue(record.Stream, out var last))
            {
                last = (long)Run(open, record.Stream, now).ExecuteScalar()!;
                versions.Add(record.Stream, last);
            }

            var inserted = Run(insert, record.Id, record.Stream, last + 1, record.Data, record.Type, Microseconds(record.Timestamp), EventTypes.DotnetType(record.Type))
                .ExecuteNonQuery();
            versions[record.Stream] = last + inserted;
            stored += inserted;
        }

        foreach (var (stream, last) in versions)
        {
            // A stream of which nothing was stored, because all of it is here under other names, does not begin.
            (last == 0 ? Run(forget, stream) : Run(close, stream, last, now)).ExecuteNonQuery();
        }

        return stored;
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql, params ReadOnlySpan<string> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var name in parameters)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = name });
        }

        return command;
    }

    private static SqliteCommand Run(SqliteCommand command, params ReadOnlySpan<object?> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i] ?? DBNull.Value;
        }

        return command;
    }

    private static long Microseconds(DateTimeOffset instant) => (instant.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond;

    private static string ReadScript()
    {
        using var stream = typeof(SqliteEventStore).Assembly.GetManifestResourceStream(typeof(SqliteEventStore), "sqlite.sql")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
