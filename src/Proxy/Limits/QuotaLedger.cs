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
/// settled since, request by request, until the feed says that the read model counts it.
/// </remarks>
internal sealed class QuotaLedger(ConfigSource config, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan LongestWaitForSpend = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private readonly Dictionary<string, List<Account>> accounts = new(StringComparer.Ordinal);
    private readonly Dictionary<Guid, Settled> settled = [];

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

        lock (gate)
        {
            var available = Picodollars.FromUsd(limitUsd) - account.CommittedPico - account.HeldPico;
            if (hold.Pico <= available)
            {
                account.HeldPico += hold.Pico;
                return new Reservation(this, account, tenant, admittedAt, hold.Pico, hold.MaxOutputTokens, IsClamped: false);
            }

            if (tenant.HoldPolicy == HoldPolicy.Clamp && hold.LargestThatFits(available) is { } tokens)
            {
                account.HeldPico += hold.At(tokens);
                return new Reservation(this, account, tenant, admittedAt, hold.At(tokens), tokens, IsClamped: true);
            }

            throw Refused(tenant, limitUsd, account, available, hold);
        }
    }

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
                days.RemoveAll(account => account.Window.End <= now && account is { HeldPico: 0, UncountedPico: 0 });
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

    private Account Find(TenantConfig tenant, DateTimeOffset admittedAt)
    {
        var window = DailyWindow.Containing(admittedAt, tenant.TimeZone);
        lock (gate)
        {
            return Find_NeedsLock(tenant.Id, window);
        }
    }

    private Account Find_NeedsLock(string tenant, DailyWindow window)
    {
        if (!accounts.TryGetValue(tenant, out var days))
        {
            accounts.Add(tenant, days = []);
        }

        // Almost always one; two around the turn of the day.
        if (days.Find(day => day.Window == window) is not { } account)
        {
            account = new Account(tenant, window);
            account.UncountedPico = settled.Values.Where(account.Pays).Sum(spend => spend.Pico);
            days.Add(account);
        }

        return account;
    }

    private void AddUncounted_NeedsLock(Settled spend, long pico)
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

    private async Task WaitForSpendAsync(Account account, CancellationToken cancellationToken)
    {
        SpendWanted.Raise();
        try
        {
            await account.Known.Task.WaitAsync(LongestWaitForSpend, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new RefusedException(RefusalReason.Unavailable, $"The spend of the tenant {account.Tenant} cannot be read now, so no budget can be promised. Is the event store reachable (server.json: eventStore)?");
        }
    }

    private void Settle(Reservation reservation, Guid requestId, long spendPico)
    {
        lock (gate)
        {
            Release_NeedsLock(reservation);
            Commit_NeedsLock(requestId, reservation.Tenant.Id, reservation.AdmittedAt, spendPico);
        }
    }

    private void Release(Reservation reservation)
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
        var spend = new Settled(tenant, admittedAt, spendPico);
        if (spendPico != 0 && settled.TryAdd(requestId, spend))
        {
            AddUncounted_NeedsLock(spend, spendPico);
        }
    }

    private static RefusedException Refused(TenantConfig tenant, decimal limitUsd, Account account, long available, HoldEstimate hold) => new(
        new Refusal(
            RefusalReason.BudgetExhausted,
            FormattableString.Invariant($"The daily budget of the tenant {tenant.Id} is {limitUsd} USD; {Math.Max(0m, decimal.Round(Picodollars.ToUsd(available), 6))} USD are left, and this request may cost up to {decimal.Round(Picodollars.ToUsd(hold.Pico), 6)} USD. ")
            + FormattableString.Invariant($"Lower max_tokens or wait until {account.Window.End.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}; the operator can raise limits.daily.maxUSD in tenants.json."))
        {
            Limit = $"tenant {tenant.Id} daily.maxUSD",
            Reset = account.Window.End,
        });

    /// <summary>Money held against a tenant's day from before the first attempt until it is settled; disposed unsettled, it goes back whole.</summary>
    internal sealed record Reservation(
        QuotaLedger Ledger, Account? Account, TenantConfig Tenant, DateTimeOffset AdmittedAt, long HeldPico, long MaxOutputTokens, bool IsClamped) : IDisposable
    {
        private bool ended;

        /// <summary>Replaces the hold by what was consumed; the day of admission pays.</summary>
        public void Settle(Guid requestId, decimal spendUsd)
        {
            ended = true;
            Ledger.Settle(this, requestId, Picodollars.FromUsd(spendUsd));
        }

        public void Dispose()
        {
            if (!ended)
            {
                ended = true;
                Ledger.Release(this);
            }
        }
    }

    /// <summary>One tenant's day.</summary>
    internal sealed class Account(string tenant, DailyWindow window)
    {
        public string Tenant => tenant;

        public DailyWindow Window => window;

        /// <summary>What the read model counts, of all proxies.</summary>
        public long CountedPico { get; set; }

        /// <summary>What this proxy settled and the read model does not count yet.</summary>
        public long UncountedPico { get; set; }

        public long HeldPico { get; set; }

        public long CommittedPico => CountedPico + UncountedPico;

        /// <summary>Completes when <see cref="CountedPico"/> was read for the first time.</summary>
        public TaskCompletionSource Known { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Pays(Settled spend) => spend.Tenant == tenant && spend.AdmittedAt >= window.Start && spend.AdmittedAt < window.End;
    }

    /// <summary>A request of ours that is paid for and not counted by the read model yet.</summary>
    internal readonly record struct Settled(string Tenant, DateTimeOffset AdmittedAt, long Pico);
}
