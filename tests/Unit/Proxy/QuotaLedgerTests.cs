using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Usage;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>Committed and held never exceed the limit, and headroom is never lost.</summary>
public sealed class QuotaLedgerTests : IDisposable
{
    private const long Usd = Picodollars.PerUsd;

    private readonly ManualTimeProvider time = new(new DateTimeOffset(2026, 3, 28, 22, 0, 0, TimeSpan.Zero));
    private readonly TenantConfig tenant;
    private readonly QuotaLedger ledger;

    public QuotaLedgerTests()
    {
        tenant = new TenantConfig { Id = "alice", Limits = LimitsConfig.DailyUsd(10m), TimeZone = TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"), MinOutputTokens = 100 };
        ledger = new QuotaLedger(new ConfigSource(new GatewayConfig { Tenants = [tenant] }), time);
        Feed(0);
    }

    public void Dispose() => ledger.Dispose();

    [Fact]
    public async Task A_hold_that_fits_is_granted_whole_and_one_that_does_not_is_refused()
    {
        using var first = await ReserveAsync(Hold(6 * Usd));

        var refused = await Assert.ThrowsAsync<RefusedException>(() => ReserveAsync(Hold(5 * Usd)));

        Assert.Equal(6 * Usd, first.Held.Pico);
        Assert.Equal((RefusalReason.BudgetExhausted, "tenant alice daily.maxUSD"), (refused.Refusal.Reason, refused.Refusal.Limit));
    }

    [Fact]
    public async Task Exactly_the_limit_fits()
    {
        using var all = await ReserveAsync(Hold(10 * Usd));

        await Assert.ThrowsAsync<RefusedException>(() => ReserveAsync(Hold(1)));
    }

    [Fact]
    public async Task What_is_not_spent_comes_back_and_what_is_spent_does_not()
    {
        var reservation = await ReserveAsync(Hold(10 * Usd));
        reservation.Settle(Guid.CreateVersion7(), 4m);
        reservation.Dispose();

        using var rest = await ReserveAsync(Hold(6 * Usd));
        Assert.Equal((4 * Usd, 6 * Usd), ledger.Today(tenant));
    }

    [Fact]
    public async Task A_spend_that_is_corrected_counts_as_corrected()
    {
        using var reservation = await ReserveAsync(Hold(10 * Usd));
        var id = Guid.CreateVersion7();

        reservation.Settle(id, 4m);
        reservation.Settle(id, 4m);
        reservation.Settle(id, 5m);

        Assert.Equal((5 * Usd, 0), ledger.Today(tenant));
    }

    [Fact]
    public async Task A_reservation_that_is_never_settled_goes_back_whole()
    {
        (await ReserveAsync(Hold(10 * Usd))).Dispose();

        Assert.Equal((0, 0), ledger.Today(tenant));
    }

    [Fact]
    public async Task A_clamped_hold_takes_what_fits_and_not_a_token_more()
    {
        using var first = await ReserveAsync(Hold(4 * Usd));

        using var clamped = await ReserveAsync(new HoldEstimate(Usd, Usd / 100, InputTokens: 0, MaxOutputTokens: 10_000, FloorOutputTokens: 100));

        Assert.True(clamped.IsClamped);
        Assert.Equal((500, 6 * Usd), (clamped.MaxOutputTokens, clamped.Held.Pico));
    }

    [Fact]
    public async Task A_clamp_never_goes_below_the_floor()
    {
        using var first = await ReserveAsync(Hold(9 * Usd));

        await Assert.ThrowsAsync<RefusedException>(() => ReserveAsync(new HoldEstimate(0, Usd / 100, InputTokens: 0, MaxOutputTokens: 10_000, FloorOutputTokens: 101)));
        using var floor = await ReserveAsync(new HoldEstimate(0, Usd / 100, InputTokens: 0, MaxOutputTokens: 10_000, FloorOutputTokens: 100));
        Assert.Equal(100, floor.MaxOutputTokens);
    }

    [Fact]
    public async Task The_day_of_admission_pays_and_a_new_day_begins_at_midnight_of_the_tenant()
    {
        var straddling = await ReserveAsync(Hold(10 * Usd));
        time.Advance(TimeSpan.FromHours(2)); // 22:00 UTC is 23:00 in Berlin, in the night in which its clocks go forward.
        Feed(0);

        using (var tomorrow = await ReserveAsync(Hold(10 * Usd)))
        {
            straddling.Settle(Guid.CreateVersion7(), 10m);
            Assert.Equal((0, 10 * Usd), ledger.Today(tenant));
        }

        using var again = await ReserveAsync(Hold(10 * Usd));
    }

    [Fact]
    public async Task Spend_is_counted_once_while_it_moves_from_here_into_the_read_model()
    {
        var id = Guid.CreateVersion7();
        var reservation = await ReserveAsync(Hold(5 * Usd));
        reservation.Settle(id, 5m);
        Assert.Equal(5 * Usd, ledger.Today(tenant).CommittedPico);

        Feed(5 * Usd, id);
        Assert.Equal(5 * Usd, ledger.Today(tenant).CommittedPico);

        Feed(7 * Usd, id); // Two more by another proxy.
        Assert.Equal(7 * Usd, ledger.Today(tenant).CommittedPico);
    }

    [Fact]
    public async Task Spend_that_a_journal_remembers_counts_until_the_read_model_does()
    {
        var id = Guid.CreateVersion7();
        ledger.Restore(new RequestCompleted { RequestId = id, TenantId = "alice", AdmittedAt = time.GetUtcNow(), SpendUsd = 8m });

        await Assert.ThrowsAsync<RefusedException>(() => ReserveAsync(Hold(3 * Usd)));
        Feed(8 * Usd, id);
        await Assert.ThrowsAsync<RefusedException>(() => ReserveAsync(Hold(3 * Usd)));
        using var fits = await ReserveAsync(Hold(2 * Usd));
    }

    [Fact]
    public async Task While_the_spend_is_not_known_nothing_is_promised()
    {
        using var unknown = new QuotaLedger(new ConfigSource(new GatewayConfig { Tenants = [tenant] }), time);

        var waiting = unknown.ReserveAsync(tenant, Hold(1), time.GetUtcNow());
        await Eventually.HoldsAsync(() => time.Waiting > 0, "it waits for the spend");
        time.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(RefusalReason.Unavailable, (await Assert.ThrowsAsync<RefusedException>(() => waiting)).Refusal.Reason);
    }

    [Fact]
    public async Task Whatever_runs_at_once_committed_and_held_stay_within_the_limit()
    {
        var admitted = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, 2_000), async (i, cancellationToken) =>
        {
            try
            {
                using var reservation = await ledger.ReserveAsync(tenant, Hold((1 + (i % 7)) * Usd / 10), time.GetUtcNow(), cancellationToken: cancellationToken);
                Interlocked.Increment(ref admitted);
                var (committed, held) = ledger.Today(tenant);
                Assert.True(committed + held <= 10 * Usd);
                if (i % 3 == 0)
                {
                    reservation.Settle(Guid.CreateVersion7(), Picodollars.ToUsd(reservation.Held.Pico / 20));
                }
            }
            catch (RefusedException)
            {
            }
        });

        Assert.True(admitted > 100);
        Assert.Equal(0, ledger.Today(tenant).HeldPico);
    }

    private static HoldEstimate Hold(long pico) => LedgerExtensions.Hold(pico);

    private Task<Reservation> ReserveAsync(HoldEstimate hold) => ledger.ReserveAsync(tenant, hold, time.GetUtcNow());

    private void Feed(long pico, params Guid[] counted) => ledger.Feed(
        window => window.Contains(time.GetUtcNow()) ? new Dictionary<(string, string), Amounts> { [("alice", LedgerExtensions.AnyKey)] = new(pico, 0, 1) } : new Dictionary<(string, string), Amounts>(),
        counted);
}
