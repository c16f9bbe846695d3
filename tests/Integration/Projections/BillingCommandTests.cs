using System.CommandLine;
using System.Text.Json.Nodes;
using CCGate.Cli.Commands;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>The commands that read the bill, over a store that no gateway has open.</summary>
public sealed class BillingCommandTests() : ProjectionTest(Storage.Sqlite)
{
    private static readonly StoreOptions Options = new(_ => ProjectionsServer.Config);

    [Fact]
    public async Task Usage_is_caught_up_first_and_shown_as_a_table()
    {
        await Store.AppendAsync(Events.Records(3), CancellationToken.None);

        var (exit, output, _) = await RunAsync(UsageCommand.Create(Options), "usage", "--by", "model");

        Assert.Equal(0, exit);
        var row = Assert.Single(output.Split('\n'), line => line.Contains("claude-sonnet-4-5", StringComparison.Ordinal));
        Assert.Contains("4,500", row, StringComparison.Ordinal);
        Assert.Contains("0.0315", row, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Usage_as_json_is_what_the_api_answers()
    {
        await Store.AppendAsync(Events.Records(2), CancellationToken.None);

        var (exit, output, _) = await RunAsync(UsageCommand.Create(Options), "usage", "--json", "--tenant", "alice", "--from", "2026-11-21", "--to", "2026-11-21");

        var report = JsonNode.Parse(output)!;
        Assert.Equal((0, 0.021m), (exit, (decimal)report["total"]!["spendUsd"]!));
    }

    [Fact]
    public async Task Usage_can_be_asked_of_a_running_gateway()
    {
        await using var server = await ProjectionsServer.StartAsync();
        await server.AppendAsync(Events.Records(2));
        var url = new UriBuilder(server.Client.BaseAddress!) { UserName = "admin", Password = Uri.EscapeDataString("s3cret:with colon") }.Uri;

        var (exit, output, error) = await RunAsync(UsageCommand.Create(Options), "usage", "--json", "--url", url.AbsoluteUri, "--by", "key");

        Assert.Equal((0, ""), (exit, error));
        Assert.Equal("laptop", (string?)JsonNode.Parse(output)!["rows"]![0]!["key"]);
    }

    [Theory]
    [InlineData("--from")]
    [InlineData("--to")]
    public async Task A_date_that_is_none_is_a_mistake_in_usage(string option)
    {
        var (exit, _, error) = await RunAsync(UsageCommand.Create(Options), "usage", option, "soon");

        Assert.Equal(2, exit);
        Assert.Contains(option, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tenant_that_nobody_knows_is_named_instead_of_owing_nothing()
    {
        Command[] commands = [UsageCommand.Create(Options), BillingCommand.Create(Options), BudgetCommand.Create(Options)];
        string[][] arguments = [["usage"], ["billing", "unknown"], ["budget", "list"]];
        foreach (var (command, written) in commands.Zip(arguments))
        {
            var (exit, _, error) = await RunAsync(command, [.. written, "--tenant", "allice"]);

            Assert.Equal(1, exit);
            Assert.Contains("--tenant: There is no 'allice'", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_store_that_is_not_there_is_not_created_and_the_option_is_named()
    {
        var empty = Path.Combine(Path.GetDirectoryName(File)!, "nowhere");
        var (exit, _, error) = await RunAsync(UsageCommand.Create(Options), "usage", "--data", empty);

        Assert.Equal(1, exit);
        Assert.Contains("--data", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(empty));
    }

    [Fact]
    public async Task Verify_says_that_the_bill_is_right_and_where_it_is_wrong()
    {
        await Store.AppendAsync([RandomTraffic.PriceBook], CancellationToken.None);
        await AppendAsync(new RandomTraffic(30).Requests(50));
        Assert.Equal(0, (await RunAsync(BillingCommand.Create(Options), "billing", "verify")).Exit);

        await ExecuteAsync("insert into spend values (0, 'mallory', 'k', 'm', 'u', 1, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0)");
        var (exit, output, _) = await RunAsync(BillingCommand.Create(Options), "billing", "verify");

        Assert.Equal(1, exit);
        Assert.Contains("ExtraRow: 1970-01-01T00:00Z tenant=mallory", output, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(BillingCommand.Create(Options), "billing", "verify", "--from", "2026-01-01")).Exit);
    }

    [Fact]
    public async Task Rebuild_puts_a_wrong_bill_right_and_says_that_it_was_wrong()
    {
        await AppendAsync(new RandomTraffic(31).Requests(50));
        await CatchUpAsync();
        await ExecuteAsync("update spend set requests = requests + 1 where bucket_start = (select min(bucket_start) from spend)");

        var (exit, output, _) = await RunAsync(BillingCommand.Create(Options), "billing", "rebuild", "--projection", "spend");
        Assert.Equal(1, exit);
        Assert.Contains("spend_retired", output, StringComparison.Ordinal);
        Assert.Contains("100%", output, StringComparison.Ordinal);

        Assert.Equal(0, (await RunAsync(BillingCommand.Create(Options), "billing", "rebuild")).Exit);
        Assert.Equal(2, (await RunAsync(BillingCommand.Create(Options), "billing", "rebuild", "--projection", "dreams")).Exit);
    }

    [Fact]
    public async Task An_event_that_cannot_be_applied_fails_every_command_with_its_position()
    {
        await Store.AppendAsync([Events.Record() with { Data = "[]" }], CancellationToken.None);

        foreach (var (command, arguments) in ((Command, string[])[])
            [(UsageCommand.Create(Options), ["usage"]), (BillingCommand.Create(Options), ["billing", "verify"]), (BillingCommand.Create(Options), ["billing", "rebuild"])])
        {
            var (exit, _, error) = await RunAsync(command, arguments);
            Assert.Equal(1, exit);
            Assert.Contains("position 1", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Health_prints_the_document_and_fails_when_nobody_answers()
    {
        await using var server = await ProjectionsServer.StartAsync();
        var (exit, output, _) = await RunAsync(HealthCommand.Create(Options), "health", "--url", server.Client.BaseAddress!.AbsoluteUri);
        Assert.Equal((0, "healthy"), (exit, (string?)JsonNode.Parse(output)!["status"]));

        var (failed, _, error) = await RunAsync(HealthCommand.Create(Options), "health", "--url", $"http://127.0.0.1:{ServerProcess.FreePort()}");
        Assert.Equal(1, failed);
        Assert.Contains("--url", error, StringComparison.Ordinal);
    }

    private async Task<(int Exit, string Output, string Error)> RunAsync(Command command, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        string[] data = arguments.Contains("--data") || arguments[0] == "health" ? [] : ["--data", Path.GetDirectoryName(File)!];
        var exit = await new RootCommand { command }.Parse([.. arguments, .. data]).InvokeAsync(new InvocationConfiguration { Output = output, Error = error });
        return (exit, output.ToString(), error.ToString());
    }
}
