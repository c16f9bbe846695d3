using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;
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

    [Fact]
    public async Task What_is_added_to_history_long_after_is_counted_in_the_windows_that_reach_back_to_it()
    {
        var now = TimeProvider.System.GetUtcNow();
        var limits = new LimitsConfig { Windows = [new WindowLimit(LimitWindow.Total, MaxUsd: 100m)] };
        var config = new ConfigSource(new GatewayConfig { Tenants = [new TenantConfig { Id = "alice", Limits = limits }] });
        await using var database = new SqliteDatabase(Path.Combine(data.FullName, "store.db"));
        var store = new SqliteEventStore(database, TimeProvider.System);
        await store.MigrateAsync(CancellationToken.None);
        await Checkpoints.MigrateAsync(database, [new SpendProjection()], TimeProvider.System, CancellationToken.None);
        var round = new ProjectionRound(database, store, TimeProvider.System);
        using var ledger = new QuotaLedger(config, TimeProvider.System);
        using var file = new JournalFile(data);
        using var journal = new UsageJournal(file, config, NullLogger<UsageJournal>.Instance);
        using var feed = new SpendFeed(database, ledger, journal, TimeProvider.System, NullLogger<SpendFeed>.Instance);
        await feed.StartAsync(CancellationToken.None);

        // Of today, of last month, of today again, and once more of last month: what was added up before must not be believed then.
        var expected = 0m;
        foreach (var (age, usd) in new[] { (0, 1m), (30, 2m), (0, 4m), (30, 8m), (40, 16m) })
        {
            var admitted = now.AddDays(-age);
            var request = new RequestCompleted
            {
                RequestId = Guid.CreateVersion7(now),
                TenantId = "alice",
                KeyId = "k",
                AdmittedAt = admitted,
                CompletedAt = admitted,
                SpendUsd = usd,
                Attempts = [new Attempt { Number = 1, UpstreamId = "u", ProviderModel = "m", SpendUsd = usd }],
            };
            await store.AppendAsync([EventRecord.From(request)], CancellationToken.None);
            await round.CatchUpAsync(new SpendProjection(), CancellationToken.None);
            expected += usd;

            await Eventually.HoldsAsync(
                () => ledger.Now(new LimitSubject("alice", null), LimitWindow.Total).Committed.Pico == Picodollars.FromUsd(expected), $"{expected} USD are counted");
        }

        await feed.StopAsync(CancellationToken.None);
    }
}
