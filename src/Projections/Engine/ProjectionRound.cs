using System.Data.Common;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;

namespace CCGate.Projections.Engine;

/// <summary>What one round did.</summary>
internal enum RoundResult
{
    /// <summary>Nothing to do up to the position asked for.</summary>
    CaughtUp,

    /// <summary>Events were applied and the checkpoint moved.</summary>
    Moved,

    /// <summary>Somebody else moved the checkpoint meanwhile; nothing was written.</summary>
    Overtaken,
}

/// <summary>One step of a projection: a batch of events and the checkpoint, in one transaction.</summary>
internal sealed class ProjectionRound(Database database, IEventStore store, TimeProvider time)
{
    public const int BatchSize = 1000;

    /// <summary>Applies the next batch after the table's checkpoint.</summary>
    /// <exception cref="UnreadableEventException">The very next event cannot be applied; everything before it has been.</exception>
    public async Task<RoundResult> RunAsync(IProjection projection, string table, long upTo, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var checkpoint = await Checkpoints.ReadAsync(connection, table, transaction: null, cancellationToken)
            ?? throw new InvalidOperationException($"The projection table '{table}' has no checkpoint: another rebuild may have removed it.");
        if (checkpoint.Position >= upTo)
        {
            return RoundResult.CaughtUp;
        }

        var events = await store.ReadAsync(checkpoint.Position, upTo, BatchSize, cancellationToken);
        // A short batch reached the end; the positions between its last event and upTo are gaps that will never be filled.
        var to = events.Count < BatchSize ? upTo : events[^1].Position;
        try
        {
            return await ApplyAsync(connection, projection, table, events, checkpoint.Position, to, cancellationToken);
        }
        catch (UnreadableEventException unreadable) when (events[0].Position < unreadable.Position)
        {
            var good = events.TakeWhile(stored => stored.Position < unreadable.Position).ToList();
            return await ApplyAsync(connection, projection, table, good, checkpoint.Position, good[^1].Position, cancellationToken);
        }
    }

    /// <summary>Rounds until the live table stands at the high-water mark of this moment.</summary>
    public async Task CatchUpAsync(IProjection projection, CancellationToken cancellationToken)
    {
        var upTo = await store.HighWaterMarkAsync(cancellationToken);
        while (await RunAsync(projection, projection.Name, upTo, cancellationToken) != RoundResult.CaughtUp)
        {
        }
    }

    private async Task<RoundResult> ApplyAsync(
        DbConnection connection, IProjection projection, string table, IReadOnlyList<StoredEvent> events, long from, long to, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // First, because it takes the row lock: a second runner waits here and then finds that the position is not its own any more.
        if (!await Checkpoints.AdvanceAsync(transaction, table, from, to, time, cancellationToken))
        {
            return RoundResult.Overtaken;
        }

        await projection.ApplyAsync(events, table, transaction, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return RoundResult.Moved;
    }
}
