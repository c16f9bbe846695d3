using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using CCGate.Projections.Spend;
using CCGate.Proxy.Journal;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Usage;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Tests.Integration;

/// <summary>The feed that brings counted spend into the ledger.</summary>
public sealed class SpendFeedTests : IDisposable
{
    private readonly DirectoryInfo data = Directory.CreateTempSubdirectory("ccgate-feed-");

    public void Dispose() => data.Delete(recursive: true);

    [Fact]
    public async Task The_first_request_of_a_day_after_an_idle_one_is_admitted()
    {
        var time = new ManualTimeProvider();
        var tenant = new TenantConfig { Id = "alice", Limits = LimitsConfig.DailyUsd(5m) };
        var config = new ConfigSource(new GatewayConfig { Tenants = [tenant] });
        await using var database = new SqliteDatabase(Path.Combine(data.FullName, "store.db"));
        await new SqliteEventStore(database, time).MigrateAsync(CancellationToken.None);
        await Checkpoints.MigrateAsync(database, [new SpendProjection()], time, CancellationToken.None);
        using var ledger = new QuotaLedger(config, time);
        using var file = new JournalFile(data);
        using var journal = new UsageJournal(file, config, NullLogger<UsageJournal>.Instance);
        using var feed = new SpendFeed(database, ledger, journal, time, NullLogger<SpendFeed>.Instance);
        await feed.StartAsync(CancellationToken.None);
        var hold = new HoldEstimate(1, 1, 0, 10, 1);
        (await ledger.ReserveAsync(tenant, hold, time.GetUtcNow())).Dispose();

        // The old day goes and the new one comes in one look, and nothing else has changed.
        time.Advance(TimeSpan.FromDays(1));

        (await ledger.ReserveAsync(tenant, hold, time.GetUtcNow()).WaitAsync(TimeSpan.FromSeconds(30))).Dispose();
        await feed.StopAsync(CancellationToken.None);
    }
}
