using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Metering;
using CCGate.Projections.Quotas;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Integration.Projections;

/// <summary>Alerts: each threshold of a limit once per window, whoever looks and however often.</summary>
public abstract class BudgetWatchTests(Storage storage) : ProjectionTest(storage)
{
    private readonly ManualTimeProvider time = new();
    private readonly List<string> warnings = [];
    private ConfigSource config = new(new GatewayConfig());

    [Fact]
    public async Task A_threshold_is_said_once_per_window_in_the_ledger_and_in_the_log()
    {
        Limit(LimitWindow.Daily, usd: 1m);
        var watch = Watch();

        await SpendAndLookAsync(watch, 0.79m);
        Assert.Empty(await AlertsAsync());

        await SpendAndLookAsync(watch, 0.02m);
        await SpendAndLookAsync(watch, 0.02m);
        await SpendAndLookAsync(Watch(), 0.02m); // After a restart, and in another process.

        var alert = Assert.Single(await AlertsAsync());
        Assert.Equal(("alice", null, "daily.maxUSD", 0.8m, 0.81m, 1m), (alert.TenantId, alert.KeyId, alert.Limit, alert.Threshold, alert.Used, alert.Max));
        Assert.Equal((Events.Noon.AddHours(-12), Events.Noon.AddHours(12), Events.Noon), (alert.WindowStart, alert.WindowEnd, alert.ReachedAt));
        Assert.Contains("alice", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_next_window_is_said_again_and_a_raised_limit_is_not()
    {
        Limit(LimitWindow.Daily, usd: 1m);
        var watch = Watch();
        await SpendAndLookAsync(watch, 0.9m);

        Limit(LimitWindow.Daily, usd: 2m);
        await SpendAndLookAsync(watch, 0.9m);
        Assert.Single(await AlertsAsync());

        time.Advance(TimeSpan.FromDays(1));
        await SpendAndLookAsync(watch, 1.7m);
        Assert.Equal([Events.Noon.AddHours(-12), Events.Noon.AddHours(12)], (await AlertsAsync()).Select(alert => alert.WindowStart));
    }

    [Fact]
    public async Task A_total_is_said_again_when_it_was_raised_for_nothing_else_starts_it_over()
    {
        Limit(LimitWindow.Total, usd: 1m);
        await SpendAndLookAsync(Watch(), 0.9m);
        Limit(LimitWindow.Total, usd: 2m);
        await SpendAndLookAsync(Watch(), 0.6m);
        await SpendAndLookAsync(Watch(), 0.2m);

        Assert.Equal([1m, 2m], (await AlertsAsync()).Select(alert => alert.Max));
    }

    [Fact]
    public async Task Each_threshold_and_each_amount_of_tenant_and_key_is_said_by_itself_and_an_amount_of_nothing_never()
    {
        var limits = new LimitsConfig { Windows = [new WindowLimit(LimitWindow.Daily, 0m, 1600, 1)], AlertAt = [0.5m, 0.9m] };
        config = new ConfigSource(new GatewayConfig { Tenants = [new TenantConfig { Id = "alice", Limits = limits, Keys = [new KeyConfig("laptop", SecretHash.Of("k")) { Limits = limits }] }] });

        await SpendAndLookAsync(Watch(), 0.01m); // 1500 tokens

        Assert.Equal(
            ["alice daily.maxRequests 0.5", "alice daily.maxRequests 0.9", "alice daily.maxTokens 0.5", "alice daily.maxTokens 0.9",
                "alice/laptop daily.maxRequests 0.5", "alice/laptop daily.maxRequests 0.9", "alice/laptop daily.maxTokens 0.5", "alice/laptop daily.maxTokens 0.9"],
            (await AlertsAsync()).Select(alert => FormattableString.Invariant($"{alert.TenantId}{(alert.KeyId is null ? "" : "/" + alert.KeyId)} {alert.Limit} {alert.Threshold}")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_rolling_window_is_said_again_only_after_it_held_less()
    {
        Limit(LimitWindow.FiveHours, usd: 1m);
        var watch = Watch();
        await SpendAndLookAsync(watch, 0.9m);

        // The window moves on and stays above, first with what it has, then with what is added before that leaves it.
        for (var hour = 0; hour < 8; hour++)
        {
            time.Advance(TimeSpan.FromHours(1));
            await SpendAndLookAsync(watch, hour is 3 or 7 ? 0.9m : 0m);
            await SpendAndLookAsync(Watch(), 0m);
        }

        Assert.Single(await AlertsAsync());

        // Nobody looks while it falls and rises: the read model remembers.
        time.Advance(TimeSpan.FromHours(6));
        await SpendAndLookAsync(Watch(), 0.9m);
        await SpendAndLookAsync(watch, 0.05m);
        Assert.Equal(2, (await AlertsAsync()).Count);

        // Falls and rises under its eyes.
        time.Advance(TimeSpan.FromHours(6));
        await SpendAndLookAsync(watch, 0m);
        await SpendAndLookAsync(watch, 0.9m);
        await SpendAndLookAsync(Watch(), 0m);
        Assert.Equal(3, (await AlertsAsync()).Count);
        Assert.Equal(3, warnings.Count);
    }

    [Fact]
    public async Task Many_who_look_at_the_same_time_say_it_once()
    {
        Limit(LimitWindow.FiveHours, usd: 1m);
        await AppendAsync(Request(0.9m));
        await CatchUpAsync();

        await Task.WhenAll(Enumerable.Range(0, 5).Select(async _ =>
        {
            await Elsewhere();
            await Watch().LookAsync(CancellationToken.None);
        }));

        Assert.Single(await AlertsAsync());
        Assert.Single(warnings);
    }

    private BudgetWatch Watch() =>
        new(new QuotaReader(Database), new TenantEvents(Database), new EventIntake(Store), config, time, new Warnings(warnings));

    private void Limit(LimitWindow window, decimal usd) => config.Replace(new GatewayConfig
    {
        Tenants = [new TenantConfig { Id = "alice", Limits = new LimitsConfig { Windows = [new WindowLimit(window, usd)] } }],
    });

    private RequestCompleted Request(decimal usd) => Events.Request(spendUsd: usd) with { AdmittedAt = time.GetUtcNow() };

    private async Task SpendAndLookAsync(BudgetWatch watch, decimal usd)
    {
        await AppendAsync(Request(usd));
        await CatchUpAsync();
        await watch.LookAsync(CancellationToken.None);
    }

    private async Task<IReadOnlyList<BudgetThresholdReached>> AlertsAsync() =>
        [.. (await Store.ReadAsync(0, long.MaxValue, 1000, CancellationToken.None))
            .Where(stored => stored.Type == EventTypes.BudgetThresholdReached)
            .Select(stored => JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.BudgetThresholdReached)!)];

    private sealed class Warnings(List<string> lines) : ILogger<BudgetWatch>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines)
            {
                lines.Add(formatter(state, exception));
            }
        }
    }
}

public sealed class SqliteBudgetWatchTests() : BudgetWatchTests(Storage.Sqlite);

public sealed class PostgresBudgetWatchTests() : BudgetWatchTests(Storage.Postgres);
