using System.Diagnostics.Metrics;
using System.Text;
using CCGate.Cli.Commands;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Fleet;
using CCGate.Hosting.Storage;
using CCGate.Metering;
using CCGate.Metering.EventStore;
using CCGate.Projections;
using CCGate.Projections.Engine;
using CCGate.Projections.Reconciliation;
using CCGate.Projections.Telemetry;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What metering and the projections measure, over either database.</summary>
public abstract class ProjectionMetricsContract(Storage storage) : ProjectionTest(storage)
{
    [Fact]
    public async Task What_comes_to_the_door_is_counted_by_what_became_of_it()
    {
        await using var process = await StartAsync();
        using var readings = process.Readings(MeteringMetrics.MeterName);
        var intake = process.Get<EventIntake>();
        process.Time.Advance(TimeSpan.FromSeconds(7));
        var (first, second) = (Events.Record(), Events.Record());

        await intake.AcceptAsync([first, second, Events.Record() with { Data = "{" }], CancellationToken.None);
        await intake.AcceptAsync([first, second], CancellationToken.None);

        Assert.Equal(
            (2, 2, 1),
            (readings.Counted("ccgate.append.events{result=stored}"), readings.Counted("ccgate.append.events{result=duplicate}"), readings.Counted("ccgate.append.events{result=rejected}")));
        Assert.Equal(2, readings.Recorded("ccgate.append.duration").Count);

        // Completed two seconds after noon; the second delivery was not late, the first came.
        Assert.Equal([5, 5], readings.Recorded("ccgate.append.delay"));
    }

    [Fact]
    public async Task Lag_is_there_while_a_projection_stands_behind_and_gone_when_it_caught_up()
    {
        await using var process = await StartAsync();
        using var readings = process.Readings(ProjectionMetrics.MeterName);
        await AppendAsync(Events.Request(), Events.Request(), Events.Request());
        process.Time.Advance(TimeSpan.FromSeconds(55));

        await process.LookAsync();
        Assert.Equal((3, 0), (readings.Gauge("ccgate.store.position"), readings.Gauge("ccgate.projection.position{projection=spend}")));
        Assert.Equal((3, 58), (readings.Gauge("ccgate.projection.lag{projection=spend}"), readings.Gauge("ccgate.projection.lag.time{projection=spend}")));

        await process.CatchUpAsync();
        await process.LookAsync();
        Assert.Equal((0, 0), (readings.Gauge("ccgate.projection.lag{projection=spend}"), readings.Gauge("ccgate.projection.lag.time{projection=spend}")));
        Assert.Equal((3, 3), (readings.Gauge("ccgate.projection.position{projection=spend}"), readings.Counted("ccgate.projection.applied{projection=spend}")));
    }

    [Fact]
    public async Task A_projection_that_stopped_says_so()
    {
        await using var process = await StartAsync();
        using var readings = process.Readings(ProjectionMetrics.MeterName);
        await Checkpoints.StopAsync(Database, "traffic", 0, "an event is unreadable", CancellationToken.None);

        await process.LookAsync();

        Assert.Equal((1, 0), (readings.Gauge("ccgate.projection.stopped{projection=traffic}"), readings.Gauge("ccgate.projection.stopped{projection=spend}")));
    }

    [Fact]
    public async Task A_rebuild_in_another_process_shows_until_it_is_over()
    {
        const string Progress = "ccgate.rebuild.progress{projection=spend}";
        await using var process = await StartAsync(start: TimeProvider.System.GetUtcNow());
        using var readings = process.Readings(ProjectionMetrics.MeterName);
        await AppendAsync(Enumerable.Range(0, 2500).Select(_ => Events.Request()));
        await process.CatchUpAsync();
        var (database, store) = Open();
        var elsewhere = new ProjectionRebuild(database, store, new ProjectionRound(database, store, TimeProvider.System), TimeProvider.System) { RangeSize = 1000 };
        var seen = new Seen(position =>
        {
            process.LookAsync().GetAwaiter().GetResult();
            return (position, readings.Gauge(Progress));
        });

        await Elsewhere();
        await elsewhere.RunAsync(Spend, seen, CancellationToken.None);
        await process.LookAsync();

        // The last report is made when it is over.
        Assert.NotEmpty(seen.Found.SkipLast(1));
        Assert.All(seen.Found.SkipLast(1), found => Assert.Equal(found.Position / 2500.0, found.Shown));
        Assert.Null(readings.Gauge(Progress));
    }

    [Fact]
    public async Task A_rebuild_that_was_killed_is_forgotten_after_a_while()
    {
        await using var process = await StartAsync();
        using var readings = process.Readings(ProjectionMetrics.MeterName);
        await AppendAsync(Events.Request(), Events.Request());
        await process.CatchUpAsync();
        await ExecuteAsync($"insert into projection_checkpoint (name, position, updated_at) values ('spend_rebuild', 1, {Instant.ToMicroseconds(process.Time.GetUtcNow())})");

        await process.LookAsync();
        Assert.Equal(0.5, readings.Gauge("ccgate.rebuild.progress{projection=spend}"));

        process.Time.Advance(TimeSpan.FromMinutes(20));
        await process.LookAsync();
        Assert.Null(readings.Gauge("ccgate.rebuild.progress{projection=spend}"));
    }

    [Fact]
    public async Task What_cannot_be_read_is_left_out_and_comes_back_once_it_can()
    {
        const string Lag = "ccgate.projection.lag{projection=spend}";
        await using var process = await StartAsync();
        using var readings = process.Readings(ProjectionMetrics.MeterName);
        await process.LookAsync();
        Assert.Equal(0, readings.Gauge(Lag));

        await ExecuteAsync("alter table projection_checkpoint rename to hidden");
        await process.LookAsync();
        Assert.Equal((null, null), (readings.Gauge(Lag), readings.Gauge("ccgate.store.position")));
        Assert.Equal(0, readings.Gauge("ccgate.fleet.proxies"));

        await ExecuteAsync("alter table hidden rename to projection_checkpoint");
        await process.LookAsync();
        Assert.Equal(0, readings.Gauge(Lag));
    }

    [Fact]
    public async Task What_was_not_read_for_long_is_left_out()
    {
        await using var process = await StartAsync();
        using var readings = process.Readings(ProjectionMetrics.MeterName);
        await process.LookAsync();
        process.Time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(0, readings.Gauge("ccgate.unknown_usage.open"));

        process.Time.Advance(TimeSpan.FromSeconds(20));
        Assert.Null(readings.Gauge("ccgate.unknown_usage.open"));
    }

    [Fact]
    public async Task Requests_of_unknown_cost_and_proxies_that_report_are_counted()
    {
        await using var process = await StartAsync();
        using var readings = process.Readings(ProjectionMetrics.MeterName);
        var request = Events.Request();
        await AppendAsync(request with { Attempts = [request.Attempts[0] with { UsageState = UsageState.Unknown }] }, Events.Request());
        await process.CatchUpAsync();
        await ProxyReportTable.WriteAsync(Database, "p1", """{"instance":"p1"}""", process.Time.GetUtcNow(), CancellationToken.None);

        await process.LookAsync();
        Assert.Equal((1, 1), (readings.Gauge("ccgate.unknown_usage.open"), readings.Gauge("ccgate.fleet.proxies")));

        process.Time.Advance(TimeSpan.FromSeconds(20));
        await process.LookAsync();
        Assert.Equal(0, readings.Gauge("ccgate.fleet.proxies"));
    }

    [Fact]
    public async Task Limits_are_counted_by_how_much_of_them_is_used()
    {
        await using var process = await StartAsync();
        using var readings = process.Readings(ProjectionMetrics.MeterName);
        Assert.Null(readings.Gauge("ccgate.limits{state=ok}"));

        await SpendAsync(("a", 0.79m), ("b", 0.80m), ("c", 0.99m), ("d", 1m));
        Assert.Equal((1, 2, 1), Limits());

        await SpendAsync(("a", 0.01m), ("c", 0.02m));
        Assert.Equal((0, 2, 2), Limits());

        // The next day.
        process.Time.Advance(TimeSpan.FromDays(1));
        await process.LookAsync();
        Assert.Equal((4, 0, 0), Limits());

        (double?, double?, double?) Limits() =>
            (readings.Gauge("ccgate.limits{state=ok}"), readings.Gauge("ccgate.limits{state=nearly_spent}"), readings.Gauge("ccgate.limits{state=exhausted}"));

        async Task SpendAsync(params (string Tenant, decimal Usd)[] spent)
        {
            await AppendAsync(spent.Select(one => Events.Request(one.Tenant, one.Usd)));
            await process.CatchUpAsync();
            process.Time.Advance(ProjectionMetrics.LongPeriod);
            await process.LookAsync();
        }
    }

    [Fact]
    public async Task The_capture_ratio_is_the_lowest_of_a_whole_day_and_outlives_the_process()
    {
        var day = DateOnly.FromDateTime(Events.Noon.UtcDateTime);
        await using (var process = await StartAsync())
        {
            process.Time.Advance(TimeSpan.FromHours(13));
            var report = Report(
                new ReconciledDay(day, "input_tokens", 99, 100, 0.99m, null),
                new ReconciledDay(day, "output_tokens", 97, 100, 0.97m, "metered too little"),
                new ReconciledDay(day, "web_searches", 1, 0, null, "metered, and the report has none"),
                new ReconciledDay(day.AddDays(1), "output_tokens", 1, 100, 0.01m, "metered too little"));
            await process.Get<ReconciliationLog>().AddAsync(report, "somebody", CancellationToken.None);
            await process.Get<ReconciliationLog>().AddAsync(report, "somebody", CancellationToken.None);
        }

        await using var restarted = await StartAsync();
        using var readings = restarted.Readings(ProjectionMetrics.MeterName);
        restarted.Time.Advance(TimeSpan.FromHours(15) - ProjectionMetrics.Period);
        await restarted.CatchUpAsync();
        await restarted.LookAsync();

        Assert.Equal((0.97, 7200), (readings.Gauge("ccgate.capture.ratio{ccgate.upstream=u1}"), readings.Gauge("ccgate.capture.age{ccgate.upstream=u1}")));
        Assert.Null(readings.Gauge("ccgate.capture.ratio{ccgate.upstream=u2}"));

        // The same one was written twice, and every projection went past it.
        Assert.Single(await Store.ReadStreamAsync("reconciliation/u1", 0, 10, CancellationToken.None));
        Assert.Equal(0, readings.Gauge("ccgate.projection.lag{projection=spend}"));
    }

    private static ReconciliationReport Report(params IReadOnlyList<ReconciledDay> days) => new(["u1"], "csv", days[0].Day, days[^1].Day, 0.99m, days, 0, []);

    private protected async Task<Process> StartAsync(DateTimeOffset? start = null)
    {
        var process = new Process(Database, Store, new ManualTimeProvider(start ?? Events.Noon));
        await Checkpoints.MigrateAsync(Database, process.Get<IEnumerable<IProjection>>(), process.Time, CancellationToken.None);
        return process;
    }

    /// <summary>Everything a process has, and nothing that goes on by itself.</summary>
    private protected sealed class Process : IAsyncDisposable
    {
        private readonly ServiceProvider services;

        public Process(Database database, IEventStore store, ManualTimeProvider time)
        {
            Time = time;
            var added = new ServiceCollection();
            added.AddLogging();
            added.AddSingleton(database);
            added.AddSingleton(store);
            added.AddSingleton<TimeProvider>(time);
            added.AddSingleton(new ConfigSource(ProjectionsServer.Config with
            {
                Tenants = [.. "abcd".Select(name => new TenantConfig { Id = name.ToString(), Limits = LimitsConfig.DailyUsd(1) })],
            }));
            added.AddEventIntake();
            added.AddProjections();
            services = added.BuildServiceProvider();
        }

        public ManualTimeProvider Time { get; }

        public T Get<T>()
            where T : notnull => services.GetRequiredService<T>();

        public MeasuredMetrics Readings(string meter)
        {
            Get<ProjectionMetrics>();
            return new MeasuredMetrics(services, meter);
        }

        /// <summary>As the background does it, some seconds later.</summary>
        public Task LookAsync()
        {
            Time.Advance(ProjectionMetrics.Period);
            return Get<ProjectionMetricsWatch>().LookAsync(CancellationToken.None);
        }

        public async Task CatchUpAsync()
        {
            foreach (var projection in Get<IEnumerable<IProjection>>())
            {
                await Get<ProjectionRound>().CatchUpAsync(projection, CancellationToken.None);
            }
        }

        // What it is over is the test's.
        public ValueTask DisposeAsync()
        {
            (Get<IMeterFactory>() as IDisposable)?.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Seen(Func<long, (long Position, double? Shown)> look) : IProgress<RebuildProgress>
    {
        public List<(long Position, double? Shown)> Found { get; } = [];

        public void Report(RebuildProgress value) => Found.Add(look(value.Position));
    }
}

public sealed class PostgresProjectionMetricsTests() : ProjectionMetricsContract(Storage.Postgres);

/// <summary>Besides, what the command and the API leave behind.</summary>
public sealed class SqliteProjectionMetricsTests() : ProjectionMetricsContract(Storage.Sqlite)
{
    private const string Csv = "date,input_tokens,output_tokens\n2026-11-21,1000,625";

    [Fact]
    public async Task A_reconciliation_by_command_is_kept_unless_it_is_not_to_be()
    {
        await AppendAsync(Events.Request());
        var file = Path.Combine(Path.GetDirectoryName(File)!, "report.csv");
        await System.IO.File.WriteAllTextAsync(file, Csv);
        string[] asked = ["billing", "reconcile", "--upstream", "u1", "--report", file, "--data", Path.GetDirectoryName(File)!];

        await CommandRun.OfAsync(BillingCommand.Create(new StoreOptions(_ => ProjectionsServer.Config)), [.. asked, "--no-record"]);
        Assert.Empty(await Store.ReadStreamAsync("reconciliation/u1", 0, 10, CancellationToken.None));

        await CommandRun.OfAsync(BillingCommand.Create(new StoreOptions(_ => ProjectionsServer.Config)), asked);
        var kept = Assert.Single(await Store.ReadStreamAsync("reconciliation/u1", 0, 10, CancellationToken.None));
        Assert.Equal(EventTypes.UpstreamReconciled, kept.Type);
        Assert.Contains("\"Agrees\":false", kept.Data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reconciliation_by_the_API_shows()
    {
        await using var server = await ProjectionsServer.StartAsync();
        using var readings = new MeasuredMetrics(server.Services, ProjectionMetrics.MeterName);
        await server.AppendAsync([EventRecord.From(Events.Request())]);
        server.Time.Advance(TimeSpan.FromDays(1));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/billing/reconcile")
        {
            Content = new StringContent($$"""{"upstream":"u1","report":"{{Csv.Replace("\n", "\\n", StringComparison.Ordinal)}}"}""", Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = new("Basic", Convert.ToBase64String("admin:s3cret:with colon"u8));

        using var answer = await server.Client.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());

        await Eventually.HoldsAsync(
            () =>
            {
                server.Time.Advance(ProjectionMetrics.Period);
                return readings.Gauge("ccgate.capture.ratio{ccgate.upstream=u1}") == 0.8;
            },
            "the gauge shows the reconciliation");
    }
}
