using System.CommandLine;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using CCGate.Cli.Commands;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>Quotas and extra budget as an operator sees and gives them, over a store and over a running gateway.</summary>
public sealed class BudgetCommandTests() : ProjectionTest(Storage.Sqlite)
{
    private static readonly GatewayConfig Config = ProjectionsServer.Config with
    {
        Tenants =
        [
            new TenantConfig
            {
                Id = "alice",
                TimeZone = TimeZoneInfo.FindSystemTimeZoneById("Asia/Kathmandu"),
                Limits = new LimitsConfig { Windows = [new WindowLimit(LimitWindow.Daily, 1m, 6000), new WindowLimit(LimitWindow.FiveHours, 1m), new WindowLimit(LimitWindow.Total, 2m, null, 10)] },
            },
            new TenantConfig { Id = "bob" },
        ],
    };

    private static readonly StoreOptions Options = new(_ => Config);

    [Fact]
    public async Task Quotas_are_shown_as_bars_with_the_time_they_start_over()
    {
        await AppendAsync(Events.Request(spendUsd: 0.5m) with { AdmittedAt = TimeProvider.System.GetUtcNow() });

        var (exit, output, error) = await RunAsync("quotas", "--tenant", "alice");

        Assert.Equal((0, ""), (exit, error));
        var daily = Assert.Single(output.Split('\n'), line => line.Contains("daily.maxUSD", StringComparison.Ordinal));
        Assert.Contains("██████████░░░░░░░░░░", daily, StringComparison.Ordinal);
        Assert.Matches(@"alice +.* 50 .* \$0\.50 .* \$1\.00 .* \$0\.50 .* 18:15", daily);
        Assert.Contains("25", Assert.Single(output.Split('\n'), line => line.Contains("daily.maxTokens", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains("never", Assert.Single(output.Split('\n'), line => line.Contains("total.maxUSD", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains("rolls on", Assert.Single(output.Split('\n'), line => line.Contains("fiveHours", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Extra_budget_is_given_listed_and_counted()
    {
        var given = await RunAsync("budget", "extend", "alice", "--window", "daily", "--usd", "2.5", "--tokens", "1000", "--reason", "the demo on Friday");
        Assert.Equal((0, ""), (given.Exit, given.Error));
        Assert.Matches("^alice has 2.5 USD, 1,000 tokens more of its daily limit until .* 18:15", given.Output);

        var extended = JsonNode.Parse((await RunAsync("budget", "list", "--tenant", "alice", "--json")).Output)!["extensions"]!.AsArray().Single()!;
        Assert.Equal(("alice", "daily", 2.5m, "the demo on Friday"), ((string)extended["tenantId"]!, (string)extended["window"]!, (decimal)extended["extraUsd"]!, (string)extended["reason"]!));
        Assert.Contains("the demo on Friday", (await RunAsync("budget", "list")).Output, StringComparison.Ordinal);
        Assert.DoesNotContain("the demo on Friday", (await RunAsync("budget", "list", "--tenant", "bob")).Output, StringComparison.Ordinal);

        var quota = JsonNode.Parse((await RunAsync("quotas", "--json")).Output)!["quotas"]![0]!;
        Assert.Equal((3.5m, 2.5m), ((decimal)quota["max"]!, (decimal)quota["extra"]!));
        var stored = Assert.Single(await Store.ReadAsync(0, long.MaxValue, 10, CancellationToken.None));
        Assert.Equal(("tenant/alice", EventTypes.BudgetExtended), (stored.Stream, stored.Type));
    }

    [Theory]
    [InlineData("TENANT", "carol", "carol", "--window", "daily", "--usd", "1")]
    [InlineData("--window", "it has none", "bob", "--window", "daily", "--usd", "1")]
    [InlineData("--window", "it has daily, fiveHours, total", "alice", "--window", "weekly", "--usd", "1")]
    [InlineData("--requests", "nothing to add to", "alice", "--window", "daily", "--requests", "1")]
    [InlineData("--usd", "nothing to add", "alice", "--window", "daily")]
    [InlineData("--usd", "from 0 to 1000000", "alice", "--window", "daily", "--usd", "-1")]
    [InlineData("--usd", "12 decimals", "alice", "--window", "daily", "--usd", "0.0000000000001")]
    [InlineData("--tokens", "from 0", "alice", "--window", "daily", "--tokens", "-5")]
    [InlineData("--until", "in the past", "alice", "--window", "daily", "--usd", "1", "--until", "2020-01-01")]
    [InlineData("--until", "neither a date", "alice", "--window", "daily", "--usd", "1", "--until", "soon")]
    public async Task What_cannot_be_given_is_refused_with_the_reason_and_nothing_is_stored(string option, string reason, params string[] arguments)
    {
        var (exit, _, error) = await RunAsync(["budget", "extend", .. arguments, "--reason", "because"]);

        Assert.Equal(1, exit);
        Assert.Contains(option, error, StringComparison.Ordinal);
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.Equal(0, await Store.HighWaterMarkAsync(CancellationToken.None));
    }

    [Fact]
    public async Task A_reason_is_required_and_must_say_something()
    {
        Assert.NotEqual(0, (await RunAsync("budget", "extend", "alice", "--window", "daily", "--usd", "1")).Exit);
        Assert.Contains("--reason", (await RunAsync("budget", "extend", "alice", "--window", "daily", "--usd", "1", "--reason", " ")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_gateway_is_asked_for_quotas_and_given_budgets()
    {
        await using var server = await ProjectionsServer.StartAsync(Config);
        await server.AppendAsync(Events.Records(2));
        var url = new UriBuilder(server.Client.BaseAddress!) { UserName = "admin", Password = Uri.EscapeDataString("s3cret:with colon") }.Uri.AbsoluteUri;

        var (exit, output, error) = await RunAsync("budget", "extend", "alice", "--window", "total", "--requests", "5", "--until", "2026-12-24", "--reason", "more", "--url", url);

        Assert.Equal((0, ""), (exit, error));
        Assert.StartsWith("alice has 5 requests more of its total limit until 2026-12-24 18:15", output, StringComparison.Ordinal);
        Assert.Equal("admin", (string?)JsonNode.Parse((await RunAsync("budget", "list", "--json", "--url", url)).Output)!["extensions"]![0]!["by"]);
        var quotas = JsonNode.Parse((await RunAsync("quotas", "--json", "--tenant", "alice", "--url", url)).Output)!["quotas"]!.AsArray();
        Assert.Equal(["fiveHours.maxUSD", "daily.maxUSD", "daily.maxTokens", "total.maxUSD", "total.maxRequests"], quotas.Select(quota => (string)quota!["limit"]!).OrderByDescending(limit => limit[0] == 'f'));
        Assert.Equal((0.5m, "2026-11-21T18:15:00+00:00"), quotas.Where(quota => (string?)quota!["limit"] == "daily.maxTokens").Select(quota => ((decimal)quota!["fraction"]!, (string)quota["windowEnd"]!)).Single());
        Assert.Contains("rolls on", (await RunAsync("quotas", "--url", url)).Output, StringComparison.Ordinal);
        Assert.Contains("tenants.json", (await RunAsync("quotas", "--tenant", "carol", "--url", url)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_extension_asked_for_twice_is_given_once_and_a_body_that_is_none_is_refused()
    {
        await using var server = await ProjectionsServer.StartAsync(Config);
        var extension = new { id = Guid.CreateVersion7(Events.Noon), tenant = "alice", window = "daily", usd = 1.5, reason = "more" };

        Assert.Equal(HttpStatusCode.Created, (await PostAsync(JsonContent.Create(extension))).Status);
        Assert.Equal(HttpStatusCode.Created, (await PostAsync(JsonContent.Create(extension))).Status);
        Assert.Single((await server.GetJsonAsync("/api/budgets/extensions"))["extensions"]!.AsArray());

        var (status, body) = await PostAsync(new StringContent("[]", null, "application/json"));
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("reason", body, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync(JsonContent.Create(new { tenant = "alice", window = "daily", usd = 1, reason = "" }))).Status);

        async Task<(HttpStatusCode Status, string Body)> PostAsync(HttpContent content)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/budgets/extensions") { Content = content };
            request.Headers.Authorization = new("Basic", Convert.ToBase64String("admin:s3cret:with colon"u8));
            using var response = await server.Client.SendAsync(request);
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }
    }

    private async Task<(int Exit, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exit = await new RootCommand { QuotasCommand.Create(Options), BudgetCommand.Create(Options) }
            .Parse([.. arguments, "--data", Path.GetDirectoryName(File)!, "--config", Path.GetDirectoryName(File)!])
            .InvokeAsync(new InvocationConfiguration { Output = output, Error = error });
        return (exit, output.ToString(), error.ToString());
    }
}
