using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using Microsoft.Extensions.Hosting;

namespace CCGate.Cli.Hosts;

/// <summary>Creates the tables of <c>ccgate run</c> before anything reads them.</summary>
internal sealed class StoreMigration(IEventStore store, Database database, IEnumerable<IProjection> projections, TimeProvider time) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await store.MigrateAsync(cancellationToken);
        await Checkpoints.MigrateAsync(database, projections, time, cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
