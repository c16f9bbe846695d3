using System.CommandLine;
using System.Text.Json.Nodes;
using CCGate.Cli.Commands;
using CCGate.Hosting.Configuration;

namespace CCGate.Tests.Integration.Projections;

/// <summary><c>ccgate prices</c> over a store that no gateway has open, and asked of a running one.</summary>
public sealed class PricesCommandTests() : ProjectionTest(Storage.Sqlite)
{
    private static readonly StoreOptions Options = new(_ => ProjectionsServer.Config with { Prices = PriceBookFile.Shipped });

    private static readonly string[] Rates = ["--input", "1", "--output", "2", "--cache-read", "0.3", "--cache-write-5m", "4", "--cache-write-1h", "5"];

    [Fact]
    public async Task A_price_is_set_listed_with_its_source_and_taken_back()
    {
        var (exit, output, _) = await RunAsync(["set", "claude-haiku-4-5", .. Rates, "--web-search", "7", "--from", "2026-11-20", "--reason", "a contract"]);
        Assert.Equal((0, "set: claude-haiku-4-5 from 2026-11-20"), (exit, output.Trim()));

        var entry = await OnlyAsync("claude-haiku-4-5");
        Assert.Equal(("operator", "2026-11-20", 0.3m, 7m), ((string?)entry["source"], (string?)entry["effectiveFrom"], (decimal)entry["perMillion"]!["cacheRead"]!, (decimal)entry["perThousand"]!["webSearch"]!));
        Assert.Equal("shipped", (string?)(await OnlyAsync("claude-haiku-4-5", "--at", "2026-11-19"))["source"]);

        Assert.Equal("removed: claude-haiku-4-5 from 2026-11-20", (await RunAsync("remove", "claude-haiku-4-5", "--from", "2026-11-20")).Output.Trim());
        Assert.Equal("shipped", (string?)(await OnlyAsync("claude-haiku-4-5"))["source"]);
    }

    [Fact]
    public async Task The_table_shows_every_model_of_a_pattern_and_what_comes_later()
    {
        await RunAsync(["set", "claude-haiku-4-5", .. Rates, "--from", "2099-01-01"]);

        var (_, output, _) = await RunAsync("list", "--model", "claude-haiku-4*");

        var rows = output.Split('\n').Where(line => line.Contains("haiku", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, rows.Count);
        Assert.Contains(rows, row => row.Contains("operator", StringComparison.Ordinal) && row.Contains("2099-01-01", StringComparison.Ordinal));
        Assert.Contains(rows, row => row.Contains("shipped", StringComparison.Ordinal) && row.Contains("1.25", StringComparison.Ordinal));
        Assert.DoesNotContain("2099", (await RunAsync("list", "--model", "claude-haiku-4*", "--at", "2026-11-21")).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--input")]
    [InlineData("--output")]
    [InlineData("--cache-read")]
    [InlineData("--cache-write-5m")]
    [InlineData("--cache-write-1h")]
    public async Task A_class_that_is_left_out_is_named_and_nothing_is_stored(string option)
    {
        var at = Array.IndexOf(Rates, option);
        var (exit, _, error) = await RunAsync(["set", "claude-x", .. Rates[..at], .. Rates[(at + 2)..]]);

        Assert.Equal((2, true), (exit, error.StartsWith($"{option} is missing", StringComparison.Ordinal)));
        Assert.Empty(await Store.ReadAsync(0, long.MaxValue, 10, CancellationToken.None));
    }

    [Fact]
    public async Task Rates_that_a_new_price_does_not_have_any_more_are_named()
    {
        var (exit, _, error) = await RunAsync(["set", "claude-opus-5-5", .. Rates, "--from", "2026-11-20"]);

        Assert.Equal(0, exit);
        Assert.Contains("fast: 8 40 0.4 10 16; us: ×1.1; batch: ×0.5", error, StringComparison.Ordinal);
        Assert.Equal("", (await RunAsync(["set", "claude-opus-5-5", .. Rates, "--from", "2026-11-21"])).Error);
    }

    [Theory]
    [InlineData("-1", "--input: -1 is negative")]
    [InlineData("dear", "--input: 'dear' is not a number")]
    public async Task A_rate_that_is_none_is_refused_with_the_reason(string written, string reason)
    {
        var (exit, _, error) = await RunAsync(["set", "claude-x", .. Rates[2..], $"--input={written}"]);

        Assert.Equal(2, exit);
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_nobody_set_at_run_time_cannot_be_taken_back()
    {
        var (exit, _, error) = await RunAsync("remove", "claude-haiku-4-5", "--from", "2025-10-15");
        Assert.Equal(1, exit);
        Assert.Contains("No operator set a price of claude-haiku-4-5", error, StringComparison.Ordinal);

        await RunAsync(["set", "claude-haiku-4-5", .. Rates, "--from", "2026-11-20"]);
        Assert.Contains("there is one from 2026-11-20", (await RunAsync("remove", "claude-haiku-4-5", "--from", "2026-11-21")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_of_LiteLLM_is_taken_over_once()
    {
        var file = Write("litellm.json", """
            {
              "gpt-9": { "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1e-07 },
              "claude-haiku-4-5": { "litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06, "cache_read_input_token_cost": 1e-07,
                "cache_creation_input_token_cost": 1.25e-06, "cache_creation_input_token_cost_above_1hr": 2e-06, "input_cost_per_token_batches": 5e-07, "output_cost_per_token_batches": 2.5e-06,
                "search_context_cost_per_query": { "search_context_size_medium": 0.01 } },
              "claude-lacking": { "litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 5e-06, "cache_read_input_token_cost": 1e-07,
                "cache_creation_input_token_cost": 1.25e-06 }
            }
            """);

        Assert.Contains("1 to import, 1 skipped, 1 unchanged.", (await RunAsync("import", file, "--dry-run")).Output, StringComparison.Ordinal);
        Assert.Empty(await Store.ReadAsync(0, long.MaxValue, 10, CancellationToken.None));

        var (exit, output, _) = await RunAsync("import", file);
        Assert.Equal(0, exit);
        Assert.Contains("skipped: claude-lacking: cache_creation_input_token_cost_above_1hr is missing", output, StringComparison.Ordinal);
        Assert.Contains("1 imported, 1 skipped, 1 unchanged.", output, StringComparison.Ordinal);
        Assert.Equal("operator", (string?)(await OnlyAsync("gpt-9"))["source"]);

        var again = JsonNode.Parse((await RunAsync("import", file, "--json")).Output)!;
        Assert.Equal((0, 2, 1), (again["imported"]!.AsArray().Count, again["unchanged"]!.AsArray().Count, again["skipped"]!.AsArray().Count));
        Assert.Single(await Store.ReadAsync(0, long.MaxValue, 10, CancellationToken.None));
    }

    [Fact]
    public async Task A_file_of_our_own_form_is_taken_over_with_everything_it_says()
    {
        var file = Write("prices.json", """
            { "version": "v", "prices": [
                { "model": "house-*", "effectiveFrom": "2026-11-01", "perMillion": { "input": 1, "output": 2, "cacheRead": 3, "cacheWrite5m": 4, "cacheWrite1h": 5 },
                  "aboveInputTokens": [ { "tokens": 10, "perMillion": { "input": 2, "output": 2, "cacheRead": 3, "cacheWrite5m": 4, "cacheWrite1h": 5 } } ],
                  "speed": { "fast": { "perMillion": { "input": 9, "output": 2, "cacheRead": 3, "cacheWrite5m": 4, "cacheWrite1h": 5 } } },
                  "inferenceGeo": { "us": 1.1 }, "serviceTier": { "batch": 0.5 } },
                { "model": "other", "perMillion": { "input": 1, "output": 2, "cacheRead": 3, "cacheWrite5m": 4, "cacheWrite1h": 5 } } ] }
            """);

        Assert.Contains("1 imported, 0 skipped, 0 unchanged.", (await RunAsync("import", file, "--models", "house*")).Output, StringComparison.Ordinal);
        Assert.Contains("1 imported, 0 skipped, 1 unchanged.", (await RunAsync("import", file)).Output, StringComparison.Ordinal);
        var entry = await OnlyAsync("house-model");
        Assert.Equal((10, 9m, 1.1m, 0.5m), (
            (int)entry["aboveInputTokens"]![0]!["tokens"]!, (decimal)entry["speed"]!["fast"]!["perMillion"]!["input"]!, (decimal)entry["inferenceGeo"]!["us"]!, (decimal)entry["serviceTier"]!["batch"]!));
    }

    [Theory]
    [InlineData("{}", "neither a prices.json nor LiteLLM's")]
    [InlineData("{", "is not JSON")]
    [InlineData("""{ "version": "v", "prices": [ { "model": "m", "perMillion": { "input": -1 } } ] }""", "$.prices[0].perMillion.input: -1 is outside of 0")]
    public async Task A_file_that_cannot_be_used_is_refused_with_the_reason(string text, string reason)
    {
        var (exit, _, error) = await RunAsync("import", Write("file.json", text));

        Assert.Equal(1, exit);
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_gateway_can_be_asked_and_changed()
    {
        await using var server = await ProjectionsServer.StartAsync(ProjectionsServer.Config with { Prices = PriceBookFile.Shipped });
        var url = new UriBuilder(server.Client.BaseAddress!) { UserName = "admin", Password = Uri.EscapeDataString("s3cret:with colon") }.Uri.AbsoluteUri;

        Assert.Equal("set: claude-x from 2026-11-20", (await RunAsync(["set", "claude-x", .. Rates, "--from", "2026-11-20", "--url", url])).Output.Trim());
        var list = JsonNode.Parse((await RunAsync("list", "--model", "claude-x", "--json", "--url", url)).Output)!;
        Assert.Equal("operator", (string?)Assert.Single(list["prices"]!.AsArray())!["source"]);

        var (exit, _, error) = await RunAsync("remove", "claude-y", "--url", url);
        Assert.Equal(1, exit);
        Assert.Contains("409", error, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(Path.GetDirectoryName(File)!, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    private async Task<JsonNode> OnlyAsync(string model, params string[] more)
    {
        var (_, output, _) = await RunAsync(["list", "--json", "--model", model, .. more]);
        return Assert.Single(JsonNode.Parse(output)!["prices"]!.AsArray())!;
    }

    private async Task<(int Exit, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var parsed = new RootCommand { PricesCommand.Create(Options) }.Parse(["prices", .. arguments, "--data", Path.GetDirectoryName(File)!, "--config", "."]);
        var exit = await parsed.InvokeAsync(new InvocationConfiguration { Output = output, Error = error });
        return (exit, output.ToString(), error.ToString());
    }
}
