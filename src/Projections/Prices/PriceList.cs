using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Projections.Prices;

/// <summary>An entry in the form of prices.json, and where it comes from.</summary>
internal sealed record PriceEntry
{
    public string Model { get; init; } = "";

    public string? Provider { get; init; }

    /// <summary><c>shipped</c>, <c>file</c> or <c>operator</c>; null in what is sent.</summary>
    public string? Source { get; init; }

    /// <summary>Null counts from ever.</summary>
    public DateOnly? EffectiveFrom { get; init; }

    public TokenRates PerMillion { get; init; } = new();

    public CallRates PerThousand { get; init; } = new();

    public IReadOnlyList<LongContextTier>? AboveInputTokens { get; init; }

    public IReadOnlyDictionary<string, SpeedRates>? Speed { get; init; }

    public IReadOnlyDictionary<string, decimal>? InferenceGeo { get; init; }

    public IReadOnlyDictionary<string, decimal>? ServiceTier { get; init; }

    public static PriceEntry Of(ModelPrice price) => new()
    {
        Model = price.Model,
        Provider = price.Provider,
        EffectiveFrom = price.EffectiveFrom == DateOnly.MinValue ? null : price.EffectiveFrom,
        PerMillion = price.PerMillion,
        PerThousand = price.PerThousand,
        AboveInputTokens = price.AboveInputTokens is { Count: > 0 } tiers ? tiers : null,
        Speed = price.Speed is { Count: > 0 } speeds ? speeds : null,
        InferenceGeo = price.InferenceGeo is { Count: > 0 } regions ? regions : null,
        ServiceTier = price.ServiceTier is { Count: > 0 } serviceTiers ? serviceTiers : null,
    };
}

/// <summary>The answer of <c>GET /api/prices</c>.</summary>
/// <param name="Version">The version that events name.</param>
/// <param name="At">The UTC date of admission asked about.</param>
/// <param name="Prices">The entries that count, by model.</param>
internal sealed record PriceList(string Version, DateOnly At, IReadOnlyList<PriceEntry> Prices)
{
    /// <summary>The entries that decide on a date, and without a date those that will decide later too.</summary>
    /// <param name="book">Every entry there is.</param>
    /// <param name="model">Only those that match: a model's name gives the one entry that prices it, a pattern the entries of such names.</param>
    /// <param name="at">The UTC date of admission; null is today.</param>
    /// <param name="today">Today in UTC.</param>
    public static PriceList Of(PriceBook book, string? model, DateOnly? at, DateOnly today)
    {
        var day = at ?? today;
        var chosen = model is null || ModelPattern.IsWildcard(model)
            ? book.Prices.Where(price => (model is null || ModelPattern.Matches(model, price.Model)) && (price.EffectiveFrom <= day || at is null) && Decides(book, price, day))
            : Find(book, model, day) is { } found ? [found] : [];
        return new PriceList(book.Version, day,
        [
            .. chosen.OrderBy(price => price.Provider, StringComparer.Ordinal).ThenBy(price => price.Model, StringComparer.Ordinal).ThenBy(price => price.EffectiveFrom)
                .Select(price => PriceEntry.Of(price) with { Source = PricePrecedence.Source(price.Precedence) }),
        ]);
    }

    public static ModelPrice? Find(PriceBook book, string model, DateOnly day) => book.Find(model, new DateTimeOffset(day, TimeOnly.MinValue, TimeSpan.Zero));

    /// <summary>An entry decides unless another one does for its own name, a pattern being a name in which the star is a letter like any other.</summary>
    private static bool Decides(PriceBook book, ModelPrice price, DateOnly day) =>
        ReferenceEquals(Find(book, price.Model, price.EffectiveFrom > day ? price.EffectiveFrom : day), price);
}

/// <summary>The body of <c>POST /api/prices</c>, as the command sends it.</summary>
internal sealed record PriceChangeDocument
{
    public string? Reason { get; init; }

    public IReadOnlyList<PriceEntry>? Prices { get; init; }

    public IReadOnlyList<PriceWithdrawal>? Withdraw { get; init; }
}

/// <summary>An entry to take back.</summary>
/// <param name="Model">Its model, as it was set.</param>
/// <param name="EffectiveFrom">Its date; null for one that counts from ever.</param>
internal sealed record PriceWithdrawal(string Model, DateOnly? EffectiveFrom);
