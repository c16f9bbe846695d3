using System.Data.Common;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Limits;

/// <content>The part that matters where other proxies spend from the same limits.</content>
internal sealed partial class QuotaLedger
{
    // A lease is taken for more than the request at hand, so that most requests need no database; the rest comes back when it is idle.
    private const int SlicesPerLimit = 20;
    private static readonly TimeSpan IdleAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HeartbeatPeriod = QuotaLeases.Lifetime / 6;

    private readonly Dictionary<(LimitSubject, string), long> entered = [];

    private long expiredHolds;

    /// <summary>Holds whose lease ran out before they were settled: what they hold, others may have been given since.</summary>
    public long ExpiredHolds => Volatile.Read(ref expiredHolds);

    /// <summary>Asks, limit by limit, for enough for this request and some more. What is leased and then not needed comes back.</summary>
    private async Task RaiseLeasesAsync(LimitPath path, HoldEstimate hold, DateTimeOffset admittedAt, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestWait);
        foreach (var check in path.Checks)
        {
            try
            {
                await check.Account.Leasing.WaitAsync(patience.Token);
                try
                {
                    await RaiseLeaseAsync(check, hold, admittedAt, patience.Token);
                }
                finally
                {
                    check.Account.Leasing.Release();
                }
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested && error is DbException or OperationCanceledException or IOException)
            {
                throw new RefusedException(RefusalReason.Unavailable, $"What is left of the limits of the {check.Account.Subject.Description} cannot be asked for now. Is the event store reachable (server.json: eventStore)?");
            }
        }
    }

    private async Task RaiseLeaseAsync(LimitCheck check, HoldEstimate hold, DateTimeOffset admittedAt, CancellationToken cancellationToken)
    {
        var sentAt = time.GetTimestamp();
        var max = check.MaxAt(admittedAt);
        LimitMoment moment;
        Amounts wanted;
        string[] tenants;
        lock (gate)
        {
            moment = MomentOf_NeedsLock(check.Account, admittedAt);
            var needed = hold.At(hold.MaxOutputTokens).LimitedBy(max);
            if (needed.FitsInto(Available_NeedsLock(check, moment, admittedAt)) || sentAt < moment.Period.ExhaustedUntil)
            {
                return; // Another request has asked meanwhile.
            }

            wanted = moment.Period.Uncounted + moment.Period.Held + needed + Slice(max);
            tenants = below.GetValueOrDefault(check.Account.Subject.Tenant, [check.Account.Subject.Tenant]);
        }

        var leased = await leases!.RaiseAsync(new LeaseKey(check.Account.Subject, check.Account.Name, moment.Period.Span.Start), moment.Window, check.Account.Kind, tenants, wanted, max, cancellationToken);
        lock (gate)
        {
            var period = moment.Period;
            EndLeaseThatRanOut_NeedsLock(period, sentAt);
            period.Leased = Amounts.Max(default, leased - period.Unreturned);
            period.LeaseEnds = sentAt + LifetimeTicks(check.Account.Kind);
            period.ExhaustedUntil = wanted.FitsInto(leased) ? 0 : sentAt + Ticks(SpendFeed.Period);
        }
    }

    private void EndLeaseThatRanOut_NeedsLock(LimitPeriod period, long now)
    {
        if (period.LeaseEnds != 0 && period.LeaseEnds <= now)
        {
            EndLease_NeedsLock(period);
        }
    }

    private void EndLease_NeedsLock(LimitPeriod period)
    {
        period.LeaseEnds = 0;

        // A lease of nothing is one that was given back.
        if (!period.Leased.IsNothing)
        {
            Volatile.Write(ref expiredHolds, expiredHolds + open.Count(reservation => reservation.Places.Exists(place => place.Period == period)));
        }
    }

    private static Amounts Slice(Amounts max) => new Amounts(max.Pico / SlicesPerLimit, max.Tokens / SlicesPerLimit, max.Requests / SlicesPerLimit).LimitedBy(max);

    /// <summary>Ends the leases that ran out: they could not be kept.</summary>
    public void EndLeases()
    {
        if (leases is null)
        {
            return;
        }

        var now = time.GetTimestamp();
        lock (gate)
        {
            foreach (var account in accounts.Values)
            {
                foreach (var period in account.Periods)
                {
                    EndLeaseThatRanOut_NeedsLock(period, now);
                }
            }
        }
    }

    /// <summary>Keeps the leases alive, lowers them by what the read model took over, and gives back what nobody uses.</summary>
    public async Task KeepLeasesAsync(CancellationToken cancellationToken)
    {
        if (leases is null)
        {
            return;
        }

        var kept = TakeChanges();
        try
        {
            var alive = kept.Count == 0 ? [] : await leases.KeepAsync([.. kept.Select(change => (change.Key, change.Leased, QuotaLeases.LifetimeOf(change.Account.Kind)))], cancellationToken);
            var now = time.GetTimestamp();
            lock (gate)
            {
                foreach (var change in kept)
                {
                    change.Period.Unreturned -= change.Unreturned;
                    change.Period.KeptAt = now;
                    if (alive.Contains(change.Key))
                    {
                        change.Period.LeaseEnds = change.SentAt + LifetimeTicks(change.Account.Kind);
                    }
                    else
                    {
                        EndLease_NeedsLock(change.Period);
                    }
                }
            }
        }
        finally
        {
            foreach (var account in kept.Select(change => change.Account).Distinct())
            {
                account.Leasing.Release();
            }
        }

        await KeepSessionsAsync(cancellationToken);
    }

    /// <summary>What has to be said about which lease. Takes the turns of their accounts; those that are asking for more right now have theirs next time.</summary>
    private List<LeaseChange> TakeChanges()
    {
        var changes = new List<LeaseChange>();
        var now = time.GetTimestamp();
        lock (gate)
        {
            foreach (var account in accounts.Values)
            {
                var turn = false;
                foreach (var period in account.Periods.Where(period => now < period.LeaseEnds))
                {
                    if (!turn && !account.Leasing.Wait(0, CancellationToken.None))
                    {
                        break;
                    }

                    turn = true;
                    var needed = period.Uncounted + period.Held;
                    if (period.Leased != Amounts.Min(period.Leased, needed) && time.GetElapsedTime(period.UsedAt) > IdleAfter)
                    {
                        var rest = Amounts.Max(default, period.Leased - needed);
                        period.Unreturned += rest;
                        period.Leased -= rest;
                    }

                    if (!period.Unreturned.IsNothing || time.GetElapsedTime(period.KeptAt) >= HeartbeatPeriod)
                    {
                        changes.Add(new LeaseChange(account, period, new LeaseKey(account.Subject, account.Name, period.Span.Start), period.Leased, period.Unreturned, now));
                    }
                }

                if (turn && !changes.Exists(change => change.Account == account))
                {
                    account.Leasing.Release();
                }
            }
        }

        return changes;
    }

    /// <summary>The read model counts it now, so the leases need not cover it any more: here at once, in the database afterwards.</summary>
    private void LowerLeases_NeedsLock(SettledSpend spend)
    {
        if (leases is null)
        {
            return;
        }

        foreach (var check in ChecksOf_NeedsLock(spend.Tenant, spend.Key))
        {
            if (check.Account.Kind == LimitKind.Budget && check.Account.Periods.Find(period => period.Span.Contains(spend.AdmittedAt)) is { } period)
            {
                var covered = Amounts.Min(spend.Amounts.LimitedBy(check.Max), period.Leased);
                period.Leased -= covered;
                period.Unreturned += covered;
            }
        }
    }

    /// <summary>Sessions are counted over all proxies, one by one; a session that is in use here need not be asked for again.</summary>
    private async ValueTask EnterSessionAsync(LimitPath path, string session, CancellationToken cancellationToken)
    {
        if (leases is null || path.Sessions.IsEmpty)
        {
            return;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestWait);
        foreach (var check in path.Sessions)
        {
            lock (gate)
            {
                if (entered.TryGetValue((check.Subject, session), out var at) && time.GetElapsedTime(at) < SessionTable.Lifetime / 2)
                {
                    continue;
                }
            }

            try
            {
                if (!await leases.EnterSessionAsync(check.Subject, session, check.Max, SessionTable.Lifetime, patience.Token))
                {
                    throw new RefusedException(SessionTable.Refused(check, []));
                }
            }
            catch (Exception error) when (!cancellationToken.IsCancellationRequested && error is DbException or OperationCanceledException or IOException)
            {
                throw new RefusedException(RefusalReason.Unavailable, "The sessions in use cannot be counted now. Is the event store reachable (server.json: eventStore)?");
            }

            lock (gate)
            {
                entered[(check.Subject, session)] = time.GetTimestamp();
            }
        }
    }

    private async Task KeepSessionsAsync(CancellationToken cancellationToken)
    {
        List<(LimitSubject Subject, string Session)> old;
        lock (gate)
        {
            old = sessions.InFlight().FindAll(use => entered.TryGetValue(use, out var at) && time.GetElapsedTime(at) >= SessionTable.Lifetime / 2);
            foreach (var gone in entered.Where(pair => time.GetElapsedTime(pair.Value) >= SessionTable.Lifetime && !old.Contains(pair.Key)).Select(pair => pair.Key).ToList())
            {
                entered.Remove(gone);
            }
        }

        foreach (var (subject, session) in old)
        {
            await leases!.EnterSessionAsync(subject, session, long.MaxValue, SessionTable.Lifetime, cancellationToken);
            lock (gate)
            {
                entered[(subject, session)] = time.GetTimestamp();
            }
        }
    }

    private long LifetimeTicks(LimitKind kind) => Ticks(QuotaLeases.LifetimeOf(kind) * 0.8); // Ours ends before the database's, whatever the clocks do.

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);

    private sealed record LeaseChange(LimitAccount Account, LimitPeriod Period, LeaseKey Key, Amounts Leased, Amounts Unreturned, long SentAt);
}
