using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Tests.Unit.Contracts;

public sealed class PriceBookTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private static readonly TokenUsage Vector = new()
    {
        InputTokens = 103,
        CacheWrite5mTokens = 1000,
        CacheWrite1hTokens = 276,
        CacheReadTokens = 26358,
        OutputTokens = 57,
    };

    [Fact]
    public void The_metering_vector_costs_what_it_must_to_the_picodollar()
    {
        var spend = PriceBookFile.Shipped.Spend("claude-sonnet-4-20250514", Vector, Now, 1m);

        Assert.Equal(0.0144774m, spend);
        Assert.Equal("0.0144774", JsonSerializer.Serialize(spend));
    }

    [Fact]
    public void The_same_value_is_the_same_text()
    {
        var price = new ModelPrice { PerMillion = new TokenRates { Input = 3.00m, Output = 2.500m } };

        Assert.Equal("1", JsonSerializer.Serialize(price.Spend(new TokenUsage { OutputTokens = 400_000 }, 1.000m)));
        Assert.Equal("30", JsonSerializer.Serialize(price.Spend(new TokenUsage { InputTokens = 10_000_000 }, 1m)));
        Assert.Equal("0", JsonSerializer.Serialize(price.Spend(new TokenUsage(), 1.50m)));
    }

    [Fact]
    public void A_fraction_of_a_picodollar_is_rounded_half_away_from_zero()
    {
        var price = new ModelPrice { PerMillion = new TokenRates { Input = 0.000001m } };

        Assert.Equal(0.000000000001m, price.Spend(new TokenUsage { InputTokens = 1 }, 0.5m));
        Assert.Equal(0.000000000003m, price.Spend(new TokenUsage { InputTokens = 5 }, 0.5m));
        Assert.Equal(0m, price.Spend(new TokenUsage { InputTokens = 1 }, 0.49m));
    }

    [Fact]
    public void A_model_without_a_price_has_no_spend()
    {
        Assert.Null(PriceBookFile.Shipped.Spend("gpt-9", Vector, Now, 1m));
    }

    [Fact]
    public void A_long_context_tier_counts_above_its_length_and_for_the_whole_request()
    {
        var at = new TokenUsage { InputTokens = 50_000, CacheReadTokens = 50_000, CacheWrite5mTokens = 50_000, CacheWrite1hTokens = 50_000, OutputTokens = 1_000 };

        Assert.Equal(0.15m + 0.015m + 0.1875m + 0.3m + 0.015m, PriceBookFile.Shipped.Spend("claude-sonnet-4-5", at, Now, 1m));
        Assert.Equal(
            0.300006m + 0.03m + 0.375m + 0.6m + 0.0225m,
            PriceBookFile.Shipped.Spend("claude-sonnet-4-5", at with { InputTokens = 50_001 }, Now, 1m));
    }

    [Fact]
    public void The_highest_tier_reached_counts_in_whatever_order_they_are_written()
    {
        LongContextTier Tier(long tokens, decimal input) => new() { Tokens = tokens, PerMillion = new TokenRates { Input = input } };
        var price = new ModelPrice { AboveInputTokens = [Tier(100, 2), Tier(1000, 9), Tier(500, 4)] };

        Assert.Equal(0.0018m, price.Spend(new TokenUsage { InputTokens = 900 }, 0.5m));
        Assert.Equal(0.009009m, price.Spend(new TokenUsage { InputTokens = 1001 }, 1m));
    }

    [Fact]
    public void Speed_geo_and_tier_are_priced_as_served()
    {
        var usage = new TokenUsage { InputTokens = 1_000_000, WebSearches = 3 };
        decimal? Spend(TokenUsage served) => PriceBookFile.Shipped.Spend("claude-opus-5-5", served, Now, 1m);

        Assert.Equal(4.03m, Spend(usage));
        Assert.Equal(8.03m, Spend(usage with { Speed = "fast" }));
        Assert.Equal(4.43m, Spend(usage with { InferenceGeo = "us" }));
        Assert.Equal(2.23m, Spend(usage with { InferenceGeo = "us", ServiceTier = "batch" }));
        Assert.Equal(4.03m, Spend(usage with { InferenceGeo = "global", ServiceTier = "standard", Speed = "standard" }));
    }

    [Fact]
    public void The_multiplier_of_the_upstream_is_on_everything()
    {
        var usage = new TokenUsage { InputTokens = 1_000_000, WebSearches = 3 };

        Assert.Equal(5.239m, PriceBookFile.Shipped.Spend("claude-opus-5-5", usage, Now, 1.3m));
        Assert.Equal(0m, PriceBookFile.Shipped.Spend("claude-opus-5-5", usage, Now, 0m));
    }

    [Fact]
    public void A_price_counts_from_its_UTC_date_of_admission()
    {
        var book = new PriceBook { Prices = [Price("m", 1, "2026-11-21"), Price("m", 2, "2026-11-22"), Price("m", 0, "2026-01-01")] };

        Assert.Equal(1m, Input(book, "m", new(2026, 11, 22, 0, 30, 0, TimeSpan.FromHours(1))));
        Assert.Equal(2m, Input(book, "m", new(2026, 11, 21, 23, 30, 0, TimeSpan.FromHours(-1))));
        Assert.Equal(0m, Input(book, "m", new(2026, 11, 20, 23, 59, 59, TimeSpan.Zero)));
        Assert.Null(book.Find("m", new(2025, 12, 31, 0, 0, 0, TimeSpan.Zero)));
    }

    [Fact]
    public void The_most_specific_pattern_in_force_wins_then_the_latest_then_the_last()
    {
        var book = new PriceBook
        {
            Prices =
            [
                Price("claude-x", 1, "2026-01-01"), Price("claude-*", 2, "2026-06-01"), Price("claude-x*", 3, "2026-02-01"), Price("*", 4, "2020-01-01"),
                Price("claude-y-*", 5, "2026-01-01"), Price("claude-y-*", 6, "2026-01-01"), Price("claude-z", 7, "2027-01-01"),
            ],
        };

        Assert.Equal(1m, Input(book, "claude-x", Now));
        Assert.Equal(1m, Input(book, "CLAUDE-X", Now));
        Assert.Equal(3m, Input(book, "claude-xy", Now));
        Assert.Equal(2m, Input(book, "claude-w", Now));
        Assert.Equal(2m, Input(book, "claude-z", Now));
        Assert.Equal(6m, Input(book, "claude-y-1", Now));
        Assert.Equal(4m, Input(book, "gpt", Now));
    }

    [Theory]
    [InlineData("*", "", true)]
    [InlineData("a*c", "abc", true)]
    [InlineData("a*c", "ac", true)]
    [InlineData("a*c", "acd", false)]
    [InlineData("a*c", "acdc", true)]
    [InlineData("*sonnet*", "claude-SONNET-4", true)]
    [InlineData("*ab*ab", "abab", true)]
    [InlineData("*ab*ab", "aab", false)]
    [InlineData("claude", "claude-x", false)]
    [InlineData("claude-x", "claude", false)]
    [InlineData("a.c", "abc", false)]
    [InlineData("a**", "a", true)]
    public void A_pattern_matches_the_whole_name(string pattern, string model, bool matches)
    {
        Assert.Equal(matches, ModelPattern.Matches(pattern, model));
    }

    [Fact]
    public void Finding_a_known_model_again_allocates_nothing()
    {
        var book = PriceBookFile.Shipped;
        book.Find("claude-sonnet-4-5-20250929", Now);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            book.Find("claude-sonnet-4-5-20250929", Now);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Names_that_nobody_prices_do_not_pile_up_and_do_not_hide_the_others()
    {
        var book = PriceBookFile.Shipped with { Version = "other" };
        Parallel.For(0, 10_000, i => Assert.Null(book.Find("junk-" + i, Now)));

        Assert.Equal(3m, Input(book, "claude-sonnet-4-5", Now));
    }

    [Fact]
    public void A_copy_with_other_prices_does_not_remember_the_old_ones()
    {
        var book = new PriceBook { Prices = [Price("m", 1, "2026-01-01")] };
        Assert.Equal(1m, Input(book, "m", Now));

        Assert.Equal(2m, Input(book with { Prices = [Price("m", 2, "2026-01-01")] }, "m", Now));
    }

    [Fact]
    public void The_worst_rates_count_only_what_can_be_reached()
    {
        var haiku = PriceBookFile.Shipped.Find("claude-haiku-5-5", Now)!;
        var opus = PriceBookFile.Shipped.Find("claude-opus-5-5", Now)!;

        Assert.Equal(new WorstRates(0.00000022m, 0.00000055m, 0.01m), haiku.Worst(100_000, fast: true));
        Assert.Equal(new WorstRates(0.0000011m, 0.00000275m, 0.01m), haiku.Worst(100_001, fast: false));
        Assert.Equal(new WorstRates(0.0000088m, 0.000022m, 0.01m), opus.Worst(1_000_000, fast: false));
        Assert.Equal(new WorstRates(0.0000176m, 0.000044m, 0.01m), opus.Worst(1_000_000, fast: true));
    }

    [Fact]
    public void A_published_book_has_one_identity_wherever_and_whenever_it_is_published()
    {
        var book = PriceBookFile.Shipped;
        var published = PriceBookPublished.Of(book, Now);

        Assert.Equal(published.EventId, PriceBookPublished.Of(book with { Prices = [.. book.Prices] }, Now.AddDays(1)).EventId);
        Assert.NotEqual(published.EventId, PriceBookPublished.Of(book with { Version = "2" }, Now).EventId);
        Assert.NotEqual(published.EventId, PriceBookPublished.Of(book with { Prices = [.. book.Prices.Skip(1)] }, Now).EventId);
    }

    [Fact]
    public void A_book_read_back_from_its_event_gives_the_same_spend()
    {
        var record = EventRecord.From(PriceBookPublished.Of(PriceBookFile.Shipped, Now));
        var book = JsonSerializer.Deserialize(record.Data, ContractsJson.Default.PriceBookPublished)!.Book;

        Assert.Equal(0.0144774m, book.Spend("claude-sonnet-4-20250514", Vector, Now, 1m));
        Assert.Equal(PriceBookPublished.Of(PriceBookFile.Shipped, Now).EventId, PriceBookPublished.Of(book, Now).EventId);
    }

    private static ModelPrice Price(string model, decimal input, string from) =>
        new() { Model = model, EffectiveFrom = DateOnly.Parse(from), PerMillion = new TokenRates { Input = input } };

    private static decimal? Input(PriceBook book, string model, DateTimeOffset admittedAt) => book.Find(model, admittedAt)?.PerMillion.Input;
}
