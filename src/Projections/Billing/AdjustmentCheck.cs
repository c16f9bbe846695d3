using System.Globalization;
using CCGate.Contracts;

namespace CCGate.Projections.Billing;

/// <summary>Holds every adjustment against the request it is about. Adjustments are few, so they are kept, and the many requests pass by.</summary>
internal sealed class AdjustmentCheck(PublishedPrices prices, Action<DifferenceKind, string, string, string> report)
{
    private readonly Dictionary<Guid, List<SpendAdjusted>> waiting = [];

    public void Collect(SpendAdjusted adjusted)
    {
        if (!waiting.TryGetValue(adjusted.RequestId, out var known))
        {
            waiting[adjusted.RequestId] = known = [];
        }

        known.Add(adjusted);
    }

    public void Check(RequestCompleted completed)
    {
        if (!waiting.Remove(completed.RequestId, out var adjustments))
        {
            return;
        }

        var (total, releasedUsd, releasedTokens) = (completed.SpendUsd, 0m, 0L);
        foreach (var (index, adjusted) in adjustments.OrderBy(adjusted => adjusted.Ordinal).Index())
        {
            CheckNames(completed, adjusted, index + 1);
            if (adjusted.Kind == AdjustmentKind.ReRating)
            {
                CheckPrice(completed, adjusted, adjustments.Where(earlier => earlier.Ordinal < adjusted.Ordinal));
            }

            releasedUsd += adjusted.ReleasedUsd;
            releasedTokens += adjusted.ReleasedTokens;
            if (releasedUsd > (completed.UnsettledUsd ?? 0m) || releasedTokens > (completed.UnsettledTokens ?? 0))
            {
                report(
                    DifferenceKind.AdjustmentRelease,
                    Subject(adjusted),
                    $"at most {LedgerCheck.Usd(completed.UnsettledUsd ?? 0m)} and {completed.UnsettledTokens ?? 0} tokens",
                    $"{LedgerCheck.Usd(releasedUsd)} and {releasedTokens} tokens");
            }

            total += adjusted.Lines.Sum(line => line.SpendUsd);
            if (total < 0)
            {
                report(DifferenceKind.NegativeTotal, Subject(adjusted), "0 USD or more", LedgerCheck.Usd(total));
            }
        }
    }

    /// <summary>What nobody's request was found for.</summary>
    public void Finish(BillingPeriod period)
    {
        foreach (var adjusted in waiting.Values.SelectMany(adjustments => adjustments).Where(adjusted => period.Contains(adjusted.AdmittedAt)))
        {
            report(DifferenceKind.AdjustmentWithoutRequest, Subject(adjusted), "a request in the ledger", "none");
        }
    }

    private void CheckNames(RequestCompleted completed, SpendAdjusted adjusted, int ordinal)
    {
        var (should, says) = ((completed.TenantId, completed.KeyId, completed.AdmittedAt), (adjusted.TenantId, adjusted.KeyId, adjusted.AdmittedAt));
        if (should != says)
        {
            report(DifferenceKind.AdjustmentMismatch, Subject(adjusted), Text(should), Text(says));
        }

        if (adjusted.Ordinal != ordinal || adjusted.AdjustmentId != SpendAdjusted.IdOf(completed.RequestId, ordinal))
        {
            report(
                DifferenceKind.AdjustmentOrdinal,
                Subject(adjusted),
                $"number {ordinal}, id {SpendAdjusted.IdOf(completed.RequestId, ordinal)}",
                $"number {adjusted.Ordinal}, id {adjusted.AdjustmentId}");
        }
    }

    private void CheckPrice(RequestCompleted completed, SpendAdjusted adjusted, IEnumerable<SpendAdjusted> before)
    {
        var earlier = before.SelectMany(one => one.Lines).ToList();
        foreach (var line in adjusted.Lines)
        {
            var attempt = (completed.Attempts ?? []).FirstOrDefault(attempt => attempt.Number == line.Attempt) ?? new Attempt();
            var charged = attempt.SpendUsd + earlier.Where(one => one.Attempt == line.Attempt).Sum(one => one.SpendUsd);
            var usage = earlier.Where(one => one.Attempt == line.Attempt && one.Usage is not null)
                .Aggregate(attempt.Usage ?? new TokenUsage(), (sum, one) => WithCounts(sum, sum + one.Usage!));
            var possible = prices.Spend(attempt with { PriceVersion = line.PriceVersion, ProviderModel = line.ProviderModel, Usage = usage }, completed.AdmittedAt);
            if (possible?.Contains(charged + line.SpendUsd) != true)
            {
                var expected = possible is null or [] ? $"a price in {line.PriceVersion ?? "a published price book"}" : string.Join(" or ", possible.Select(price => LedgerCheck.Usd(price - charged)));
                report(DifferenceKind.AdjustmentSpend, $"{Subject(adjusted)} attempt {line.Attempt}", expected, LedgerCheck.Usd(line.SpendUsd));
            }
        }
    }

    /// <summary>A sum of usage has no tier, geography or speed; these are the attempt's.</summary>
    private static TokenUsage WithCounts(TokenUsage usage, TokenUsage counts) =>
        counts with { ServiceTier = usage.ServiceTier, InferenceGeo = usage.InferenceGeo, Speed = usage.Speed };

    private static string Subject(SpendAdjusted adjusted) => $"request {adjusted.RequestId} adjustment {adjusted.Ordinal}";

    private static string Text((string Tenant, string Key, DateTimeOffset AdmittedAt) names) =>
        string.Create(CultureInfo.InvariantCulture, $"tenant={names.Tenant} key={names.Key} admitted {names.AdmittedAt:O}");
}
