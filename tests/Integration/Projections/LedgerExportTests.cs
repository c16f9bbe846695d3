using CCGate.Contracts;
using CCGate.Projections.Engine;
using CCGate.Projections.Export;
using CCGate.Projections.Spend;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What an export promises over both databases: it is the bill, line by line.</summary>
public abstract class LedgerExportContract(Storage storage) : ProjectionTest(storage)
{
    private static readonly SpendQuestion Always = new() { By = SpendBy.Tenant };

    private static readonly SpendQuestion[] Questions =
    [
        Always,
        Always with { From = Events.Noon.AddDays(-1), To = Events.Noon.AddDays(1) },
        Always with { From = Events.Noon.AddHours(-36).AddMinutes(15), To = Events.Noon.AddHours(30), Tenant = "o'brien" },
        Always with { From = Events.Noon.AddYears(1) },
    ];

    [Fact]
    public async Task The_lines_of_any_period_add_up_to_its_usage()
    {
        await FillAsync();
        foreach (var question in Questions)
        {
            var rows = await RequestsAsync(question);
            var usage = await UsageAsync(question);
            Assert.Equal(usage, Totals(rows.Count, rows.Select(row => row.Usage), rows.Sum(row => row.SpendUsd + row.Adjusted.SpendUsd)));
        }
    }

    [Fact]
    public async Task The_days_of_any_period_add_up_to_its_usage_in_every_time_zone()
    {
        await FillAsync();
        foreach (var question in Questions)
        {
            foreach (var zone in (string[])["UTC", "Asia/Kathmandu", "America/St_Johns"])
            {
                var days = await new LedgerExport(Store, question, progress: null).DaysAsync(_ => TimeZoneInfo.FindSystemTimeZoneById(zone), CancellationToken.None);
                var usage = await UsageAsync(question);
                Assert.Equal(usage, Totals(days.Sum(day => day.Requests), days.Select(day => day.Usage), days.Sum(day => day.SpendUsd + day.AdjustedUsd)));
                Assert.Equal(days.Count, days.DistinctBy(day => (day.Tenant, day.Day)).Count());
            }
        }
    }

    [Fact]
    public async Task An_adjustment_that_came_after_the_period_belongs_to_its_request()
    {
        var request = Events.Request();
        await AppendAsync(request, Events.Request());
        await AdjustAsync(Adjustment(request, 1, -0.0005m, Events.Noon.AddDays(40)), Adjustment(request, 2, 0.002m, Events.Noon.AddDays(50)));

        var rows = await RequestsAsync(Always with { From = Events.Noon, To = Events.Noon.AddDays(1) });

        Assert.Equal([(0.0105m, 0.0015m), (0.0105m, 0m)], rows.Select(row => (row.SpendUsd, row.Adjusted.SpendUsd)));
        Assert.Empty(await RequestsAsync(Always with { From = Events.Noon.AddDays(30), To = Events.Noon.AddDays(60) }));
    }

    [Fact]
    public async Task A_period_begins_with_its_first_instant_and_ends_before_its_last()
    {
        await AppendAsync(Events.Request());

        Assert.Single(await RequestsAsync(Always with { From = Events.Noon, To = Events.Noon.AddMinutes(15) }));
        Assert.Empty(await RequestsAsync(Always with { From = Events.Noon.AddHours(-1), To = Events.Noon }));
        Assert.Empty(await RequestsAsync(Always with { Tenant = "bob" }));
    }

    [Fact]
    public async Task A_day_is_the_tenants_own()
    {
        await AppendAsync(Events.Request() with { AdmittedAt = new DateTimeOffset(2026, 11, 21, 23, 30, 0, TimeSpan.Zero) });

        var berlin = await new LedgerExport(Store, Always, progress: null).DaysAsync(_ => TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"), CancellationToken.None);

        Assert.Equal(new DateOnly(2026, 11, 22), Assert.Single(berlin).Day);
    }

    [Fact]
    public async Task An_event_that_cannot_be_read_fails_the_export_instead_of_missing_from_it()
    {
        await Store.AppendAsync([Events.Record(), Events.Record() with { Data = "[]" }], CancellationToken.None);

        var failure = await Assert.ThrowsAsync<UnreadableEventException>(() => RequestsAsync(Always));
        Assert.Equal(2, failure.Position);
    }

    [Fact]
    public async Task An_export_ends_where_the_ledger_ended_when_it_began()
    {
        await Store.AppendAsync(Events.Records(1500), CancellationToken.None);
        var count = 0;
        await foreach (var row in new LedgerExport(Store, Always, progress: null).RequestsAsync(CancellationToken.None))
        {
            if (count++ == 0)
            {
                await Store.AppendAsync(Events.Records(10), CancellationToken.None);
            }
        }

        Assert.Equal(1500, count);
    }

    private async Task FillAsync()
    {
        var requests = new RandomTraffic(40).Requests(1500);
        var random = new Random(41);
        await AppendAsync(requests);
        await AdjustAsync([.. requests.Where(_ => random.Next(3) == 0).SelectMany(request => Enumerable.Range(1, random.Next(1, 4))
            .Select(ordinal => Adjustment(request, ordinal, random.Next(-1000, 1000) / 1_000_000m, Events.Noon.AddDays(random.Next(60)))))]);
        await CatchUpAsync();
    }

    private static SpendAdjusted Adjustment(RequestCompleted request, int ordinal, decimal usd, DateTimeOffset at) => new()
    {
        AdjustmentId = SpendAdjusted.IdOf(request.RequestId, ordinal),
        RequestId = request.RequestId,
        Ordinal = ordinal,
        TenantId = request.TenantId,
        KeyId = request.KeyId,
        AdmittedAt = request.AdmittedAt,
        Reason = "test",
        AdjustedAt = at,
        Lines =
        [
            new AdjustmentLine { Attempt = 1, ProviderModel = "sonnet-4", UpstreamId = "u1", SpendUsd = usd, Usage = new TokenUsage { InputTokens = -1, OutputTokens = 7, CacheWrite1hTokens = ordinal } },
            new AdjustmentLine { Attempt = 2, ProviderModel = "haiku", UpstreamId = "u2", SpendUsd = 0 },
        ],
    };

    private async Task AdjustAsync(params IReadOnlyList<SpendAdjusted> adjustments) =>
        await Store.AppendAsync([.. adjustments.Select(EventRecord.From)], CancellationToken.None);

    private async Task<IReadOnlyList<ExportedRequest>> RequestsAsync(SpendQuestion question) =>
        await new LedgerExport(Store, question, progress: null).RequestsAsync(CancellationToken.None).ToListAsync();

    private async Task<SpendTotals> UsageAsync(SpendQuestion question)
    {
        var total = (await new SpendReader(Database).ReadAsync(question, CancellationToken.None)).Total;
        return total with { Errors = 0, DurationMs = 0 };
    }

    private static SpendTotals Totals(long requests, IEnumerable<TokenUsage> usages, decimal usd)
    {
        var usage = usages.Aggregate(new TokenUsage(), (sum, one) => sum + one);
        return new SpendTotals
        {
            Requests = requests,
            InputTokens = usage.InputTokens,
            CacheReadTokens = usage.CacheReadTokens,
            CacheWrite5mTokens = usage.CacheWrite5mTokens,
            CacheWrite1hTokens = usage.CacheWrite1hTokens,
            OutputTokens = usage.OutputTokens,
            ReasoningTokens = usage.ReasoningTokens,
            WebSearches = usage.WebSearches,
            SpendUsd = usd,
        };
    }
}

public sealed class SqliteLedgerExportTests() : LedgerExportContract(Storage.Sqlite);

public sealed class PostgresLedgerExportTests() : LedgerExportContract(Storage.Postgres);
