using System.Data.Common;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;

namespace CCGate.Projections.Engine;

/// <summary>A read model: a table and the rule by which events change it.</summary>
/// <remarks>It never sees a checkpoint and never opens a connection, so that a live run and a rebuild run the very same code.</remarks>
internal interface IProjection
{
    /// <summary>Its name, which is the name of its live table and of its checkpoint.</summary>
    string Name { get; }

    /// <summary>Columns that a table of an earlier version lacks, with a default that is right for every event of its time.</summary>
    IReadOnlyList<string> AddedColumns { get; }

    /// <summary>Whether it goes one batch at a time and lets the others pass: limits wait for those, and nothing but a page waits for it.</summary>
    bool GivesWay => false;

    /// <summary>The statement that creates the table under the given name.</summary>
    string CreateTable(string table);

    /// <summary>Called in the transaction in which a rebuild put another table in the place of the live one, when they differed: what was derived from that is wrong.</summary>
    Task ReplacedAsync(DbTransaction transaction, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Works out what events change, before any transaction begins: SQLite has one writer at a time, and reading JSON is most of the work.</summary>
    /// <exception cref="UnreadableEventException">An event cannot be applied.</exception>
    WriteRows Fold(IReadOnlyList<StoredEvent> events);

    /// <summary>The same for all events of a range of positions at once, where there is a faster way than one by one; null where there is none.</summary>
    /// <remarks>Only for a rebuild: every event up to its fence has been applied before.</remarks>
    Task<WriteRows?> FoldRangeAsync(Database database, IEventStore store, long after, long upTo, CancellationToken cancellationToken) => Task.FromResult<WriteRows?>(null);
}

/// <summary>Writes what a fold found to a table, in the caller's transaction.</summary>
internal delegate Task WriteRows(string table, DbTransaction transaction, CancellationToken cancellationToken);

/// <summary>An event that a projection must apply and cannot. Skipping it would bill too little without a word, so the projection stops in front of it.</summary>
internal sealed class UnreadableEventException(StoredEvent stored, string reason, Exception? inner = null)
    : Exception($"Event {stored.Id} ({stored.Type}) at position {stored.Position} cannot be applied: {reason}", inner)
{
    public long Position { get; } = stored.Position;
}
