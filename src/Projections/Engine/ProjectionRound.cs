using System.Diagnostics;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Telemetry;
using CCGate.Metering.EventStore;
using CCGate.Projections.Telemetry;

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
/// <param name="metrics">Null in a process that measures nothing, such as a command.</param>
internal sealed class ProjectionRound(Database database, IEventStore store, TimeProvider time, ProjectionMetrics? metrics = null)
{
    public const int BatchSize = 1000;

    private static readonly ActivitySource Source = new("CCGate.Projections");

    /// <summary>Applies the next batch after the table's checkpoint.</summary>
    /// <exception cref="UnreadableEventException">The very next event cannot be applied; everything before it has been.</exception>
    public async Task<RoundResult> RunAsync(
        IProjection projection, string table, long upTo, int batchSize, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        var checkpoint = await Checkpoints.ReadAsync(connection, table, transaction: null, cancellationToken)
            ?? throw new InvalidOperationException($"The projection table '{table}' has no checkpoint: another rebuild may have removed it.");
        if (checkpoint.Position >= upTo)
        {
            return RoundResult.CaughtUp;
        }

        var events = await store.ReadAsync(checkpoint.Position, upTo, batchSize, cancellationToken);
        // A short batch reached the end; the positions between its last event and upTo are gaps that will never be filled.
        var to = events.Count < batchSize ? upTo : events[^1].Position;
        var spans = table == projection.Name ? StartSpans(projection, events) : null; // A rebuild is no part of the traces of long ago.
        var write = Fold(projection, events, ref to);

        using var turn = await database.TurnAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // First, because it takes the row lock: a second runner waits here and then finds that the position is not its own any more.
        if (!await Checkpoints.AdvanceAsync(transaction, table, checkpoint.Position, to, time, cancellationToken))
        {
            return RoundResult.Overtaken;
        }

        await write(table, transaction, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        spans?.End();
        if (table == projection.Name)
        {
            metrics?.Applied(projection.Name, events.Count(stored => stored.Position <= to));
        }

        return RoundResult.Moved;
    }

    /// <summary>Rounds until the live table stands at the high-water mark of this moment.</summary>
    public async Task CatchUpAsync(IProjection projection, CancellationToken cancellationToken)
    {
        var upTo = await store.HighWaterMarkAsync(cancellationToken);
        while (await RunAsync(projection, projection.Name, upTo, BatchSize, cancellationToken) != RoundResult.CaughtUp)
        {
        }
    }

    private static EventSpans? StartSpans(IProjection projection, IReadOnlyList<StoredEvent> events) =>
        EventSpans.Start(Source, $"project {projection.Name}", ActivityKind.Internal, events.Select(stored => (stored.Id, stored.Data, default(DateTimeOffset))));

    /// <summary>Takes as much of a batch as can be read; an unreadable event is the end of it, and an error once it is the first.</summary>
    private static WriteRows Fold(IProjection projection, IReadOnlyList<StoredEvent> events, ref long to)
    {
        try
        {
            return projection.Fold(events);
        }
        catch (UnreadableEventException unreadable) when (events[0].Position < unreadable.Position)
        {
            var good = events.TakeWhile(stored => stored.Position < unreadable.Position).ToList();
            to = good[^1].Position;
            return projection.Fold(good);
        }
    }
}
