using CCGate.Contracts;

namespace CCGate.Metering;

/// <summary>What must hold of prices before they become history: everything that is billed later is multiplied by them.</summary>
internal static class PriceRules
{
    // Those of prices.json: above any price there is.
    private const decimal MaxRate = 1_000_000m;
    private const decimal MaxMultiplier = 1_000m;

    /// <summary>The first rule the event breaks, in words; null when it is good.</summary>
    public static string? Violation(PriceBookPublished published) => published switch
    {
        { Origin: not (null or PriceBookPublished.OperatorOrigin) } => $"Origin '{published.Origin}' is not known to this version",
        { IsChange: false, Withdrawn.Count: > 0 } => "Withdrawn is not empty, but the event is no change",
        { IsChange: true, Book.Prices.Count: 0, Withdrawn: null or [] } => "the change changes nothing",
        { Withdrawn: { } withdrawn } when withdrawn.Any(entry => entry is not { Model.Length: > 0 }) => "an entry of Withdrawn has no Model",
        _ => published.Book.Prices.Select(Violation).FirstOrDefault(reason => reason is not null),
    };

    private static string? Violation(ModelPrice? price, int index)
    {
        var path = $"Book.Prices[{index}]";
        return price switch
        {
            null => $"{path} is null",
            { Model: null or "" } => $"{path}.Model is empty",
            { PerThousand: null } or { AboveInputTokens: null } or { Speed: null } or { InferenceGeo: null } or { ServiceTier: null } => $"{path} has a member that is null",
            { PerThousand.WebSearch: < 0 or > MaxRate } => $"{path}.PerThousand.WebSearch is {price.PerThousand.WebSearch}",
            _ => Rates(price).Select(rates => Violation(path, rates)).FirstOrDefault(reason => reason is not null)
                ?? price.InferenceGeo.Concat(price.ServiceTier)
                    .Where(multiplier => multiplier.Value is < 0 or > MaxMultiplier)
                    .Select(multiplier => $"{path} has the multiplier {multiplier.Value} for {multiplier.Key}")
                    .FirstOrDefault(),
        };
    }

    private static IEnumerable<TokenRates?> Rates(ModelPrice price) =>
        price.AboveInputTokens.Select(tier => tier?.PerMillion).Concat(price.Speed.Values.Select(speed => speed?.PerMillion)).Prepend(price.PerMillion);

    private static string? Violation(string path, TokenRates? rates)
    {
        if (rates is null)
        {
            return $"{path} has rates that are null";
        }

        decimal[] all = [rates.Input, rates.Output, rates.CacheRead, rates.CacheWrite5m, rates.CacheWrite1h];
        return all.Where(rate => rate is < 0 or > MaxRate).Select(rate => $"{path} has the rate {rate}").FirstOrDefault();
    }
}
