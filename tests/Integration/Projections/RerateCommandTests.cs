using System.Text.Json.Nodes;
using CCGate.Cli.Commands;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary><c>ccgate billing rerate</c>, as people and scripts run it.</summary>
public sealed class RerateCommandTests() : ProjectionTest(Storage.Sqlite)
{
    private const string Dear =
        """{ "version": "contract-7", "prices": [{ "model": "claude-sonnet-*", "perMillion": { "input": 30, "output": 150, "cacheRead": 0, "cacheWrite5m": 0, "cacheWrite1h": 0 } }] }""";

    private static readonly string[] Day = ["--from", "2026-11-21", "--to", "2026-11-21"];

    [Fact]
    public async Task It_looks_first_and_writes_nothing()
    {
        await Store.AppendAsync(Events.Records(3), CancellationToken.None);

        var run = await RunAsync(Dear, Day);

        Assert.Equal(0, run.Exit);
        Assert.Contains("0.315", run.Output, StringComparison.Ordinal);
        Assert.Contains("3 requests differ; nothing was written", run.Output, StringComparison.Ordinal);
        Assert.Contains("rerate: 100%", run.Error, StringComparison.Ordinal);
        Assert.Equal(3, await Store.HighWaterMarkAsync(CancellationToken.None));
    }

    [Fact]
    public async Task Applied_it_changes_what_usage_shows()
    {
        await Store.AppendAsync(Events.Records(3), CancellationToken.None);

        var run = await RunAsync(Dear, [.. Day, "--apply", "--reason", "the new contract", "--json"]);

        var report = JsonNode.Parse(run.Output)!;
        Assert.Equal((0, 3, 0.2835m), (run.Exit, (int)report["adjusted"]!, (decimal)report["total"]!["differenceUsd"]!));
        var usage = await CommandRun.OfAsync(UsageCommand.Create(new StoreOptions(_ => ProjectionsServer.Config)), "usage", "--json", "--data", Path.GetDirectoryName(File)!);
        Assert.Equal(0.315m, (decimal)JsonNode.Parse(usage.Output)!["total"]!["spendUsd"]!);
    }

    [Theory]
    [InlineData("--from", "--from", "2026-11-22", "--to", "2026-11-21")]
    [InlineData("--tenant", "--from", "2026-11-21", "--to", "2026-11-21", "--tenant", "mallory")]
    [InlineData("--reason", "--from", "2026-11-21", "--to", "2026-11-21", "--apply")]
    [InlineData("--reason", "--from", "2026-11-21", "--to", "2026-11-21", "--apply", "--reason", " ")]
    public async Task What_cannot_be_done_is_a_mistake_in_usage_that_names_the_option(string named, params string[] arguments)
    {
        var run = await RunAsync(Dear, arguments);

        Assert.Equal(2, run.Exit);
        Assert.Contains(named, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("input\": 30", "input\": -30", "input")]
    [InlineData("]", "", "is not JSON")]
    [InlineData("contract-7", "", "version")]
    public async Task A_price_book_that_is_wrong_is_refused_with_the_place(string correct, string wrong, string named)
    {
        var run = await RunAsync(Dear.Replace(correct, wrong, StringComparison.Ordinal), Day);

        Assert.Equal(1, run.Exit);
        Assert.Contains(named, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_version_that_means_something_else_already_is_refused()
    {
        await Store.AppendAsync([EventRecord.From(PriceBookPublished.Of(new PriceBook { Version = "contract-7" }, Events.Noon))], CancellationToken.None);

        var run = await RunAsync(Dear, Day);

        Assert.Equal(1, run.Exit);
        Assert.Contains("change \"version\"", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_book_of_an_earlier_run_may_be_used_again()
    {
        await Store.AppendAsync(Events.Records(1), CancellationToken.None);

        Assert.Equal(0, (await RunAsync(Dear, [.. Day, "--apply", "--reason", "one"])).Exit);
        Assert.Contains("0 requests adjusted", (await RunAsync(Dear, [.. Day, "--apply", "--reason", "two"])).Output, StringComparison.Ordinal);
    }

    private async Task<CommandRun> RunAsync(string prices, params string[] arguments)
    {
        var directory = Path.GetDirectoryName(File)!;
        var file = Path.Combine(directory, "contract.json");
        await System.IO.File.WriteAllTextAsync(file, prices);
        var command = BillingCommand.Create(new StoreOptions(_ => ProjectionsServer.Config));
        return await CommandRun.OfAsync(command, ["billing", "rerate", "--prices", file, "--data", directory, .. arguments]);
    }
}
