using CCGate.Contracts;
using CCGate.Hosting.Concurrency;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Limits;

/// <summary>
/// Can they afford it: what each tenant has spent and holds in its current day. A hold is granted only when the whole of it fits, so that
/// committed + held never exceeds the limit, whatever runs at the same time.
/// </summary>
/// <remarks>
/// Committed spend has two parts that never overlap: what the read model already counts (told by <see cref="SpendFeed"/>), and what this proxy
/// settled since, request by request, until the feed says that the read model counts it. Where other proxies spend from the same budget, this one
/// grants only out of what it has leased: the second part and the holds never exceed its lease.
/// </remarks>
internal sealed partial class QuotaLedger(ConfigSource config, TimeProvider time, QuotaLeases? leases = null) : IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private readonly Dictionary<string, List<QuotaAccount>> accounts = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, SettledSpend> settled = [];

    /// <summary>Reserves the whole hold, or under the clamp policy as much of the answer as fits; refuses otherwise.</summary>
    public async ValueTask<Reservation> ReserveAsync(TenantConfig tenant, HoldEstimate hold, DateTimeOffset admittedAt, CancellationToken cancellationToken)
    {
        if (tenant.DailyMaxUsd is not { } limitUsd)
        {
            return new Reservation(this, null, tenant, admittedAt, hold.Pico, hold.MaxOutputTokens, IsClamped: false);
        }

        var account = Find(tenant, admittedAt);
        if (!account.Known.Task.IsCompleted)
        {
            await WaitForSpendAsync(account, cancellationToken);
        }

        var limitPico = Picodollars.FromUsd(limitUsd);
        if (TryGrant(account, tenant, hold, admittedAt, limitPico, mayClamp: leases is null) is { } granted)
        {
            return granted;
        }

        if (leases is not null)
        {
            await RaiseLeaseAsync(account, hold, limitPico, cancellationToken);
            if (TryGrant(account, tenant, hold, admittedAt, limitPico, mayClamp: true) is { } leased)
            {
                return leased;
            }
        }

        throw Refused(tenant, limitUsd, account, hold);
    }

    private Reservation? TryGrant(QuotaAccount account, TenantConfig tenant, HoldEstimate hold, DateTimeOffset admittedAt, long limitPico, bool mayClamp)
    {
        lock (gate)
        {
            var available = Available_NeedsLock(account, limitPico);
            var clamped = hold.Pico <= available ? null : mayClamp && tenant.HoldPolicy == HoldPolicy.Clamp ? hold.LargestThatFits(available) : null;
            if (hold.Pico > available && clamped is null)
            {
                return null;
            }

            var tokens = clamped ?? hold.MaxOutputTokens;
            account.HeldPico += hold.At(tokens);
            account.UsedAt = time.GetTimestamp();
            return new Reservation(this, account, tenant, admittedAt, hold.At(tokens), tokens, IsClamped: clamped is not null);
        }
    }

    private long Available_NeedsLock(QuotaAccount account, long limitPico) => leases is null
        ? limitPico - account.CommittedPico - account.HeldPico
        : (time.GetTimestamp() < account.LeaseEnds ? account.LeasedPico : 0) - account.UncountedPico - account.HeldPico;

    /// <summary>Puts back what a journal remembers from before a restart and the read model may not count yet.</summary>
    public void Restore(RequestCompleted completed)
    {
        lock (gate)
        {
            Commit_NeedsLock(completed.RequestId, completed.TenantId, completed.AdmittedAt, Picodollars.FromUsd(completed.SpendUsd));
        }
    }

    /// <summary>Raised when a request waits for a spend that is not known yet.</summary>
    public Signal SpendWanted { get; } = new();

    /// <summary>The days whose spend somebody needs: today of every tenant with a budget, and earlier ones that still have something open.</summary>
    public IReadOnlyList<(string Tenant, DailyWindow Window)> Windows()
    {
        var now = time.GetUtcNow();
        lock (gate)
        {
            foreach (var days in accounts.Values)
            {
                // Some time after its end: a request admitted in the last instant may still be on its way here.
                days.RemoveAll(account => account.Window.End + LongestWait * 2 <= now && account is { HeldPico: 0, UncountedPico: 0 });
            }

            foreach (var tenant in config.Current.Tenants.Where(tenant => tenant.DailyMaxUsd is not null))
            {
                Find_NeedsLock(tenant.Id, DailyWindow.Containing(now, tenant.TimeZone));
            }

            return [.. accounts.Values.SelectMany(days => days).Select(account => (account.Tenant, account.Window))];
        }
    }

    /// <summary>Takes over what the read model counts, and in the same instant forgets those of our own requests that are in it.</summary>
    public void Apply(IEnumerable<(string Tenant, DailyWindow Window, long Pico)> counted, IEnumerable<Guid> countedRequests)
    {
        lock (gate)
        {
            foreach (var id in countedRequests)
            {
                if (settled.Remove(id, out var spend))
                {
                    AddUncounted_NeedsLock(spend, -spend.Pico);
                    LowerLease_NeedsLock(spend);
                }
            }

            foreach (var (tenant, window, pico) in counted)
            {
                if (accounts.GetValueOrDefault(tenant)?.Find(account => account.Window == window) is { } account)
                {
                    account.CountedPico = pico;
                    account.Known.TrySetResult();
                }
            }
        }
    }

    /// <summary>What a tenant has committed and holds today; for pages and answers, not for decisions.</summary>
    public (long CommittedPico, long HeldPico) Today(TenantConfig tenant)
    {
        var account = Find(tenant, time.GetUtcNow());
        lock (gate)
        {
            return (account.CommittedPico, account.HeldPico);
        }
    }

    public void Dispose() => SpendWanted.Dispose();

    private QuotaAccount Find(TenantConfig tenant, DateTimeOffset admittedAt)
    {
        var window = DailyWindow.Containing(admittedAt, tenant.TimeZone);
        lock (gate)
        {
            return Find_NeedsLock(tenant.Id, window);
        }
    }

    private QuotaAccount Find_NeedsLock(string tenant, DailyWindow window)
    {
        if (!accounts.TryGetValue(tenant, out var days))
        {
            accounts.Add(tenant, days = []);
        }

        // Almost always one; two around the turn of the day.
        if (days.Find(day => day.Window == window) is not { } account)
        {
            account = new QuotaAccount(tenant, window);
            account.UncountedPico = settled.Values.Where(account.Pays).Sum(spend => spend.Pico);
            days.Add(account);
        }

        return account;
    }

    private void AddUncounted_NeedsLock(SettledSpend spend, long pico)
    {
        if (accounts.TryGetValue(spend.Tenant, out var days))
        {
            foreach (var account in days)
            {
                if (account.Pays(spend))
                {
                    account.UncountedPico += pico;
                }
            }
        }
    }

    /// <summary>The read model counts it now, so the lease need not cover it any more: here at once, in the database afterwards.</summary>
    private void LowerLease_NeedsLock(SettledSpend spend)
    {
        foreach (var account in accounts.GetValueOrDefault(spend.Tenant) ?? [])
        {
            if (account.Pays(spend))
            {
                var covered = Math.Min(spend.Pico, account.LeasedPico);
                account.LeasedPico -= covered;
                account.UnreturnedPico += covered;
            }
        }
    }

    private async Task WaitForSpendAsync(QuotaAccount account, CancellationToken cancellationToken)
    {
        SpendWanted.Raise();
        try
        {
            await account.Known.Task.WaitAsync(LongestWait, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new RefusedException(RefusalReason.Unavailable, $"The spend of the tenant {account.Tenant} cannot be read now, so no budget can be promised. Is the event store reachable (server.json: eventStore)?");
        }
    }

    /// <summary>Through <see cref="Reservation.Settle"/>.</summary>
    public void Settle(Reservation reservation, Guid requestId, long spendPico)
    {
        lock (gate)
        {
            Release_NeedsLock(reservation);
            Commit_NeedsLock(requestId, reservation.Tenant.Id, reservation.AdmittedAt, spendPico);
        }
    }

    /// <summary>Through <see cref="Reservation.Settle"/>.</summary>
    public void Correct(Guid requestId, long spendPico)
    {
        lock (gate)
        {
            if (settled.TryGetValue(requestId, out var before))
            {
                settled[requestId] = before with { Pico = spendPico };
                AddUncounted_NeedsLock(before, spendPico - before.Pico);
            }
        }
    }

    /// <summary>Through <see cref="Reservation.Dispose"/>.</summary>
    public void Release(Reservation reservation)
    {
        lock (gate)
        {
            Release_NeedsLock(reservation);
        }
    }

    private static void Release_NeedsLock(Reservation reservation)
    {
        if (reservation.Account is { } account)
        {
            account.HeldPico -= reservation.HeldPico;
        }
    }

    private void Commit_NeedsLock(Guid requestId, string tenant, DateTimeOffset admittedAt, long spendPico)
    {
        var spend = new SettledSpend(tenant, admittedAt, spendPico);
        if (settled.TryAdd(requestId, spend))
        {
            AddUncounted_NeedsLock(spend, spendPico);
        }
    }

    private static RefusedException Refused(TenantConfig tenant, decimal limitUsd, QuotaAccount account, HoldEstimate hold) => new(
        new Refusal(
            RefusalReason.BudgetExhausted,
            FormattableString.Invariant($"The daily budget of the tenant {tenant.Id} is {limitUsd} USD; {decimal.Round(Picodollars.ToUsd(account.CommittedPico), 6)} USD are spent, {decimal.Round(Picodollars.ToUsd(account.HeldPico), 6)} USD are held for requests in flight, and this request may cost up to {decimal.Round(Picodollars.ToUsd(hold.Pico), 6)} USD")
            + (tenant.HoldPolicy == HoldPolicy.Clamp && hold.FloorOutputTokens < hold.MaxOutputTokens
                ? FormattableString.Invariant($", {decimal.Round(Picodollars.ToUsd(hold.At(hold.FloorOutputTokens)), 6)} USD with max_tokens lowered to {hold.FloorOutputTokens}. ")
                : ". ")
            + FormattableString.Invariant($"Lower max_tokens or wait until {account.Window.End.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}; the operator can raise limits.daily.maxUSD in tenants.json."))
        {
            Limit = $"tenant {tenant.Id} daily.maxUSD",
            Reset = account.Window.End,
        });
}
