using CCGate.Contracts;
using CCGate.Projections.Engine;
using CCGate.Projections.Requests;
using CCGate.Projections.Traffic;
using CCGate.Tests.Infrastructure;
using Dapper;

namespace CCGate.Tests.Integration.Projections;

public sealed class SqliteRequestsProjectionTests() : RequestsProjectionContract(Storage.Sqlite);

public sealed class PostgresRequestsProjectionTests() : RequestsProjectionContract(Storage.Postgres);

/// <summary>The read models of requests and of traffic hold what the spend table does.</summary>
public abstract class RequestsProjectionContract(Storage storage) : ProjectionTest(storage)
{
    private static readonly IProjection[] All = [Spend, new TrafficProjection(), new RequestsProjection()];

    [Fact]
    public async Task The_rows_add_up_to_the_spend_table_with_what_was_adjusted()
    {
        await FillAsync();

        const string Sums = "cast(sum(spend_pico) as bigint), cast(sum(output_tokens) as bigint)";
        await using var connection = await Database.OpenAsync(CancellationToken.None);
        var spend = await connection.QuerySingleAsync<(long, long, long)>($"select {Sums}, cast(sum(requests) as bigint) from spend");
        Assert.Equal(spend, await connection.QuerySingleAsync<(long, long, long)>($"select {Sums}, count(*) from requests"));
        Assert.Equal(spend, await connection.QuerySingleAsync<(long, long, long)>($"select {Sums}, cast(sum(requests) as bigint) from traffic"));
    }

    [Fact]
    public async Task A_rebuild_is_identical_and_so_is_the_next_one()
    {
        await FillAsync();

        foreach (var projection in All)
        {
            for (var time = 1; time <= 2; time++)
            {
                var report = await Rebuild.RunAsync(projection, progress: null, CancellationToken.None);
                Assert.True(report is { Identical: true, LiveRows: > 0 }, projection.Name);
            }
        }
    }

    [Fact]
    public async Task A_settlement_changes_what_the_request_costs_and_says_so()
    {
        var request = Events.Request(spendUsd: 0);
        request.Attempts = [request.Attempts[0] with { UsageState = UsageState.Unknown }];
        await MigrateAsync();
        await AppendAsync(request);
        await Store.AppendAsync([EventRecord.From(Adjusted(request, AdjustmentKind.Settlement, 0.25m))], CancellationToken.None);
        await CatchUpAllAsync();

        var row = Assert.Single((await ReadAsync(new RequestQuestion { Limit = 10 })).Items);
        Assert.Equal((0.25m, "Settled", 500L), (row.SpendUsd, row.UsageState, row.OutputTokens));
    }

    [Fact]
    public async Task An_event_that_cannot_be_read_stops_it_as_it_stops_the_spend()
    {
        await MigrateAsync();
        await Store.AppendAsync([Events.Record(), Events.Record() with { Data = """{"Attempts":[null]}""" }], CancellationToken.None);
        foreach (var projection in All)
        {
            await Assert.ThrowsAsync<UnreadableEventException>(() => Round.CatchUpAsync(projection, CancellationToken.None));
        }

        Assert.Single((await ReadAsync(new RequestQuestion { Limit = 10 })).Items);
    }

    [Fact]
    public async Task Names_that_clients_choose_may_be_of_any_length()
    {
        await MigrateAsync();
        var random = new Random(1);
        var session = new string([.. Enumerable.Range(0, 20_000).Select(_ => (char)random.Next('a', 'z'))]);
        await AppendAsync(Events.Request(session: session) with { RequestedModel = session });
        await CatchUpAllAsync();

        var row = Assert.Single((await ReadAsync(new RequestQuestion { Session = RequestRecord.Bounded(session), Limit = 10 })).Items);
        Assert.Equal(session[..RequestRecord.LongestText], row.Session);
    }

    [Theory]
    [InlineData(nameof(RequestSort.Time))]
    [InlineData(nameof(RequestSort.Spend))]
    [InlineData(nameof(RequestSort.Duration))]
    public async Task Pages_give_every_request_once_in_order(string by)
    {
        var sort = Enum.Parse<RequestSort>(by);
        await FillAsync();
        foreach (var ascending in (bool[])[false, true])
        {
            var all = (await ReadAsync(new RequestQuestion { Sort = sort, Ascending = ascending, Limit = 500 })).Items;
            var paged = new List<RequestRow>();
            var question = new RequestQuestion { Sort = sort, Ascending = ascending, Limit = 7 };
            for (var page = await ReadAsync(question); ; page = await ReadAsync(question))
            {
                paged.AddRange(page.Items);
                if (page.Next is null)
                {
                    break;
                }

                question = question with { After = Cursor(sort, paged[^1]) };
            }

            Assert.Equal(all.Select(row => row.Id), paged.Select(row => row.Id));
            Assert.Equal(60, paged.Select(row => row.Id).Distinct().Count());
            var values = paged.Select(row => Cursor(sort, row).Value).ToList();
            Assert.Equal(ascending ? values.Order() : values.OrderDescending(), values);
        }
    }

    [Fact]
    public async Task More_requests_than_can_be_sorted_are_told_from_few()
    {
        await MigrateAsync();
        await AppendAsync(Events.Request(), Events.Request(), Events.Request("bob"), Events.Request("bob") with { AdmittedAt = Events.Noon.AddDays(-1) });
        await CatchUpAllAsync();
        var requests = new RequestReader(Database, TimeProvider.System) { MostSorted = 3, MostFilteredAndSorted = 2 };
        Task<int?> TooManyAsync(RequestQuestion question) => requests.TooManyToSortAsync(question, CancellationToken.None);
        (string, string, object)[] failed = [("outcome = @outcome", "outcome", "Failed")];

        Assert.Equal(3, await TooManyAsync(new RequestQuestion { Sort = RequestSort.Spend }));
        Assert.Equal(3, await TooManyAsync(new RequestQuestion { Sort = RequestSort.Duration, To = Events.Noon.AddDays(1) }));
        Assert.Equal(2, await TooManyAsync(new RequestQuestion { Sort = RequestSort.Spend, From = Events.Noon, Filters = failed }));
        Assert.Null(await TooManyAsync(new RequestQuestion { Sort = RequestSort.Time }));
        Assert.Null(await TooManyAsync(new RequestQuestion { Sort = RequestSort.Spend, Tenant = "bob" }));
        Assert.Null(await TooManyAsync(new RequestQuestion { Sort = RequestSort.Spend, From = Events.Noon }));
    }

    private static CCGate.Projections.Questions.PageCursor Cursor(RequestSort sort, RequestRow row) => new(
        sort switch
        {
            RequestSort.Spend => Picodollars.FromUsd(row.SpendUsd),
            RequestSort.Duration => row.DurationMs,
            _ => CCGate.Hosting.Storage.Instant.ToMicroseconds(row.AdmittedAt),
        },
        row.Id);

    private Task<RequestPage> ReadAsync(RequestQuestion question) => new RequestReader(Database, TimeProvider.System).ReadAsync(question, CancellationToken.None);

    private Task MigrateAsync() => Checkpoints.MigrateAsync(Database, All, TimeProvider.System, CancellationToken.None);

    private async Task CatchUpAllAsync()
    {
        foreach (var projection in All)
        {
            await Round.CatchUpAsync(projection, CancellationToken.None);
        }
    }

    /// <summary>Sixty requests, of which some share an instant, an amount and a duration, and some were adjusted, in the same batch and later.</summary>
    private async Task FillAsync()
    {
        await MigrateAsync();
        var requests = Enumerable.Range(0, 60).Select(number => Events.Request(number % 3 == 0 ? "bob" : "alice", 0.001m * (number % 7), $"s{number % 5}") with
        {
            AdmittedAt = Events.Noon.AddSeconds(number / 2),
            CompletedAt = Events.Noon.AddSeconds((number / 2) + (number % 4)),
            Attempts = number == 5 ? [] : Events.Request(spendUsd: 0.001m * (number % 7)).Attempts,
        }).ToList();
        await AppendAsync(requests);
        await Store.AppendAsync([EventRecord.From(Adjusted(requests[1], AdjustmentKind.Correction, 0.5m))], CancellationToken.None);
        await CatchUpAllAsync();
        await Store.AppendAsync([EventRecord.From(Adjusted(requests[2], AdjustmentKind.ReRating, -0.001m))], CancellationToken.None);
        await CatchUpAllAsync();
    }

    private static SpendAdjusted Adjusted(RequestCompleted request, AdjustmentKind kind, decimal usd) => new()
    {
        AdjustmentId = SpendAdjusted.IdOf(request.RequestId, 1),
        RequestId = request.RequestId,
        Ordinal = 1,
        TenantId = request.TenantId,
        KeyId = request.KeyId,
        AdmittedAt = request.AdmittedAt,
        Kind = kind,
        Reason = "a test",
        By = "admin",
        AdjustedAt = Events.Noon.AddHours(1),
        Lines = [new AdjustmentLine { Attempt = 1, UpstreamId = "u1", ProviderModel = "claude-sonnet-4-5", SpendUsd = usd }],
    };
}
