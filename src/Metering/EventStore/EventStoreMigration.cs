using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Metering.EventStore;

/// <summary>Creates the tables when the process starts, or as soon as the database is up; what arrives before that waits on the queue.</summary>
internal sealed partial class EventStoreMigration(IEventStore store, TimeProvider time, ILogger<EventStoreMigration> logger) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                await store.MigrateAsync(stoppingToken);
                return;
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogUnavailable(exception);
            }

            await Task.Delay(Pause, time, stoppingToken);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The event store cannot be prepared yet; trying again. Is \"eventStore\" in server.json right?")]
    private partial void LogUnavailable(Exception exception);
}
