using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Limits;

/// <content>What a request that does not fit is told: which limit, what is used of it, when it gets better, and what to change.</content>
internal sealed partial class QuotaLedger
{
    private static readonly TimeSpan ShortestRetry = TimeSpan.FromSeconds(1);

    /// <summary>A budget comes before a rate: waiting a minute would not help.</summary>
    private Refusal ShortageOf_NeedsLock(LimitPath path, HoldEstimate hold, DateTimeOffset admittedAt)
    {
        var least = hold.At(path.Tenant.HoldPolicy == HoldPolicy.Clamp ? Math.Min(hold.FloorOutputTokens, hold.MaxOutputTokens) : hold.MaxOutputTokens);
        Shortage? found = null;
        foreach (var check in path.Checks)
        {
            var moment = MomentOf_NeedsLock(check.Account, admittedAt);
            var available = Available_NeedsLock(check, moment, admittedAt);
            if (!least.FitsInto(available) && (found is null || (check.Account.Kind == LimitKind.Budget && found.Check.Account.Kind != LimitKind.Budget)))
            {
                found = new Shortage(check, moment, available, check.MaxAt(admittedAt), least);
            }
        }

        // No single limit is too small even for the shortest answer, but none between that and the whole fits all of them: the lease of another moment.
        return found is null
            ? new Refusal(RefusalReason.Unavailable, "What is left of the limits is being leased by several proxies at once. Try again in a moment.")
            : found.Check.Account.Kind == LimitKind.Budget ? BudgetRefusal(path, found, hold) : RateRefusal(found, admittedAt);
    }

    private static Refusal BudgetRefusal(LimitPath path, Shortage shortage, HoldEstimate hold)
    {
        var check = shortage.Check;
        var name = check.NameOf(shortage.Least, shortage.Available);
        var unit = new Unit(name);
        var reset = ResetOf(shortage);
        var counting = shortage.Moment.Counting;
        var committed = counting.Aggregate(default(Amounts), (sum, period) => sum + period.Counted + period.Uncounted);
        var held = counting.Aggregate(default(Amounts), (sum, period) => sum + period.Held);
        var whole = hold.At(hold.MaxOutputTokens);
        var text = $"The limit {name} of the {check.Account.Subject.Description} is {unit.Of(shortage.Max)}; {unit.Of(committed)} are spent, {unit.Of(held)} are held for requests in flight, "
            + $"and this request may take up to {unit.Of(whole)}";
        text += whole == shortage.Least || unit.IsRequests ? ". " : $", {unit.Of(shortage.Least)} with {hold.FloorOutputTokens.ToString(CultureInfo.InvariantCulture)} output tokens, which is the least it is worth. ";
        text += shortage.Least.FitsInto(shortage.Max)
            ? reset is { } at ? $"Ask for fewer output tokens, or wait until {at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}; " : "Ask for fewer output tokens; "
            : "That is more than the whole limit, so waiting does not help; ask for fewer output tokens, or ";
        return new Refusal(RefusalReason.BudgetExhausted, $"{text}the operator can raise limits.{name} in tenants.json.")
        {
            Limit = $"{check.Account.Subject.Description} {name}",
            Reset = reset,
        };
    }

    private static Refusal RateRefusal(Shortage shortage, DateTimeOffset admittedAt)
    {
        var check = shortage.Check;
        var name = check.NameOf(shortage.Least, shortage.Available);
        var limit = name == "tokensPerMinute" ? shortage.Max.Tokens : shortage.Max.Requests;
        var wait = check.Account.Kind == LimitKind.Minute && ResetOf(shortage) is { } reset ? reset - admittedAt : ShortestRetry;
        return new Refusal(
            RefusalReason.RateLimited,
            string.Create(CultureInfo.InvariantCulture, $"The limit {name} of the {check.Account.Subject.Description} is {limit}. {(shortage.Least.FitsInto(shortage.Max) ? "Try again later" : "This request is larger than that")}; the operator can raise limits.{name} in tenants.json."))
        {
            Limit = $"{check.Account.Subject.Description} {name}",
            RetryAfter = wait < ShortestRetry ? ShortestRetry : wait,
        };
    }

    /// <summary>When a window starts over; when it rolls, when as much of it has gone by as the request needs. Null when it never does.</summary>
    private static DateTimeOffset? ResetOf(Shortage shortage)
    {
        var (window, counting) = (shortage.Moment.Window, shortage.Moment.Counting);
        if (window.End == DateTimeOffset.MaxValue)
        {
            return null;
        }

        if (shortage.Moment.Period.Span == window)
        {
            return window.End;
        }

        var available = shortage.Max.Without(shortage.Moment.Used);
        foreach (var period in counting)
        {
            available += period.Used.LimitedBy(shortage.Max);
            if (shortage.Least.FitsInto(available))
            {
                return period.Span.End + (window.End - window.Start) - (period.Span.End - period.Span.Start);
            }
        }

        return window.End + (window.End - window.Start);
    }

    /// <param name="Check">The limit that falls short.</param>
    /// <param name="Moment">What counts against it.</param>
    /// <param name="Available">What it leaves, to this proxy.</param>
    /// <param name="Max">The limit now.</param>
    /// <param name="Least">The least the request could do with.</param>
    private sealed record Shortage(LimitCheck Check, LimitMoment Moment, Amounts Available, Amounts Max, Amounts Least);

    private readonly struct Unit(string limit)
    {
        public bool IsRequests => limit.EndsWith("maxRequests", StringComparison.Ordinal);

        public string Of(Amounts amounts) => limit.EndsWith("maxUSD", StringComparison.Ordinal)
            ? string.Create(CultureInfo.InvariantCulture, $"{Picodollars.ToUsd(amounts.Pico):0.######} USD")
            : IsRequests ? string.Create(CultureInfo.InvariantCulture, $"{amounts.Requests} requests") : string.Create(CultureInfo.InvariantCulture, $"{amounts.Tokens} tokens");
    }
}
