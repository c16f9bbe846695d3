using System.Data.Common;
using CCGate.Hosting.Storage;
using Dapper;
using Npgsql;

namespace CCGate.Projections.Engine;

/// <summary>How far a projection has come, as stored.</summary>
/// <param name="Name">The projection, or the table beside it that a rebuild fills.</param>
/// <param name="Position">The last position applied.</param>
/// <param name="UpdatedAt">Microseconds since 1970.</param>
/// <param name="Failure">Why it stopped; null while it runs.</param>
internal sealed record Checkpoint(string Name, long Position, long UpdatedAt, string? Failure);

/// <summary>The checkpoints of the projections: one row per table, moved by compare-and-set.</summary>
internal static class Checkpoints
{
    /// <summary>The event store's migration takes the same number: both create the schema, and whoever comes second at the same moment would fail.</summary>
    private const long MigrationLock = 0x6363_6761_7465_02;

    /// <summary>Creates the tables that are missing; safe in many processes at once.</summary>
    public static async Task MigrateAsync(Database database, IEnumerable<IProjection> projections, TimeProvider time, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (connection is NpgsqlConnection)
        {
            await ExecuteAsync(transaction, "select pg_advisory_xact_lock(@key)", new { key = MigrationLock }, cancellationToken);
            await ExecuteAsync(transaction, "create schema if not exists ccgate", null, cancellationToken);
        }

        await ExecuteAsync(transaction, SqlFile.Read("Engine.Checkpoints.sql"), null, cancellationToken);
        await AddColumnsAsync(transaction, "projection_checkpoint", ["history bigint not null default 0"], cancellationToken);
        foreach (var projection in projections)
        {
            await ExecuteAsync(transaction, projection.CreateTable(projection.Name), null, cancellationToken);
            await AddColumnsAsync(transaction, projection.Name, projection.AddedColumns, cancellationToken);
            await InsertAsync(transaction, projection.Name, time, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Says that settled rows changed, in the transaction that changes them.</summary>
    public static Task RewriteHistoryAsync(DbTransaction transaction, string name, CancellationToken cancellationToken) =>
        ExecuteAsync(transaction, "update projection_checkpoint set history = history + 1 where name = @name", new { name }, cancellationToken);

    private static async Task AddColumnsAsync(DbTransaction transaction, string table, IReadOnlyList<string> columns, CancellationToken cancellationToken)
    {
        await using var reader = await transaction.Connection!.ExecuteReaderAsync(
            new CommandDefinition($"select * from {table} where 1 = 0", transaction: transaction, cancellationToken: cancellationToken));
        var present = Enumerable.Range(0, reader.FieldCount).Select(reader.GetName).ToHashSet(StringComparer.Ordinal);
        await reader.CloseAsync();
        foreach (var column in columns.Where(column => !present.Contains(column.Split(' ')[0])))
        {
            await ExecuteAsync(transaction, $"alter table {table} add column {column}", null, cancellationToken);
        }
    }

    /// <summary>Gives a table a checkpoint in front of the first event, unless it has one.</summary>
    public static Task InsertAsync(DbTransaction transaction, string name, TimeProvider time, CancellationToken cancellationToken) =>
        ExecuteAsync(
            transaction,
            "insert into projection_checkpoint (name, position, updated_at) values (@name, 0, @now) on conflict (name) do nothing",
            new { name, now = Instant.ToMicroseconds(time.GetUtcNow()) },
            cancellationToken);

    public static Task<Checkpoint?> ReadAsync(DbConnection connection, string name, DbTransaction? transaction, CancellationToken cancellationToken) =>
        connection.QuerySingleOrDefaultAsync<Checkpoint?>(new CommandDefinition(
            "select name as Name, position as Position, updated_at as UpdatedAt, failure as Failure from projection_checkpoint where name = @name",
            new { name },
            transaction,
            cancellationToken: cancellationToken));

    /// <summary>Moves a checkpoint, and says whether it still stood where the caller read it. Takes the row lock that orders all writers of a projection.</summary>
    public static async Task<bool> AdvanceAsync(
        DbTransaction transaction, string name, long from, long to, TimeProvider time, CancellationToken cancellationToken)
    {
        const string Sql =
            "update projection_checkpoint set position = @to, updated_at = @now, failure = null where name = @name and position = @from";
        return await ExecuteAsync(
            transaction, Sql, new { name, from, to, now = Instant.ToMicroseconds(time.GetUtcNow()) }, cancellationToken) == 1;
    }

    /// <summary>Writes down why a projection stands still, for everybody who asks; the next advance clears it.</summary>
    public static async Task StopAsync(Database database, string name, long position, string failure, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            "update projection_checkpoint set failure = @failure where name = @name and position = @position",
            new { name, position, failure },
            cancellationToken: cancellationToken));
    }

    public static Task<int> ExecuteAsync(DbTransaction transaction, string sql, object? parameters, CancellationToken cancellationToken) =>
        transaction.Connection!.ExecuteAsync(new CommandDefinition(sql, parameters, transaction, cancellationToken: cancellationToken));
}
