using System.Data.Common;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;
using CCGate.Projections;
using CCGate.Projections.Quotas;
using CCGate.Projections.Spend;
using CCGate.Tests.Infrastructure;
using Dapper;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Tests.Integration.Projections;

/// <summary>Days that are added up never change an answer, on either database.</summary>
public abstract class SpendRollUpContract(Storage storage) : ProjectionTest(storage)
{
    // Around the end of summer time in Berlin; in New York it ends a week later, on Lord Howe Island it began, by half an hour.
    private static readonly DateTimeOffset Middle = new(2026, 10, 25, 12, 0, 0, TimeSpan.Zero);

    private static readonly string[] Zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"];

    private SpendRollUp RollUp => Of(Database);

    [Fact]
    public async Task Every_question_has_the_answer_of_the_quarter_hours()
    {
        var questions = Questions(new Random(1), 200).ToList();
        await AppendAsync(Traffic(1, 3000));
        await CatchUpAsync();
        var expected = await AnswersAsync(questions);

        await RollUp.RollUpAsync(CancellationToken.None);

        Assert.Equal(5, await SealsAsync());
        Assert.Equal(expected, await AnswersAsync(questions));
    }

    [Fact]
    public async Task The_answers_are_taken_from_the_days()
    {
        await AppendAsync(Traffic(2, 500));
        await CatchUpAsync();
        await RollUp.RollUpAsync(CancellationToken.None);

        await ExecuteAsync("update spend_day set requests = requests + 1000000");
        await ExecuteAsync("update spend_all set requests = requests + 1000");

        Assert.True((await ReadAsync(new SpendQuestion { By = SpendBy.Tenant })).Total.Requests > 1_000_000);
        Assert.InRange((await ReadAsync(new SpendQuestion { By = SpendBy.Day, Zone = Zone("Asia/Kathmandu") })).Total.Requests, 1_000, 1_000_000);
        Assert.Equal(500, (await ReadAsync(new SpendQuestion { By = SpendBy.Hour, ThenBy = SpendBy.Tenant })).Total.Requests);
    }

    [Fact]
    public async Task What_is_written_to_a_day_later_counts_at_once_and_the_day_is_added_up_again()
    {
        var questions = Questions(new Random(3), 100).ToList();
        await AppendAsync(Traffic(3, 1000));
        await CatchUpAsync();
        await RollUp.RollUpAsync(CancellationToken.None);

        var late = Traffic(4, 1)[0];
        await AppendAsync(late);
        await CatchUpAsync();

        Assert.Equal(4, await SealsAsync());
        var answers = await AnswersAsync(questions);
        await RollUp.RollUpAsync(CancellationToken.None);
        Assert.Equal(5, await SealsAsync());
        Assert.Equal(answers, await AnswersAsync(questions));
        await ExecuteAsync("delete from spend_seal");
        Assert.Equal(answers, await AnswersAsync(questions));
    }

    [Fact]
    public async Task A_day_that_is_written_to_while_it_is_added_up_is_not_sealed()
    {
        await AppendAsync(Events.Request() with { AdmittedAt = Middle });
        await CatchUpAsync();

        // The fourth connection is the one that would seal the day, after it was read.
        var late = new InterruptedDatabase(Database, 4, async () =>
        {
            await AppendAsync(Events.Request() with { AdmittedAt = Middle });
            await CatchUpAsync();
        });
        await Of(late).RollUpAsync(CancellationToken.None);

        Assert.Equal(0, await SealsAsync());
        Assert.Equal(2, (await ReadAsync(new SpendQuestion { By = SpendBy.Tenant })).Total.Requests);
    }

    [Fact]
    public async Task A_day_is_not_sealed_before_its_last_requests_can_have_ended()
    {
        await AppendAsync(Events.Request() with { AdmittedAt = Middle });
        await CatchUpAsync();
        var time = new ManualTimeProvider(new DateTimeOffset(2026, 10, 26, 0, 59, 0, TimeSpan.Zero));
        var rollUp = new SpendRollUp(Database, time, NullLogger<SpendRollUp>.Instance);

        await rollUp.RollUpAsync(CancellationToken.None);
        Assert.Equal(0, await SealsAsync());

        time.Advance(TimeSpan.FromMinutes(1));
        await rollUp.RollUpAsync(CancellationToken.None);
        Assert.Equal(1, await SealsAsync());
    }

    [Fact]
    public async Task A_rebuild_that_differs_breaks_the_seals()
    {
        await AppendAsync(Traffic(5, 300));
        await CatchUpAsync();
        await ExecuteAsync("update spend set requests = requests + 5");
        await RollUp.RollUpAsync(CancellationToken.None);

        var report = await Rebuild.RunAsync(Spend, progress: null, CancellationToken.None);

        Assert.False(report.Identical);
        Assert.Equal(300, (await ReadAsync(new SpendQuestion { By = SpendBy.Tenant })).Total.Requests);
    }

    [Fact]
    public async Task Limits_count_the_same_from_days_as_from_quarter_hours()
    {
        var windows = new LimitsConfig { Windows = [.. Enum.GetValues<LimitWindow>().Select(window => new WindowLimit(window, 100, 100, 100))] };
        var config = new GatewayConfig
        {
            Tenants = [.. Zones.Select((zone, index) => new TenantConfig
            {
                Id = index switch { 0 => "alice", 1 => "bob", 2 => "o'brien", _ => zone }, Keys = [], TimeZone = Zone(zone), Limits = windows, ResetTime = new TimeOnly(index, 30),
            })],
        };
        Task<IReadOnlyList<QuotaUse>> QuotasAsync() => new QuotaReader(Database).ReadAsync(config, QuotaQuestion.All, Middle.AddDays(1), CancellationToken.None);
        await AppendAsync(Traffic(6, 1000));
        await CatchUpAsync();
        var expected = (await QuotasAsync()).Select(quota => (quota.Tenant, quota.Limit, quota.Used)).ToList();

        await RollUp.RollUpAsync(CancellationToken.None);

        Assert.Equal(expected, (await QuotasAsync()).Select(quota => (quota.Tenant, quota.Limit, quota.Used)));
        Assert.Contains(expected, quota => quota.Limit == "monthly.maxRequests" && quota.Used > 0);
    }

    private static SpendRollUp Of(Database database) => new(database, TimeProvider.System, NullLogger<SpendRollUp>.Instance);

    private static TimeZoneInfo Zone(string id) => TimeZoneInfo.FindSystemTimeZoneById(id);

    /// <summary>Over five days, the day of the change in the middle.</summary>
    private static List<RequestCompleted> Traffic(int seed, int count) =>
        [.. new RandomTraffic(seed).Requests(count).Select(request => request with { AdmittedAt = request.AdmittedAt - (Events.Noon - Middle), CompletedAt = request.CompletedAt - (Events.Noon - Middle) })];

    private static IEnumerable<SpendQuestion> Questions(Random random, int count)
    {
        T? Maybe<T>(double share, params T[] values) => random.NextDouble() < share ? values[random.Next(values.Length)] : default;
        DateTimeOffset? Instant() => random.Next(3) == 0 ? null : QuarterHour.RoundDown(Middle.AddMinutes(random.Next(-5_000, 5_000)));
        for (var number = 0; number < count; number++)
        {
            var (one, other) = (Instant(), Instant());
            var by = Enum.GetValues<SpendBy>()[random.Next(6)];
            yield return new SpendQuestion
            {
                By = by,
                ThenBy = Enum.GetValues<SpendBy>()[random.Next(6)] is var then && then != by && random.Next(2) == 0 ? then : null,
                From = one > other ? other : one,
                To = one > other ? one : other,
                Zone = Zone(Zones[random.Next(Zones.Length)]),
                Tenant = Maybe(0.4, "alice", "o'brien", "nobody"),
                Key = Maybe(0.2, "laptop", "ci"),
                Model = Maybe(0.2, "haiku", "sonnet-4"),
                Upstream = Maybe(0.2, "u1", "u2"),
            };
        }
    }

    private Task<SpendReport> ReadAsync(SpendQuestion question) => new SpendReader(Database).ReadAsync(question, CancellationToken.None);

    /// <summary>A line each.</summary>
    private async Task<string> AnswersAsync(IEnumerable<SpendQuestion> questions)
    {
        var answers = new List<string>();
        foreach (var question in questions)
        {
            answers.Add($"{question}: {JsonSerializer.Serialize(await ReadAsync(question), ProjectionsJson.Default.SpendReport)}");
        }

        return string.Join('\n', answers);
    }

    private async Task<long> SealsAsync()
    {
        await using var connection = await Database.OpenAsync(CancellationToken.None);
        return await connection.ExecuteScalarAsync<long>("select count(*) from spend_seal where sealed = 1");
    }

    /// <summary>Does something before one of its connections is opened.</summary>
    private sealed class InterruptedDatabase(Database inner, int at, Func<Task> interrupt) : Database
    {
        private int opened;

        public override async ValueTask<DbConnection> OpenAsync(CancellationToken cancellationToken)
        {
            if (++opened == at)
            {
                await interrupt();
            }

            return await inner.OpenAsync(cancellationToken);
        }

        public override ValueTask<IDisposable?> TurnAsync(CancellationToken cancellationToken) => inner.TurnAsync(cancellationToken);

        public override ValueTask<DbTransaction> BeginSnapshotAsync(DbConnection connection, CancellationToken cancellationToken) => inner.BeginSnapshotAsync(connection, cancellationToken);

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

public sealed class SqliteSpendRollUpTests() : SpendRollUpContract(Storage.Sqlite);

public sealed class PostgresSpendRollUpTests() : SpendRollUpContract(Storage.Postgres);
