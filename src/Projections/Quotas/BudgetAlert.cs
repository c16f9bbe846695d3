using System.Globalization;
using System.Text;
using CCGate.Contracts;

namespace CCGate.Projections.Quotas;

/// <summary>A threshold of a limit: what raises an alert once in each of the limit's windows.</summary>
internal readonly record struct BudgetAlert(QuotaUse Quota, decimal Threshold)
{
    public bool IsReached => Quota.Max > 0 && Quota.Used >= Level;

    /// <summary>The amount that raises it.</summary>
    public decimal Level => Quota.Max * Threshold;

    /// <summary>The window rolls on every quarter hour: no start of its own tells one time of heavy use from the next.</summary>
    public bool IsRolling => Quota.Rolls;

    /// <summary>The same for as long as there is nothing to say anew.</summary>
    public string Name => IsRolling ? Named("") : Named(Instant(Quota.WindowStart));

    /// <summary>The id of the event, by which every process that sees the same thing stores it once.</summary>
    /// <param name="before">The alert before it, of a rolling window.</param>
    public Guid Id(BudgetThresholdReached? before) => EventId.Of(Encoding.UTF8.GetBytes(IsRolling ? Named(before?.ThresholdId.ToString() ?? "") : Name));

    public bool IsOf(BudgetThresholdReached reached) => reached.KeyId == Quota.Key && reached.Limit == Quota.Limit && reached.Threshold == Threshold;

    // A total never starts over by itself, so raising it does. In every other window a raised limit raises no second alert.
    private string Named(string window) => string.Join(
        '\n', "budget_threshold", Quota.Tenant, Quota.Key, Quota.Limit, window, Number(Threshold), Quota.WindowEnd is null ? Number(Quota.Max) : "");

    private static string Instant(DateTimeOffset instant) => instant.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    // 0.80 and 0.8 are the same threshold.
    private static string Number(decimal number) => number.ToString("0.############################", CultureInfo.InvariantCulture);
}
