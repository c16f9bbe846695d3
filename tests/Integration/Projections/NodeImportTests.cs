using System.Text.Json;
using CCGate.Cli.Commands;
using CCGate.Contracts;
using CCGate.Metering;
using CCGate.Metering.NodeImport;
using CCGate.Projections.Billing;
using CCGate.Projections.Spend;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What the import of the Node project's usage files promises over both databases.</summary>
public abstract class NodeImportContract(Storage storage) : ProjectionTest(storage)
{
    private static readonly DirectoryInfo Project = new(Path.Combine(AppContext.BaseDirectory, "Fixtures", "node-ccgate"));

    [Fact]
    public async Task What_was_recorded_is_what_is_owed_to_the_last_digit()
    {
        var report = await ImportAsync();
        await CatchUpAsync();

        Assert.Equal((3, 6L, 6L, 0L), (report.Files, report.Requests, report.Stored, report.Duplicates));
        Assert.Equal([("tenant-1", 2, 5L, 0.0285708m), ("小明", 1, 1L, 0.25m)], report.Tenants.Select(tenant => (tenant.Tenant, tenant.Days, tenant.Requests, tenant.SpendUsd)));
        Assert.Equal((2L, 0L, 1L), (report.HalfLines, report.RefusedCount, report.UnderCounted));
        var rows = (await new SpendReader(Database).ReadAsync(new SpendQuestion { By = SpendBy.Upstream }, CancellationToken.None)).Rows;
        Assert.Equal([("mirror", 0.0138564m), ("official", 0.0147144m), ("镜像", 0.25m)], rows.Select(row => (row.Upstream, row.SpendUsd)));
    }

    [Fact]
    public async Task Importing_again_stores_nothing_twice()
    {
        await ImportAsync();
        var again = await ImportAsync();

        Assert.Equal((6L, 0L, 6L), (again.Requests, again.Stored, again.Duplicates));
        Assert.Equal(6, await Store.HighWaterMarkAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_bill_with_imported_amounts_is_right()
    {
        await ImportAsync();
        await CatchUpAsync();

        Assert.Empty((await new BillingVerify(Database, Store).RunAsync(new BillingPeriod(null, null), CancellationToken.None)).Differences);
    }

    [Fact]
    public async Task An_imported_request_says_where_it_came_from_and_how_far_it_can_be_trusted()
    {
        await ImportAsync();
        var stored = await Store.ReadAsync(0, long.MaxValue, 100, CancellationToken.None);
        var requests = stored.Select(one => JsonSerializer.Deserialize(one.Data, ContractsJson.Default.RequestCompleted)!).ToList();

        Assert.All(requests, request => Assert.Equal(("node-ccgate", "import:node-ccgate", "imported:node-ccgate"), (request.ImportedFrom, request.ProxyInstance, request.Attempts[0].PriceVersion)));
        Assert.Equal(
            [(UsageState.Known, RequestOutcome.Succeeded), (UsageState.Estimated, RequestOutcome.Succeeded), (UsageState.Known, RequestOutcome.Failed)],
            requests.Take(3).Select(request => (request.Attempts[0].UsageState, request.Outcome)));
        Assert.Equal((103, 1276, 26358, 57), (requests[0].Usage.InputTokens, requests[0].Usage.CacheWrite5mTokens, requests[0].Usage.CacheReadTokens, requests[0].Usage.OutputTokens));
    }

    private protected Task<NodeImportReport> ImportAsync(DirectoryInfo? from = null) =>
        new NodeUsageImport(new EventIntake(Store), progress: null).RunAsync(from ?? Project, CancellationToken.None);
}

public sealed class PostgresNodeImportTests() : NodeImportContract(Storage.Postgres);

/// <summary>Besides, the command, over a store in a file.</summary>
public sealed class SqliteNodeImportTests() : NodeImportContract(Storage.Sqlite)
{
    private static readonly StoreOptions Options = new(_ => ProjectionsServer.Config);

    private string Project => Path.Combine(Path.GetDirectoryName(File)!, "node");

    [Fact]
    public async Task Bad_lines_are_named_and_do_not_stop_the_others()
    {
        Write("alice/2026-10/2026-10-05.json", string.Join('\n', Record("a"), "{broken}", Record("b", cost: "-1"), Record("c", cost: "\"free\""), "[]", """{"requestId":"d","timestamp":"soon","totalCost":1}""", Record("e")) + "\n");

        var run = await RunAsync("--yes");

        Assert.Equal(1, run.Exit);
        var refused = run.Error.Split('\n').Where(line => line.Contains(".json:", StringComparison.Ordinal)).ToList();
        var file = Path.Combine("data", "usage", "alice", "2026-10", "2026-10-05.json");
        Assert.Equal([2, 3, 4, 5, 6], refused.Select(line => int.Parse(line[(file.Length + 1)..].Split(':')[0], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Contains("SpendUsd is -1", refused[1], StringComparison.Ordinal);
        Assert.Contains("totalCost", refused[2], StringComparison.Ordinal);
        Assert.Contains("timestamp is 'soon'", refused[4], StringComparison.Ordinal);
        Assert.Equal(2, await Store.HighWaterMarkAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_line_without_an_end_is_refused_without_being_read_into_memory()
    {
        Write("alice/2026-10/2026-10-05.json", Record("a") + "\n" + new string('x', 3_000_000) + "\n" + Record("b") + "\n" + new string('y', 1_100_000));

        var report = await ImportAsync(new DirectoryInfo(Project));

        Assert.Equal((2L, 0L), (report.Stored, report.HalfLines));
        Assert.Equal([2L, 4L], report.Refused.Select(line => line.Line));
        Assert.Contains("longer", report.Refused[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_than_a_batch_is_imported_whole()
    {
        Write("alice/2026-10/2026-10-05.json", string.Join("\r\n", Enumerable.Range(0, 2500).Select(i => Record($"r{i}"))));

        Assert.Equal(2500, (await ImportAsync(new DirectoryInfo(Project))).Stored);
    }

    [Fact]
    public async Task Amounts_are_read_from_their_digits_and_rounded_to_whole_picodollars()
    {
        Write("alice/2026-10/2026-10-05.json", string.Join('\n', Record("a", cost: "1.5e-7"), Record("b", cost: "0.1000000000000000055"), Record("c", cost: "0.0000000000005"), Record("d", cost: "2e-30")));

        var report = await ImportAsync(new DirectoryInfo(Project));

        Assert.Equal(0.100000150001m, report.SpendUsd);
    }

    [Fact]
    public async Task A_request_stays_in_the_day_whose_file_it_is_in()
    {
        Write("alice/2026-10/2026-10-05.json", Record("a", at: "2026-10-05T00:00:01.000Z", duration: 90_000) + "\n" + Record("b", at: "2026-10-05T12:00:00.000Z", duration: 90_000));

        await ImportAsync(new DirectoryInfo(Project));

        var stored = await Store.ReadAsync(0, long.MaxValue, 10, CancellationToken.None);
        Assert.All(stored, one => Assert.Equal("usage/alice/2026-10-05", one.Stream));
        var admitted = stored.Select(one => JsonSerializer.Deserialize(one.Data, ContractsJson.Default.RequestCompleted)!.AdmittedAt.UtcDateTime);
        Assert.Equal([new DateTime(2026, 10, 5), new DateTime(2026, 10, 5, 11, 58, 30)], admitted);
    }

    [Fact]
    public async Task A_dry_run_needs_no_store_and_makes_none()
    {
        Write("alice/2026-10/2026-10-05.json", Record("a") + "\n" + Record("b")[..40]);
        var nowhere = Path.Combine(Project, "store");

        var run = await RunAsync("--dry-run", "--json", "--data", nowhere);

        var answer = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal((0, true, 1, 1), (run.Exit, answer.GetProperty("dryRun").GetBoolean(), answer.GetProperty("usage").GetProperty("requests").GetInt32(), answer.GetProperty("usage").GetProperty("halfLines").GetInt32()));
        Assert.False(Directory.Exists(nowhere));
    }

    [Fact]
    public async Task A_store_that_is_not_there_is_made_for_an_import()
    {
        Write("alice/2026-10/2026-10-05.json", Record("a"));
        var data = Path.Combine(Project, "store");

        Assert.Equal(0, (await RunAsync("--yes", "--data", data)).Exit);
        var usage = await CommandRun.OfAsync(UsageCommand.Create(Options), "usage", "--by", "tenant", "--data", data);
        Assert.Contains("alice", usage.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_imported_unless_somebody_agrees()
    {
        Write("alice/2026-10/2026-10-05.json", Record("a"));

        var run = await RunAsync();

        Assert.Equal(2, run.Exit);
        Assert.Contains("--yes", run.Error, StringComparison.Ordinal);
        Assert.Equal(0, await Store.HighWaterMarkAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_directory_without_usage_files_is_named()
    {
        var run = await RunAsync("--yes");

        Assert.Equal(1, run.Exit);
        Assert.Contains(Path.Combine(Project, "data", "usage"), run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_configuration_is_checked_and_tenants_it_does_not_know_are_marked()
    {
        var project = Path.Combine(AppContext.BaseDirectory, "Fixtures", "node-ccgate");
        var run = await CommandRun.OfAsync(ImportCommand.Create(Options), "import", "node-ccgate", project, "--dry-run");

        Assert.Equal(0, run.Exit);
        Assert.Contains("小明 (not in tenants.json)", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("tenant-1 (not", run.Output, StringComparison.Ordinal);
        Assert.Contains($"--config {Path.Combine(project, "config")}", run.Output, StringComparison.Ordinal);
        Assert.Contains("$.proxy.retryDelay", run.Output, StringComparison.Ordinal);
    }

    private static string Record(string id, string cost = "0.5", string at = "2026-10-05T10:00:00.000Z", int duration = 100) => $$"""
        {"requestId":"{{id}}","tenantId":"alice","timestamp":"{{at}}","model":"claude-sonnet-4-20250514","inputTokens":1,"outputTokens":1,"totalCost":{{cost}},"duration":{{duration}},"statusCode":200,"upstream":"official"}
        """;

    private void Write(string path, string text)
    {
        var file = new FileInfo(Path.Combine(Project, "data", "usage", path));
        file.Directory!.Create();
        System.IO.File.WriteAllText(file.FullName, text);
    }

    private Task<CommandRun> RunAsync(params string[] arguments)
    {
        string[] data = arguments.Contains("--data") ? [] : ["--data", Path.GetDirectoryName(File)!];
        return CommandRun.OfAsync(ImportCommand.Create(Options), ["import", "node-ccgate", Project, .. arguments, .. data]);
    }
}
