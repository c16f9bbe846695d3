using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Pipeline;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>What exceeds a limit is seen by somebody else than who should have prevented it.</summary>
public sealed class OverLimitTests : IDisposable
{
    private readonly ManualTimeProvider time = new();
    private readonly ConfigSource config;
    private readonly QuotaLedger ledger;
    private readonly TenantConfig tenant = new() { Id = "alice", Keys = [new KeyConfig(LedgerExtensions.AnyKey, SecretHash.Of(LedgerExtensions.AnyKey))], Limits = LimitsConfig.DailyUsd(10m), MinOutputTokens = 100 };

    public OverLimitTests()
    {
        config = new ConfigSource(new GatewayConfig { Tenants = [tenant] });
        ledger = new QuotaLedger(config, time);
        ledger.FeedNothing();
    }

    public void Dispose() => ledger.Dispose();

    [Fact]
    public async Task A_crowd_at_a_limit_exceeds_nothing()
    {
        var refused = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, 1_000), async (i, _) =>
        {
            try
            {
                using var reservation = await ReserveAsync(3);
                reservation.Settle(Guid.CreateVersion7(), (i % 30) / 100m);
            }
            catch (RefusedException)
            {
                Interlocked.Increment(ref refused);
            }
        });

        Assert.True(refused > 0);
        Assert.Equal(0, ledger.OverLimit);
    }

    [Fact]
    public async Task An_answer_above_its_hold_that_exceeds_the_limit_is_counted_once()
    {
        using var first = await ReserveAsync(6);
        using var second = await ReserveAsync(4);
        var id = Guid.CreateVersion7();

        second.Settle(id, 4.5m);
        second.Settle(id, 5m);
        first.Settle(Guid.CreateVersion7(), 6m);

        Assert.Equal(1, ledger.OverLimit);
    }

    [Fact]
    public async Task An_answer_above_its_hold_that_the_limit_has_room_for_is_none()
    {
        using var reservation = await ReserveAsync(4);
        reservation.Settle(Guid.CreateVersion7(), 9m);

        Assert.Equal(0, ledger.OverLimit);
    }

    [Fact]
    public async Task A_limit_that_is_lowered_below_what_is_used_makes_nobody_exceed_it()
    {
        using var reservation = await ReserveAsync(6);
        config.Replace(new GatewayConfig { Tenants = [tenant with { Limits = LimitsConfig.DailyUsd(1m) }] });
        await Assert.ThrowsAsync<RefusedException>(() => ReserveAsync(1));

        // Above its hold, and still within the limit that it was admitted under.
        reservation.Settle(Guid.CreateVersion7(), 7m);
        Assert.Equal(0, ledger.OverLimit);
    }

    private Task<Reservation> ReserveAsync(int usd) => ledger.ReserveAsync(tenant, LedgerExtensions.Hold(usd * Picodollars.PerUsd), time.GetUtcNow());
}
