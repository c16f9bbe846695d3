using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Contracts;

namespace CCGate.Projections.Prices;

/// <summary>LiteLLM's <c>model_prices_and_context_window.json</c>: USD per single token, a member for each class, and many members that are about other things.</summary>
/// <remarks>An entry is taken whole or not at all: where it leaves out a class that its provider bills, any rate put in its place would be an invention.</remarks>
internal sealed partial class LiteLlmPrices(DateOnly from, string? provider, IReadOnlyList<string> models)
{
    private const string Input = "input_cost_per_token";
    private const string Output = "output_cost_per_token";
    private const string CacheRead = "cache_read_input_token_cost";
    private const string CacheWrite5m = "cache_creation_input_token_cost";
    private const string CacheWrite1h = "cache_creation_input_token_cost_above_1hr";
    private const string Searches = "search_context_cost_per_query";

    /// <summary>Those whose protocols upstreams speak.</summary>
    private static readonly string[] KnownProviders = ["anthropic", "openai", "gemini"];

    private static readonly string[] TextModes = ["chat", "responses", "completion", "embedding"];

    public static bool IsOne(JsonElement root) => root.ValueKind == JsonValueKind.Object
        && root.EnumerateObject().Any(entry => entry.Value.ValueKind == JsonValueKind.Object && (entry.Value.TryGetProperty(Input, out _) || entry.Value.TryGetProperty("litellm_provider", out _)));

    public ImportedPrices Read(JsonElement root)
    {
        var prices = new List<ModelPrice>();
        var skipped = new List<SkippedPrice>();
        var others = 0;
        var entries = root.EnumerateObject().Where(entry => entry.Value.ValueKind == JsonValueKind.Object && entry.Name != "sample_spec")
            .Select(entry => (entry.Name, Entry: new LiteLlmEntry(entry.Value))).ToList();
        var searches = DearestSearches(entries.Select(entry => entry.Entry));
        foreach (var (name, entry) in entries)
        {
            var owner = entry.Text("litellm_provider") ?? "";
            var model = name.StartsWith(owner + "/", StringComparison.Ordinal) ? name[(owner.Length + 1)..] : name;
            if (models.Count > 0 && !models.Any(pattern => ModelPattern.Matches(pattern, model)))
            {
                continue;
            }

            if (provider is null ? !KnownProviders.Contains(owner) : !string.Equals(provider, owner, StringComparison.OrdinalIgnoreCase))
            {
                others++;
                continue;
            }

            var price = ReadPrice(model, owner, entry, searches.TryGetValue(owner, out var dearest) ? dearest : null);
            if (entry.Problem is null && prices.Exists(other => string.Equals(other.Model, model, StringComparison.OrdinalIgnoreCase)))
            {
                entry.Refuse($"a second entry for {model}");
            }

            if (entry.Problem is { } problem)
            {
                skipped.Add(new SkippedPrice(name, problem));
            }
            else
            {
                prices.Add(price);
            }
        }

        return new ImportedPrices(prices, skipped, others);
    }

    private ModelPrice ReadPrice(string model, string owner, LiteLlmEntry entry, decimal? dearestSearch)
    {
        if (entry.Text("mode") is { } mode && !TextModes.Contains(mode))
        {
            entry.Refuse($"mode {mode} is not billed by the tokens of text");
        }

        Refuse(entry, "tiered_pricing", "is a form that is not understood");
        if (entry.PerMillion("output_cost_per_reasoning_token") is { } thinking && thinking != entry.PerMillion(Output))
        {
            entry.Refuse("output_cost_per_reasoning_token differs from output_cost_per_token, and thinking is billed as output here");
        }

        var billed = Billed.By(model, owner, entry);
        var rates = Rates(entry, "", billed);
        var specific = entry.Numbers("provider_specific_entry");
        foreach (var name in specific.Keys.Where(name => name is not ("fast" or "us")))
        {
            entry.Refuse($"provider_specific_entry.{name} is not understood");
        }

        return new ModelPrice
        {
            Model = model,
            Provider = owner,
            EffectiveFrom = from,
            PerMillion = rates,
            PerThousand = new CallRates { WebSearch = WebSearch(entry, billed, dearestSearch) },
            AboveInputTokens = Tiers(entry, billed),
            Speed = specific.TryGetValue("fast", out var fast) ? new Dictionary<string, SpeedRates> { ["fast"] = new() { PerMillion = Times(rates, fast) } } : [],
            InferenceGeo = specific.TryGetValue("us", out var us) ? new Dictionary<string, decimal> { ["us"] = us } : [],
            ServiceTier = ServiceTiers(owner, entry, billed),
        };
    }

    private static void Refuse(LiteLlmEntry entry, string name, string reason)
    {
        if (entry.Has(name))
        {
            entry.Refuse($"{name} {reason}");
        }
    }

    /// <summary>A class that cannot occur at this provider gets the dearest input rate there is: should it occur after all, it is not billed at nothing.</summary>
    private static TokenRates Rates(LiteLlmEntry entry, string suffix, Billed billed)
    {
        decimal? Rate(string name, bool required) => required ? entry.Required(name + suffix) : entry.PerMillion(name + suffix);

        var input = entry.Required(Input + suffix);
        var cacheRead = Rate(CacheRead, billed.CacheRead);
        var cacheWrite5m = Rate(CacheWrite5m, billed.CacheWrite5m);
        var cacheWrite1h = Rate(CacheWrite1h, billed.CacheWrite1h);
        var dearest = new[] { input, cacheRead ?? 0m, cacheWrite5m ?? 0m, cacheWrite1h ?? 0m }.Max();
        return new TokenRates
        {
            Input = input,
            Output = Rate(Output, billed.Output) ?? dearest,
            CacheRead = cacheRead ?? dearest,
            CacheWrite5m = cacheWrite5m ?? dearest,
            CacheWrite1h = cacheWrite1h ?? dearest,
        };
    }

    private static List<LongContextTier> Tiers(LiteLlmEntry entry, Billed billed) =>
    [
        .. entry.Members.Select(member => Tier().Match(member)).Where(match => match.Success).Select(match => match.Groups["thousands"].Value).Distinct()
            .Select(thousands => new LongContextTier
            {
                Tokens = long.Parse(thousands, CultureInfo.InvariantCulture) * 1000,
                PerMillion = Rates(entry, $"_above_{thousands}k_tokens", billed),
            })
            .OrderBy(tier => tier.Tokens),
    ];

    private static Dictionary<string, decimal> ServiceTiers(string owner, LiteLlmEntry entry, Billed billed)
    {
        var multipliers = new Dictionary<string, decimal>();
        foreach (var (suffix, name) in (ReadOnlySpan<(string, string)>)[("_batches", "batch"), ("_flex", "flex"), ("_priority", "priority")])
        {
            if (Multiplier(entry, suffix, billed) is { } multiplier)
            {
                multipliers[name] = multiplier;
            }
        }

        // OpenAI's answers name the same tier by either word.
        if (owner == "openai" && multipliers.TryGetValue("priority", out var priority))
        {
            multipliers["fast"] = priority;
        }

        return multipliers;
    }

    /// <summary>The rates of a tier as one multiplier, which is how a tier is priced here; the entry cannot be used when they are not one.</summary>
    private static decimal? Multiplier(LiteLlmEntry entry, string suffix, Billed billed)
    {
        string[] classes = [Input, Output, CacheRead, CacheWrite5m, CacheWrite1h];
        var given = classes.Where(name => entry.Has(name + suffix))
            .Select(name => (Standard: entry.PerMillion(name) ?? 0m, Tier: entry.PerMillion(name + suffix) ?? 0m)).ToList();
        if (given.Count == 0)
        {
            return null;
        }

        entry.Required(Input + suffix);
        if (billed.Output)
        {
            entry.Required(Output + suffix);
        }

        var (standard, tier) = given.Find(rates => rates.Standard > 0m);
        if (standard == 0m || given.Exists(rates => rates.Tier * standard != tier * rates.Standard))
        {
            entry.Refuse($"the rates of {suffix} are not one multiple of the standard ones");
            return null;
        }

        return tier / standard / 1.0000000000000000000000000000m;
    }

    /// <summary>What a provider charges for a search is the same for all its models, so the dearest price it has in the file stands in for one that is not given.</summary>
    private static decimal WebSearch(LiteLlmEntry entry, Billed billed, decimal? dearest)
    {
        if (entry.Numbers(Searches, 1_000m) is { Count: > 0 } own)
        {
            return own.Values.Max();
        }

        if (dearest is null && billed.WebSearch)
        {
            entry.Refuse($"{Searches} is missing, and the provider bills it");
        }

        return dearest ?? 0m;
    }

    private static Dictionary<string, decimal> DearestSearches(IEnumerable<LiteLlmEntry> entries) => entries
        .Where(entry => entry.Has(Searches))
        .GroupBy(entry => entry.Text("litellm_provider") ?? "", entry => entry.Numbers(Searches, 1_000m).Values.DefaultIfEmpty().Max())
        .ToDictionary(group => group.Key, group => group.Max());

    private static TokenRates Times(TokenRates rates, decimal factor) => new()
    {
        Input = rates.Input * factor,
        Output = rates.Output * factor,
        CacheRead = rates.CacheRead * factor,
        CacheWrite5m = rates.CacheWrite5m * factor,
        CacheWrite1h = rates.CacheWrite1h * factor,
    };

    [GeneratedRegex("^(input_cost_per_token|output_cost_per_token|cache_read_input_token_cost|cache_creation_input_token_cost|cache_creation_input_token_cost_above_1hr)_above_(?<thousands>[0-9]{1,6})k_tokens$")]
    private static partial Regex Tier();

    /// <summary>The classes that the provider bills for a model: of these nothing may be left out.</summary>
    private readonly record struct Billed(bool Output, bool CacheRead, bool CacheWrite5m, bool CacheWrite1h, bool WebSearch)
    {
        /// <summary>Claude has every class wherever it is served; the others have those that the entry speaks of. Nobody pays for the output of an embedding.</summary>
        public static Billed By(string model, string owner, LiteLlmEntry entry)
        {
            var claude = owner == "anthropic" || model.Contains("claude", StringComparison.OrdinalIgnoreCase);
            return new Billed(
                entry.Text("mode") != "embedding",
                claude || entry.Has(LiteLlmPrices.CacheRead) || entry.IsTrue("supports_prompt_caching"),
                claude || entry.Has(LiteLlmPrices.CacheWrite5m),
                claude || entry.Has(LiteLlmPrices.CacheWrite1h),
                claude || entry.IsTrue("supports_web_search"));
        }
    }
}
