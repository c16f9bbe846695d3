using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;
using CCGate.Projections.Engine;
using CCGate.Projections.Spend;
using CCGate.Proxy.Journal;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Usage;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace CCGate.Tests.Integration;

/// <summary>Several proxies and one budget: adding a proxy never raises a cap, and what one does not use another can.</summary>
public sealed class QuotaLeasesTests : IAsyncLifetime
{
    private const long Usd = Picodollars.PerUsd;

    private readonly TenantConfig tenant = new() { Id = "alice", Limits = LimitsConfig.DailyUsd(10m), HoldPolicy = HoldPolicy.Refuse };
    private readonly List<QuotaLedger> ledgers = [];
    private PostgresDatabase database = null!;

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public async Task InitializeAsync()
    {
        database = new PostgresDatabase(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync());
        await Checkpoints.MigrateAsync(database, [new SpendProjection()], TimeProvider.System, CancellationToken.None);
    }

    public async Task DisposeAsync()
    {
        ledgers.ForEach(ledger => ledger.Dispose());
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Four_proxies_together_hold_no_more_than_the_limit_and_all_of_it()
    {
        var proxies = Enumerable.Range(1, 4).Select(number => Proxy($"p{number}")).ToList();

        var held = await Task.WhenAll(Enumerable.Range(0, 400).Select(i => TryReserveAsync(proxies[i % 4], Usd / 10)));

        var granted = held.Count(reservation => reservation is not null);
        Assert.True(granted <= 100, $"{granted} holds of $0.10 against $10");

        // Slices that stay unused for a moment are given back, so that what is left can be held by whoever needs it.
        await Eventually.HoldsAsync(
            async () =>
            {
                await Task.WhenAll(proxies.Select(proxy => proxy.KeepLeasesAsync(CancellationToken.None)));
                granted += await TryReserveAsync(proxies[0], Usd / 10) is null ? 0 : 1;
                return granted == 100;
            },
            "the whole limit is held");
        Assert.Null(await TryReserveAsync(proxies[1], 1));
        Assert.Equal(10 * Usd, await LeasedAsync());
    }

    [Fact]
    public async Task What_one_proxy_spent_no_other_can_spend_again_while_it_moves_into_the_read_model()
    {
        var (one, two) = (Proxy("one"), Proxy("two"));
        var id = Guid.CreateVersion7();
        (await TryReserveAsync(one, 9 * Usd))!.Settle(id, 9m);

        Assert.Null(await TryReserveAsync(two, 2 * Usd));
        await ProjectAsync(9 * Usd);
        Assert.Null(await TryReserveAsync(two, 2 * Usd));
        one.Feed(_ => new Dictionary<(string, string), Amounts> { [("alice", LedgerExtensions.AnyKey)] = new(9 * Usd, 0, 1) }, id);
        await one.KeepLeasesAsync(CancellationToken.None);
        Assert.Null(await TryReserveAsync(two, 2 * Usd));
        await Eventually.HoldsAsync(async () =>
        {
            await one.KeepLeasesAsync(CancellationToken.None);
            return await TryReserveAsync(two, Usd) is not null;
        }, "the last dollar is held");
    }

    [Fact]
    public async Task A_proxy_that_died_gives_its_slice_back_when_its_lease_expires()
    {
        var (dead, alive) = (Proxy("dead"), Proxy("alive"));
        Assert.NotNull(await TryReserveAsync(dead, 10 * Usd));
        Assert.Null(await TryReserveAsync(alive, Usd));

        await ExecuteAsync("update ccgate.limit_leases set expires_at = clock_timestamp() where proxy = 'dead'");

        await Eventually.HoldsAsync(async () => await TryReserveAsync(alive, 10 * Usd) is not null, "the slice is free");
    }

    [Fact]
    public async Task A_lease_that_could_not_be_kept_is_not_spent_any_more()
    {
        var time = new ManualTimeProvider(Now);
        var silent = Proxy("silent", time);
        Assert.NotNull(await TryReserveAsync(silent, Usd / 10));
        time.Advance(QuotaLeases.Lifetime);
        await ExecuteAsync("update ccgate.limit_leases set expires_at = clock_timestamp()");
        Assert.NotNull(await TryReserveAsync(Proxy("other"), 99 * Usd / 10));

        Assert.Null(await TryReserveAsync(silent, 1));
        Assert.Equal(1, silent.ExpiredHolds);
    }

    [Fact]
    public async Task Holds_whose_lease_runs_out_while_the_database_is_away_are_counted_without_it()
    {
        var time = new ManualTimeProvider(Now);
        var proxy = Proxy("cut-off", time);
        Assert.NotNull(await TryReserveAsync(proxy, Usd / 10));
        var data = Directory.CreateTempSubdirectory("ccgate-leases-");
        using var file = new JournalFile(data);
        using var journal = new UsageJournal(file, new ConfigSource(new GatewayConfig()), NullLogger<UsageJournal>.Instance);
        await using var away = new PostgresDatabase($"Host=127.0.0.1;Port={ServerProcess.FreePort()};Database=none;Username=none;Timeout=1");
        using var feed = new SpendFeed(away, proxy, journal, TimeProvider.System, NullLogger<SpendFeed>.Instance);
        await feed.StartAsync(CancellationToken.None);

        time.Advance(QuotaLeases.Lifetime);

        await Eventually.HoldsAsync(() => proxy.ExpiredHolds == 1, "the hold is counted");
        await feed.StopAsync(CancellationToken.None);
        data.Delete(recursive: true);
    }

    [Fact]
    public async Task Four_proxies_keep_within_every_limit_of_a_tree_and_use_all_of_it()
    {
        var company = new TenantConfig { Id = "company", Limits = new LimitsConfig { Windows = [new WindowLimit(LimitWindow.Monthly, MaxUsd: 10m, MaxTokens: 100_000)] } };
        var ann = new TenantConfig { Id = "ann", Parent = "company", HoldPolicy = HoldPolicy.Refuse, Limits = LimitsConfig.DailyUsd(6m) };
        var bob = new TenantConfig { Id = "bob", Parent = "company", HoldPolicy = HoldPolicy.Refuse, Limits = new LimitsConfig { Windows = [new WindowLimit(LimitWindow.FiveHours, MaxRequests: 30)], RequestsPerMinute = 25 } };
        var proxies = Enumerable.Range(1, 4).Select(number => Proxy($"p{number}", of: [company, ann, bob])).ToList();

        var granted = new List<(string Tenant, Reservation Held)>();
        async Task TryAllAsync()
        {
            var found = await Task.WhenAll(Enumerable.Range(0, 300).Select(async i =>
            {
                var tenant = i % 3 == 0 ? bob : ann;
                return (Tenant: tenant.Id, Held: await TryReserveAsync(proxies[i % 4], tenant, new HoldEstimate(Usd / 10, 0, 500, 1_000, 100)));
            }));
            granted.AddRange(found.Where(one => one.Held is not null)!);
        }

        await TryAllAsync();
        AssertWithin();

        // Unused slices come back after a moment; then what is left can be had by anybody.
        await Eventually.HoldsAsync(
            async () =>
            {
                await Task.WhenAll(proxies.Select(proxy => proxy.KeepLeasesAsync(CancellationToken.None)));
                await TryAllAsync();
                AssertWithin();
                return granted.Count == 66;
            },
            "everything that fits is held");
        Assert.All(proxies, proxy => Assert.Equal((0, 0), (proxy.OverLimit, proxy.ExpiredHolds)));
        granted.ForEach(one => one.Held.Dispose());

        void AssertWithin()
        {
            Assert.True(granted.Count <= 66, $"{granted.Count} of 1,500 tokens each");
            Assert.True(granted.Count(one => one.Tenant == "ann") <= 60, "ann holds 10 cents each");
            Assert.True(granted.Count(one => one.Tenant == "bob") <= 25, "bob may have 25 in a minute");
        }
    }

    [Fact]
    public async Task Requests_at_a_time_are_counted_over_all_proxies_and_free_again_when_they_end()
    {
        var few = new TenantConfig { Id = "few", Limits = new LimitsConfig { ConcurrentRequests = 3 } };
        var (one, two) = (Proxy("one", of: [few]), Proxy("two", of: [few]));
        var held = new[] { await TryReserveAsync(one, few, Hold(1)), await TryReserveAsync(one, few, Hold(1)), await TryReserveAsync(two, few, Hold(1)) };
        Assert.All(held, Assert.NotNull);

        Assert.Null(await TryReserveAsync(one, few, Hold(1)));
        Assert.Null(await TryReserveAsync(two, few, Hold(1)));
        held[0]!.Settle(Guid.CreateVersion7(), 0m);

        await Eventually.HoldsAsync(
            async () =>
            {
                await Task.WhenAll(one.KeepLeasesAsync(CancellationToken.None), two.KeepLeasesAsync(CancellationToken.None));
                return await TryReserveAsync(two, few, Hold(1)) is not null;
            },
            "the place of the one that ended is free on the other proxy");
        Assert.Null(await TryReserveAsync(one, few, Hold(1)));
    }

    [Fact]
    public async Task Sessions_are_counted_over_all_proxies_and_one_that_is_refused_takes_no_place()
    {
        var two = new TenantConfig { Id = "two", Limits = new LimitsConfig { ConcurrentSessions = 2 } };
        var (here, there) = (Proxy("here", of: [two]), Proxy("there", of: [two]));
        (await TryReserveAsync(here, two, Hold(1), "a"))!.Dispose();
        (await TryReserveAsync(there, two, Hold(1), "b"))!.Dispose();

        Assert.Null(await TryReserveAsync(here, two, Hold(1), "c"));
        Assert.Null(await TryReserveAsync(there, two, Hold(1), "c"));
        (await TryReserveAsync(there, two, Hold(1), "a"))!.Dispose();
        await ExecuteAsync("update ccgate.limit_sessions set expires_at = clock_timestamp() where session = 'b'");
        (await TryReserveAsync(here, two, Hold(1), "c"))!.Dispose();
    }

    [Fact]
    public async Task Without_the_database_a_proxy_spends_what_it_leased_and_then_refuses()
    {
        using var server = await PostgresServer.StartAsync();
        await using var failing = new PostgresDatabase(await server.CreateDatabaseAsync());
        await Checkpoints.MigrateAsync(failing, [new SpendProjection()], TimeProvider.System, CancellationToken.None);
        var proxy = Proxy("one", on: failing);
        (await TryReserveAsync(proxy, Usd))!.Dispose();
        server.Kill();

        using var leased = await proxy.ReserveAsync(tenant, Hold(Usd), Now);
        var refused = await Assert.ThrowsAsync<RefusedException>(async () => await proxy.ReserveAsync(tenant, Hold(5 * Usd), Now));

        Assert.Equal(RefusalReason.Unavailable, refused.Refusal.Reason);
    }

    private QuotaLedger Proxy(string name, TimeProvider? time = null, PostgresDatabase? on = null, TenantConfig[]? of = null)
    {
        var ledger = new QuotaLedger(
            new ConfigSource(new GatewayConfig { Tenants = [.. of ?? [tenant]] }), time ?? TimeProvider.System, new QuotaLeases(on ?? database, new ProxyIdentity(name)));
        ledger.FeedNothing();
        ledgers.Add(ledger);
        return ledger;
    }

    private Task<Reservation?> TryReserveAsync(QuotaLedger proxy, long pico) => TryReserveAsync(proxy, tenant, Hold(pico));

    private static async Task<Reservation?> TryReserveAsync(QuotaLedger proxy, TenantConfig payer, HoldEstimate hold, string? session = null)
    {
        try
        {
            return await proxy.ReserveAsync(payer, hold, Now, session: session);
        }
        catch (RefusedException refused) when (refused.Refusal.Reason is RefusalReason.BudgetExhausted or RefusalReason.RateLimited)
        {
            return null;
        }
    }

    private static HoldEstimate Hold(long pico) => LedgerExtensions.Hold(pico);

    private Task ProjectAsync(long pico) => ExecuteAsync($"""
        insert into ccgate.spend (bucket_start, tenant_id, key_id, model, upstream_id, requests, errors, input_tokens, cache_read_tokens, cache_write_5m_tokens,
          cache_write_1h_tokens, output_tokens, reasoning_tokens, web_searches, spend_pico, duration_ms)
        values ({Instant.ToMicroseconds(Now) / 900_000_000 * 900_000_000}, 'alice', 'k', 'm', 'u', 1, 0, 0, 0, 0, 0, 0, 0, 0, {pico}, 0)
        """);

    private async Task<long> LeasedAsync()
    {
        await using var command = database.Source.CreateCommand("select sum(leased_pico)::bigint from ccgate.limit_leases");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var command = database.Source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
