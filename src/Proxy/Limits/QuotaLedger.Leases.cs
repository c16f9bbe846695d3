using System.Data.Common;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Limits;

/// <content>The part that matters where other proxies spend from the same budgets.</content>
internal sealed partial class QuotaLedger
{
    // A lease is taken for more than the request at hand, so that most requests need no database; the rest comes back when it is idle.
    private const int SlicesPerLimit = 20;
    private static readonly TimeSpan IdleAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HeartbeatPeriod = QuotaLeases.Lifetime / 6;

    /// <summary>Asks for enough for this request and some more; one caller at a time, the others find what it brought.</summary>
    private async Task RaiseLeaseAsync(QuotaAccount account, HoldEstimate hold, long limitPico, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestWait);
        try
        {
            await account.Leasing.WaitAsync(patience.Token);
            try
            {
                var sentAt = time.GetTimestamp();
                long wanted;
                lock (gate)
                {
                    if (hold.Pico <= Available_NeedsLock(account, limitPico) || sentAt < account.ExhaustedUntil)
                    {
                        return;
                    }

                    wanted = account.UncountedPico + account.HeldPico + hold.Pico + (limitPico / SlicesPerLimit);
                }

                var leased = await leases!.RaiseAsync(account.Tenant, account.Window, wanted, limitPico, patience.Token);
                lock (gate)
                {
                    account.LeasedPico = Math.Max(0, leased - account.UnreturnedPico);
                    account.LeaseEnds = sentAt + LifetimeTicks;
                    account.ExhaustedUntil = leased < wanted ? sentAt + Ticks(SpendFeed.Period) : 0;
                }
            }
            finally
            {
                account.Leasing.Release();
            }
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested && error is DbException or OperationCanceledException or IOException)
        {
            throw new RefusedException(RefusalReason.Unavailable, $"What is left of the budget of the tenant {account.Tenant} cannot be asked for now. Is the event store reachable (server.json: eventStore)?");
        }
    }

    /// <summary>Keeps the leases alive, lowers them by what the read model took over, and gives back what nobody uses.</summary>
    public async Task KeepLeasesAsync(CancellationToken cancellationToken)
    {
        foreach (var account in leases is null ? [] : Accounts())
        {
            await account.Leasing.WaitAsync(cancellationToken);
            try
            {
                await KeepLeaseAsync(account, cancellationToken);
            }
            finally
            {
                account.Leasing.Release();
            }
        }
    }

    private async Task KeepLeaseAsync(QuotaAccount account, CancellationToken cancellationToken)
    {
        var now = time.GetTimestamp();
        long leased, unreturned;
        lock (gate)
        {
            if (now >= account.LeaseEnds)
            {
                return; // Lost; the next request leases anew.
            }

            var needed = account.UncountedPico + account.HeldPico;
            if (account.LeasedPico > needed && time.GetElapsedTime(account.UsedAt) > IdleAfter)
            {
                account.UnreturnedPico += account.LeasedPico - needed;
                account.LeasedPico = needed;
            }

            (leased, unreturned) = (account.LeasedPico, account.UnreturnedPico);
            if (unreturned == 0 && time.GetElapsedTime(account.KeptAt) < HeartbeatPeriod)
            {
                return;
            }
        }

        var kept = await leases!.KeepAsync(account.Tenant, account.Window, leased, cancellationToken);
        lock (gate)
        {
            account.UnreturnedPico -= unreturned;
            account.KeptAt = now;
            account.LeaseEnds = kept && leased != 0 ? now + LifetimeTicks : 0;
        }
    }

    private long LifetimeTicks => Ticks(QuotaLeases.Lifetime * 0.8); // Ours ends before the database's, whatever the clocks do.

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);

    private List<QuotaAccount> Accounts()
    {
        lock (gate)
        {
            return [.. accounts.Values.SelectMany(days => days)];
        }
    }
}
