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
    public void Only_the_models_of_Anthropic_that_have_them_carry_fast_long_context_and_geo_prices()
    {
        var prices = PriceBookFile.Shipped.Prices.Where(price => price.Provider == "anthropic").ToList();

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
    [InlineData("gpt-6.1-sol", 2, 10, 0.1, 2.5)]
    [InlineData("gpt-6.1-sol-2026-09-29", 2, 10, 0.1, 2.5)]
    [InlineData("gpt-6.1-terra", 1, 5, 0.05, 1.25)]
    [InlineData("gpt-6-sol", 2, 10, 0.2, 2.5)]
    [InlineData("gpt-6-luna", 0.1, 0.5, 0.01, 0.125)]
    [InlineData("gpt-6-astra", 10, 50, 1, 12.5)]
    [InlineData("gpt-5.5", 5, 30, 0.5, 5)]
    [InlineData("gpt-5.5-2026-04-23", 5, 30, 0.5, 5)]
    [InlineData("gpt-5.4", 2.5, 15, 0.25, 2.5)]
    [InlineData("gpt-5.4-mini", 0.75, 4.5, 0.075, 0.75)]
    [InlineData("gpt-5.4-nano", 0.2, 1.25, 0.02, 0.2)]
    [InlineData("gpt-5.2", 1.75, 14, 0.175, 1.75)]
    [InlineData("gpt-5.1", 1.25, 10, 0.125, 1.25)]
    [InlineData("gpt-5", 1.25, 10, 0.125, 1.25)]
    [InlineData("gpt-5-2025-08-07", 1.25, 10, 0.125, 1.25)]
    [InlineData("gpt-5-mini", 0.25, 2, 0.025, 0.25)]
    [InlineData("gpt-5-nano-2025-08-07", 0.05, 0.4, 0.005, 0.05)]
    [InlineData("gpt-4.1", 2, 8, 0.5, 2)]
    [InlineData("gpt-4.1-mini-2025-04-14", 0.4, 1.6, 0.1, 0.4)]
    [InlineData("gpt-4.1-nano", 0.1, 0.4, 0.025, 0.1)]
    [InlineData("gpt-4o", 2.5, 10, 1.25, 2.5)]
    [InlineData("gpt-4o-2024-11-20", 2.5, 10, 1.25, 2.5)]
    [InlineData("gpt-4o-mini", 0.15, 0.6, 0.075, 0.15)]
    [InlineData("o3", 2, 8, 0.5, 2)]
    [InlineData("o4-mini", 1.1, 4.4, 0.275, 1.1)]
    [InlineData("text-embedding-3-small", 0.02, 0.02, 0.02, 0.02)]
    [InlineData("text-embedding-3-large", 0.13, 0.13, 0.13, 0.13)]
    [InlineData("gemini-2.5-pro", 1.25, 10, 0.125, 1.25)]
    [InlineData("gemini-2.5-flash", 0.3, 2.5, 0.03, 0.3)]
    [InlineData("gemini-2.5-flash-lite", 0.1, 0.4, 0.01, 0.1)]
    [InlineData("gemini-3-pro-preview", 2, 12, 0.2, 2)]
    [InlineData("gemini-3-flash-preview", 0.5, 3, 0.05, 0.5)]
    [InlineData("gemini-3.1-pro-preview", 2, 12, 0.2, 2)]
    [InlineData("gemini-3.1-flash-lite", 0.25, 1.5, 0.025, 0.25)]
    [InlineData("gemini-3.5-flash", 1.5, 9, 0.15, 1.5)]
    [InlineData("gemini-3.8-flash", 0.75, 3.75, 0.075, 0.75)]
    public void A_model_without_a_one_hour_cache_has_the_dearest_input_rate_for_it(string model, double input, double output, double cacheRead, double cacheWrite)
    {
        Assert.Equal(Rates(input, output, cacheRead, cacheWrite, cacheWrite), PriceBookFile.Shipped.Find(model, Now)?.PerMillion);
    }

    [Theory]
    [InlineData("gpt-6.1-sol", 272_000, 4, 15, 0.2, 5)]
    [InlineData("gpt-6-astra", 272_000, 20, 75, 2, 25)]
    [InlineData("gpt-5.5", 272_000, 10, 45, 1, 10)]
    [InlineData("gpt-5.4", 272_000, 5, 22.5, 0.5, 5)]
    [InlineData("gemini-2.5-pro", 200_000, 2.5, 15, 0.25, 2.5)]
    [InlineData("gemini-3-pro-preview", 200_000, 4, 18, 0.4, 4)]
    public void A_long_prompt_doubles_the_input_and_makes_the_output_half_as_dear_again(string model, long above, double input, double output, double cacheRead, double cacheWrite)
    {
        var tier = Assert.Single(PriceBookFile.Shipped.Find(model, Now)!.AboveInputTokens);

        Assert.Equal((above, Rates(input, output, cacheRead, cacheWrite, cacheWrite)), (tier.Tokens, tier.PerMillion));
    }

    [Theory]
    [InlineData("gpt-6.1-sol", "fast", 4, 20)]
    [InlineData("gpt-6.1-sol", "flex", 1, 5)]
    [InlineData("gpt-6.1-sol", "default", 2, 10)]
    [InlineData("gpt-6-astra", "ultrafast", 60, 300)]
    [InlineData("gpt-5.5", "priority", 12.5, 75)]
    [InlineData("gpt-5-mini", "priority", 0.45, 3.6)]
    [InlineData("gpt-4o-mini", "priority", 0.25, 1)]
    [InlineData("o4-mini", "priority", 2, 8)]
    [InlineData("gpt-4.1", "batch", 1, 4)]
    [InlineData("gemini-3.1-flash-lite", "priority", 0.45, 2.7)]
    [InlineData("gemini-3.1-flash-lite", "flex", 0.125, 0.75)]
    public void A_tier_is_priced_as_served_to_the_last_digit(string model, string tier, double input, double output)
    {
        decimal? Spend(TokenUsage usage) => PriceBookFile.Shipped.Spend(model, usage with { ServiceTier = tier }, Now, 1m);

        Assert.Equal(((decimal)input / 10, (decimal)output / 10), (Spend(new TokenUsage { InputTokens = 100_000 }), Spend(new TokenUsage { OutputTokens = 100_000 })));
    }

    [Fact]
    public void A_published_introductory_price_ends_on_its_day()
    {
        var lastMoment = new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero).AddTicks(-1);
        var usage = new TokenUsage { InputTokens = 1_000_000 };

        Assert.Equal(0.75m, PriceBookFile.Shipped.Spend("gemini-3.8-flash", usage, lastMoment, 1m));
        Assert.Equal(1.5m, PriceBookFile.Shipped.Spend("gemini-3.8-flash", usage, lastMoment.AddTicks(1), 1m));
    }

    [Theory]
    [InlineData("gpt-6.2-sol")]
    [InlineData("gpt-5-pro")]
    [InlineData("gpt-5.4-pro")]
    [InlineData("gpt-5.6-sol")]
    [InlineData("gpt-4o-audio-preview")]
    [InlineData("gpt-4o-2024-05-13")]
    [InlineData("o3-pro")]
    [InlineData("o3-deep-research-2025-06-26")]
    [InlineData("gemini-2.5-pro-preview-tts")]
    [InlineData("gemini-2.5-flash-image")]
    [InlineData("gemini-4-pro")]
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
