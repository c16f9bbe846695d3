using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Tests.Integration.Projections;

namespace CCGate.Tests.Unit.Contracts;

/// <summary>An explanation is only worth something when it adds up to the amount it explains.</summary>
public sealed class PriceExplanationTests
{
    private static readonly TokenRates Usual = new() { Input = 3, Output = 15, CacheRead = 0.3m, CacheWrite5m = 3.75m, CacheWrite1h = 6 };

    private static readonly ModelPrice Price = new()
    {
        Model = "m",
        PerMillion = Usual,
        PerThousand = new CallRates { WebSearch = 10 },
        AboveInputTokens = [new LongContextTier { Tokens = 200_000, PerMillion = Usual with { Input = 6 } }, new LongContextTier { Tokens = 500_000, PerMillion = Usual with { Input = 9 } }],
        Speed = new Dictionary<string, SpeedRates> { ["fast"] = new() { PerMillion = Usual with { Input = 30 } } },
        InferenceGeo = new Dictionary<string, decimal> { ["us"] = 1.1m },
        ServiceTier = new Dictionary<string, decimal> { ["batch"] = 0.5m },
    };

    [Fact]
    public void What_is_explained_adds_up_to_the_charge_for_every_shipped_price()
    {
        var random = new Random(80);
        foreach (var price in PriceBookFile.Shipped.Prices)
        {
            for (var i = 0; i < 200; i++)
            {
                var multiplier = random.Next(0, 300) / 100m;
                AssertAddsUp(price, RandomUsage(price, random), multiplier);
            }
        }
    }

    [Fact]
    public void What_is_explained_adds_up_to_the_charge_of_random_traffic()
    {
        foreach (var request in new RandomTraffic(81).Requests(500))
        {
            foreach (var attempt in request.Attempts)
            {
                var price = RandomTraffic.Book.Find(attempt.ProviderModel, request.AdmittedAt)!;
                Assert.Equal(attempt.SpendUsd, AssertAddsUp(price, attempt.Usage, attempt.CostMultiplier));
            }
        }
    }

    [Theory]
    [InlineData(200_000, null, null, 3)]
    [InlineData(200_001, null, 200_000, 6)]
    [InlineData(900_000, null, 500_000, 9)]
    [InlineData(900_000, "fast", null, 30)]
    [InlineData(10, "standard", null, 3)]
    public void The_rates_that_applied_are_named(long prompt, string? speed, int? above, int rate)
    {
        var explained = Price.Explain(new TokenUsage { InputTokens = prompt, Speed = speed }, 1);

        Assert.Equal((above, (decimal)rate), ((int?)explained.AboveInputTokens, explained.Tokens.Single(line => line.Class == "input").RateUsd));
        Assert.Equal(speed == "fast" ? "fast" : null, explained.Speed);
    }

    [Fact]
    public void Every_multiplier_is_named_and_what_is_rounded_is_shown_before_and_after()
    {
        var usage = new TokenUsage { InputTokens = 1, WebSearches = 2, InferenceGeo = "us", ServiceTier = "batch" };

        var explained = Price.Explain(usage, 0.0000333m);

        Assert.Equal((1.1m, 0.5m, 0.0000333m), (explained.GeoMultiplier, explained.ServiceTierMultiplier, explained.CostMultiplier));
        Assert.Equal(((0.000003m * 1.1m * 0.5m) + 0.02m) * 0.0000333m, explained.ExactUsd);
        Assert.Equal(0.000000666055m, explained.SpendUsd);
    }

    [Fact]
    public void To_compute_an_amount_nothing_is_allocated()
    {
        var usage = new TokenUsage { InputTokens = 300_000, InferenceGeo = "us" };
        Price.Spend(usage, 1.5m);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Price.Spend(usage, 1.5m);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static decimal AssertAddsUp(ModelPrice price, TokenUsage usage, decimal multiplier)
    {
        var explained = price.Explain(usage, multiplier);
        var tokens = explained.Tokens.Sum(line => line.Count * line.RateUsd / line.Per) * explained.GeoMultiplier * explained.ServiceTierMultiplier;
        var exact = (tokens + explained.Calls.Sum(line => line.AmountUsd)) * explained.CostMultiplier;

        Assert.Equal(price.Spend(usage, multiplier), explained.SpendUsd);
        Assert.Equal(exact, explained.ExactUsd);
        Assert.Equal(Math.Round(exact, 12, MidpointRounding.AwayFromZero), explained.SpendUsd);
        return explained.SpendUsd;
    }

    private static TokenUsage RandomUsage(ModelPrice price, Random random) => new()
    {
        InputTokens = random.Next(400_000),
        CacheReadTokens = random.Next(400_000),
        CacheWrite5mTokens = random.Next(50_000),
        CacheWrite1hTokens = random.Next(50_000),
        OutputTokens = random.Next(100_000),
        WebSearches = random.Next(5),
        Speed = Pick(price.Speed.Keys, random),
        InferenceGeo = Pick(price.InferenceGeo.Keys, random),
        ServiceTier = Pick(price.ServiceTier.Keys, random),
    };

    private static string? Pick(IEnumerable<string> names, Random random)
    {
        string?[] all = [null, "unheard-of", .. names];
        return all[random.Next(all.Length)];
    }
}
