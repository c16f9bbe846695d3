namespace CCGate.Contracts;

/// <summary>A class of tokens, or of calls, at its rate.</summary>
/// <param name="Class">Such as <c>input</c>, <c>cacheRead</c> or <c>webSearch</c>.</param>
/// <param name="Count">How many.</param>
/// <param name="RateUsd">What <paramref name="Per"/> of them cost.</param>
/// <param name="Per">A million tokens, or a thousand calls.</param>
public sealed record PriceLine(string Class, long Count, decimal RateUsd, long Per)
{
    /// <summary>Before any multiplier.</summary>
    public decimal AmountUsd => Count * RateUsd / Per;
}

/// <summary>How an amount came about, step by step: (token lines × multipliers + call lines) × cost multiplier, rounded once.</summary>
public sealed record PriceExplanation
{
    /// <summary>The entry of the price book.</summary>
    public string Model { get; init; } = "";

    public DateOnly EffectiveFrom { get; init; }

    /// <summary>The speed whose rates replace all others; null for the usual ones.</summary>
    public string? Speed { get; init; }

    /// <summary>The prompt was longer than this, so the rates of that tier are those of the whole request; null for the usual ones.</summary>
    public long? AboveInputTokens { get; init; }

    public IReadOnlyList<PriceLine> Tokens { get; init; } = [];

    /// <summary>By the region that served, on every token class.</summary>
    public decimal GeoMultiplier { get; init; }

    /// <summary>By the tier that served, on every token class.</summary>
    public decimal ServiceTierMultiplier { get; init; }

    public IReadOnlyList<PriceLine> Calls { get; init; } = [];

    /// <summary>The upstream's, on everything.</summary>
    public decimal CostMultiplier { get; init; }

    /// <summary>To the last digit.</summary>
    public decimal ExactUsd { get; init; }

    /// <summary>Rounded to whole picodollars (10⁻¹² USD), halves away from zero: what is owed.</summary>
    public decimal SpendUsd { get; init; }
}

/// <summary>The rates that a use is priced at, chosen once for the amount and for its explanation.</summary>
internal readonly record struct ChosenRates(TokenRates PerMillion, string? Speed, long? AboveInputTokens, decimal GeoMultiplier, decimal ServiceTierMultiplier);
