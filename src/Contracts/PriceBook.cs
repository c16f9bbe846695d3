using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>USD per million tokens, one rate per class: no rate is ever derived from another.</summary>
public sealed record TokenRates
{
    public decimal Input { get; init; }

    public decimal Output { get; init; }

    public decimal CacheRead { get; init; }

    public decimal CacheWrite5m { get; init; }

    public decimal CacheWrite1h { get; init; }

    internal decimal DearestInput => Math.Max(Math.Max(Input, CacheRead), Math.Max(CacheWrite5m, CacheWrite1h));

    /// <summary>USD times a million, so that nothing is divided before everything is added.</summary>
    internal decimal Millionfold(TokenUsage usage) =>
        (usage.InputTokens * Input) + (usage.OutputTokens * Output) + (usage.CacheReadTokens * CacheRead)
        + (usage.CacheWrite5mTokens * CacheWrite5m) + (usage.CacheWrite1hTokens * CacheWrite1h);

    /// <summary>What <see cref="Millionfold"/> is the sum of.</summary>
    internal PriceLine[] Lines(TokenUsage usage) =>
    [
        new("input", usage.InputTokens, Input, 1_000_000),
        new("output", usage.OutputTokens, Output, 1_000_000),
        new("cacheRead", usage.CacheReadTokens, CacheRead, 1_000_000),
        new("cacheWrite5m", usage.CacheWrite5mTokens, CacheWrite5m, 1_000_000),
        new("cacheWrite1h", usage.CacheWrite1hTokens, CacheWrite1h, 1_000_000),
    ];
}

/// <summary>USD per thousand calls of what providers bill by the call.</summary>
public sealed record CallRates
{
    public decimal WebSearch { get; init; }
}

/// <summary>The rates of the whole request once its prompt is longer than <see cref="Tokens"/>.</summary>
public sealed record LongContextTier
{
    public long Tokens { get; init; }

    public TokenRates PerMillion { get; set; } = new();
}

/// <summary>The rates of a speed that is priced apart, such as <c>fast</c>.</summary>
public sealed record SpeedRates
{
    public TokenRates PerMillion { get; set; } = new();
}

/// <summary>What one model, or all models of a pattern, cost from a date on.</summary>
public sealed record ModelPrice
{
    /// <summary>A model name in which <c>*</c> stands for anything; case does not matter, the whole name must match.</summary>
    public string Model { get; set; } = "";

    public string? Provider { get; init; }

    /// <summary>Entries of a higher precedence are tried first, however specific the others are: 0 is the shipped table, 1 the operator's own.</summary>
    public int Precedence { get; init; }

    /// <summary>The first UTC date of admission it counts for.</summary>
    public DateOnly EffectiveFrom { get; init; }

    public TokenRates PerMillion { get; set; } = new();

    public CallRates PerThousand { get; set; } = new();

    public IReadOnlyList<LongContextTier> AboveInputTokens { get; set; } = [];

    public IReadOnlyDictionary<string, SpeedRates> Speed { get; set; } = new Dictionary<string, SpeedRates>();

    /// <summary>Multiplier by the region that served, on every token class.</summary>
    public IReadOnlyDictionary<string, decimal> InferenceGeo { get; set; } = new Dictionary<string, decimal>();

    /// <summary>Multiplier by the tier that served, on every token class.</summary>
    public IReadOnlyDictionary<string, decimal> ServiceTier { get; set; } = new Dictionary<string, decimal>();

    /// <summary>What a use owes, in whole picodollars (10⁻¹² USD).</summary>
    public decimal Spend(TokenUsage usage, decimal costMultiplier)
    {
        ArgumentNullException.ThrowIfNull(usage);
        return Picodollars(ExactUsd(usage, Choose(usage), costMultiplier));
    }

    /// <summary>How <see cref="Spend"/> comes about.</summary>
    public PriceExplanation Explain(TokenUsage usage, decimal costMultiplier)
    {
        ArgumentNullException.ThrowIfNull(usage);
        var chosen = Choose(usage);
        var exact = ExactUsd(usage, chosen, costMultiplier);
        return new PriceExplanation
        {
            Model = Model,
            EffectiveFrom = EffectiveFrom,
            Speed = chosen.Speed,
            AboveInputTokens = chosen.AboveInputTokens,
            Tokens = chosen.PerMillion.Lines(usage),
            GeoMultiplier = chosen.GeoMultiplier,
            ServiceTierMultiplier = chosen.ServiceTierMultiplier,
            Calls = [new PriceLine("webSearch", usage.WebSearches, PerThousand.WebSearch, 1_000)],
            CostMultiplier = costMultiplier,
            ExactUsd = exact,
            SpendUsd = Picodollars(exact),
        };
    }

    /// <summary>The most that a request can cost per unit before anyone knows what it will use: what a hold is made of.</summary>
    /// <param name="promptTokensAtMost">An upper bound of what the model will read; it decides which long-context tiers can be reached.</param>
    /// <param name="fast">Whether a speed that is priced apart was asked for.</param>
    public WorstRates Worst(long promptTokensAtMost, bool fast)
    {
        var input = PerMillion.DearestInput;
        var output = PerMillion.Output;
        foreach (var tier in AboveInputTokens)
        {
            if (tier.Tokens < promptTokensAtMost)
            {
                input = Math.Max(input, tier.PerMillion.DearestInput);
                output = Math.Max(output, tier.PerMillion.Output);
            }
        }

        if (fast)
        {
            // The provider may serve the standard speed all the same, so the other rates stay candidates.
            input = Speed.Values.Aggregate(input, (dearest, speed) => Math.Max(dearest, speed.PerMillion.DearestInput));
            output = Speed.Values.Aggregate(output, (dearest, speed) => Math.Max(dearest, speed.PerMillion.Output));
        }

        var multiplier = Dearest(InferenceGeo) * Dearest(ServiceTier) / 1_000_000m;
        return new WorstRates(input * multiplier, output * multiplier, PerThousand.WebSearch / 1_000m);
    }

    private decimal ExactUsd(TokenUsage usage, in ChosenRates chosen, decimal costMultiplier)
    {
        var tokens = chosen.PerMillion.Millionfold(usage) * chosen.GeoMultiplier * chosen.ServiceTierMultiplier / 1_000_000m;
        var searches = usage.WebSearches * PerThousand.WebSearch / 1_000m;
        return (tokens + searches) * costMultiplier;
    }

    /// <summary>A speed that is priced apart replaces every other rate; otherwise the highest tier that the prompt exceeds is that of the whole request.</summary>
    private ChosenRates Choose(TokenUsage usage)
    {
        var geo = Multiplier(InferenceGeo, usage.InferenceGeo);
        var serviceTier = Multiplier(ServiceTier, usage.ServiceTier);
        if (usage.Speed is not null && Speed.TryGetValue(usage.Speed, out var speed))
        {
            return new ChosenRates(speed.PerMillion, usage.Speed, AboveInputTokens: null, geo, serviceTier);
        }

        LongContextTier? reached = null;
        for (var i = 0; i < AboveInputTokens.Count; i++)
        {
            var tier = AboveInputTokens[i];
            if (usage.PromptTokens > tier.Tokens && (reached is null || tier.Tokens > reached.Tokens))
            {
                reached = tier;
            }
        }

        return new ChosenRates(reached?.PerMillion ?? PerMillion, Speed: null, reached?.Tokens, geo, serviceTier);
    }

    private static decimal Multiplier(IReadOnlyDictionary<string, decimal> multipliers, string? served) =>
        served is not null && multipliers.TryGetValue(served, out var multiplier) ? multiplier : 1m;

    // A served name that is not listed costs 1, so nothing below 1 can be relied on.
    private static decimal Dearest(IReadOnlyDictionary<string, decimal> multipliers) =>
        multipliers.Count == 0 ? 1m : Math.Max(1m, multipliers.Values.Max());

    /// <summary>Rounded to what the read models can hold, and without trailing zeros, which a decimal keeps and JSON prints.</summary>
    internal static decimal Picodollars(decimal usd) =>
        Math.Round(usd, 12, MidpointRounding.AwayFromZero) / 1.0000000000000000000000000000m;
}

/// <summary>Upper bounds of what one unit of a request can cost, in USD.</summary>
/// <param name="InputToken">One token of the prompt, in its dearest class.</param>
/// <param name="OutputToken">One token of the answer.</param>
/// <param name="WebSearch">One web search the provider runs.</param>
public readonly record struct WorstRates(decimal InputToken, decimal OutputToken, decimal WebSearch);

/// <summary>A version of the prices. What a use costs is computed here and nowhere else.</summary>
public sealed record PriceBook
{
    private readonly PriceIndex index = new([]);

    public string Version { get; set; } = "";

    public IReadOnlyList<ModelPrice> Prices
    {
        get => index.Prices;
        init => index = new PriceIndex(value ?? []);
    }

    /// <summary>The price of a model on the UTC date of admission; null when it has none.</summary>
    public ModelPrice? Find(string model, DateTimeOffset admittedAt) => index.Find(model, DateOnly.FromDateTime(admittedAt.UtcDateTime));

    /// <summary>What a use of a model owes; null when the model has no price.</summary>
    public decimal? Spend(string model, TokenUsage usage, DateTimeOffset admittedAt, decimal costMultiplier) =>
        Find(model, admittedAt)?.Spend(usage, costMultiplier);
}

/// <summary>A price that an operator set at run time and took back.</summary>
public sealed record WithdrawnPrice
{
    /// <summary>The entry's model, as it was set.</summary>
    public string Model { get; set; } = "";

    public DateOnly EffectiveFrom { get; init; }
}

/// <summary>A price book came into force, and requests refer to it by its version; or an operator changed prices at run time.</summary>
public sealed record PriceBookPublished
{
    /// <summary>The <see cref="Origin"/> of a change that an operator made at run time.</summary>
    public const string OperatorOrigin = "operator";

    /// <summary>Derived from the content, so that every proxy that loads the same book publishes the same event; an operator's change has one of its own.</summary>
    [JsonIgnore]
    public Guid EventId { get; init; }

    /// <summary>The whole book; of an operator's change, only the entries that it sets.</summary>
    public PriceBook Book { get; set; } = new();

    public DateTimeOffset PublishedAt { get; init; }

    /// <summary>Null for a book that a proxy put into force.</summary>
    public string? Origin { get; init; }

    /// <summary>The operator who made the change.</summary>
    public string? By { get; init; }

    /// <summary>In an operator's words.</summary>
    public string? Reason { get; init; }

    /// <summary>Entries of earlier changes that this one takes back.</summary>
    public IReadOnlyList<WithdrawnPrice>? Withdrawn { get; init; }

    /// <summary>Whether it changes prices, rather than saying which are in force.</summary>
    [JsonIgnore]
    public bool IsChange => Origin == OperatorOrigin;

    /// <summary>The same content has the same identity everywhere, so it is stored once however many proxies publish it.</summary>
    public static PriceBookPublished Of(PriceBook book, DateTimeOffset now)
    {
        var content = JsonSerializer.SerializeToUtf8Bytes(book, ContractsJson.Default.PriceBook);
        return new PriceBookPublished { EventId = Contracts.EventId.Of(content), Book = book, PublishedAt = now };
    }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}
