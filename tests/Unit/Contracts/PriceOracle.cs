using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Tests.Unit.Contracts;

/// <summary>The shipped table read as the JSON it is and multiplied with whole numbers, so that it shares no line and no mistake with the product.</summary>
internal sealed class PriceOracle
{
    private readonly List<(JsonElement Entry, string Model, Regex Pattern, DateOnly From, int Position)> entries;

    private PriceOracle(JsonElement table) => entries =
    [
        .. table.GetProperty("prices").EnumerateArray().Select((entry, position) => (
            entry, entry.GetProperty("model").GetString()!, Pattern(entry.GetProperty("model").GetString()!), DateOnly.ParseExact(entry.GetProperty("effectiveFrom").GetString()!, "yyyy-MM-dd", CultureInfo.InvariantCulture), position)),
    ];

    public IReadOnlyList<(string Model, DateOnly From)> Entries => [.. entries.Select(entry => (entry.Model, entry.From))];

    public static PriceOracle OfShippedTable()
    {
        using var file = typeof(ConfigSource).Assembly.GetManifestResourceStream("CCGate.Hosting.Configuration.prices.json")!;
        using var document = JsonDocument.Parse(file, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip });
        return new PriceOracle(document.RootElement.Clone());
    }

    /// <summary>Every word the table has for a member, so that random usages meet all of them.</summary>
    public string[] Names(string member) =>
        [.. entries.Where(entry => entry.Entry.TryGetProperty(member, out _)).SelectMany(entry => entry.Entry.GetProperty(member).EnumerateObject().Select(name => name.Name)).Distinct()];

    /// <summary>In whole picodollars; null when the model has no price on that UTC day.</summary>
    public BigInteger? Spend(string model, TokenUsage usage, DateOnly day, string costMultiplier)
    {
        var found = entries
            .Where(entry => entry.From <= day && entry.Pattern.IsMatch(model))
            .OrderBy(entry => entry.Model.Contains('*', StringComparison.Ordinal) ? 1 : 0)
            .ThenByDescending(entry => entry.Model.Count(letter => letter != '*'))
            .ThenByDescending(entry => entry.From)
            .ThenByDescending(entry => entry.Position)
            .Select(entry => (JsonElement?)entry.Entry)
            .FirstOrDefault();
        if (found is not { } price)
        {
            return null;
        }

        var rates = Rates(price, usage);
        var tokens = (Fraction.Of(rates.GetProperty("input")) * usage.InputTokens) + (Fraction.Of(rates.GetProperty("output")) * usage.OutputTokens)
            + (Fraction.Of(rates.GetProperty("cacheRead")) * usage.CacheReadTokens) + (Fraction.Of(rates.GetProperty("cacheWrite5m")) * usage.CacheWrite5mTokens)
            + (Fraction.Of(rates.GetProperty("cacheWrite1h")) * usage.CacheWrite1hTokens);
        tokens = tokens * Multiplier(price, "inferenceGeo", usage.InferenceGeo) * Multiplier(price, "serviceTier", usage.ServiceTier) / 1_000_000;
        var searches = Fraction.Of(price.GetProperty("perThousand").GetProperty("webSearch")) * usage.WebSearches / 1_000;
        return ((tokens + searches) * Fraction.Parse(costMultiplier) * BigInteger.Pow(10, 12)).Rounded();
    }

    private static Regex Pattern(string model) =>
        new($"^{Regex.Escape(model).Replace(@"\*", ".*", StringComparison.Ordinal)}$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    private static JsonElement Rates(JsonElement price, TokenUsage usage)
    {
        if (usage.Speed is { } served && price.TryGetProperty("speed", out var speeds) && speeds.TryGetProperty(served, out var speed))
        {
            return speed.GetProperty("perMillion");
        }

        var prompt = usage.InputTokens + usage.CacheReadTokens + usage.CacheWrite5mTokens + usage.CacheWrite1hTokens;
        var tiers = price.TryGetProperty("aboveInputTokens", out var above) ? above.EnumerateArray().ToList() : [];
        return tiers.Where(tier => prompt > tier.GetProperty("tokens").GetInt64()).OrderByDescending(tier => tier.GetProperty("tokens").GetInt64())
            .Append(price).First().GetProperty("perMillion");
    }

    private static Fraction Multiplier(JsonElement price, string member, string? served) =>
        served is not null && price.TryGetProperty(member, out var names) && names.TryGetProperty(served, out var multiplier) ? Fraction.Of(multiplier) : Fraction.Parse("1");

    /// <summary>A number as written: digits over a power of ten, never rounded.</summary>
    private readonly record struct Fraction(BigInteger Numerator, BigInteger Denominator)
    {
        public static Fraction Of(JsonElement number) => Parse(number.GetRawText());

        public static Fraction Parse(string text)
        {
            var point = text.IndexOf('.', StringComparison.Ordinal);
            return new Fraction(
                BigInteger.Parse(text.Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture), BigInteger.Pow(10, point < 0 ? 0 : text.Length - point - 1));
        }

        public static Fraction operator *(Fraction left, BigInteger right) => left with { Numerator = left.Numerator * right };

        public static Fraction operator *(Fraction left, Fraction right) => new(left.Numerator * right.Numerator, left.Denominator * right.Denominator);

        public static Fraction operator /(Fraction left, BigInteger right) => left with { Denominator = left.Denominator * right };

        public static Fraction operator +(Fraction left, Fraction right) =>
            new((left.Numerator * right.Denominator) + (right.Numerator * left.Denominator), left.Denominator * right.Denominator);

        /// <summary>Half away from zero; nothing here is negative.</summary>
        public BigInteger Rounded() => ((2 * Numerator) + Denominator) / (2 * Denominator);
    }
}
