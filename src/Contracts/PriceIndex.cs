using System.Collections.Concurrent;

namespace CCGate.Contracts;

/// <summary>Finds the price of a model by its name, and remembers which entries a name can mean.</summary>
internal sealed class PriceIndex(IReadOnlyList<ModelPrice> prices)
{
    // Clients choose the names. Real ones are a few dozen, so a full memory is full of junk and may be forgotten.
    private const int MaxNames = 1024;
    private const int MaxNameLength = 256;

    private readonly ConcurrentDictionary<string, ModelPrice[]> candidates = new(StringComparer.OrdinalIgnoreCase);

    public IReadOnlyList<ModelPrice> Prices => prices;

    public ModelPrice? Find(string model, DateOnly day)
    {
        if (!candidates.TryGetValue(model, out var ranked))
        {
            ranked = Remember(model);
        }

        foreach (var price in ranked)
        {
            if (price.EffectiveFrom <= day)
            {
                return price;
            }
        }

        return null;
    }

    private ModelPrice[] Remember(string model)
    {
        var ranked = Rank(model);
        if (model.Length > MaxNameLength)
        {
            return ranked;
        }

        if (candidates.Count >= MaxNames)
        {
            candidates.Clear();
        }

        candidates[model] = ranked;
        return ranked;
    }

    /// <summary>The entries that match, the one to prefer first; which of them counts depends on the day alone.</summary>
    private ModelPrice[] Rank(string model) =>
    [
        .. prices
            .Select((price, position) => (price, position))
            .Where(entry => ModelPattern.Matches(entry.price.Model, model))
            .OrderByDescending(entry => entry.price.Precedence)
            .ThenByDescending(entry => ModelPattern.Specificity(entry.price.Model))
            .ThenByDescending(entry => entry.price.EffectiveFrom)
            .ThenByDescending(entry => entry.position)
            .Select(entry => entry.price),
    ];
}
