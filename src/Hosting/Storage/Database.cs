using System.Data;
using System.Data.Common;
using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace CCGate.Hosting.Storage;

/// <summary>Where the event store and the read models are kept: PostgreSQL in roles, one SQLite file in <c>ccgate run</c>.</summary>
/// <remarks>
/// Table names are written without a schema: on PostgreSQL the search path is <c>ccgate, metering</c>, on SQLite there is one schema. So the SQL
/// of the read models is written once, in the dialect both share: parameters as <c>@name</c>, <c>insert … on conflict … do update</c>, times as whole
/// microseconds since 1970 in UTC, money as whole picodollars, both <c>bigint</c>.
/// </remarks>
internal abstract class Database : IAsyncDisposable
{
    /// <summary>An open connection; dispose it to give it back to its pool.</summary>
    public abstract ValueTask<DbConnection> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Waits for one's turn to write, where writers must take turns; dispose it after the commit.</summary>
    public virtual ValueTask<IDisposable?> TurnAsync(CancellationToken cancellationToken) => ValueTask.FromResult<IDisposable?>(null);

    /// <summary>A read-only transaction in which every query sees the same instant, and which no writer waits for.</summary>
    public abstract ValueTask<DbTransaction> BeginSnapshotAsync(DbConnection connection, CancellationToken cancellationToken);

    public abstract ValueTask DisposeAsync();
}

/// <summary>The PostgreSQL of the roles.</summary>
internal sealed class PostgresDatabase(string connectionString) : Database
{
    public NpgsqlDataSource Source { get; } = new NpgsqlDataSourceBuilder(
        new NpgsqlConnectionStringBuilder(connectionString) { SearchPath = "ccgate,metering" }.ConnectionString).Build();

    public override async ValueTask<DbConnection> OpenAsync(CancellationToken cancellationToken) => await Source.OpenConnectionAsync(cancellationToken);

    public override ValueTask<DbTransaction> BeginSnapshotAsync(DbConnection connection, CancellationToken cancellationToken) =>
        connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);

    public override ValueTask DisposeAsync() => Source.DisposeAsync();
}

/// <summary>The SQLite file of <c>ccgate run</c>; WAL, so that readers and the one writer do not wait for each other, in any number of processes.</summary>
internal sealed class SqliteDatabase : Database
{
    private readonly string connectionString;

    // Settings last as long as the handle, which outlives its connection in the pool.
    private readonly ConditionalWeakTable<SQLitePCL.sqlite3, SqliteDatabase> configured = [];

    // Between processes SQLite makes writers wait by polling every 100 ms, which starves whoever meets a busy one. Within this process they queue.
    private readonly SemaphoreSlim writing = new(1);

    public SqliteDatabase(string path)
    {
        SQLitePCL.Batteries_V2.Init();
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        connectionString = new SqliteConnectionStringBuilder { DataSource = path, Pooling = true, DefaultTimeout = 30 }.ConnectionString;
    }

    public override async ValueTask<DbConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = new SqliteConnection(connectionString);
        await connection.OpenAsync(cancellationToken);
        if (configured.TryAdd(connection.Handle!, this))
        {
            await using var command = connection.CreateCommand();
            command.CommandText = "pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 30000; pragma foreign_keys = on";
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        return connection;
    }

    public override ValueTask<DbTransaction> BeginSnapshotAsync(DbConnection connection, CancellationToken cancellationToken) =>
        new(((SqliteConnection)connection).BeginTransaction(deferred: true));

    public override async ValueTask<IDisposable?> TurnAsync(CancellationToken cancellationToken)
    {
        await writing.WaitAsync(cancellationToken);
        return new Turn(writing);
    }

    public override ValueTask DisposeAsync()
    {
        writing.Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class Turn(SemaphoreSlim writing) : IDisposable
    {
        public void Dispose() => writing.Release();
    }
}
