using System.Diagnostics;
using System.Text.Json.Nodes;
using CCGate.Cli.Commands;
using CCGate.Contracts;
using CCGate.Projections.Export;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>The bill as a file.</summary>
public sealed class ExportCommandTests() : ProjectionTest(Storage.Sqlite)
{
    private static readonly StoreOptions Options = new(_ => ProjectionsServer.Config);

    private string Target => Path.Combine(Path.GetDirectoryName(File)!, "bill.csv");

    [Fact]
    public async Task Csv_has_a_header_and_a_line_per_request_that_no_spreadsheet_runs()
    {
        await AppendAsync(Events.Request(session: "=HYPERLINK(\"http://x\")"), Events.Request("bob"));

        var run = await RunAsync("--from", "2026-11-21", "--to", "2026-11-21");

        var rows = CsvText.Read(run.Output).ToList();
        Assert.Equal((0, 3), (run.Exit, rows.Count));
        Assert.Equal(ExportFormat.Requests.Select(column => column.Name), rows[0]);
        Assert.Equal(("alice", "'=HYPERLINK(\"http://x\")", "0.0105"), (Cell(rows, 1, "tenant"), Cell(rows, 1, "session"), Cell(rows, 1, "total_usd")));
        Assert.Contains("\r\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("export: 100%", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_lines_have_the_same_names_and_the_text_as_it_is()
    {
        await AppendAsync(Events.Request(session: "=1"));

        var run = await RunAsync("--from", "2026-11-21", "--to", "2026-11-21", "--format", "jsonl");

        var line = JsonNode.Parse(Assert.Single(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)))!.AsObject();
        Assert.Equal(ExportFormat.Requests.Select(column => column.Name), line.Select(member => member.Key));
        Assert.Equal(("=1", 1000, 0.0105m), ((string)line["session"]!, (int)line["input_tokens"]!, (decimal)line["total_usd"]!));
    }

    [Fact]
    public async Task Days_are_those_of_each_tenants_time_zone_unless_one_is_named()
    {
        var late = new DateTimeOffset(2026, 11, 21, 23, 30, 0, TimeSpan.Zero);
        await AppendAsync(Events.Request() with { AdmittedAt = late }, Events.Request("bob") with { AdmittedAt = late });

        var own = CsvText.Read((await RunAsync("--from", "2026-11-01", "--to", "2026-11-30", "--by", "day")).Output).ToList();
        var utc = CsvText.Read((await RunAsync("--from", "2026-11-01", "--to", "2026-11-30", "--by", "day", "--timezone", "UTC")).Output).ToList();

        Assert.Equal(["2026-11-22", "2026-11-21"], [Cell(own, 1, "day"), Cell(own, 2, "day")]);
        Assert.Equal(["2026-11-21", "2026-11-21"], [Cell(utc, 1, "day"), Cell(utc, 2, "day")]);
    }

    [Theory]
    [InlineData("--from", "--from", "2026-11-22", "--to", "2026-11-20")]
    [InlineData("--to", "--from", "2026-11-22", "--to", "soon")]
    [InlineData("--tenant", "--from", "2026-11-22", "--to", "2026-11-22", "--tenant", "mallory")]
    [InlineData("--timezone", "--from", "2026-11-22", "--to", "2026-11-22", "--timezone", "Mars/Olympus")]
    public async Task What_cannot_be_meant_is_a_mistake_in_usage(string named, params string[] arguments)
    {
        var run = await RunAsync(arguments);

        Assert.Equal((2, ""), (run.Exit, run.Output));
        Assert.Contains(named, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tenant_that_was_removed_still_has_its_bill()
    {
        await AppendAsync(Events.Request("ghost"));

        Assert.Equal(0, (await RunAsync("--from", "2026-11-21", "--to", "2026-11-21", "--tenant", "ghost")).Exit);
    }

    [Fact]
    public async Task A_file_is_replaced_only_when_that_is_said_and_appears_when_it_is_complete()
    {
        await AppendAsync(Events.Request());
        string[] arguments = ["--from", "2026-11-21", "--to", "2026-11-21", "--out", Target];
        await System.IO.File.WriteAllTextAsync(Target, "precious");

        var refused = await RunAsync(arguments);
        Assert.Equal((1, "precious"), (refused.Exit, await System.IO.File.ReadAllTextAsync(Target)));
        Assert.Contains("--force", refused.Error, StringComparison.Ordinal);

        Assert.Equal(0, (await RunAsync([.. arguments, "--force"])).Exit);
        Assert.Contains("alice", await System.IO.File.ReadAllTextAsync(Target), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!, "*.partial"));
    }

    [Fact]
    public async Task An_export_that_fails_leaves_the_file_as_it_was()
    {
        await Store.AppendAsync([Events.Record(), Events.Record() with { Data = "[]" }], CancellationToken.None);
        await System.IO.File.WriteAllTextAsync(Target, "precious");

        var run = await RunAsync("--from", "2026-11-21", "--to", "2026-11-21", "--out", Target, "--force");

        Assert.Equal((1, "precious"), (run.Exit, await System.IO.File.ReadAllTextAsync(Target)));
        Assert.Contains("position 2", run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!, "*.partial"));
    }

    [Fact]
    public async Task A_reader_that_has_seen_enough_ends_the_export_quietly()
    {
        await Store.AppendAsync(Events.Records(3000), CancellationToken.None);
        var program = Path.Combine(AppContext.BaseDirectory, "ccgate.dll");
        var export = $"dotnet {program} billing export --from 2026-11-21 --to 2026-11-21 --data {Path.GetDirectoryName(File)} --config /nowhere";
        var script = $"{export} 2>{Target}.err | head -n 1; echo ${{PIPESTATUS[0]}}";
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true })!;

        var lines = (await shell.StandardOutput.ReadToEndAsync()).Split('\n');

        Assert.StartsWith("request_id,tenant", lines[0], StringComparison.Ordinal);
        Assert.Equal("0", lines[1]);
        var said = await System.IO.File.ReadAllLinesAsync(Target + ".err");
        Assert.All(said, line => Assert.StartsWith("export: ", line, StringComparison.Ordinal));
        Assert.DoesNotContain("export: 100%", said);
    }

    private static string Cell(List<IReadOnlyList<string>> rows, int row, string column) => rows[row][rows[0].ToList().IndexOf(column)];

    private Task<CommandRun> RunAsync(params string[] arguments) =>
        CommandRun.OfAsync(BillingCommand.Create(Options), ["billing", "export", .. arguments, "--data", Path.GetDirectoryName(File)!, "--config", Path.GetDirectoryName(File)!]);
}
