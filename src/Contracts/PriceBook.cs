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

    public TokenRates PerMillion { get; init; } = new();
}

/// <summary>The rates of a speed that is priced apart, such as <c>fast</c>.</summary>
public sealed record SpeedRates
{
    public TokenRates PerMillion { get; init; } = new();
}

/// <summary>What one model, or all models of a pattern, cost from a date on.</summary>
public sealed record ModelPrice
{
    /// <summary>A model name in which <c>*</c> stands for anything; case does not matter, the whole name must match.</summary>
    public string Model { get; init; } = "";

    public string? Provider { get; init; }

    public DateOnly EffectiveFrom { get; init; }

    public TokenRates PerMillion { get; init; } = new();

    public CallRates PerThousand { get; init; } = new();

    public IReadOnlyList<LongContextTier> AboveInputTokens { get; init; } = [];

    public IReadOnlyDictionary<string, SpeedRates> Speed { get; init; } = new Dictionary<string, SpeedRates>();

    /// <summary>Multiplier by the region that served, on every token class.</summary>
    public IReadOnlyDictionary<string, decimal> InferenceGeo { get; init; } = new Dictionary<string, decimal>();

    /// <summary>Multiplier by the tier that served, on every token class.</summary>
    public IReadOnlyDictionary<string, decimal> ServiceTier { get; init; } = new Dictionary<string, decimal>();
}

/// <summary>A version of the prices. What a use costs is computed here and nowhere else.</summary>
public sealed record PriceBook
{
    public string Version { get; init; } = "";

    public IReadOnlyList<ModelPrice> Prices { get; init; } = [];
}

/// <summary>A price book came into force; requests refer to it by its version.</summary>
public sealed record PriceBookPublished
{
    /// <summary>Derived from the content, so that every proxy that loads the same book publishes the same event.</summary>
    [JsonIgnore]
    public Guid EventId { get; init; }

    public PriceBook Book { get; init; } = new();

    public DateTimeOffset PublishedAt { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}
