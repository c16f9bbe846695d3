namespace CCGate.Proxy.Limits;

/// <content>The promise, checked apart from the code that keeps it: nothing is admitted past a limit, and no answer costs more than was held for it.</content>
internal sealed partial class QuotaLedger
{
    private long overLimit;

    /// <summary>Requests by which a limit was exceeded that they could have respected; anything but 0 is a fault of the gateway, or of an upstream that exceeded what it was allowed.</summary>
    public long OverLimit => Volatile.Read(ref overLimit);

    /// <summary>After a grant: nothing is granted where a limit is reached, so whatever is over one now is the grant's doing.</summary>
    private void CheckGrant_NeedsLock(Reservation reservation) => CountOverLimit_NeedsLock(reservation, reservation.Held);

    /// <summary>After a settlement: only what is owed above the hold can exceed a limit that the hold respected.</summary>
    private void CheckSettlement_NeedsLock(Reservation reservation, Amounts owed)
    {
        if (!owed.FitsInto(reservation.Held))
        {
            CountOverLimit_NeedsLock(reservation, Amounts.Max(default, owed - reservation.Held));
        }
    }

    private void CountOverLimit_NeedsLock(Reservation reservation, Amounts added)
    {
        foreach (var check in reservation.Granted)
        {
            if (!reservation.IsOverLimit && Exceeds_NeedsLock(reservation, check, added))
            {
                reservation.IsOverLimit = true;
                Volatile.Write(ref overLimit, overLimit + 1);
            }
        }
    }

    /// <summary>Whether what counts is more than was allowed when the request was admitted, and is now: an operator who lowers a limit makes nobody exceed it.</summary>
    private static bool Exceeds_NeedsLock(Reservation reservation, LimitCheck granted, Amounts added)
    {
        LimitCheck? now = null;
        foreach (var check in reservation.Path.Checks)
        {
            now = check.Account == granted.Account ? check : now;
        }

        if (now is null)
        {
            return false;
        }

        // Added up anew from the periods, whatever the admission believes to know of the moment.
        var (window, used) = (granted.Account.WindowAt(reservation.AdmittedAt), default(Amounts));
        foreach (var period in granted.Account.Periods)
        {
            used += period.Span.Overlaps(window) ? period.Used : default;
        }

        var max = Amounts.Max(granted.MaxAt(reservation.AdmittedAt), now.MaxAt(reservation.AdmittedAt));
        return (added.Pico > 0 && used.Pico > max.Pico) || (added.Tokens > 0 && used.Tokens > max.Tokens) || (added.Requests > 0 && used.Requests > max.Requests);
    }
}
