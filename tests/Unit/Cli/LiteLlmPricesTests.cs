using System.Text.Json;
using CCGate.Contracts;
using CCGate.Projections.Prices;

namespace CCGate.Tests.Unit.Cli;

/// <summary>LiteLLM's price file, taken entry by entry whole or not at all.</summary>
public sealed class LiteLlmPricesTests
{
    private const string Claude = """
        "litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "cache_read_input_token_cost": 3e-07,
        "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
        "search_context_cost_per_query": { "search_context_size_low": 0.01, "search_context_size_high": 0.012 }
        """;

    private const string Gpt = """
        "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1e-07, "supports_prompt_caching": true
        """;

    [Fact]
    public void Every_class_is_read_as_written_from_a_token_to_a_million()
    {
        var price = Assert.Single(Read($$"""{ "sample_spec": { "input_cost_per_token": 0, "litellm_provider": "openai" }, "claude-x": { {{Claude}} } }""").Prices);

        Assert.Equal(("claude-x", "anthropic", new DateOnly(2026, 11, 21)), (price.Model, price.Provider, price.EffectiveFrom));
        Assert.Equal(new TokenRates { Input = 3, Output = 15, CacheRead = 0.3m, CacheWrite5m = 3.75m, CacheWrite1h = 6 }, price.PerMillion);
        Assert.Equal(12m, price.PerThousand.WebSearch);
    }

    [Theory]
    [InlineData("8.33e-08", "0.0833")]
    [InlineData("0.00000015", "0.15")]
    [InlineData("1.2345678901234e-06", "1.2345678901234")]
    [InlineData("\"3e-06\"", "3")]
    public void A_rate_is_the_exact_number(string written, string perMillion)
    {
        var price = Assert.Single(Read($$"""{ "gpt-x": { {{Gpt.Replace("2e-06", written, StringComparison.Ordinal)}} } }""").Prices);

        Assert.Equal(perMillion, JsonSerializer.Serialize(price.PerMillion.Input));
    }

    [Fact]
    public void A_class_that_cannot_occur_gets_the_dearest_input_rate()
    {
        var result = Read($$"""
            { "gpt-x": { {{Gpt}} }, "gpt-y": { {{Gpt}}, "cache_creation_input_token_cost": 2.5e-06 },
              "embedding": { "litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 2e-08 } }
            """);

        Assert.Empty(result.Skipped);
        Assert.Equal(new TokenRates { Input = 2, Output = 10, CacheRead = 0.1m, CacheWrite5m = 2, CacheWrite1h = 2 }, result.Prices[0].PerMillion);
        Assert.Equal(new TokenRates { Input = 2, Output = 10, CacheRead = 0.1m, CacheWrite5m = 2.5m, CacheWrite1h = 2.5m }, result.Prices[1].PerMillion);
        Assert.Equal(new TokenRates { Input = 0.02m, Output = 0.02m, CacheRead = 0.02m, CacheWrite5m = 0.02m, CacheWrite1h = 0.02m }, result.Prices[2].PerMillion);
    }

    [Theory]
    [InlineData("\"cache_creation_input_token_cost_above_1hr\": 6e-06,", "cache_creation_input_token_cost_above_1hr is missing, and the provider bills it")]
    [InlineData("\"cache_read_input_token_cost\": 3e-07,", "cache_read_input_token_cost is missing, and the provider bills it")]
    [InlineData("\"search_context_cost_per_query\":", "search_context_cost_per_query is missing, and the provider bills it", "\"something_else\":")]
    [InlineData("\"output_cost_per_token\": 1.5e-05,", "output_cost_per_token is missing, and the provider bills it")]
    public void An_entry_without_a_class_that_its_provider_bills_is_skipped_with_the_reason(string left, string reason, string instead = "")
    {
        var result = Read($$"""{ "claude-x": { {{Claude.Replace(left, instead, StringComparison.Ordinal)}} } }""");

        Assert.Empty(result.Prices);
        Assert.Equal(new SkippedPrice("claude-x", reason), Assert.Single(result.Skipped));
    }

    [Theory]
    [InlineData("\"mode\": \"image_generation\"", "mode image_generation")]
    [InlineData("\"tiered_pricing\": []", "tiered_pricing")]
    [InlineData("\"output_cost_per_reasoning_token\": 4e-05", "output_cost_per_reasoning_token")]
    [InlineData("\"provider_specific_entry\": { \"moon\": 2 }", "provider_specific_entry.moon")]
    [InlineData("\"input_cost_per_token_above_200k_tokens\": 4e-06, \"cache_read_input_token_cost_above_200k_tokens\": 2e-07", "output_cost_per_token_above_200k_tokens is missing")]
    [InlineData("\"input_cost_per_token_priority\": 4e-06", "output_cost_per_token_priority is missing")]
    [InlineData("\"input_cost_per_token_priority\": 4e-06, \"output_cost_per_token_priority\": 3e-05", "the rates of _priority")]
    [InlineData("\"cache_read_input_token_cost\": -1e-07", "cache_read_input_token_cost is -1e-07")]
    [InlineData("\"supports_web_search\": true", "search_context_cost_per_query is missing")]
    public void What_cannot_be_said_in_our_form_is_skipped_and_not_guessed(string members, string reason)
    {
        var result = Read($$"""{ "gpt-x": { {{Gpt}}, {{members}} } }""");

        Assert.Empty(result.Prices);
        Assert.Contains(reason, Assert.Single(result.Skipped).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Long_prompts_tiers_speed_and_region_are_taken_over()
    {
        var gpt = Assert.Single(Read($$"""
            { "gpt-x": { {{Gpt}}, "input_cost_per_token_above_272k_tokens": 4e-06, "output_cost_per_token_above_272k_tokens": 1.5e-05, "cache_read_input_token_cost_above_272k_tokens": 2e-07,
              "input_cost_per_token_batches": 1e-06, "output_cost_per_token_batches": 5e-06, "input_cost_per_token_priority": 4e-06, "output_cost_per_token_priority": 2e-05 } }
            """).Prices);
        var claude = Assert.Single(Read($$"""{ "claude-x": { {{Claude}}, "provider_specific_entry": { "fast": 2.0, "us": 1.1 } } }""").Prices);

        Assert.Equal(
            new LongContextTier { Tokens = 272_000, PerMillion = new TokenRates { Input = 4, Output = 15, CacheRead = 0.2m, CacheWrite5m = 4, CacheWrite1h = 4 } }, Assert.Single(gpt.AboveInputTokens));
        Assert.Equal(["batch 0.5", "priority 2", "fast 2"], gpt.ServiceTier.Select(tier => $"{tier.Key} {JsonSerializer.Serialize(tier.Value)}"));
        Assert.Equal(new TokenRates { Input = 6, Output = 30, CacheRead = 0.6m, CacheWrite5m = 7.5m, CacheWrite1h = 12 }, claude.Speed["fast"].PerMillion);
        Assert.Equal(1.1m, claude.InferenceGeo["us"]);
    }

    [Fact]
    public void A_search_that_one_model_does_not_price_costs_what_it_costs_at_its_provider()
    {
        var withoutSearch = Claude.Replace("search_context_cost_per_query", "something_else", StringComparison.Ordinal);
        var result = Read($$"""{ "claude-x": { {{Claude}} }, "claude-y": { {{withoutSearch}} } }""");

        Assert.Equal([12m, 12m], result.Prices.Select(price => price.PerThousand.WebSearch));
    }

    [Fact]
    public void Only_providers_that_upstreams_speak_are_looked_at_unless_another_is_named()
    {
        var file = $$"""{ "gpt-x": { {{Gpt}} }, "azure/gpt-x": { {{Gpt.Replace("\"openai\"", "\"azure\"", StringComparison.Ordinal)}} }, "gemini/gemini-x": { {{Gpt.Replace("\"openai\"", "\"gemini\"", StringComparison.Ordinal)}} } }""";

        Assert.Equal(["gpt-x", "gemini-x"], Read(file).Prices.Select(price => price.Model));
        Assert.Equal(1, Read(file).OtherProviders);
        Assert.Equal(["gpt-x"], Read(file, provider: "azure").Prices.Select(price => price.Model));
        Assert.Equal(["gemini-x"], Read(file, models: "gemini*").Prices.Select(price => price.Model));
    }

    [Fact]
    public void A_second_entry_for_a_model_is_skipped()
    {
        var result = Read($$"""{ "gpt-x": { {{Gpt}} }, "openai/gpt-x": { {{Gpt}} } }""");

        Assert.Equal(("gpt-x", "openai/gpt-x"), (Assert.Single(result.Prices).Model, Assert.Single(result.Skipped).Model));
    }

    private static ImportedPrices Read(string json, string? provider = null, params string[] models)
    {
        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = true });
        Assert.True(LiteLlmPrices.IsOne(document.RootElement));
        return new LiteLlmPrices(new DateOnly(2026, 11, 21), provider, models).Read(document.RootElement);
    }
}
