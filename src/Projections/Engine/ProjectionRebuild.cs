using System.Data.Common;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using Dapper;

namespace CCGate.Projections.Engine;

/// <summary>How far a rebuild has come.</summary>
internal readonly record struct RebuildProgress(long Position, long Fence);

/// <summary>What a rebuild found.</summary>
/// <param name="Projection">The projection.</param>
/// <param name="Position">The position at which both tables were compared.</param>
/// <param name="LiveRows">Rows of the table that was live until now.</param>
/// <param name="RebuiltRows">Rows of the table that is live from now on.</param>
/// <param name="OnlyLive">Rows that the old table alone has.</param>
/// <param name="OnlyRebuilt">Rows that the new table alone has.</param>
internal sealed record RebuildReport(string Projection, long Position, long LiveRows, long RebuiltRows, long OnlyLive, long OnlyRebuilt)
{
    /// <summary>Every value of every row was the same.</summary>
    public bool Identical => OnlyLive == 0 && OnlyRebuilt == 0;
}

/// <summary>Fills a projection's table again from the first event, beside the live one and under traffic, and puts it in its place.</summary>
internal sealed class ProjectionRebuild(Database database, IEventStore store, ProjectionRound round, TimeProvider time)
{
    /// <summary>Larger than the live one's: every batch ends with a commit and a rest.</summary>
    private const int BatchSize = 10_000;

    /// <summary>SQLite's other writers, in other processes, poll every 100 ms: a rebuild that never rests would keep them out.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(120);

    /// <summary>Positions read at once where a projection knows how; what they add up to is all that is in memory and written.</summary>
    public int RangeSize { get; init; } = 200_000;

    /// <summary>The old table stays under this name when it differed, as evidence, until the next rebuild.</summary>
    public static string RetiredTable(IProjection projection) => projection.Name + "_retired";

    /// <summary>The table beside the live one; it has a checkpoint for as long as it is filled.</summary>
    public static string RebuiltTable(IProjection projection) => projection.Name + "_rebuild";

    public async Task<RebuildReport> RunAsync(IProjection projection, IProgress<RebuildProgress>? progress, CancellationToken cancellationToken)
    {
        var table = RebuiltTable(projection);
        await StartAsync(projection, table, cancellationToken);

        // The live checkpoint is the fence, not the high-water mark: beyond it there would be nothing to compare with.
        var fence = await PositionAsync(projection.Name, cancellationToken);
        long position;
        do
        {
            position = await FillAsync(projection, table, fence, progress, cancellationToken);
            fence = await PositionAsync(projection.Name, cancellationToken);
        }
        while (fence - position > ProjectionRound.BatchSize);

        var report = await SwapAsync(projection, table, position, cancellationToken);
        progress?.Report(new RebuildProgress(report.Position, report.Position));
        await AnalyzeAsync(projection.Name, cancellationToken);
        return report;
    }

    /// <summary>Begins anew whatever an earlier rebuild left behind.</summary>
    private async Task StartAsync(IProjection projection, string table, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        using var turn = await database.TurnAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await Checkpoints.ExecuteAsync(transaction, "delete from projection_checkpoint where name = @table", new { table }, cancellationToken);
        await Checkpoints.ExecuteAsync(transaction, $"drop table if exists {table}", null, cancellationToken);
        await Checkpoints.ExecuteAsync(transaction, projection.CreateTable(table), null, cancellationToken);
        await Checkpoints.InsertAsync(transaction, table, time, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private async Task<long> FillAsync(
        IProjection projection, string table, long fence, IProgress<RebuildProgress>? progress, CancellationToken cancellationToken)
    {
        for (var position = await PositionAsync(table, cancellationToken); position < fence;)
        {
            var to = Math.Min(fence, position + RangeSize);
            if (await projection.FoldRangeAsync(database, store, position, to, cancellationToken) is not { } write)
            {
                return await FillOneByOneAsync(projection, table, fence, progress, cancellationToken);
            }

            await WriteAsync(projection, table, position, to, write, cancellationToken);
            position = to;
            progress?.Report(new RebuildProgress(position, fence));
        }

        return fence;
    }

    private async Task WriteAsync(IProjection projection, string table, long from, long to, WriteRows write, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        using var turn = await database.TurnAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (!await Checkpoints.AdvanceAsync(transaction, table, from, to, time, cancellationToken))
        {
            throw TakenOver(projection);
        }

        await write(table, transaction, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private async Task<long> FillOneByOneAsync(
        IProjection projection, string table, long fence, IProgress<RebuildProgress>? progress, CancellationToken cancellationToken)
    {
        while (await round.RunAsync(projection, table, fence, BatchSize, cancellationToken) is var result && result != RoundResult.CaughtUp)
        {
            if (result == RoundResult.Overtaken)
            {
                throw TakenOver(projection);
            }

            progress?.Report(new RebuildProgress(await PositionAsync(table, cancellationToken), fence));
            if (database is SqliteDatabase)
            {
                await Task.Delay(Rest, time, cancellationToken);
            }
        }

        return fence;
    }

    /// <summary>Holds the live projection still for a moment, applies the last events, compares, and renames; all in one transaction.</summary>
    private async Task<RebuildReport> SwapAsync(IProjection projection, string table, long position, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        using var turn = await database.TurnAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // The same row lock the runner takes first, so neither can wait for the other in a circle.
        await Checkpoints.ExecuteAsync(
            transaction, "update projection_checkpoint set position = position where name = @name", new { name = projection.Name }, cancellationToken);
        var live = (await Checkpoints.ReadAsync(connection, projection.Name, transaction, cancellationToken))!.Position;
        for (var last = position; last < live;)
        {
            var events = await store.ReadAsync(last, live, ProjectionRound.BatchSize, cancellationToken);
            await projection.Fold(events)(table, transaction, cancellationToken);
            last = events.Count < ProjectionRound.BatchSize ? live : events[^1].Position;
        }

        var removed = await Checkpoints.ExecuteAsync(
            transaction, "delete from projection_checkpoint where name = @table and position = @position", new { table, position }, cancellationToken);
        if (removed != 1)
        {
            throw TakenOver(projection);
        }

        var report = await CompareAsync(projection, table, live, transaction, cancellationToken);
        await RenameAsync(projection, table, report.Identical, transaction, cancellationToken);
        if (!report.Identical)
        {
            await Checkpoints.RewriteHistoryAsync(transaction, projection.Name, cancellationToken);
            await projection.ReplacedAsync(transaction, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return report;
    }

    private static async Task<RebuildReport> CompareAsync(
        IProjection projection, string table, long position, DbTransaction transaction, CancellationToken cancellationToken)
    {
        Task<long> CountAsync(string from) => transaction.Connection!.ExecuteScalarAsync<long>(
            new CommandDefinition($"select count(*) from {from}", transaction: transaction, cancellationToken: cancellationToken));

        return new RebuildReport(
            projection.Name,
            position,
            LiveRows: await CountAsync(projection.Name),
            RebuiltRows: await CountAsync(table),
            OnlyLive: await CountAsync($"(select * from {projection.Name} except select * from {table}) as d"),
            OnlyRebuilt: await CountAsync($"(select * from {table} except select * from {projection.Name}) as d"));
    }

    private static async Task RenameAsync(
        IProjection projection, string table, bool identical, DbTransaction transaction, CancellationToken cancellationToken)
    {
        var retired = RetiredTable(projection);
        await Checkpoints.ExecuteAsync(transaction, $"drop table if exists {retired}", null, cancellationToken);
        await Checkpoints.ExecuteAsync(
            transaction, identical ? $"drop table {projection.Name}" : $"alter table {projection.Name} rename to {retired}", null, cancellationToken);
        await Checkpoints.ExecuteAsync(transaction, $"alter table {table} rename to {projection.Name}", null, cancellationToken);
    }

    /// <summary>A table filled in bulk has no statistics yet; without them queries ran at a tenth of their speed.</summary>
    private async Task AnalyzeAsync(string table, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition($"analyze {table}", cancellationToken: cancellationToken));
    }

    private async Task<long> PositionAsync(string name, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        return (await Checkpoints.ReadAsync(connection, name, transaction: null, cancellationToken))?.Position ?? 0;
    }

    private static InvalidOperationException TakenOver(IProjection projection) =>
        new($"Another rebuild of '{projection.Name}' began and took over the table this one was filling; let it finish.");
}
