using CCGate.Contracts;

namespace CCGate.Metering.EventStore;

/// <summary>An event as stored.</summary>
/// <param name="Position">Its order key over all streams.</param>
/// <param name="Stream">The stream it belongs to.</param>
/// <param name="Version">Its number within the stream, from 1.</param>
/// <param name="Type">One of <see cref="EventTypes"/>.</param>
/// <param name="Id">Its identity.</param>
/// <param name="Timestamp">When it became true.</param>
/// <param name="Data">The event as JSON.</param>
internal sealed record StoredEvent(long Position, string Stream, long Version, string Type, Guid Id, DateTimeOffset Timestamp, string Data);

/// <summary>The ledger: appended to, read in order, never edited.</summary>
internal interface IEventStore
{
    /// <summary>Creates what is missing; safe to call from many processes at once.</summary>
    Task MigrateAsync(CancellationToken cancellationToken);

    /// <summary>Appends in one transaction those events whose id is not stored yet, and gives their number.</summary>
    Task<int> AppendAsync(IReadOnlyList<EventRecord> events, CancellationToken cancellationToken);

    /// <summary>A position up to which everything is settled: no event at or below it can appear later. 0 when there is none.</summary>
    Task<long> HighWaterMarkAsync(CancellationToken cancellationToken);

    /// <summary>Events after a position, up to and including another, in order.</summary>
    Task<IReadOnlyList<StoredEvent>> ReadAsync(long after, long upTo, int limit, CancellationToken cancellationToken);

    /// <summary>The event of that id; null when there is none.</summary>
    Task<StoredEvent?> FindAsync(Guid id, CancellationToken cancellationToken);

    /// <summary>The events of one stream after a version, in order.</summary>
    Task<IReadOnlyList<StoredEvent>> ReadStreamAsync(string stream, long after, int limit, CancellationToken cancellationToken);
}
