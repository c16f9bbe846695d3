using System.Diagnostics;
using CCGate.Contracts;
using CCGate.Hosting.Telemetry;
using CCGate.Metering.EventStore;

namespace CCGate.Metering;

/// <summary>An event that can never be stored, and why.</summary>
internal sealed record RejectedEvent(EventRecord Event, string Reason);

/// <summary>The one door into the event store: what comes in is checked one by one, so that a bad event stops nobody but itself.</summary>
/// <param name="metrics">Null in a process that measures nothing, such as a command.</param>
internal sealed class EventIntake(IEventStore store, MeteringMetrics? metrics = null)
{
    private static readonly ActivitySource Source = new("CCGate.Metering");

    private long stored;

    /// <summary>How many events became part of the history through this door; those that were part of it already do not count.</summary>
    public long Stored => Interlocked.Read(ref stored);

    /// <summary>Stores the good events and gives back the others; throws only when the store cannot be reached, and may then be called again.</summary>
    public async Task<IReadOnlyList<RejectedEvent>> AcceptAsync(IReadOnlyList<EventRecord> events, CancellationToken cancellationToken)
    {
        var good = new List<EventRecord>(events.Count);
        var rejected = new List<RejectedEvent>();
        foreach (var arrived in events)
        {
            // Before it is read: the reader takes half a surrogate pair no more than the store does.
            var data = arrived.Data is null ? null : StorableJson.From(arrived.Data);
            var record = ReferenceEquals(data, arrived.Data) ? arrived : arrived with { Data = data! };
            if (EventRules.Violation(record) is { } reason)
            {
                rejected.Add(new RejectedEvent(arrived, reason));
            }
            else
            {
                good.Add(record);
            }
        }

        var spans = EventSpans.Start(Source, "append", ActivityKind.Consumer, good.Select(record => (record.Id, record.Data, default(DateTimeOffset))));
        await AppendAsync(good, rejected, cancellationToken);
        spans?.End();
        metrics?.Rejected(rejected.Count);
        return rejected;
    }

    /// <summary>Stores one event that this program made; false when it is there already.</summary>
    /// <exception cref="UnstorableEventException">It breaks a rule.</exception>
    public async Task<bool> AddAsync(EventRecord record, CancellationToken cancellationToken)
    {
        record = record with { Data = StorableJson.From(record.Data) };
        if (EventRules.Violation(record) is { } reason)
        {
            metrics?.Rejected(1);
            throw new UnstorableEventException(reason);
        }

        return await AppendAsync([record], cancellationToken) == 1;
    }

    /// <summary>Appends all at once; when the store refuses something among them for ever, each half by itself, down to the one it means.</summary>
    private async Task AppendAsync(List<EventRecord> events, List<RejectedEvent> rejected, CancellationToken cancellationToken)
    {
        try
        {
            await AppendAsync(events, cancellationToken);
        }
        catch (UnstorableEventException refused) when (events.Count == 1)
        {
            rejected.Add(new RejectedEvent(events[0], refused.Message));
        }
        catch (UnstorableEventException)
        {
            var half = events.Count / 2;
            await AppendAsync(events[..half], rejected, cancellationToken);
            await AppendAsync(events[half..], rejected, cancellationToken);
        }
    }

    private async Task<int> AppendAsync(List<EventRecord> events, CancellationToken cancellationToken)
    {
        var begun = metrics?.Now ?? 0;
        var added = await store.AppendAsync(events, cancellationToken);
        Interlocked.Add(ref stored, added);
        metrics?.Appended(events, added, begun);
        return added;
    }
}
