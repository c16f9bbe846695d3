using System.Collections.Immutable;
using CCGate.Contracts;
using CCGate.Hosting.Concurrency;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Limits;

/// <summary>
/// Can they afford it: what counts against every limit of every key, tenant and tenant above. A hold is granted only when the whole of it fits into all
/// of them, so that committed + held never exceeds a limit, whatever runs at the same time.
/// </summary>
/// <remarks>
/// What is committed has two parts that never overlap: what the read model already counts (told by <see cref="SpendFeed"/>), and what this proxy settled
/// since, request by request, until the feed says that the read model counts it. Where other proxies spend from the same limits, this one grants only out
/// of what it has leased: the second part and the holds never exceed its leases.
/// </remarks>
internal sealed partial class QuotaLedger(ConfigSource config, TimeProvider time, QuotaLeases? leases = null) : IDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private readonly Dictionary<(string Tenant, string Key), LimitPath> paths = [];
    private readonly Dictionary<Guid, SettledSpend> settled = [];
    private readonly HashSet<Reservation> open = [];
    private readonly SessionTable sessions = new(time);
    private Dictionary<(LimitSubject, LimitKind, LimitWindow, WindowClock), LimitAccount> accounts = [];
    private readonly Dictionary<string, string[]> below = new(StringComparer.Ordinal);
    private GatewayConfig? bound;

    /// <summary>Every limit that holds for a key.</summary>
    public LimitPath PathOf(TenantKey payer)
    {
        lock (gate)
        {
            Bind_NeedsLock();
            return PathOf_NeedsLock(payer.Tenant, payer.Key.Id);
        }
    }

    /// <summary>Reserves the whole hold, or under the clamp policy as much of the answer as fits; refuses otherwise.</summary>
    public async ValueTask<Reservation> ReserveAsync(LimitPath path, HoldEstimate hold, string? session, DateTimeOffset admittedAt, CancellationToken cancellationToken)
    {
        // Requests without a session are one: they must not pass where sessions are counted.
        session ??= $"key {path.Key}";
        await WaitForSpendAsync(path, admittedAt, cancellationToken);
        var reservation = TryGrant(path, hold, session, admittedAt, mayClamp: leases is null, out var shortage);
        if (leases is null)
        {
            return reservation ?? throw new RefusedException(shortage!);
        }

        if (reservation is null)
        {
            await RaiseLeasesAsync(path, hold, admittedAt, cancellationToken);
            reservation = TryGrant(path, hold, session, admittedAt, mayClamp: true, out shortage) ?? throw new RefusedException(shortage!);
        }

        try
        {
            await EnterSessionAsync(path, session, cancellationToken);
            return reservation;
        }
        catch
        {
            reservation.Dispose();
            throw;
        }
    }

    private Reservation? TryGrant(LimitPath path, HoldEstimate hold, string session, DateTimeOffset admittedAt, bool mayClamp, out Refusal? shortage)
    {
        lock (gate)
        {
            // The configuration may have changed since the path was asked for.
            Bind_NeedsLock();
            path = PathOf_NeedsLock(path.Tenant, path.Key);
            if (leases is null && sessions.Shortage(path, session) is { } busy)
            {
                shortage = busy;
                return null;
            }

            // 1. What every limit leaves; and what the tightest of them leave together.
            var (available, remaining) = (Amounts.Everything, Amounts.Everything);
            foreach (var check in path.Checks)
            {
                var moment = MomentOf_NeedsLock(check.Account, admittedAt);
                available = Amounts.Min(available, Available_NeedsLock(check, moment, admittedAt));
                if (check.Account.Kind == LimitKind.Budget)
                {
                    remaining = Amounts.Min(remaining, check.MaxAt(admittedAt).Without(moment.Used));
                }
            }

            // 2. The whole hold, or what is left of it when the answer is shorter.
            var whole = hold.At(hold.MaxOutputTokens);
            var tokens = whole.FitsInto(available) ? hold.MaxOutputTokens : mayClamp && path.Tenant.HoldPolicy == HoldPolicy.Clamp ? hold.LargestThatFits(available) : null;
            if (tokens is not { } granted)
            {
                shortage = ShortageOf_NeedsLock(path, hold, admittedAt);
                return null;
            }

            // 3. Held everywhere at once.
            var held = hold.At(granted);
            var reservation = new Reservation(this, path, admittedAt, held, granted)
            {
                IsClamped = granted != hold.MaxOutputTokens,
                Remaining = remaining.Without(held),
                Session = session,
            };
            Hold_NeedsLock(reservation);
            open.Add(reservation);
            CheckGrant_NeedsLock(reservation);
            sessions.Enter(path, session);
            shortage = null;
            return reservation;
        }
    }

    private Amounts Available_NeedsLock(LimitCheck check, LimitMoment moment, DateTimeOffset admittedAt)
    {
        var max = check.MaxAt(admittedAt);
        if (leases is null)
        {
            return max.Without(moment.Used);
        }

        var period = moment.Period;
        var leased = time.GetTimestamp() < period.LeaseEnds ? period.Leased : default;
        return new Amounts(
            max.Pico == Amounts.Unlimited ? max.Pico : leased.Pico,
            max.Tokens == Amounts.Unlimited ? max.Tokens : leased.Tokens,
            max.Requests == Amounts.Unlimited ? max.Requests : leased.Requests).Without(period.Uncounted + period.Held);
    }

    private void Hold_NeedsLock(Reservation reservation)
    {
        reservation.Places.Clear();
        foreach (var check in reservation.Path.Checks)
        {
            var period = MomentOf_NeedsLock(check.Account, reservation.AdmittedAt).Period;
            period.Held += reservation.Held.LimitedBy(check.Max);
            period.UsedAt = time.GetTimestamp();
            reservation.Places.Add((period, check));
        }
    }

    /// <summary>Puts back what a journal remembers from before a restart and the read model may not count yet.</summary>
    public void Restore(RequestCompleted completed)
    {
        lock (gate)
        {
            Bind_NeedsLock();
            Commit_NeedsLock(completed.RequestId, completed.TenantId, completed.KeyId, completed.AdmittedAt, Settlement.Owed(completed));
        }
    }

    /// <summary>Raised when a request waits for a spend that is not known yet.</summary>
    public Signal SpendWanted { get; } = new();

    /// <summary>The windows whose spend somebody needs: now, of every limit there is, and earlier ones that still have something open.</summary>
    public IReadOnlyList<WindowSpan> WindowsToCount()
    {
        var now = time.GetUtcNow();
        lock (gate)
        {
            Bind_NeedsLock();
            foreach (var account in accounts.Values)
            {
                var moment = MomentOf_NeedsLock(account, now);

                // Some time after its end: a request admitted in the last instant may still be on its way here.
                account.Periods.RemoveAll(period => period.Span.End <= moment.Window.Start - (LongestWait * 2) && period is { Held.IsNothing: true } && (account.Kind != LimitKind.Budget || period.Uncounted.IsNothing));
            }

            return [.. accounts.Values.Where(account => account.Kind == LimitKind.Budget).SelectMany(account => account.Periods).Select(period => period.Span).Distinct()];
        }
    }

    /// <summary>Takes over what the read model counts, and in the same instant forgets those of our own requests that are in it.</summary>
    /// <param name="counted">By window, then by tenant and key: everything that was asked for with <see cref="WindowsToCount"/>.</param>
    /// <param name="countedRequests">Our requests that are in it.</param>
    public void Apply(IReadOnlyDictionary<WindowSpan, IReadOnlyDictionary<(string Tenant, string Key), Amounts>> counted, IEnumerable<Guid> countedRequests)
    {
        lock (gate)
        {
            Bind_NeedsLock();
            foreach (var id in countedRequests)
            {
                if (settled.Remove(id, out var spend))
                {
                    AddUncounted_NeedsLock(spend, default(Amounts) - spend.Amounts);
                    LowerLeases_NeedsLock(spend);
                }
            }

            foreach (var (window, rows) in counted)
            {
                var sums = SumBySubject_NeedsLock(rows);
                foreach (var account in accounts.Values)
                {
                    if (account.Kind == LimitKind.Budget && account.Periods.Find(period => period.Span == window) is { } period)
                    {
                        period.Counted = sums.GetValueOrDefault(account.Subject);
                        period.Known.TrySetResult();
                    }
                }
            }
        }
    }

    /// <summary>What counts and what is held against a subject's limit now; for tests and answers, not for decisions.</summary>
    public (Amounts Committed, Amounts Held) Now(LimitSubject subject, LimitWindow window)
    {
        lock (gate)
        {
            Bind_NeedsLock();
            var account = accounts.Values.FirstOrDefault(known => known.Subject == subject && known.Kind == LimitKind.Budget && known.Window == window);
            if (account is null)
            {
                return default;
            }

            var counting = MomentOf_NeedsLock(account, time.GetUtcNow()).Counting;
            return (counting.Aggregate(default(Amounts), (sum, period) => sum + period.Counted + period.Uncounted), counting.Aggregate(default(Amounts), (sum, period) => sum + period.Held));
        }
    }

    /// <summary>What is held for requests in flight, whether a limit counts it or not.</summary>
    public (int Count, decimal Pico) OpenHolds()
    {
        lock (gate)
        {
            return (open.Count, open.Sum(reservation => (decimal)reservation.Held.Pico));
        }
    }

    public void Dispose() => SpendWanted.Dispose();

    /// <summary>Follows the configuration: limits come, go and change, and what is in flight or not counted yet is put where it belongs now.</summary>
    private void Bind_NeedsLock()
    {
        if (ReferenceEquals(bound, config.Current))
        {
            return;
        }

        bound = config.Current;
        var before = accounts;
        accounts = [];
        paths.Clear();
        below.Clear();
        foreach (var tenant in bound.Tenants)
        {
            foreach (var above in bound.PathOf(tenant))
            {
                below[above.Id] = [.. below.GetValueOrDefault(above.Id, []), tenant.Id];
            }

            // A tenant without keys has limits for those below it.
            foreach (var key in tenant.Keys.Select(key => key.Id).DefaultIfEmpty(""))
            {
                paths[(tenant.Id, key)] = LimitPath.Of(bound, tenant, key, candidate => Account(before, candidate));
            }
        }

        foreach (var period in accounts.Values.SelectMany(account => account.Periods.Select(period => (account, period))))
        {
            period.period.Held = default;
            period.period.Uncounted = period.account.Kind == LimitKind.Budget ? UncountedOf_NeedsLock(period.account, period.period.Span) : period.period.Uncounted;
        }

        foreach (var reservation in open)
        {
            reservation.Rebind(PathOf_NeedsLock(reservation.Path.Tenant, reservation.Path.Key));
            Hold_NeedsLock(reservation);
        }
    }

    private LimitAccount Account(Dictionary<(LimitSubject, LimitKind, LimitWindow, WindowClock), LimitAccount> before, LimitAccount candidate)
    {
        if (!accounts.TryGetValue(candidate.Identity, out var account))
        {
            account = before.GetValueOrDefault(candidate.Identity) ?? candidate;
            accounts.Add(candidate.Identity, account);
        }

        return account;
    }

    /// <summary>A tenant or key that the configuration does not have any more is served by what it had when the request came.</summary>
    private LimitPath PathOf_NeedsLock(TenantConfig tenant, string key)
    {
        if (!paths.TryGetValue((tenant.Id, key), out var path))
        {
            path = LimitPath.Of(bound!, tenant, key, candidate => Account(accounts, candidate));
            paths.Add((tenant.Id, key), path);
        }

        return path;
    }

    private LimitMoment MomentOf_NeedsLock(LimitAccount account, DateTimeOffset instant)
    {
        if (account.Last is { } last && last.Period.Span.Contains(instant))
        {
            return last;
        }

        var (own, window) = (account.PeriodAt(instant), account.WindowAt(instant));
        var period = PeriodOf_NeedsLock(account, own);
        for (var start = window.Start; account.Kind == LimitKind.Budget && start < own.Start; start += own.End - own.Start)
        {
            PeriodOf_NeedsLock(account, new WindowSpan(start, start + (own.End - own.Start)));
        }

        var moment = new LimitMoment(period, window, [.. account.Periods.Where(other => other.Span.Overlaps(window))]);
        account.Last = moment;
        return moment;
    }

    private LimitPeriod PeriodOf_NeedsLock(LimitAccount account, WindowSpan span)
    {
        var index = account.Periods.FindIndex(period => period.Span.Start >= span.Start);
        if (index >= 0 && account.Periods[index].Span == span)
        {
            return account.Periods[index];
        }

        var period = new LimitPeriod(span);
        if (account.Kind == LimitKind.Budget)
        {
            period.Uncounted = UncountedOf_NeedsLock(account, span);
        }
        else
        {
            period.Known.SetResult();
        }

        account.Periods.Insert(index < 0 ? account.Periods.Count : index, period);
        account.Last = null;
        return period;
    }

    private Amounts UncountedOf_NeedsLock(LimitAccount account, WindowSpan span)
    {
        var sum = default(Amounts);
        foreach (var spend in settled.Values)
        {
            if (span.Contains(spend.AdmittedAt) && CheckOf_NeedsLock(spend, account) is { } check)
            {
                sum += spend.Amounts.LimitedBy(check.Max);
            }
        }

        return sum;
    }

    private LimitCheck? CheckOf_NeedsLock(SettledSpend spend, LimitAccount account)
    {
        foreach (var check in ChecksOf_NeedsLock(spend.Tenant, spend.Key))
        {
            if (check.Account == account)
            {
                return check;
            }
        }

        return null;
    }

    /// <summary>The limits that a spend counts against: none when the tenant is not configured any more.</summary>
    private ImmutableArray<LimitCheck> ChecksOf_NeedsLock(string tenant, string key)
    {
        if (paths.TryGetValue((tenant, key), out var path))
        {
            return path.Checks;
        }

        return bound!.Tenants.FirstOrDefault(known => known.Id == tenant) is { } known ? PathOf_NeedsLock(known, key).Checks : [];
    }

    private Dictionary<LimitSubject, Amounts> SumBySubject_NeedsLock(IReadOnlyDictionary<(string Tenant, string Key), Amounts> rows)
    {
        var sums = new Dictionary<LimitSubject, Amounts>();
        foreach (var ((tenant, key), amounts) in rows)
        {
            foreach (var subject in ChecksOf_NeedsLock(tenant, key).Select(check => check.Account.Subject).Distinct())
            {
                sums[subject] = sums.GetValueOrDefault(subject) + amounts;
            }
        }

        return sums;
    }

    private void AddUncounted_NeedsLock(SettledSpend spend, Amounts amounts)
    {
        foreach (var check in ChecksOf_NeedsLock(spend.Tenant, spend.Key))
        {
            if (check.Account.Kind == LimitKind.Budget && check.Account.Periods.Find(period => period.Span.Contains(spend.AdmittedAt)) is { } period)
            {
                period.Uncounted += amounts.LimitedBy(check.Max);
            }
        }
    }

    private async ValueTask WaitForSpendAsync(LimitPath path, DateTimeOffset admittedAt, CancellationToken cancellationToken)
    {
        List<Task>? unknown = null;
        lock (gate)
        {
            foreach (var check in path.Checks)
            {
                var moment = MomentOf_NeedsLock(check.Account, admittedAt);
                if (!moment.IsKnown)
                {
                    (unknown ??= []).AddRange(moment.Counting.Select(period => period.Known.Task));
                }
            }
        }

        if (unknown is null)
        {
            return;
        }

        SpendWanted.Raise();
        try
        {
            await Task.WhenAll(unknown).WaitAsync(LongestWait, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new RefusedException(RefusalReason.Unavailable, $"The spend of the tenant {path.Tenant.Id} cannot be read now, so no budget can be promised. Is the event store reachable (server.json: eventStore)?");
        }
    }

    /// <summary>Through <see cref="Reservation.Settle"/>.</summary>
    public void Settle(Reservation reservation, Guid requestId, Amounts owed)
    {
        lock (gate)
        {
            Release_NeedsLock(reservation);
            AddToMinutes_NeedsLock(reservation, owed);
            Commit_NeedsLock(requestId, reservation.Path.Tenant.Id, reservation.Path.Key, reservation.AdmittedAt, owed);
            CheckSettlement_NeedsLock(reservation, owed);
        }
    }

    /// <summary>Through <see cref="Reservation.Settle"/>.</summary>
    public void Correct(Reservation reservation, Guid requestId, Amounts before, Amounts owed)
    {
        lock (gate)
        {
            AddToMinutes_NeedsLock(reservation, owed - before);
            if (settled.TryGetValue(requestId, out var spend))
            {
                settled[requestId] = spend with { Amounts = owed };
                AddUncounted_NeedsLock(spend, owed - spend.Amounts);
            }

            CheckSettlement_NeedsLock(reservation, owed);
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

    private void Release_NeedsLock(Reservation reservation)
    {
        if (!open.Remove(reservation))
        {
            return;
        }

        sessions.Leave(reservation.Path, reservation.Session, remembers: leases is null);
        foreach (var (period, check) in reservation.Places)
        {
            period.Held -= reservation.Held.LimitedBy(check.Max);
        }
    }

    private static void AddToMinutes_NeedsLock(Reservation reservation, Amounts owed)
    {
        foreach (var (period, check) in reservation.Places)
        {
            if (check.Account.Kind == LimitKind.Minute)
            {
                period.Uncounted += owed.LimitedBy(check.Max);
            }
        }
    }

    private void Commit_NeedsLock(Guid requestId, string tenant, string key, DateTimeOffset admittedAt, Amounts owed)
    {
        var spend = new SettledSpend(tenant, key, admittedAt, owed);
        if (settled.TryAdd(requestId, spend))
        {
            AddUncounted_NeedsLock(spend, owed);
        }
    }
}
