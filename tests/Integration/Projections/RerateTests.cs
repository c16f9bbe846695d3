using CCGate.Contracts;
using CCGate.Metering;
using CCGate.Metering.EventStore;
using CCGate.Projections.Billing;
using CCGate.Projections.Export;
using CCGate.Projections.Spend;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What a re-rating promises over both databases: the report is the truth, and applying it makes it so, once.</summary>
public abstract class RerateContract(Storage storage) : ProjectionTest(storage)
{
    private static readonly SpendQuestion Always = new() { By = SpendBy.Tenant };

    private static readonly RerateOrder Order = new("a new contract", "root", Events.Noon.AddDays(40));

    // Haiku keeps its price, so its attempts must be left as they are; sonnet-4-5 is not in it.
    private static readonly PriceBook Book = new()
    {
        Version = "test.2",
        Prices =
        [
            new ModelPrice { Model = "sonnet-4", PerMillion = new TokenRates { Input = 2, Output = 20, CacheRead = 0.1m, CacheWrite5m = 3, CacheWrite1h = 5 } },
            RandomTraffic.Book.Prices.Single(price => price.Model == "haiku"),
        ],
    };

    [Fact]
    public async Task The_report_is_what_an_independent_sum_gives()
    {
        var requests = await FillAsync();
        foreach (var question in (SpendQuestion[])[Always, Always with { From = Events.Noon.AddHours(-20), To = Events.Noon.AddHours(15), Tenant = "o'brien" }])
        {
            var report = await LookAsync(question);

            var attempts =
                from request in requests
                where question.Tenant is null || request.TenantId == question.Tenant
                where request.AdmittedAt >= (question.From ?? DateTimeOffset.MinValue) && request.AdmittedAt < (question.To ?? DateTimeOffset.MaxValue)
                from attempt in request.Attempts
                select (request, attempt);
            var rated = attempts.Where(one => IsRated(one.request, one.attempt)).ToList();
            var expected = rated
                .GroupBy(one => (one.request.TenantId, one.attempt.ProviderModel))
                .OrderBy(row => row.Key.TenantId, StringComparer.Ordinal)
                .ThenBy(row => row.Key.ProviderModel, StringComparer.Ordinal)
                .Select(row => (row.Key.TenantId, row.Key.ProviderModel, row.Sum(one => one.attempt.SpendUsd + Refund(one.request, one.attempt)), row.Sum(one => NewPrice(one.attempt))));
            Assert.Equal(expected, report.Rows.Select(row => (row.Tenant!, row.Model!, row.ChargedUsd, row.ReratedUsd)));
            Assert.Equal(rated.Select(one => one.request.RequestId).Distinct().Count(), report.Total.Requests);
            Assert.Equal(
                new RerateLeftOut
                {
                    Imported = attempts.Count(one => one.request.ImportedFrom is not null),
                    UnknownUsage = attempts.Count(one => one.request.ImportedFrom is null && one.attempt.UsageState == UsageState.Unknown),
                    NoPrice = attempts.Count(one => one.request.ImportedFrom is null && one.attempt is { UsageState: UsageState.Known, ProviderModel: "sonnet-4-5" }),
                },
                report.LeftOut);
        }
    }

    [Fact]
    public async Task Applied_twice_it_adjusts_once_and_what_is_charged_then_is_what_was_reported()
    {
        await FillAsync();
        await Store.AppendAsync([EventRecord.From(PriceBookPublished.Of(RandomTraffic.Book, TimeProvider.System.GetUtcNow()))], CancellationToken.None);
        var before = await UsageAsync();
        var looked = await LookAsync(Always);

        var applied = await ApplyAsync(Store);
        Assert.True(applied.Adjusted > 500);
        Assert.Equal((looked.RequestsThatDiffer, looked.Total), (applied.Adjusted!.Value, applied.Total));
        var events = await Store.HighWaterMarkAsync(CancellationToken.None);
        var again = await ApplyAsync(Store);

        Assert.Equal((0, 0L, 0m), (again.Adjusted!.Value, again.RequestsThatDiffer, again.Total.DifferenceUsd));
        Assert.Equal(looked.Total.ReratedUsd, again.Total.ChargedUsd);
        Assert.Equal(events, await Store.HighWaterMarkAsync(CancellationToken.None));
        await CatchUpAsync();
        Assert.Equal(before + looked.Total.DifferenceUsd, await UsageAsync());
        Assert.True((await Rebuild.RunAsync(Spend, progress: null, CancellationToken.None)).Identical);
        Assert.DoesNotContain(
            (await new BillingVerify(Database, Store).RunAsync(new BillingPeriod(null, null), CancellationToken.None)).Differences, difference => difference.Kind.ToString().StartsWith("Adjustment", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Killed_in_the_middle_it_is_finished_by_running_it_again()
    {
        await FillAsync();
        var looked = await LookAsync(Always);

        await Assert.ThrowsAsync<IOException>(() => ApplyAsync(new DyingStore(Store, appends: 2)));
        var half = await LookAsync(Always);
        Assert.Equal(looked.RequestsThatDiffer - 500, half.RequestsThatDiffer);
        await ApplyAsync(Store);

        var done = await LookAsync(Always);
        Assert.Equal((0L, looked.Total.ReratedUsd), (done.RequestsThatDiffer, done.Total.ChargedUsd));
        var ids = (await AdjustmentsAsync()).Select(adjusted => (adjusted.RequestId, adjusted.Ordinal)).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
    }

    [Fact]
    public async Task A_request_is_adjusted_with_a_line_for_each_attempt_that_differs_and_the_next_ordinal()
    {
        await FillAsync();
        var request = Request("sonnet-4", "haiku", "sonnet-4");
        await AppendAsync(request);
        await Store.AppendAsync([EventRecord.From(Adjustment(request, new AdjustmentLine { Attempt = 3, ProviderModel = "sonnet-4", UpstreamId = "u1", SpendUsd = -0.001m }))], CancellationToken.None);

        await ApplyAsync(Store);

        var adjusted = (await AdjustmentsAsync()).Single(one => one.RequestId == request.RequestId && one.Ordinal == 2);
        Assert.Equal(
            (AdjustmentKind.ReRating, "a new contract", "root", Order.At, request.AdmittedAt, request.KeyId),
            (adjusted.Kind, adjusted.Reason, adjusted.By, adjusted.AdjustedAt, adjusted.AdmittedAt, adjusted.KeyId));
        Assert.Equal(
            [(1, "test.2", 0.012m - 0.0105m), (3, "test.2", 0.012m - 0.0095m)],
            adjusted.Lines.Select(line => (line.Attempt, line.PriceVersion!, line.SpendUsd)));
        Assert.Contains("test.2", await PriceStream.ReadAsync(Store, CancellationToken.None).Select(stored => stored.Book.Version).ToListAsync());
    }

    [Fact]
    public async Task Corrected_usage_is_what_is_priced_at_the_rates_the_attempt_was_served_at()
    {
        var request = Request("sonnet-4");
        request = request with { Attempts = [request.Attempts[0] with { Usage = request.Attempts[0].Usage with { Speed = "fast" } }] };
        await AppendAsync(request);
        await Store.AppendAsync(
            [EventRecord.From(Adjustment(request, new AdjustmentLine { Attempt = 1, ProviderModel = "sonnet-4", SpendUsd = 0, Usage = new TokenUsage { OutputTokens = -400 } }))],
            CancellationToken.None);
        var fast = new SpeedRates { PerMillion = new TokenRates { Input = 10, Output = 100 } };
        var book = new PriceBook { Version = "test.3", Prices = [new ModelPrice { Model = "*", Speed = new Dictionary<string, SpeedRates> { ["fast"] = fast } }] };

        var report = await new Rerating(book, modelPattern: null).LookAsync(Ledger(Store, Always), CancellationToken.None);

        Assert.Equal((0.0105m, 0.02m), (report.Total.ChargedUsd, report.Total.ReratedUsd));
    }

    [Fact]
    public async Task Only_the_models_that_are_asked_for_are_touched()
    {
        await AppendAsync(Request("sonnet-4", "haiku"), Request("haiku"));

        var report = await new Rerating(Book, "SONNET*").LookAsync(Ledger(Store, Always), CancellationToken.None);

        Assert.Equal(("sonnet-4", 1L), (Assert.Single(report.Rows).Model, report.Total.Requests));
    }

    private static RequestCompleted Request(params string[] models)
    {
        var request = Events.Request();
        return request with
        {
            Attempts = [.. models.Select((model, i) => request.Attempts[0] with
            {
                Number = i + 1,
                ProviderModel = model,
                SpendUsd = RandomTraffic.Book.Spend(model, request.Attempts[0].Usage, Events.Noon, 1)!.Value,
            })],
        };
    }

    private static SpendAdjusted Adjustment(RequestCompleted request, params AdjustmentLine[] lines) => new()
    {
        AdjustmentId = SpendAdjusted.IdOf(request.RequestId, 1),
        RequestId = request.RequestId,
        Ordinal = 1,
        TenantId = request.TenantId,
        KeyId = request.KeyId,
        AdmittedAt = request.AdmittedAt,
        Reason = "refund",
        AdjustedAt = Events.Noon.AddDays(1),
        Lines = lines,
    };

    /// <summary>Every third request was imported, of an unknown usage, or refunded a little.</summary>
    private async Task<IReadOnlyList<RequestCompleted>> FillAsync()
    {
        var requests = new RandomTraffic(70).Requests(1500).Select((request, i) => (i % 15) switch
        {
            3 => request with { ImportedFrom = "node-ccgate" },
            6 or 9 => request with { Attempts = [.. request.Attempts.Select(attempt => attempt.Number == 1 ? attempt with { UsageState = UsageState.Unknown } : attempt)] },
            _ => request,
        }).ToList();
        await AppendAsync(requests);
        var refunds =
            from request in requests
            from attempt in request.Attempts
            where Refund(request, attempt) != 0
            select EventRecord.From(Adjustment(
                request,
                new AdjustmentLine { Attempt = attempt.Number, ProviderModel = attempt.ProviderModel, UpstreamId = attempt.UpstreamId, SpendUsd = Refund(request, attempt) }));
        await Store.AppendAsync([.. refunds], CancellationToken.None);
        await CatchUpAsync();
        return requests;
    }

    private static decimal Refund(RequestCompleted request, Attempt attempt) =>
        attempt.Number == request.Attempts.Count && request.RequestId.ToByteArray()[15] % 4 == 0 ? -attempt.SpendUsd / 2 : 0;

    private static bool IsRated(RequestCompleted request, Attempt attempt) =>
        request.ImportedFrom is null && attempt is { UsageState: UsageState.Known, ProviderModel: "sonnet-4" or "haiku" };

    /// <summary>With no code of the product; every rate here times a token is a whole number of picodollars.</summary>
    private static decimal NewPrice(Attempt attempt)
    {
        decimal[] rates = attempt.ProviderModel == "haiku" ? [0.8m, 0.08m, 1, 1.6m, 4] : [2, 0.1m, 3, 5, 20];
        var used = attempt.Usage;
        long[] tokens = [used.InputTokens, used.CacheReadTokens, used.CacheWrite5mTokens, used.CacheWrite1hTokens, used.OutputTokens];
        return tokens.Zip(rates, (count, rate) => count * rate).Sum() / 1_000_000m * attempt.CostMultiplier;
    }

    private Task<RerateReport> LookAsync(SpendQuestion question) =>
        new Rerating(Book, modelPattern: null).LookAsync(Ledger(Store, question), CancellationToken.None);

    private static Task<RerateReport> ApplyAsync(IEventStore store) =>
        new Rerating(Book, modelPattern: null).ApplyAsync(Ledger(store, Always), new EventIntake(store), Order, CancellationToken.None);

    private static LedgerExport Ledger(IEventStore store, SpendQuestion question) => new(store, question, progress: null);

    private async Task<decimal> UsageAsync() => (await new SpendReader(Database).ReadAsync(Always, CancellationToken.None)).Total.SpendUsd;

    private async Task<IReadOnlyList<SpendAdjusted>> AdjustmentsAsync() =>
    [
        .. (await Store.ReadAsync(0, long.MaxValue, int.MaxValue, CancellationToken.None))
            .Where(stored => stored.Type == EventTypes.SpendAdjusted)
            .Select(stored => System.Text.Json.JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.SpendAdjusted)!),
    ];

    /// <summary>Takes some appends and then no more, as when the process dies.</summary>
    private sealed class DyingStore(IEventStore store, int appends) : IEventStore
    {
        private int left = appends;

        public Task MigrateAsync(CancellationToken cancellationToken) => store.MigrateAsync(cancellationToken);

        public Task<int> AppendAsync(IReadOnlyList<EventRecord> events, CancellationToken cancellationToken) =>
            left-- > 0 ? store.AppendAsync(events, cancellationToken) : throw new IOException("dead");

        public Task<long> HighWaterMarkAsync(CancellationToken cancellationToken) => store.HighWaterMarkAsync(cancellationToken);

        public Task<IReadOnlyList<StoredEvent>> ReadAsync(long after, long upTo, int limit, CancellationToken cancellationToken) =>
            store.ReadAsync(after, upTo, limit, cancellationToken);

        public Task<StoredEvent?> FindAsync(Guid id, CancellationToken cancellationToken) => store.FindAsync(id, cancellationToken);

        public Task<IReadOnlyList<StoredEvent>> ReadStreamAsync(string stream, long after, int limit, CancellationToken cancellationToken) =>
            store.ReadStreamAsync(stream, after, limit, cancellationToken);
    }
}

public sealed class SqliteRerateTests() : RerateContract(Storage.Sqlite);

public sealed class PostgresRerateTests() : RerateContract(Storage.Postgres);
