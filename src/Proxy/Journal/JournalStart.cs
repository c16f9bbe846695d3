using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Limits;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Journal;

/// <summary>What happens before the first request: the journal of the process before is read, and what it still owes goes back into the ledger.</summary>
internal sealed class JournalStart(UsageJournal journal, QuotaLedger quotas) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var fact in journal.Recover().Where(fact => fact.Type == EventTypes.RequestCompleted))
        {
            quotas.Restore(JsonSerializer.Deserialize(fact.Data, ContractsJson.Default.RequestCompleted)!);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Puts every price book that comes into force into the ledger, so that the events say by which prices they were made.</summary>
internal sealed partial class PriceBookPublisher(ConfigSource config, UsageJournal journal, TimeProvider time, ILogger<PriceBookPublisher> logger) : BackgroundService
{
    private readonly Hosting.Concurrency.Signal changed = new();

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        config.Changed += _ => changed.Raise();
        return base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        changed.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var published = Guid.Empty;
        while (true)
        {
            var fact = PriceBookPublished.Of(config.Current.Prices, time.GetUtcNow());
            if (fact.EventId != published)
            {
                await journal.CompleteAsync(EventRecord.From(fact));
                published = fact.EventId;
                LogPublished(fact.Book.Version, fact.Book.Prices.Count);
            }

            await changed.WaitAsync(Timeout.InfiniteTimeSpan, stoppingToken);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Prices {Version} in force: {Count} entries")]
    private partial void LogPublished(string version, int count);
}
