using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Tests.Unit.Hosting;

public sealed class PriceBookFileTests
{
    private const string Rates = """{ "input": 3, "output": 15, "cacheRead": 0.30, "cacheWrite5m": 3.75, "cacheWrite1h": 6 }""";
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_file_may_have_comments_and_trailing_commas()
    {
        var (book, errors) = Read($$"""
            // ours
            { "version": "2026-11-21.1", "prices": [ { "model": "m*", "effectiveFrom": "2025-09-29", "perMillion": {{Rates}},
              "perThousand": { "webSearch": 10 }, "aboveInputTokens": [ { "tokens": 200000, "perMillion": {{Rates}} } ],
              "speed": { "fast": { "perMillion": {{Rates}} } }, "inferenceGeo": { "us": 1.1 }, "serviceTier": { "batch": 0.50 }, }, ], }
            """);

        Assert.Empty(errors);
        var price = Assert.Single(book!.Prices);
        var expected = new TokenRates { Input = 3, Output = 15, CacheRead = 0.3m, CacheWrite5m = 3.75m, CacheWrite1h = 6 };
        Assert.Equal(("2026-11-21.1", "m*", new DateOnly(2025, 9, 29)), (book.Version, price.Model, price.EffectiveFrom));
        Assert.Equal([expected, expected, expected], [price.PerMillion, price.AboveInputTokens[0].PerMillion, price.Speed["fast"].PerMillion]);
        Assert.Equal((10m, 200_000, 1.1m, 0.5m), (price.PerThousand.WebSearch, price.AboveInputTokens[0].Tokens, price.InferenceGeo["us"], price.ServiceTier["batch"]));
        Assert.Equal("0.3", JsonSerializer.Serialize(price.PerMillion.CacheRead));
    }

    [Theory]
    [InlineData("""{ "version": "1", "prices": [ { "model": "m", "perMillion": { "input": -1, "output": 1, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } } ] }""", "$.prices[0].perMillion.input", "-1 is outside of 0 to")]
    [InlineData("""{ "version": "1", "prices": [ { "model": "m", "perMillion": { "input": 1, "output": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } } ] }""", "$.prices[0].perMillion.cacheRead", "is missing")]
    [InlineData("""{ "version": "1", "prices": [ { "model": "m", "perMillion": { "input": 1, "output": 1, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1, "cacheHit": 1 } } ] }""", "$.prices[0].perMillion.cacheHit", "is not known here; allowed: input, output,")]
    [InlineData("""{ "version": "1", "prices": [ { "model": "m", "perMillion": { "input": 1, "input": 2, "output": 1, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } } ] }""", "$.prices[0].perMillion.input", "is written twice")]
    [InlineData("""{ "version": "1", "prices": [ { "model": "m", "perMillion": { "input": "1", "output": 1, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } } ] }""", "$.prices[0].perMillion.input", "must be a number, not a string")]
    [InlineData("""{ "version": "1", "prices": [ { "model": "m" } ] }""", "$.prices[0].perMillion", "is missing")]
    [InlineData("""{ "version": "1", "prices": [ 7 ] }""", "$.prices[0]", "must be an object, not 7")]
    [InlineData("""{ "version": "1", "prices": {} }""", "$.prices", "must be an array, not an object")]
    [InlineData("""{ "prices": [] }""", "$.version", "is missing")]
    [InlineData("""{ "version": "", "prices": [] }""", "$.version", "must not be empty")]
    [InlineData("""[]""", "$", "must be an object, not an array")]
    public void What_is_wrong_is_said_with_its_path(string file, string path, string message)
    {
        var (book, errors) = Read(file);

        Assert.Null(book);
        Assert.Contains(errors, error => error.Path == path && error.Message.StartsWith(message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(""" "effectiveFrom": "21.11.2026" """, "effectiveFrom", "\"21.11.2026\" is not a date")]
    [InlineData(""" "inferenceGeo": { "us": -1 } """, "inferenceGeo.us", "-1 is outside")]
    [InlineData(""" "serviceTier": { "batch": null } """, "serviceTier.batch", "must be a number, not null")]
    [InlineData(""" "speed": { "fast": { } } """, "speed.fast.perMillion", "is missing")]
    [InlineData(""" "speed": { "fast": 6 } """, "speed.fast", "must be an object, not 6")]
    [InlineData(""" "perThousand": { "webSearches": 1 } """, "perThousand.webSearches", "is not known here; allowed: webSearch")]
    [InlineData(""" "aboveInputTokens": [ { "tokens": 1.5 } ] """, "aboveInputTokens[0].tokens", "1.5 is not a whole number")]
    [InlineData(""" "aboveInputTokens": [ { "tokens": 5 }, { "tokens": 5 } ] """, "aboveInputTokens[1].tokens", "a second tier above 5")]
    [InlineData(""" "batch": 0.5 """, "batch", "is not known here; allowed: model,")]
    public void What_is_wrong_in_an_entry_is_said_with_its_path(string member, string path, string message)
    {
        var (book, errors) = Read($$"""{ "version": "1", "prices": [ { "model": "m", "perMillion": {{Rates}}, {{member}} } ] }""");

        Assert.Null(book);
        Assert.Contains(errors, error => error.Path == "$.prices[0]." + path && error.Message.StartsWith(message, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_error_is_reported_not_only_the_first()
    {
        var (_, errors) = Read("""{ "prices": [ { "perMillion": { "input": -1 }, "effectiveFrom": "x" }, 1 ] }""");

        Assert.Equal(
            [
                "$.version", "$.prices[0].model", "$.prices[0].effectiveFrom", "$.prices[0].perMillion.input", "$.prices[0].perMillion.output",
                "$.prices[0].perMillion.cacheRead", "$.prices[0].perMillion.cacheWrite5m", "$.prices[0].perMillion.cacheWrite1h", "$.prices[1]",
                "$.prices[1].model", "$.prices[1].perMillion",
            ],
            errors.Select(error => error.Path));
    }

    [Fact]
    public void Two_prices_of_a_model_need_two_dates()
    {
        var (_, errors) = Read($$"""{ "version": "1", "prices": [ { "model": "m", "perMillion": {{Rates}} }, { "model": "M", "perMillion": {{Rates}} } ] }""");

        Assert.Equal("$.prices[1].model", Assert.Single(errors).Path);
    }

    [Fact]
    public void An_own_price_wins_over_a_more_specific_shipped_one_from_its_date_on()
    {
        var (own, _) = Read($$"""{ "version": "own", "prices": [ { "model": "claude-opus-*", "effectiveFrom": "2026-11-01", "perMillion": {{Rates}} } ] }""");

        var book = PriceBookFile.Merge(PriceBookFile.Shipped, own!);

        Assert.Equal("own", book.Version);
        Assert.Equal(3m, book.Find("claude-opus-5-5", Now)?.PerMillion.Input);
        Assert.Equal(4m, book.Find("claude-opus-5-5", Now.AddMonths(-1))?.PerMillion.Input);
        Assert.Equal(2m, book.Find("claude-sonnet-5-5", Now)?.PerMillion.Input);
    }

    private static (PriceBook? Book, List<(string Path, string Message)> Errors) Read(string json)
    {
        using var document = JsonDocument.Parse(json, PriceBookFile.Syntax);
        var errors = new List<(string Path, string Message)>();
        return (PriceBookFile.Read(document.RootElement, errors), errors);
    }
}
