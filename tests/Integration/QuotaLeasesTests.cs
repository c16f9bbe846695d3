using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Projections.Engine;
using CCGate.Projections.Spend;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Usage;
using CCGate.Tests.Infrastructure;
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

    private QuotaLedger Proxy(string name, TimeProvider? time = null, PostgresDatabase? on = null)
    {
        var ledger = new QuotaLedger(
            new ConfigSource(new GatewayConfig { Tenants = [tenant] }), time ?? TimeProvider.System, new QuotaLeases(on ?? database, new ProxyIdentity(name)));
        ledger.FeedNothing();
        ledgers.Add(ledger);
        return ledger;
    }

    private async Task<Reservation?> TryReserveAsync(QuotaLedger proxy, long pico)
    {
        try
        {
            return await proxy.ReserveAsync(tenant, Hold(pico), Now);
        }
        catch (RefusedException refused) when (refused.Refusal.Reason == RefusalReason.BudgetExhausted)
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
