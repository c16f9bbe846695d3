using System.Net;
using System.Text.Json.Nodes;
using CCGate.Cli.Commands;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Explanation;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>An explanation over both databases: the ledger alone gives it, and it adds up to the bill.</summary>
public abstract class ExplainContract(Storage storage) : ProjectionTest(storage)
{
    [Fact]
    public async Task Every_charge_of_random_traffic_is_explained_to_the_last_digit()
    {
        var requests = new RandomTraffic(90).Requests(60);
        await Store.AppendAsync([RandomTraffic.PriceBook], CancellationToken.None);
        await AppendAsync(requests);
        await Store.AppendAsync([.. requests.Take(20).SelectMany(request => (EventRecord[])[Adjustment(request, 1, 0.25m), Adjustment(request, 2, -0.125m)])], CancellationToken.None);

        foreach (var (i, request) in requests.Index())
        {
            var explained = (await new RequestExplainer(Store).ExplainAsync(request.RequestId, CancellationToken.None))!;

            Assert.Equal(request.Attempts.Select(attempt => attempt.SpendUsd), explained.Attempts.Select(attempt => attempt.Price!.SpendUsd));
            Assert.All(explained.Attempts, attempt => Assert.Null(attempt.Note));
            Assert.Equal((request.SpendUsd, i < 20 ? 2 : 0), (explained.ChargedUsd, explained.Adjustments.Count));
            Assert.Equal(request.SpendUsd + (i < 20 ? 0.125m : 0), explained.TotalUsd);
        }
    }

    [Fact]
    public async Task Of_two_books_of_one_version_the_one_that_gave_the_amount_explains_it()
    {
        var other = RandomTraffic.Book with { Prices = [new ModelPrice { Model = "*", PerMillion = new TokenRates { Input = 1 } }] };
        await Store.AppendAsync([EventRecord.From(PriceBookPublished.Of(other, Events.Noon)), RandomTraffic.PriceBook], CancellationToken.None);
        var request = new RandomTraffic(91).Requests(20).First(request => request.Attempts.Count > 0);
        await AppendAsync(request);

        var explained = await new RequestExplainer(Store).ExplainAsync(request.RequestId, CancellationToken.None);

        Assert.All(explained!.Attempts, attempt => Assert.Equal((attempt.SpendUsd, null), (attempt.Price!.SpendUsd, attempt.Note)));
    }

    [Fact]
    public async Task What_is_not_made_of_a_price_says_so()
    {
        var request = Events.Request();
        var free = request with { RequestId = Guid.CreateVersion7(), Attempts = [request.Attempts[0] with { PriceVersion = null, SpendUsd = 0 }] };
        var imported = request with { RequestId = Guid.CreateVersion7(), ImportedFrom = "node-ccgate", Attempts = [request.Attempts[0] with { PriceVersion = "imported:node" }] };
        await AppendAsync(request, free, imported);

        Assert.Contains("No published price book of version 2026-11-21.1", await NoteAsync(request), StringComparison.Ordinal);
        Assert.Contains("No price was found", await NoteAsync(free), StringComparison.Ordinal);
        Assert.Contains("node-ccgate", await NoteAsync(imported), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_a_request_can_be_explained()
    {
        await Store.AppendAsync([RandomTraffic.PriceBook], CancellationToken.None);

        Assert.Null(await new RequestExplainer(Store).ExplainAsync(RandomTraffic.PriceBook.Id, CancellationToken.None));
    }

    private async Task<string> NoteAsync(RequestCompleted request)
    {
        var explained = await new RequestExplainer(Store).ExplainAsync(request.RequestId, CancellationToken.None);
        var attempt = Assert.Single(explained!.Attempts);
        Assert.Null(attempt.Price);
        return attempt.Note!;
    }

    internal static EventRecord Adjustment(RequestCompleted request, int ordinal, decimal usd) => EventRecord.From(new SpendAdjusted
    {
        AdjustmentId = SpendAdjusted.IdOf(request.RequestId, ordinal),
        RequestId = request.RequestId,
        Ordinal = ordinal,
        TenantId = request.TenantId,
        KeyId = request.KeyId,
        AdmittedAt = request.AdmittedAt,
        Reason = "an apology",
        By = "root",
        AdjustedAt = Events.Noon.AddDays(ordinal),
        Lines = [new AdjustmentLine { Attempt = 1, SpendUsd = usd }],
    });
}

public sealed class SqliteExplainTests() : ExplainContract(Storage.Sqlite);

public sealed class PostgresExplainTests() : ExplainContract(Storage.Postgres);

/// <summary><c>GET /api/requests/{id}</c> and <c>ccgate billing explain</c>.</summary>
public sealed class ExplainSurfaceTests() : ProjectionTest(Storage.Sqlite)
{
    private static readonly PriceBook Shipped = PriceBookFile.Shipped;

    /// <summary>0.1 million tokens of output, a batch, at a multiplier: 1.5 × 0.5 × 1.2, less an apology.</summary>
    private static readonly RequestCompleted Request = Priced(Events.Request());

    [Fact]
    public async Task The_api_answers_the_operator_alone_and_says_what_is_wrong_with_an_id()
    {
        await using var server = await ProjectionsServer.StartAsync();
        await server.AppendAsync(EventRecord.From(PriceBookPublished.Of(Shipped, Events.Noon)), EventRecord.From(Request), ExplainContract.Adjustment(Request, 1, -0.1m));

        var answer = await server.GetJsonAsync($"/api/requests/{Request.RequestId}");
        Assert.Equal(Request.SpendUsd - 0.1m, (decimal)answer["totalUsd"]!);
        Assert.Equal((100_000, "Known"), ((int)answer["attempts"]![0]!["usage"]!["outputTokens"]!, (string?)answer["attempts"]![0]!["usageState"]));
        Assert.Equal("Correction", (string?)answer["adjustments"]![0]!["kind"]);

        foreach (var (id, credentials, status, says) in ((string, string?, HttpStatusCode, string)[])
            [
                (Request.RequestId.ToString(), null, HttpStatusCode.Unauthorized, "admin"),
                (Guid.CreateVersion7().ToString(), "admin:s3cret:with colon", HttpStatusCode.NotFound, "There is no request"),
                ("seven", "admin:s3cret:with colon", HttpStatusCode.BadRequest, "'seven' is not a request id"),
            ])
        {
            using var response = await server.GetAsync($"/api/requests/{id}", credentials);
            Assert.Equal(status, response.StatusCode);
            var body = await response.Content.ReadAsStringAsync();
            Assert.Contains(says, System.Text.RegularExpressions.Regex.Unescape(body), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_command_shows_every_step()
    {
        await Store.AppendAsync(
            [EventRecord.From(PriceBookPublished.Of(Shipped, Events.Noon)), EventRecord.From(Request), ExplainContract.Adjustment(Request, 1, -0.1m)], CancellationToken.None);

        var run = await RunAsync(Request.RequestId.ToString());

        Assert.Equal((0, ""), (run.Exit, run.Error));
        foreach (var step in (string[])["100,000 × 15 / 1,000,000 = 1.5", "× 0.5 (tier)", "× 1.2 (upstream) = 0.9", "Correction by root", "an apology", "Charged 0.9 USD, adjusted -0.1 USD, total 0.8 USD"])
        {
            Assert.Contains(step, run.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_command_asks_a_running_gateway_and_gets_the_same()
    {
        EventRecord[] events = [EventRecord.From(PriceBookPublished.Of(Shipped, Events.Noon)), EventRecord.From(Request), ExplainContract.Adjustment(Request, 1, -0.1m)];
        await using var server = await ProjectionsServer.StartAsync();
        await server.AppendAsync(events);
        await Store.AppendAsync(events, CancellationToken.None);
        var url = new UriBuilder(server.Client.BaseAddress!) { UserName = "admin", Password = Uri.EscapeDataString("s3cret:with colon") }.Uri.AbsoluteUri;
        var id = Request.RequestId.ToString();

        Assert.Equal((await RunAsync(id)).Output, (await RunAsync(id, "--url", url)).Output);
        Assert.Equal(0.8m, (decimal)JsonNode.Parse((await RunAsync(id, "--url", url, "--json")).Output)!["totalUsd"]!);
        var missing = await RunAsync(Guid.CreateVersion7().ToString(), "--url", url);
        Assert.Equal(1, missing.Exit);
        Assert.Contains("404", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_is_not_there_fails_and_an_id_that_is_none_is_a_mistake_in_usage()
    {
        var missing = await RunAsync(Guid.CreateVersion7().ToString());
        Assert.Equal(1, missing.Exit);
        Assert.Contains("There is no request", missing.Error, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("seven")).Exit);
    }

    private static RequestCompleted Priced(RequestCompleted request)
    {
        var usage = new TokenUsage { OutputTokens = 100_000, ServiceTier = "batch" };
        var attempt = request.Attempts[0] with { Usage = usage, CostMultiplier = 1.2m, PriceVersion = Shipped.Version };
        attempt = attempt with { SpendUsd = Shipped.Spend(attempt.ProviderModel, usage, request.AdmittedAt, 1.2m)!.Value };
        return request with { Attempts = [attempt], Usage = usage, SpendUsd = attempt.SpendUsd };
    }

    private Task<CommandRun> RunAsync(params string[] arguments) => CommandRun.OfAsync(
        BillingCommand.Create(new StoreOptions(_ => ProjectionsServer.Config)), ["billing", "explain", "--data", Path.GetDirectoryName(File)!, .. arguments]);
}
