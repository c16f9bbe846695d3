using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using CCGate.Cli.Commands;
using CCGate.Contracts;
using CCGate.Projections.Adjustments;
using CCGate.Projections.Billing;
using CCGate.Projections.Engine;
using CCGate.Projections.Unsettled;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What nobody said the price of, and how somebody does, on both databases.</summary>
public abstract class AdjustmentContract(Storage storage) : ProjectionTest(storage)
{
    private static readonly UnsettledProjection Unsettled = new();

    private SpendAdjuster Adjuster => new(Store, TimeProvider.System);

    [Fact]
    public async Task A_request_of_unknown_usage_is_open_until_it_is_settled()
    {
        var (first, second) = (Unknown(), Unknown("bob"));
        await FillAsync(first, second, Events.Request());

        var open = await ListAsync();
        Assert.Equal((2, 1m), (open.Count, open.HeldUsd));
        var item = Assert.Single((await ListAsync("alice")).Items);
        Assert.Equal(new UnsettledItem(first.RequestId, "alice", "laptop", first.AdmittedAt, "u1", "sonnet-4", "upstream: broke off", 0.5m, 1000, null), item);

        await Adjuster.AdjustAsync(Settlement(first) with { Usd = 0.2m }, "op", CancellationToken.None);

        Assert.Equal(second.RequestId, Assert.Single((await ListAsync()).Items).RequestId);
        Assert.Equal([(0m, true), (0.5m, false)], (await ListAsync(all: true)).Items.OrderBy(one => one.Tenant).Select(one => (one.HeldUsd, one.SettledAt is not null)));
        await VerifiedAsync();
    }

    [Fact]
    public async Task Tokens_are_priced_with_the_book_of_the_event_and_the_hold_goes_back()
    {
        var request = Unknown();
        await FillAsync(request);
        var tokens = new AdjustmentTokens(1000, 200, 300, 40, 5);

        var answer = await Adjuster.AdjustAsync(Settlement(request) with { Tokens = tokens }, "op", CancellationToken.None);

        var price = RandomTraffic.Book.Spend("sonnet-4", tokens.Usage, request.AdmittedAt, 1)!.Value;
        Assert.True(price > 0);
        Assert.Equal(new AdjustmentAnswer(request.RequestId, 1, price, price, 0.5m, null), answer);
        await CatchUpAsync();
        var row = Assert.Single(await RowsAsync());
        Assert.EndsWith("|0|0", row, StringComparison.Ordinal);
        Assert.Contains("|1000|300|40|5|200|", row, StringComparison.Ordinal);
        await VerifiedAsync();
    }

    [Fact]
    public async Task What_is_held_is_released_where_it_stands_when_a_later_attempt_succeeded()
    {
        var request = Unknown();
        request = request with { Attempts = [request.Attempts[0], request.Attempts[0] with { Number = 2, UpstreamId = "u2", UsageState = UsageState.KnownZero }] };
        await FillAsync(request);

        await Adjuster.AdjustAsync(Settlement(request) with { Usd = 0.1m }, "op", CancellationToken.None);

        await CatchUpAsync();
        Assert.All(await RowsAsync(), row => Assert.EndsWith("|0|0", row, StringComparison.Ordinal));
        await VerifiedAsync();
    }

    [Fact]
    public async Task More_than_was_held_is_taken_with_a_warning()
    {
        var request = Unknown();
        await FillAsync(request);

        var answer = await Adjuster.AdjustAsync(Settlement(request) with { Usd = 0.6m }, "op", CancellationToken.None);

        Assert.Contains("more than the 0.5 USD", answer.Warning, StringComparison.Ordinal);
        await VerifiedAsync();
    }

    [Fact]
    public async Task What_makes_no_sense_is_refused_and_changes_nothing()
    {
        var (request, known) = (Unknown(), Events.Request());
        await FillAsync(request, known);

        await RefusedAsync(AdjustmentRefusal.UnknownRequest, Settlement(request) with { RequestId = Guid.CreateVersion7(), Usd = 0 });
        await RefusedAsync(AdjustmentRefusal.Conflict, Settlement(known) with { Usd = 0 });
        await RefusedAsync(AdjustmentRefusal.Invalid, Settlement(request) with { Usd = -1 });
        await RefusedAsync(AdjustmentRefusal.Invalid, Settlement(request) with { Tokens = new AdjustmentTokens(1, -1) });
        await RefusedAsync(AdjustmentRefusal.Invalid, Settlement(request) with { Usd = 1, Tokens = new AdjustmentTokens(1, 1) });
        await RefusedAsync(AdjustmentRefusal.Invalid, Settlement(request));
        await RefusedAsync(AdjustmentRefusal.Invalid, Settlement(request) with { Usd = 0.0000000000001m });
        await RefusedAsync(AdjustmentRefusal.Invalid, Settlement(request) with { Usd = 0, Reason = " " });
        await RefusedAsync(AdjustmentRefusal.Invalid, Settlement(request) with { Usd = 0, Kind = "gift" });
        await RefusedAsync(AdjustmentRefusal.Invalid, Correction(known, -known.SpendUsd - 0.000001m));
        Assert.Equal(3, await Store.HighWaterMarkAsync(CancellationToken.None));

        await Adjuster.AdjustAsync(Settlement(request) with { Usd = 0 }, "op", CancellationToken.None);
        await RefusedAsync(AdjustmentRefusal.Conflict, Settlement(request) with { Usd = 0 });
    }

    [Fact]
    public async Task Corrections_add_up_and_never_go_below_zero()
    {
        var request = Events.Request(spendUsd: 0.01m) with { Attempts = [] };
        await FillAsync(request);

        Assert.Equal(0.03m, (await Adjuster.AdjustAsync(Correction(request, 0.02m), "op", CancellationToken.None)).TotalUsd);
        var last = await Adjuster.AdjustAsync(Correction(request, -0.03m), "op", CancellationToken.None);

        Assert.Equal((2, 0m), (last.Ordinal, last.TotalUsd));
        await RefusedAsync(AdjustmentRefusal.Invalid, Correction(request, -0.000001m));
    }

    [Fact]
    public async Task Of_those_who_adjust_a_request_at_the_same_moment_each_number_is_taken_once()
    {
        var request = Events.Request();
        await FillAsync(request);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            await Elsewhere();
            return await Record.ExceptionAsync(() => Adjuster.AdjustAsync(Correction(request, 0.001m), "op", CancellationToken.None));
        }));

        var history = (await RequestHistory.ReadAsync(Store, request.RequestId, CancellationToken.None))!;
        Assert.Equal(outcomes.Count(outcome => outcome is null), history.Adjustments.Count);
        Assert.All(outcomes.OfType<Exception>(), refused => Assert.Equal(AdjustmentRefusal.Conflict, Assert.IsType<AdjustmentRefusedException>(refused).Refusal));
        Assert.Equal(request.SpendUsd + (0.001m * history.Adjustments.Count), history.TotalUsd);
    }

    [Fact]
    public async Task The_list_is_the_same_when_it_is_made_again()
    {
        var requests = Enumerable.Range(0, 5).Select(_ => Unknown()).ToArray();
        await FillAsync(requests);
        await Adjuster.AdjustAsync(Settlement(requests[2]) with { Usd = 0.2m }, "op", CancellationToken.None);
        await ListAsync();

        var report = await Rebuild.RunAsync(Unsettled, progress: null, CancellationToken.None);

        Assert.True(report is { Identical: true, RebuiltRows: 5 });
    }

    private static RequestCompleted Unknown(string tenant = "alice")
    {
        var request = Events.Request(tenant, spendUsd: 0);
        var attempt = request.Attempts[0] with
        {
            Usage = new TokenUsage(),
            UsageState = UsageState.Unknown,
            ProviderModel = "sonnet-4",
            PriceVersion = RandomTraffic.Book.Version,
            Failure = "upstream: broke off",
        };
        return request with { Attempts = [attempt], Usage = new TokenUsage(), UnsettledUsd = 0.5m, UnsettledTokens = 1000 };
    }

    private static AdjustmentRequest Settlement(RequestCompleted request) => new() { RequestId = request.RequestId, Kind = "settlement", Reason = "test" };

    private static AdjustmentRequest Correction(RequestCompleted request, decimal usd) =>
        new() { RequestId = request.RequestId, Kind = "correction", Usd = usd, Reason = "test" };

    private async Task RefusedAsync(AdjustmentRefusal refusal, AdjustmentRequest asked)
    {
        var refused = await Assert.ThrowsAsync<AdjustmentRefusedException>(() => Adjuster.AdjustAsync(asked, "op", CancellationToken.None));
        Assert.Equal(refusal, refused.Refusal);
    }

    private async Task FillAsync(params RequestCompleted[] requests)
    {
        await Checkpoints.MigrateAsync(Database, [Spend, Unsettled], TimeProvider.System, CancellationToken.None);
        await Store.AppendAsync([RandomTraffic.PriceBook], CancellationToken.None);
        await AppendAsync(requests);
        await CatchUpAsync();
    }

    private async Task<UnsettledReport> ListAsync(string? tenant = null, bool all = false)
    {
        await Round.CatchUpAsync(Unsettled, CancellationToken.None);
        return await new UnsettledReader(Database).ReadAsync(tenant, all, CancellationToken.None);
    }

    private async Task VerifiedAsync()
    {
        await CatchUpAsync();
        var report = await new BillingVerify(Database, Store).RunAsync(new BillingPeriod(null, null), CancellationToken.None);
        Assert.DoesNotContain(report.Differences, difference => difference.Kind != DifferenceKind.UnknownPriceVersion);
    }
}

public sealed class SqliteAdjustmentTests() : AdjustmentContract(Storage.Sqlite);

public sealed class PostgresAdjustmentTests() : AdjustmentContract(Storage.Postgres);

/// <summary>The same from the command line and over the API.</summary>
public sealed class AdjustCommandTests() : ProjectionTest(Storage.Sqlite)
{
    private static readonly StoreOptions Options = new(_ => ProjectionsServer.Config);

    [Fact]
    public async Task A_request_is_listed_settled_and_corrected()
    {
        var request = Unknown();
        await Store.AppendAsync([RandomTraffic.PriceBook, EventRecord.From(request)], CancellationToken.None);
        var id = request.RequestId.ToString();

        Assert.Contains(id, (await RunAsync("billing", "unknown")).Output, StringComparison.Ordinal);
        var settled = await RunAsync("billing", "settle", id, "--input", "1000", "--output", "10", "--reason", "as reported");
        Assert.Equal((0, ""), (settled.Exit, settled.Error));
        Assert.Contains("0.00315 USD", settled.Output, StringComparison.Ordinal);
        Assert.Equal(0, (int)JsonNode.Parse((await RunAsync("billing", "unknown", "--json")).Output)!["count"]!);
        Assert.Contains(id, (await RunAsync("billing", "unknown", "--all")).Output, StringComparison.Ordinal);

        var corrected = await RunAsync("billing", "correct", id, "--usd", "-0.003", "--reason", "goodwill", "--json");
        Assert.Equal(0.00015m, (decimal)JsonNode.Parse(corrected.Output)!["totalUsd"]!);
        Assert.Equal(1, (await RunAsync("billing", "correct", id, "--usd", "-0.003", "--reason", "goodwill")).Exit);
        Assert.Equal(1, (await RunAsync("billing", "settle", id, "--zero", "--reason", "again")).Exit);
        Assert.Equal(0, (await RunAsync("billing", "verify")).Exit);
    }

    [Theory]
    [InlineData("--zero")]
    [InlineData("--reason", "r")]
    [InlineData("--reason", "r", "--zero", "--usd", "1")]
    [InlineData("--reason", "r", "--input", "1")]
    public async Task A_settlement_that_does_not_say_what_is_owed_or_why_is_a_mistake_in_usage(params string[] arguments)
    {
        Assert.Equal(2, (await RunAsync(["billing", "settle", Guid.CreateVersion7().ToString(), .. arguments])).Exit);
    }

    [Fact]
    public async Task A_running_gateway_is_asked_with_url()
    {
        await using var server = await ProjectionsServer.StartAsync();
        var request = Unknown();
        await server.AppendAsync(EventRecord.From(request));
        var url = new UriBuilder(server.Client.BaseAddress!) { UserName = "admin", Password = Uri.EscapeDataString("s3cret:with colon") }.Uri.AbsoluteUri;

        Assert.Equal(0.5m, (decimal)JsonNode.Parse((await RunAsync("billing", "unknown", "--json", "--url", url)).Output)!["heldUsd"]!);
        var settled = await RunAsync("billing", "settle", request.RequestId.ToString(), "--usd", "0.7", "--reason", "as reported", "--url", url);
        Assert.Equal(0, settled.Exit);
        Assert.Contains("Warning", settled.Error, StringComparison.Ordinal);
        await Eventually.HoldsAsync(async () => (int)(await server.GetJsonAsync("/api/billing/unknown"))["count"]! == 0, "it is settled");
        var again = await RunAsync("billing", "settle", request.RequestId.ToString(), "--zero", "--reason", "again", "--url", url);
        Assert.Equal(1, again.Exit);
        Assert.Contains("409", again.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null", HttpStatusCode.BadRequest)]
    [InlineData("[", HttpStatusCode.BadRequest)]
    [InlineData("{}", HttpStatusCode.BadRequest)]
    [InlineData("""{"requestId":"0199b4f0-0000-7000-8000-000000000000","kind":"correction","usd":1,"reason":"r"}""", HttpStatusCode.NotFound)]
    public async Task An_adjustment_that_cannot_be_made_is_answered_with_what_is_wrong(string body, HttpStatusCode status)
    {
        await using var server = await ProjectionsServer.StartAsync();
        using var message = new HttpRequestMessage(HttpMethod.Post, "/api/billing/adjustments") { Content = new StringContent(body) };
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Client.PostAsJsonAsync("/api/billing/adjustments", body)).StatusCode);
        message.Headers.Authorization = new("Basic", Convert.ToBase64String("admin:s3cret:with colon"u8));

        using var response = await server.Client.SendAsync(message);

        Assert.Equal((status, "application/problem+json"), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
    }

    private static RequestCompleted Unknown()
    {
        var request = Events.Request(spendUsd: 0);
        return request with
        {
            Attempts = [request.Attempts[0] with { Usage = new TokenUsage(), UsageState = UsageState.Unknown, ProviderModel = "sonnet-4", PriceVersion = RandomTraffic.Book.Version }],
            Usage = new TokenUsage(),
            UnsettledUsd = 0.5m,
            UnsettledTokens = 1000,
        };
    }

    private Task<CommandRun> RunAsync(params string[] arguments) =>
        CommandRun.OfAsync(BillingCommand.Create(Options), arguments.Contains("--url") ? arguments : [.. arguments, "--data", Path.GetDirectoryName(File)!]);
}
