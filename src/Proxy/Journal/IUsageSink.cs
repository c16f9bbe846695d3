using CCGate.Contracts;

namespace CCGate.Proxy.Journal;

/// <summary>Where the journal is drained to: RabbitMQ in roles, the event store itself in <c>ccgate run</c>.</summary>
internal interface IUsageSink
{
    /// <summary>Returns once the events are somebody else's to keep: confirmed by the broker, or committed by the store. Throws otherwise.</summary>
    Task DeliverAsync(IReadOnlyList<EventRecord> events, CancellationToken cancellationToken);
}
