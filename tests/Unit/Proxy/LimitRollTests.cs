using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Pipeline;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>When windows start over: once, at their boundary, and what was admitted before it is charged before it.</summary>
public sealed class LimitRollTests
{
    private const long Usd = Picodollars.PerUsd;

    [Theory]
    [InlineData("daily", "Europe/Berlin", "00:00", "2026-11-21T22:59:59Z", "2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z")]
    [InlineData("daily", "Europe/Berlin", "00:00", "2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")] // The day of 23 hours.
    [InlineData("daily", "Europe/Berlin", "00:00", "2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")] // The day of 25 hours.
    [InlineData("daily", "Europe/Berlin", "02:30", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z")] // 02:30 is skipped: 03:00 is the first time there is.
    [InlineData("daily", "Europe/Berlin", "02:30", "2026-10-25T00:29:59Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")] // 02:30 comes twice: the first counts.
    [InlineData("daily", "America/New_York", "00:00", "2026-03-08T04:59:59Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z")]
    [InlineData("weekly", "Europe/Berlin", "06:00", "2026-03-30T03:59:59Z", "2026-03-30T04:00:00Z", "2026-04-06T04:00:00Z")]
    [InlineData("monthly", "UTC", "00:00", "2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")]
    [InlineData("monthly", "UTC", "00:00", "2028-02-29T23:59:59Z", "2028-03-01T00:00:00Z", "2028-04-01T00:00:00Z")]
    [InlineData("monthly", "Europe/Berlin", "00:00", "2026-10-31T22:59:59Z", "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z")]
    public async Task A_window_starts_over_exactly_once_at_its_boundary(string window, string zone, string reset, string before, string boundary, string next)
    {
        var time = new ManualTimeProvider(At(before));
        var tenant = Tenant(window, zone, reset);
        using var ledger = new QuotaLedger(new ConfigSource(new GatewayConfig { Tenants = [tenant] }), time);
        ledger.FeedNothing();
        var straddling = await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(10 * Usd), time.GetUtcNow());
        var refused = await RefusedAsync(ledger, tenant, time);
        Assert.Equal(At(boundary), refused.Reset);

        time.Advance(At(boundary) - time.GetUtcNow() - TimeSpan.FromTicks(1));
        await RefusedAsync(ledger, tenant, time);
        time.Advance(TimeSpan.FromTicks(1));
        ledger.FeedNothing();
        var second = await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(10 * Usd), time.GetUtcNow());

        // What was admitted before the boundary is settled after it, and takes nothing from the new window.
        straddling.Settle(Guid.CreateVersion7(), 10m);
        second.Settle(Guid.CreateVersion7(), 9m);
        (await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(Usd), time.GetUtcNow())).Dispose();
        Assert.Equal(At(next), (await RefusedAsync(ledger, tenant, time)).Reset);

        time.Advance(At(next) - time.GetUtcNow() - TimeSpan.FromTicks(1));
        await RefusedAsync(ledger, tenant, time);
        time.Advance(TimeSpan.FromTicks(1));
        ledger.FeedNothing();
        (await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(10 * Usd), time.GetUtcNow())).Dispose();
    }

    [Fact]
    public async Task Five_hours_roll_on_by_quarter_hours_and_say_when_there_will_be_room()
    {
        var time = new ManualTimeProvider(At("2026-11-21T12:05:00Z"));
        var tenant = Tenant("fiveHours", "UTC", "00:00");
        using var ledger = new QuotaLedger(new ConfigSource(new GatewayConfig { Tenants = [tenant] }), time);
        ledger.FeedNothing();
        (await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(6 * Usd), time.GetUtcNow())).Settle(Guid.CreateVersion7(), 6m);
        time.Advance(TimeSpan.FromHours(1));
        ledger.FeedNothing();
        (await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(4 * Usd), time.GetUtcNow())).Settle(Guid.CreateVersion7(), 4m);

        var refused = await RefusedAsync(ledger, tenant, time, 5 * Usd);
        Assert.Equal(At("2026-11-21T17:15:00Z"), refused.Reset);
        time.Advance(At("2026-11-21T17:14:59Z") - time.GetUtcNow());
        ledger.FeedNothing();
        await RefusedAsync(ledger, tenant, time, 5 * Usd);

        time.Advance(TimeSpan.FromSeconds(1));
        ledger.FeedNothing();
        (await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(6 * Usd), time.GetUtcNow())).Dispose();
        await RefusedAsync(ledger, tenant, time, 7 * Usd);
    }

    [Fact]
    public async Task A_rate_is_refused_with_the_time_to_wait_and_free_again_after_it()
    {
        var time = new ManualTimeProvider(At("2026-11-21T12:00:02Z"));
        var tenant = new TenantConfig { Id = "alice", Limits = new LimitsConfig { RequestsPerMinute = 2 } };
        using var ledger = new QuotaLedger(new ConfigSource(new GatewayConfig { Tenants = [tenant] }), time);
        (await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(1), time.GetUtcNow())).Settle(Guid.CreateVersion7(), 0m);
        (await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(1), time.GetUtcNow())).Settle(Guid.CreateVersion7(), 0m);

        var refused = await RefusedAsync(ledger, tenant, time, 1);
        Assert.Equal((RefusalReason.RateLimited, "tenant alice requestsPerMinute", TimeSpan.FromSeconds(63)), (refused.Reason, refused.Limit, refused.RetryAfter));

        time.Advance(TimeSpan.FromSeconds(62.9));
        await RefusedAsync(ledger, tenant, time, 1);
        time.Advance(TimeSpan.FromSeconds(0.1));
        (await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(1), time.GetUtcNow())).Dispose();
    }

    [Fact]
    public async Task Requests_and_sessions_at_a_time_are_counted_while_they_last()
    {
        var time = new ManualTimeProvider(At("2026-11-21T12:00:00Z"));
        var tenant = new TenantConfig { Id = "alice", Limits = new LimitsConfig { ConcurrentRequests = 3, ConcurrentSessions = 2 } };
        using var ledger = new QuotaLedger(new ConfigSource(new GatewayConfig { Tenants = [tenant] }), time);
        async Task<Reservation> InAsync(string? session) => await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(1), time.GetUtcNow(), session: session);

        var first = await InAsync("one");
        var second = await InAsync("two");
        Assert.Equal("tenant alice concurrentSessions", (await Assert.ThrowsAsync<RefusedException>(() => InAsync("three"))).Refusal.Limit);
        Assert.Equal("tenant alice concurrentSessions", (await Assert.ThrowsAsync<RefusedException>(() => InAsync(null))).Refusal.Limit);
        var third = await InAsync("one");
        Assert.Equal("tenant alice concurrentRequests", (await Assert.ThrowsAsync<RefusedException>(() => InAsync("one"))).Refusal.Limit);

        third.Settle(Guid.CreateVersion7(), 0m);
        (await InAsync("two")).Dispose();
        first.Dispose();
        second.Dispose();
        await Assert.ThrowsAsync<RefusedException>(() => InAsync("three"));
        time.Advance(SessionTable.Lifetime);
        (await InAsync("three")).Dispose();
    }

    [Fact]
    public async Task An_extra_budget_counts_for_its_time_and_its_window()
    {
        var time = new ManualTimeProvider(At("2026-11-21T12:00:00Z"));
        var tenant = Tenant("daily", "UTC", "00:00");
        var source = new ConfigSource(new GatewayConfig { Tenants = [tenant] });
        using var ledger = new QuotaLedger(source, time);
        ledger.FeedNothing();
        (await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(10 * Usd), time.GetUtcNow())).Settle(Guid.CreateVersion7(), 10m);
        await RefusedAsync(ledger, tenant, time, Usd);

        source.Replace(source.Current with
        {
            Extensions = [new BudgetExtended { TenantId = "alice", Window = "daily", From = time.GetUtcNow(), To = time.GetUtcNow().AddHours(1), ExtraUsd = 5 }],
        });
        (await ledger.ReserveAsync(tenant, LedgerExtensions.Hold(5 * Usd), time.GetUtcNow())).Dispose();
        await RefusedAsync(ledger, tenant, time, 6 * Usd);

        time.Advance(TimeSpan.FromHours(1));
        await RefusedAsync(ledger, tenant, time, Usd);
    }

    private static DateTimeOffset At(string instant) => DateTimeOffset.Parse(instant, CultureInfo.InvariantCulture);

    private static TenantConfig Tenant(string window, string zone, string reset) => new()
    {
        Id = "alice",
        TimeZone = TimeZoneInfo.FindSystemTimeZoneById(zone),
        ResetTime = TimeOnly.Parse(reset, CultureInfo.InvariantCulture),
        Limits = new LimitsConfig { Windows = [new WindowLimit(Enum.Parse<LimitWindow>(window, ignoreCase: true), MaxUsd: 10m)] },
    };

    private static async Task<Refusal> RefusedAsync(QuotaLedger ledger, TenantConfig tenant, ManualTimeProvider time, long pico = 2 * Usd) =>
        (await Assert.ThrowsAsync<RefusedException>(() => ledger.ReserveAsync(tenant, LedgerExtensions.Hold(pico), time.GetUtcNow()))).Refusal;
}
