using System.Globalization;
using System.Text.Json.Nodes;
using CCGate.Cli.Commands;
using CCGate.Contracts;
using CCGate.Projections.Reconciliation;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What both databases give as metered.</summary>
public abstract class MeteredContract(Storage storage) : ProjectionTest(storage)
{
    [Fact]
    public async Task It_is_what_the_attempts_at_these_upstreams_consumed_by_utc_day_and_model()
    {
        var requests = new RandomTraffic(50).Requests(800);
        await AppendAsync(requests);
        await CatchUpAsync();
        var (first, last) = (new DateOnly(2026, 11, 20), new DateOnly(2026, 11, 22));

        foreach (var upstreams in (string[][])[["u1"], ["u1", "u2"]])
        {
            var rows = await new MeteredReader(Database).ReadAsync(upstreams, first, last, CancellationToken.None);

            var expected = from request in requests
                           let day = DateOnly.FromDateTime(request.AdmittedAt.UtcDateTime)
                           where day >= first && day <= last
                           from attempt in request.Attempts
                           where upstreams.Contains(attempt.UpstreamId)
                           group attempt by (day, attempt.ProviderModel) into row
                           orderby row.Key
                           select (row.Key.day, row.Key.ProviderModel, (decimal)row.Sum(one => one.Usage.OutputTokens), (decimal)row.Sum(one => one.Usage.CacheWrite5mTokens + one.Usage.CacheWrite1hTokens), row.Sum(one => one.SpendUsd));
            var actual = from row in rows
                         group row by (row.Day, row.Model!) into same
                         orderby same.Key
                         select (same.Key.Day, same.Key.Item2, Sum(same, UsageMetric.OutputTokens), Sum(same, UsageMetric.CacheWriteTokens), Sum(same, UsageMetric.CostUsd));
            Assert.Equal(expected, actual);
        }
    }

    private static decimal Sum(IEnumerable<CountedRow> rows, UsageMetric metric) => rows.Sum(row => row.Amounts[metric]);

    [Fact]
    public async Task A_correction_counts()
    {
        var request = Events.Request();
        await AppendAsync(request);
        await Store.AppendAsync([EventRecord.From(new SpendAdjusted
        {
            AdjustmentId = SpendAdjusted.IdOf(request.RequestId, 1),
            RequestId = request.RequestId,
            Ordinal = 1,
            TenantId = request.TenantId,
            KeyId = request.KeyId,
            AdmittedAt = request.AdmittedAt,
            Reason = "test",
            AdjustedAt = Events.Noon.AddDays(9),
            Lines = [new AdjustmentLine { Attempt = 1, UpstreamId = "u1", ProviderModel = "claude-sonnet-4-5", SpendUsd = -0.0005m }],
        })], CancellationToken.None);
        await CatchUpAsync();

        var row = Assert.Single(await new MeteredReader(Database).ReadAsync(["u1"], new DateOnly(2026, 11, 21), new DateOnly(2026, 11, 21), CancellationToken.None));

        Assert.Equal(0.01m, row.Amounts[UsageMetric.CostUsd]);
    }
}

public sealed class PostgresMeteredTests() : MeteredContract(Storage.Postgres);

/// <summary>Besides, the command, over a store in a file.</summary>
public sealed class SqliteReconcileTests() : MeteredContract(Storage.Sqlite)
{
    private static readonly StoreOptions Options = new(_ => ProjectionsServer.Config);

    [Fact]
    public async Task Bills_that_agree_are_said_to()
    {
        await Store.AppendAsync(Events.Records(2), CancellationToken.None);

        var run = await RunAsync("--upstream", "u1", "--report", Write("a.json", Page("2026-11-21", 2000, 1000)));

        Assert.Equal(0, run.Exit);
        Assert.Contains("Both bills agree.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_day_that_does_not_agree_fails_with_the_numbers_and_the_reason()
    {
        await Store.AppendAsync(Events.Records(2), CancellationToken.None);
        var report = Write("a.json", Page("2026-11-21", 2000, 1200));

        var run = await RunAsync("--upstream", "u1", "--report", report);
        Assert.Equal(1, run.Exit);
        Assert.Contains("2026-11-21 output_tokens: metered too little: 1,000 of 1,200.", run.Output, StringComparison.Ordinal);

        var json = JsonNode.Parse((await RunAsync("--upstream", "u1", "--report", report, "--json")).Output)!;
        Assert.Equal((false, "anthropic-usage", 0.99m), ((bool)json["agrees"]!, (string)json["format"]!, (decimal)json["threshold"]!));
        Assert.Equal(0.833333m, (decimal)json["days"]!.AsArray().Single(day => (string?)day!["metric"] == "output_tokens")!["captureRatio"]!);
        Assert.Equal(("claude-sonnet-4-5", -200), ((string)json["drift"]![0]!["model"]!, (int)json["drift"]![0]!["difference"]!));

        Assert.Equal(0, (await RunAsync("--upstream", "u1", "--report", report, "--threshold", "0.8")).Exit);
    }

    [Fact]
    public async Task A_cost_report_is_compared_in_dollars_over_all_its_pages()
    {
        await AppendAsync(Events.Request(), Events.Request() with { AdmittedAt = Events.Noon.AddDays(1) });
        string Cost(string day, string cents, bool more) =>
            $$"""{"data":[{"starting_at":"{{day}}T00:00:00Z","ending_at":"{{day}}T00:00:00Z","results":[{"currency":"USD","amount":"{{cents}}"}]}],"has_more":{{(more ? "true" : "false")}}}""";

        var run = await RunAsync("--upstream", "u1", "--report", Write("1.json", Cost("2026-11-21", "1.05", more: true)), "--report", Write("2.json", Cost("2026-11-22", "1.05", more: false)));

        Assert.Equal((0, ""), (run.Exit, run.Error));
    }

    [Theory]
    [InlineData(2, "--upstream", "u1")]
    [InlineData(2, "--report", "x.json")]
    [InlineData(2, "--upstream", "u1", "--report", "x.json", "--threshold", "1.5")]
    [InlineData(2, "--upstream", "u1", "--report", "x.json", "--from", "soon")]
    [InlineData(2, "--upstream", "u1", "--report", "x.json", "--from", "2026-11-22", "--to", "2026-11-21")]
    [InlineData(2, "--upstream", "u1", "--report", "x.json", "--fetch")]
    [InlineData(2, "--upstream", "u1", "--fetch", "--format", "anthropic-usage")]
    [InlineData(2, "--upstream", "u1", "--fetch", "--format", "openai-usage", "--from", "2026-11-21", "--to", "2026-11-21", "--url", "http://example.com")]
    [InlineData(1, "--upstream", "u1", "--report", "x.json")]
    public async Task What_cannot_be_meant_is_refused(int exit, params string[] arguments)
    {
        var run = await RunAsync(arguments);

        Assert.Equal(exit, run.Exit);
        Assert.NotEqual("", run.Error);
    }

    [Fact]
    public async Task An_upstream_nobody_knows_is_named()
    {
        var run = await RunAsync("--upstream", "u9", "--report", Write("a.json", Page("2026-11-21", 1, 1)));

        Assert.Equal(1, run.Exit);
        Assert.Contains("u9", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Anthropic_is_asked_page_by_page_with_the_admin_key()
    {
        await Store.AppendAsync(Events.Records(2), CancellationToken.None);
        await using var provider = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, http.Request.Query["page"] == "p 2"
            ? Page("2026-11-21", 2000, 1000)
            : """{"data":[{"starting_at":"2026-11-20T00:00:00Z","results":[]}],"has_more":true,"next_page":"p 2"}"""));
        Environment.SetEnvironmentVariable("ANTHROPIC_ADMIN_KEY", "sk-ant-admin-test");

        var run = await RunAsync("--upstream", "u1", "--fetch", "--format", "anthropic-usage", "--from", "2026-11-20", "--to", "2026-11-21", "--url", provider.Url);

        Assert.Equal((0, ""), (run.Exit, run.Error));
        Assert.Equal(2, provider.Received.Count);
        Assert.All(provider.Received, asked =>
        {
            Assert.Equal(("/v1/organizations/usage_report/messages", "sk-ant-admin-test", "2023-06-01"), (asked.Path, asked.Headers["x-api-key"], asked.Headers["anthropic-version"]));
            Assert.Contains("starting_at=2026-11-20T00:00:00Z&ending_at=2026-11-22T00:00:00Z&bucket_width=1d&group_by[]=model", Uri.UnescapeDataString(asked.Query), StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task OpenAI_is_asked_in_its_own_words()
    {
        await Store.AppendAsync(Events.Records(1), CancellationToken.None);
        var start = new DateTimeOffset(2026, 11, 21, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();
        await using var provider = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(
            http, $$$"""{"object":"page","data":[{"start_time":{{{start}}},"results":[{"amount":{"value":0.0105,"currency":"usd"}}]}],"has_more":false,"next_page":null}"""));
        Environment.SetEnvironmentVariable("OPENAI_ADMIN_KEY", "sk-admin-test");

        var run = await RunAsync("--upstream", "u1", "--fetch", "--format", "openai-costs", "--from", "2026-11-21", "--to", "2026-11-21", "--url", provider.Url);

        Assert.Equal((0, ""), (run.Exit, run.Error));
        var asked = Assert.Single(provider.Received);
        Assert.Equal(("/v1/organization/costs", "Bearer sk-admin-test"), (asked.Path, asked.Headers["Authorization"]));
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"start_time={start}&end_time={start + 86400}"), asked.Query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_provider_that_refuses_fails_the_command_without_showing_the_key()
    {
        await Store.AppendAsync(Events.Records(1), CancellationToken.None);
        await using var provider = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, StatusCodes.Status401Unauthorized, "authentication_error"));
        Environment.SetEnvironmentVariable("ANTHROPIC_ADMIN_KEY", "sk-ant-admin-test");

        var run = await RunAsync("--upstream", "u1", "--fetch", "--format", "anthropic-cost", "--from", "2026-11-21", "--to", "2026-11-21", "--url", provider.Url);

        Assert.Equal(1, run.Exit);
        Assert.Contains("401", run.Error, StringComparison.Ordinal);
        Assert.Contains("ANTHROPIC_ADMIN_KEY", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("sk-ant", run.Error, StringComparison.Ordinal);
    }

    private static string Page(string day, int input, int output) => $$"""
        {"data":[{"starting_at":"{{day}}T00:00:00Z","results":[{"model":"claude-sonnet-4-5","uncached_input_tokens":{{input}},"output_tokens":{{output}},"cache_creation":null}]}],"has_more":false,"next_page":null}
        """;

    private string Write(string name, string text)
    {
        var path = Path.Combine(Path.GetDirectoryName(File)!, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    private Task<CommandRun> RunAsync(params string[] arguments) =>
        CommandRun.OfAsync(BillingCommand.Create(Options), ["billing", "reconcile", .. arguments, "--data", Path.GetDirectoryName(File)!]);
}
