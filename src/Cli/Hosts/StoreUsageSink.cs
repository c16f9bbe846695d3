using CCGate.Contracts;
using CCGate.Metering;
using CCGate.Projections.Engine;
using CCGate.Proxy.Journal;
using Microsoft.Extensions.Logging;

namespace CCGate.Cli.Hosts;

/// <summary>The bus of <c>ccgate run</c>: none. The journal is drained straight into the event store.</summary>
internal sealed partial class StoreUsageSink(EventIntake intake, ProjectionRunner projections, ILogger<StoreUsageSink> logger) : IUsageSink
{
    public async Task DeliverAsync(IReadOnlyList<EventRecord> events, CancellationToken cancellationToken)
    {
        foreach (var rejected in await intake.AcceptAsync(events, cancellationToken))
        {
            // It stays in the journal, since the read model will never count it, and is offered again: nothing is lost while somebody looks.
            LogRejected(rejected.Event?.Id ?? Guid.Empty, rejected.Reason);
        }

        projections.Wake();
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "The event {Id} cannot be stored and stays in the journal: {Reason}")]
    private partial void LogRejected(Guid id, string reason);
}
