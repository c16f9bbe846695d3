using System.Text.RegularExpressions;
using CCGate.Contracts;
using CCGate.Projections.Billing;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What a verification finds on both databases.</summary>
public abstract class BillingVerifyContract(Storage storage) : ProjectionTest(storage)
{
    private static readonly BillingPeriod Always = new(null, null);

    [Fact]
    public async Task A_right_bill_has_no_differences()
    {
        var requests = new RandomTraffic(20).Requests(1500);
        await Store.AppendAsync([RandomTraffic.PriceBook], CancellationToken.None);
        await AppendAsync(requests);
        await CatchUpAsync();

        var report = await VerifyAsync();

        Assert.Empty(report.Differences);
        Assert.Equal((1501, 1500, requests.Sum(request => request.Attempts.Count)), (report.Events, report.Requests, report.Attempts));
        Assert.Equal(requests.Sum(request => request.SpendUsd), report.SpendUsd);
        Assert.Equal(report.SpendUsd, report.RowsUsd);
    }

    [Fact]
    public async Task A_price_book_that_arrives_after_its_requests_still_prices_them()
    {
        await AppendAsync(new RandomTraffic(21).Requests(20));
        await CatchUpAsync();
        await Store.AppendAsync([RandomTraffic.PriceBook], CancellationToken.None);

        Assert.Empty((await VerifyAsync()).Differences);
    }

    [Theory]
    [InlineData("update spend set spend_pico = spend_pico + 1 where ", nameof(DifferenceKind.Row))]
    [InlineData("update spend set output_tokens = output_tokens - 1 where ", nameof(DifferenceKind.Row))]
    [InlineData("update spend set duration_ms = duration_ms + 1 where ", nameof(DifferenceKind.Row))]
    [InlineData("delete from spend where ", nameof(DifferenceKind.MissingRow))]
    public async Task Rows_that_were_tampered_with_are_found(string statement, string kind)
    {
        await FillAsync(RandomOnes());
        var changed = await ExecuteAsync(statement + """
            bucket_start = (select max(bucket_start) from spend where duration_ms > 0)
            """);

        var report = await VerifyAsync();

        Assert.True(changed > 0);
        Assert.Equal(changed, report.DifferenceCount);
        Assert.All(report.Differences, difference => Assert.Equal(kind, difference.Kind.ToString()));
    }

    [Fact]
    public async Task A_row_that_no_event_gives_is_found()
    {
        await FillAsync(RandomOnes());
        await ExecuteAsync("insert into spend values (0, 'mallory', 'k', 'm', 'u', 1, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0)");

        var difference = Assert.Single((await VerifyAsync()).Differences);

        Assert.Equal(DifferenceKind.ExtraRow, difference.Kind);
        Assert.Contains("mallory", difference.Subject, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_spend_that_is_not_usage_times_price_is_found_and_so_is_a_sum_that_does_not_add_up()
    {
        var request = OneAttempt();
        var dearer = request.Attempts[0] with { SpendUsd = request.SpendUsd + 0.000000000001m };
        await FillAsync([request with { Attempts = [dearer] }]);

        var report = await VerifyAsync();

        Assert.Equal([DifferenceKind.AttemptSpend, DifferenceKind.RequestSpend], report.Differences.Select(difference => difference.Kind));
        Assert.All(report.Differences, difference => Assert.Contains(request.RequestId.ToString(), difference.Subject, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_price_version_that_nobody_published_is_found()
    {
        var request = OneAttempt();
        await FillAsync([request with { Attempts = [request.Attempts[0] with { PriceVersion = "secret" }] }]);

        Assert.Equal(DifferenceKind.UnknownPriceVersion, Assert.Single((await VerifyAsync()).Differences).Kind);
    }

    [Fact]
    public async Task Any_of_the_books_that_share_a_version_may_have_priced_an_attempt()
    {
        var other = new PriceBook { Version = RandomTraffic.Book.Version, Prices = [RandomTraffic.Book.Prices[1] with { Model = "*" }] };
        await Store.AppendAsync([EventRecord.From(PriceBookPublished.Of(other, Events.Noon))], CancellationToken.None);
        await FillAsync(RandomOnes());

        Assert.Empty((await VerifyAsync()).Differences);
    }

    [Fact]
    public async Task An_unpriced_attempt_owes_nothing()
    {
        var request = OneAttempt();
        var unpriced = request.Attempts[0] with { PriceVersion = null };
        await FillAsync([request with { Attempts = [unpriced] }, request with { RequestId = Guid.CreateVersion7(), SpendUsd = 0, Attempts = [unpriced with { SpendUsd = 0 }] }]);

        Assert.Equal(DifferenceKind.AttemptSpend, Assert.Single((await VerifyAsync()).Differences).Kind);
    }

    [Fact]
    public async Task A_request_that_two_events_report_is_found()
    {
        var request = OneAttempt();
        await Store.AppendAsync([RandomTraffic.PriceBook, EventRecord.From(request), EventRecord.From(request) with { Id = Guid.CreateVersion7() }], CancellationToken.None);
        await CatchUpAsync();

        Assert.Equal(DifferenceKind.DuplicateRequest, Assert.Single((await VerifyAsync()).Differences).Kind);
    }

    [Fact]
    public async Task An_event_that_vanished_from_the_ledger_is_found()
    {
        await FillAsync([OneAttempt(), OneAttempt(), OneAttempt()]);
        await ExecuteAsync("delete from mt_events where version = 2 and stream_id like 'usage/%'");

        Assert.Contains((await VerifyAsync()).Differences, difference => difference.Kind == DifferenceKind.VersionGap);
    }

    [Fact]
    public async Task Adjustments_and_what_stays_held_are_counted()
    {
        var request = Unsettled();
        await FillAsync([request]);
        await AdjustAsync(Adjusted(request, 1) with { ReleasedUsd = 0.3m, ReleasedTokens = 100 }, Adjusted(request, 2) with { Lines = [Line(request, -0.001m)] });

        var report = await VerifyAsync();

        Assert.Empty(report.Differences);
        Assert.Equal((request.SpendUsd + 0.009m, report.SpendUsd), (report.SpendUsd, report.RowsUsd));
        await ExecuteAsync("update spend set unsettled_pico = unsettled_pico + 1 where unsettled_pico > 0");
        Assert.Equal(DifferenceKind.Row, Assert.Single((await VerifyAsync()).Differences).Kind);
    }

    [Fact]
    public async Task A_re_rating_is_the_other_price_less_what_was_charged_before()
    {
        var request = OneAttempt();
        var other = new PriceBook { Version = "other", Prices = [RandomTraffic.Book.Prices[1] with { Model = "*" }] };
        var price = other.Spend(request.Attempts[0].ProviderModel, request.Attempts[0].Usage, request.AdmittedAt, request.Attempts[0].CostMultiplier)!.Value;
        await Store.AppendAsync([EventRecord.From(PriceBookPublished.Of(other, Events.Noon))], CancellationToken.None);
        await FillAsync([request]);
        var rerated = Adjusted(request, 1) with { Kind = AdjustmentKind.ReRating, Lines = [Line(request, price - request.SpendUsd) with { PriceVersion = "other" }] };
        await AdjustAsync(rerated, Adjusted(request, 2) with { Kind = AdjustmentKind.ReRating, Lines = [Line(request, request.SpendUsd - price) with { PriceVersion = RandomTraffic.Book.Version }] });

        Assert.Empty((await VerifyAsync()).Differences);
        await AdjustAsync(Adjusted(request, 3) with { Kind = AdjustmentKind.ReRating, Lines = [Line(request, price - request.SpendUsd + 0.000001m) with { PriceVersion = "other" }] });
        Assert.Equal(DifferenceKind.AdjustmentSpend, Assert.Single((await VerifyAsync()).Differences).Kind);
    }

    [Theory]
    [InlineData("elsewhere", nameof(DifferenceKind.AdjustmentWithoutRequest))]
    [InlineData("tenant's key", nameof(DifferenceKind.AdjustmentMismatch))]
    [InlineData("admission", nameof(DifferenceKind.AdjustmentMismatch))]
    [InlineData("gap", nameof(DifferenceKind.AdjustmentOrdinal))]
    [InlineData("id", nameof(DifferenceKind.AdjustmentOrdinal))]
    [InlineData("release", nameof(DifferenceKind.AdjustmentRelease))]
    [InlineData("tokens", nameof(DifferenceKind.AdjustmentRelease))]
    [InlineData("too much back", nameof(DifferenceKind.NegativeTotal))]
    public async Task An_adjustment_that_does_not_fit_its_request_is_found(string tampering, string kind)
    {
        var request = Unsettled();
        var adjusted = Adjusted(request, 1);
        await FillAsync([request]);
        await AdjustAsync(tampering switch
        {
            "elsewhere" => adjusted with { RequestId = Guid.CreateVersion7() },
            "tenant's key" => adjusted with { KeyId = "other" },
            "admission" => adjusted with { AdmittedAt = request.AdmittedAt.AddTicks(10) },
            "gap" => Adjusted(request, 2),
            "id" => adjusted with { AdjustmentId = Guid.CreateVersion7() },
            "release" => adjusted with { ReleasedUsd = 0.500000000001m },
            "tokens" => adjusted with { ReleasedTokens = 1001 },
            _ => adjusted with { Lines = [Line(request, -request.SpendUsd - 0.000000000001m)] },
        });

        Assert.Equal(kind, Assert.Single((await VerifyAsync()).Differences).Kind.ToString());
    }

    [Fact]
    public async Task A_spend_table_of_the_former_version_gets_what_it_lacks_and_keeps_its_rows()
    {
        await FillAsync([.. RandomOnes().Select(request => request with { UnsettledUsd = null, UnsettledTokens = null })]);
        var rows = await RowsAsync();
        await ExecuteAsync("create table former as select * from spend");
        await ExecuteAsync("drop table spend");
        await ExecuteAsync(Regex.Replace(Spend.CreateTable("spend"), "unsettled_\\w+ +bigint not null default 0,", ""));
        var columns = "bucket_start, tenant_id, key_id, model, upstream_id, requests, errors, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, web_searches, spend_pico, duration_ms";
        await ExecuteAsync($"insert into spend ({columns}) select {columns} from former");
        Assert.NotEqual(rows, await RowsAsync());

        await CCGate.Projections.Engine.Checkpoints.MigrateAsync(Database, [Spend], TimeProvider.System, CancellationToken.None);

        Assert.Equal(rows, await RowsAsync());
        await AppendAsync(Unsettled());
        await CatchUpAsync();
        Assert.Empty((await VerifyAsync()).Differences);
    }

    [Fact]
    public async Task Only_the_period_asked_for_is_compared()
    {
        await FillAsync(RandomOnes());
        var noon = (Events.Noon - DateTimeOffset.UnixEpoch).Ticks / 10;
        await ExecuteAsync($"update spend set requests = requests + 1 where bucket_start < {noon}");

        Assert.Empty((await VerifyAsync(new BillingPeriod(Events.Noon, null))).Differences);
        Assert.NotEmpty((await VerifyAsync(new BillingPeriod(null, Events.Noon))).Differences);
    }

    [Fact]
    public async Task Traffic_that_goes_on_makes_no_difference()
    {
        await FillAsync(RandomOnes());
        using var stop = new CancellationTokenSource();
        var (traffic, other) = (new RandomTraffic(23), Open());
        var running = RunAsync();
        for (var i = 0; i < 10; i++)
        {
            Assert.Empty((await VerifyAsync()).Differences);
        }

        await stop.CancelAsync();
        await running;

        async Task RunAsync()
        {
            await Elsewhere();
            var live = new CCGate.Projections.Engine.ProjectionRound(other.Database, other.Store, TimeProvider.System);
            while (!stop.IsCancellationRequested)
            {
                await other.Store.AppendAsync([.. traffic.Requests(20).Select(EventRecord.From)], CancellationToken.None);
                await live.CatchUpAsync(Spend, CancellationToken.None);
            }
        }
    }

    private static IReadOnlyList<RequestCompleted> RandomOnes() => new RandomTraffic(22).Requests(300);

    private static RequestCompleted OneAttempt()
    {
        var request = new RandomTraffic(24).Requests(100).First(request => request.Attempts.Count == 1);
        return request with { RequestId = Guid.CreateVersion7() };
    }

    private static RequestCompleted Unsettled() => OneAttempt() with { UnsettledUsd = 0.5m, UnsettledTokens = 1000 };

    private static SpendAdjusted Adjusted(RequestCompleted request, int ordinal) => new()
    {
        AdjustmentId = SpendAdjusted.IdOf(request.RequestId, ordinal),
        RequestId = request.RequestId,
        Ordinal = ordinal,
        TenantId = request.TenantId,
        KeyId = request.KeyId,
        AdmittedAt = request.AdmittedAt,
        Reason = "test",
        AdjustedAt = Events.Noon,
        Lines = [Line(request, 0.01m)],
    };

    private static AdjustmentLine Line(RequestCompleted request, decimal usd) =>
        new() { Attempt = 1, ProviderModel = request.Attempts[0].ProviderModel, UpstreamId = request.Attempts[0].UpstreamId, SpendUsd = usd };

    private async Task AdjustAsync(params IEnumerable<SpendAdjusted> adjustments)
    {
        await Store.AppendAsync([.. adjustments.Select(EventRecord.From)], CancellationToken.None);
        await CatchUpAsync();
    }

    private async Task FillAsync(IReadOnlyList<RequestCompleted> requests)
    {
        await Store.AppendAsync([RandomTraffic.PriceBook], CancellationToken.None);
        await AppendAsync(requests);
        await CatchUpAsync();
    }

    private Task<BillingReport> VerifyAsync(BillingPeriod? period = null) => new BillingVerify(Database, Store).RunAsync(period ?? Always, CancellationToken.None);
}

public sealed class SqliteBillingVerifyTests() : BillingVerifyContract(Storage.Sqlite);

public sealed class PostgresBillingVerifyTests() : BillingVerifyContract(Storage.Postgres);
