using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>The providers' price lists, written down by hand a second time.</summary>
public sealed class ShippedPricesTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("claude-fable-5-1", 10, 50, 0.25, 12.5, 20)]
    [InlineData("claude-fable-5-1-20260915", 10, 50, 0.25, 12.5, 20)]
    [InlineData("claude-fable-5", 10, 50, 1, 12.5, 20)]
    [InlineData("claude-fable-5-20260401", 10, 50, 1, 12.5, 20)]
    [InlineData("claude-mythos-5-1", 10, 50, 0.25, 12.5, 20)]
    [InlineData("claude-mythos-5", 10, 50, 1, 12.5, 20)]
    [InlineData("claude-mythos-5-20260401", 10, 50, 1, 12.5, 20)]
    [InlineData("claude-opus-5-5", 4, 20, 0.2, 5, 8)]
    [InlineData("claude-opus-5-5-20261001", 4, 20, 0.2, 5, 8)]
    [InlineData("claude-opus-5", 5, 25, 0.5, 6.25, 10)]
    [InlineData("claude-opus-5-20260601", 5, 25, 0.5, 6.25, 10)]
    [InlineData("claude-opus-4-8", 5, 25, 0.5, 6.25, 10)]
    [InlineData("claude-opus-4-7", 5, 25, 0.5, 6.25, 10)]
    [InlineData("claude-opus-4-6", 5, 25, 0.5, 6.25, 10)]
    [InlineData("claude-opus-4-5-20251101", 5, 25, 0.5, 6.25, 10)]
    [InlineData("claude-opus-4-1-20250805", 15, 75, 1.5, 18.75, 30)]
    [InlineData("claude-opus-4-1", 15, 75, 1.5, 18.75, 30)]
    [InlineData("claude-opus-4-20250514", 15, 75, 1.5, 18.75, 30)]
    [InlineData("claude-opus-4-0", 15, 75, 1.5, 18.75, 30)]
    [InlineData("claude-opus-4", 15, 75, 1.5, 18.75, 30)]
    [InlineData("claude-sonnet-5-5", 2, 10, 0.1, 2.5, 4)]
    [InlineData("claude-sonnet-5", 2, 10, 0.2, 2.5, 4)]
    [InlineData("claude-sonnet-5-20260701", 2, 10, 0.2, 2.5, 4)]
    [InlineData("claude-sonnet-4-6", 3, 15, 0.3, 3.75, 6)]
    [InlineData("claude-sonnet-4-5-20250929", 3, 15, 0.3, 3.75, 6)]
    [InlineData("claude-sonnet-4-5", 3, 15, 0.3, 3.75, 6)]
    [InlineData("claude-sonnet-4-20250514", 3, 15, 0.3, 3.75, 6)]
    [InlineData("claude-sonnet-4-0", 3, 15, 0.3, 3.75, 6)]
    [InlineData("claude-haiku-5-5", 0.1, 0.5, 0.01, 0.125, 0.2)]
    [InlineData("claude-haiku-4-5-20251001", 1, 5, 0.1, 1.25, 2)]
    [InlineData("claude-haiku-4-5", 1, 5, 0.1, 1.25, 2)]
    [InlineData("claude-3-5-haiku-20241022", 0.8, 4, 0.08, 1, 1.6)]
    [InlineData("claude-3-5-haiku-latest", 0.8, 4, 0.08, 1, 1.6)]
    public void A_model_costs_its_list_price(string model, double input, double output, double cacheRead, double cacheWrite5m, double cacheWrite1h)
    {
        var price = PriceBookFile.Shipped.Find(model, Now);

        Assert.Equal(Rates(input, output, cacheRead, cacheWrite5m, cacheWrite1h), price?.PerMillion);
        Assert.Equal(10m, price?.PerThousand.WebSearch);
        Assert.Equal(0.5m, price?.ServiceTier["batch"]);
        Assert.Equal("anthropic", price?.Provider);
    }

    [Theory]
    [InlineData("claude-opus-5-5", 8, 40, 0.4, 10, 16)]
    [InlineData("claude-opus-5", 10, 50, 1, 12.5, 20)]
    [InlineData("claude-opus-5-20260601", 10, 50, 1, 12.5, 20)]
    [InlineData("claude-opus-4-8", 10, 50, 1, 12.5, 20)]
    [InlineData("claude-opus-4-6", 30, 150, 3, 37.5, 60)]
    public void A_fast_answer_costs_its_list_price(string model, double input, double output, double cacheRead, double cacheWrite5m, double cacheWrite1h)
    {
        Assert.Equal(
            Rates(input, output, cacheRead, cacheWrite5m, cacheWrite1h), PriceBookFile.Shipped.Find(model, Now)?.Speed["fast"].PerMillion);
    }

    [Theory]
    [InlineData("claude-sonnet-4-5", 200_000, 6, 22.5, 0.6, 7.5, 12)]
    [InlineData("claude-sonnet-4-20250514", 200_000, 6, 22.5, 0.6, 7.5, 12)]
    [InlineData("claude-haiku-5-5", 100_000, 0.5, 2.5, 0.05, 0.625, 1)]
    public void A_long_prompt_costs_its_list_price(
        string model, long above, double input, double output, double cacheRead, double cacheWrite5m, double cacheWrite1h)
    {
        var tier = Assert.Single(PriceBookFile.Shipped.Find(model, Now)!.AboveInputTokens);

        Assert.Equal(above, tier.Tokens);
        Assert.Equal(Rates(input, output, cacheRead, cacheWrite5m, cacheWrite1h), tier.PerMillion);
    }

    [Fact]
    public void Only_the_models_that_have_them_carry_fast_long_context_and_geo_prices()
    {
        var prices = PriceBookFile.Shipped.Prices;

        Assert.Equal(
            ["claude-opus-5-5*", "claude-opus-5", "claude-opus-5-20*", "claude-opus-4-8*", "claude-opus-4-6*"],
            prices.Where(price => price.Speed.Count > 0).Select(price => price.Model));
        Assert.Equal(
            ["claude-sonnet-4-5*", "claude-sonnet-4", "claude-sonnet-4-0", "claude-sonnet-4-20*", "claude-haiku-5-5*"],
            prices.Where(price => price.AboveInputTokens.Count > 0).Select(price => price.Model));
        Assert.Equal(
            [
                "claude-opus-4-5*", "claude-opus-4-1*", "claude-opus-4", "claude-opus-4-0", "claude-opus-4-20*", "claude-sonnet-4-5*", "claude-sonnet-4",
                "claude-sonnet-4-0", "claude-sonnet-4-20*", "claude-haiku-4-5*", "claude-3-5-haiku*",
            ],
            prices.Where(price => price.InferenceGeo.Count == 0).Select(price => price.Model));
        Assert.All(prices, price => Assert.Equal(1.1m, price.InferenceGeo.GetValueOrDefault("us", 1.1m)));
    }

    [Theory]
    [InlineData("claude-opus-5-6")]
    [InlineData("claude-opus-6")]
    [InlineData("claude-fable-5-2")]
    [InlineData("claude-sonnet-5-7-20270101")]
    [InlineData("claude-haiku-5")]
    [InlineData("claude-3-5-sonnet-20241022")]
    [InlineData("claude")]
    public void A_model_that_is_not_listed_has_no_price_rather_than_a_wrong_one(string model)
    {
        Assert.Null(PriceBookFile.Shipped.Find(model, Now));
    }

    private static TokenRates Rates(double input, double output, double cacheRead, double cacheWrite5m, double cacheWrite1h) => new()
    {
        Input = (decimal)input,
        Output = (decimal)output,
        CacheRead = (decimal)cacheRead,
        CacheWrite5m = (decimal)cacheWrite5m,
        CacheWrite1h = (decimal)cacheWrite1h,
    };
}
