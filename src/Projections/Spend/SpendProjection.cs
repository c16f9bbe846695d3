using System.Data.Common;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Spend;

/// <summary>Who spent how much on what, by the quarter hour of admission.</summary>
internal sealed class SpendProjection : IProjection
{
    private static readonly string Ddl = SqlFile.Read("Spend.SpendTable.sql");

    public string Name => "spend";

    public IReadOnlyList<string> AddedColumns { get; } = ["unsettled_pico bigint not null default 0", "unsettled_tokens bigint not null default 0"];

    /// <summary>The live table has a roll-up beside it.</summary>
    public string CreateTable(string table) => Ddl.Replace("$table", table, StringComparison.Ordinal) + (table == Name ? SpendRollUp.CreateTables(Ddl) : "");

    public Task ReplacedAsync(DbTransaction transaction, CancellationToken cancellationToken) => SpendRollUp.BreakAllSealsAsync(transaction, cancellationToken);

    public WriteRows Fold(IReadOnlyList<StoredEvent> events)
    {
        var rows = new SpendRows();
        foreach (var stored in events)
        {
            rows.Add(stored);
        }

        return Write(rows);
    }

    /// <summary>A rebuild reads ranges, not batches: on PostgreSQL the database adds up by itself, on SQLite the bytes are read as they lie.</summary>
    public async Task<WriteRows?> FoldRangeAsync(Database database, IEventStore store, long after, long upTo, CancellationToken cancellationToken) =>
        Write(await ReadRangeAsync(database, store, after, upTo, cancellationToken));

    public static Task<SpendRows> ReadRangeAsync(Database database, IEventStore store, long after, long upTo, CancellationToken cancellationToken) => database switch
    {
        PostgresDatabase postgres => new PostgresSpendRange(postgres, store).ReadAsync(after, upTo, cancellationToken),
        SqliteDatabase sqlite => SqliteSpendRange.ReadAsync(sqlite, after, upTo, cancellationToken),
        _ => throw new NotSupportedException($"Reading ranges of {database.GetType()}"),
    };

    private WriteRows Write(SpendRows rows) => async (table, transaction, cancellationToken) =>
    {
        await SpendWriter.WriteAsync(table, rows.Rows, transaction, cancellationToken);
        if (table == Name)
        {
            await SpendRollUp.BreakSealsAsync(transaction, rows.Rows.Select(row => row.BucketStart), cancellationToken);
        }

        var settled = Instant.ToMicroseconds(TimeProvider.System.GetUtcNow() - Instant.SettledAfter);
        if (table == Name && rows.Rows.Any(row => row.BucketStart < settled))
        {
            await Checkpoints.RewriteHistoryAsync(transaction, Name, cancellationToken);
        }
    };
}
