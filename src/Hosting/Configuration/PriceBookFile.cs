using System.Globalization;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Hosting.Configuration;

/// <summary>Where an entry comes from: those of a higher precedence are tried first.</summary>
internal static class PricePrecedence
{
    public const int File = 1;
    public const int Operator = 2;

    public static string Source(int precedence) => precedence switch
    {
        Operator => "operator",
        File => "file",
        _ => "shipped",
    };
}

/// <summary>What an operator wants changed.</summary>
internal sealed record PriceChange(IReadOnlyList<ModelPrice> Prices, IReadOnlyList<WithdrawnPrice> Withdrawn, string Reason);

/// <summary>prices.json: read strictly, because a misspelt class would be a rate of zero.</summary>
internal static class PriceBookFile
{
    public static readonly JsonDocumentOptions Syntax = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    // Above any price there is; keeps tokens x rate x multipliers far from the end of a decimal.
    private const decimal MaxRate = 1_000_000m;
    private const decimal MaxMultiplier = 1_000m;

    private static readonly Lazy<PriceBook> shipped = new(ReadShipped);

    /// <summary>The table that comes with the gateway.</summary>
    public static PriceBook Shipped => shipped.Value;

    /// <summary>Null when anything is wrong; every error is added with its JSON path, not only the first.</summary>
    public static PriceBook? Read(JsonElement root, List<(string Path, string Message)> errors)
    {
        var before = errors.Count;
        var book = ReadBook(new JsonObjectReader(root, "$", errors, "version", "prices"));
        return errors.Count == before ? book : null;
    }

    /// <summary>A change at run time: entries in the form of prices.json, and <c>withdraw</c>. Null when anything is wrong, as above.</summary>
    public static PriceChange? ReadChange(JsonElement root, List<(string Path, string Message)> errors)
    {
        var before = errors.Count;
        var reader = new JsonObjectReader(root, "$", errors, "version", "reason", "prices", "withdraw");
        var prices = ReadPrices(reader, required: false);
        var withdrawn = reader.Array("withdraw").Select(element => element.Object("model", "effectiveFrom"))
            .Select(entry => new WithdrawnPrice { Model = entry.Text("model", required: true), EffectiveFrom = ReadDate(entry) }).ToList();
        if (prices.Count + withdrawn.Count == 0 && errors.Count == before)
        {
            reader.Error("prices", "is empty, and so is withdraw: there is nothing to change");
        }

        return errors.Count == before ? new PriceChange(prices, withdrawn, reader.Text("reason")) : null;
    }

    /// <summary>The operator's entries before the shipped ones, under the operator's version.</summary>
    /// <remarks>
    /// Where an own entry matches a model and is in force, it decides, however much more specific a shipped entry is; before its effectiveFrom the shipped one still does.
    /// </remarks>
    public static PriceBook Merge(PriceBook shipped, PriceBook own) => new()
    {
        Version = own.Version,
        Prices = [.. shipped.Prices, .. own.Prices.Select(price => price with { Precedence = PricePrecedence.File })],
    };

    private static PriceBook ReadShipped()
    {
        using var file = typeof(PriceBookFile).Assembly.GetManifestResourceStream("CCGate.Hosting.Configuration.prices.json")!;
        using var document = JsonDocument.Parse(file, Syntax);
        var errors = new List<(string Path, string Message)>();
        return Read(document.RootElement, errors)
            ?? throw new InvalidDataException($"The shipped prices.json is wrong at {errors[0].Path}: {errors[0].Message}");
    }

    private static PriceBook ReadBook(JsonObjectReader root)
    {
        var version = root.Text("version", required: true);
        return new PriceBook { Version = version, Prices = ReadPrices(root, required: true) };
    }

    private static List<ModelPrice> ReadPrices(JsonObjectReader root, bool required)
    {
        var prices = new List<ModelPrice>();
        var seen = new HashSet<(string Model, DateOnly From)>();
        foreach (var element in root.Array("prices", required))
        {
            var entry = element.Object(
                "model", "provider", "effectiveFrom", "perMillion", "perThousand", "aboveInputTokens", "speed", "inferenceGeo", "serviceTier");
            var price = ReadPrice(entry);
            prices.Add(price);
            if (price.Model.Length > 0 && !seen.Add((price.Model.ToUpperInvariant(), price.EffectiveFrom)))
            {
                entry.Error("model", $"a second price of {price.Model} from {price.EffectiveFrom:yyyy-MM-dd}; give it a later effectiveFrom, or remove one");
            }
        }

        return prices;
    }

    private static ModelPrice ReadPrice(JsonObjectReader entry) => new()
    {
        Model = entry.Text("model", required: true),
        Provider = entry.Text("provider") is { Length: > 0 } provider ? provider : null,
        EffectiveFrom = ReadDate(entry),
        PerMillion = ReadRates(entry),
        PerThousand = entry.Object("perThousand", required: false, "webSearch") is { } calls
            ? new CallRates { WebSearch = calls.Number("webSearch", MaxRate) }
            : new CallRates(),
        AboveInputTokens = ReadTiers(entry),
        Speed = entry.Object("speed", required: false)?.Members()
            .ToDictionary(member => member.Name, member => new SpeedRates { PerMillion = ReadRates(member.Value.Object("perMillion")) })
            ?? [],
        InferenceGeo = ReadMultipliers(entry, "inferenceGeo"),
        ServiceTier = ReadMultipliers(entry, "serviceTier"),
    };

    /// <summary>Without a date a price counts from ever.</summary>
    private static DateOnly ReadDate(JsonObjectReader entry)
    {
        if (entry.Text("effectiveFrom") is not { Length: > 0 } text)
        {
            return DateOnly.MinValue;
        }

        if (!DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
        {
            entry.Error("effectiveFrom", $"\"{text}\" is not a date; write the UTC date as yyyy-MM-dd");
        }

        return date;
    }

    private static TokenRates ReadRates(JsonObjectReader holder)
    {
        if (holder.Object("perMillion", required: true, "input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h") is not { } rates)
        {
            return new TokenRates();
        }

        return new TokenRates
        {
            Input = rates.Number("input", MaxRate),
            Output = rates.Number("output", MaxRate),
            CacheRead = rates.Number("cacheRead", MaxRate),
            CacheWrite5m = rates.Number("cacheWrite5m", MaxRate),
            CacheWrite1h = rates.Number("cacheWrite1h", MaxRate),
        };
    }

    private static List<LongContextTier> ReadTiers(JsonObjectReader entry)
    {
        var tiers = new List<LongContextTier>();
        foreach (var element in entry.Array("aboveInputTokens"))
        {
            var tier = element.Object("tokens", "perMillion");
            var tokens = tier.Number("tokens", long.MaxValue);
            if (tokens != Math.Floor(tokens))
            {
                tier.Error("tokens", $"{tokens} is not a whole number of tokens");
            }
            else if (tiers.Exists(other => other.Tokens == tokens))
            {
                tier.Error("tokens", $"a second tier above {tokens} tokens; remove one");
            }

            tiers.Add(new LongContextTier { Tokens = (long)tokens, PerMillion = ReadRates(tier) });
        }

        return tiers;
    }

    private static Dictionary<string, decimal> ReadMultipliers(JsonObjectReader entry, string name)
    {
        var multipliers = new Dictionary<string, decimal>();
        if (entry.Object(name, required: false) is { } reader)
        {
            foreach (var (member, _) in reader.Members())
            {
                multipliers[member] = reader.Number(member, MaxMultiplier);
            }
        }

        return multipliers;
    }
}
