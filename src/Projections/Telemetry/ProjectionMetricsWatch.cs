using CCGate.Hosting;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Fleet;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;
using CCGate.Projections.Engine;
using CCGate.Projections.Quotas;
using CCGate.Projections.Reconciliation;
using CCGate.Projections.Unsettled;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Projections.Telemetry;

/// <summary>Reads what gauges show, again and again and never when they are asked. What fails is left out, and the others are read all the same.</summary>
internal sealed partial class ProjectionMetricsWatch(
    ProjectionMetrics metrics,
    ProjectionStates states,
    UnsettledReader unsettled,
    QuotaReader quotas,
    ReconciliationLog reconciliations,
    Database database,
    ConfigSource config,
    TimeProvider time,
    ILogger<ProjectionMetricsWatch> logger) : BackgroundService
{
    /// <summary>Looking takes at most this part of the time, however many tenants there are.</summary>
    private const int RestsPerLook = 10;

    /// <summary>No more of them are labels.</summary>
    private const int MaxUpstreams = 1000;

    private (long Position, DateTimeOffset QuarterHour, GatewayConfig? Config, LimitStates Found) limits = (-1, default, null, new(0, 0, 0));
    private bool isLate;

    /// <summary>Looks once.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        List<Exception> failures = [];
        await TryAsync(metrics.States, states.ReadAsync);
        await TryAsync(metrics.Rebuilds, states.ReadRebuildsAsync);
        await TryAsync(metrics.UnknownUsage, async stop => new Tally((await unsettled.CountAsync(stop)).Count));
        await TryAsync(metrics.Proxies, async stop => new Tally((await ProxyReportTable.ReadAsync(database, time.GetUtcNow(), stop)).Count));
        await TryAsync(metrics.Captures, CapturesAsync);
        await TryAsync(metrics.Limits, LimitsAsync);
        Say(failures);

        async Task TryAsync<T>(Reading<T> reading, Func<CancellationToken, Task<T>> read)
            where T : class
        {
            try
            {
                await reading.RefreshAsync(read, cancellationToken);
            }
#pragma warning disable CA1031 // Whatever is wrong, it is this reading that is missing.
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                failures.Add(failure);
            }
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        new LookLoop(ProjectionMetrics.Period, ProjectionMetrics.Period, time) { RestsPerLook = RestsPerLook }.RunAsync(LookAsync, (failure, _) => Say([failure]), stoppingToken);

    private async Task<IReadOnlyList<Capture>> CapturesAsync(CancellationToken cancellationToken)
    {
        var captures = new List<Capture>();
        foreach (var upstream in config.Current.Upstreams.Take(MaxUpstreams))
        {
            if (await reconciliations.LastAsync(upstream.Id, cancellationToken) is { } last)
            {
                captures.Add(new Capture(upstream.Id, (double?)last.LowestRatio, last.ReconciledAt));
            }
        }

        return captures;
    }

    private async Task<LimitStates> LimitsAsync(CancellationToken cancellationToken)
    {
        // The same until the read model moves, a window does, or a limit is changed.
        var (snapshot, now) = (config.Current, time.GetUtcNow());
        var (position, quarterHour) = (await quotas.PositionAsync(cancellationToken), WindowClock.Floor(now, WindowClock.QuarterHour));
        if (limits.Position != position || limits.QuarterHour != quarterHour || limits.Config != snapshot)
        {
            var all = await quotas.ReadAsync(snapshot, QuotaQuestion.All, now, cancellationToken);
            var exhausted = all.LongCount(quota => quota.Fraction >= 1);
            var nearly = all.LongCount(quota => quota.Fraction is >= 0.8m and < 1);
            limits = (position, quarterHour, snapshot, new LimitStates(all.Count - exhausted - nearly, nearly, exhausted));
        }

        return limits.Found;
    }

    /// <summary>Once when it begins and once when it is over, not every few seconds of an outage.</summary>
    private void Say(List<Exception> failures)
    {
        if (failures.Count > 0 && !isLate)
        {
            LogLate(failures[0]);
        }
        else if (failures.Count == 0 && isLate)
        {
            LogBack();
        }

        isLate = failures.Count > 0;
    }

    [LoggerMessage(LogLevel.Warning, "What metrics show of the read models cannot be read; it is left out until it can")]
    private partial void LogLate(Exception failure);

    [LoggerMessage(LogLevel.Information, "What metrics show of the read models can be read again")]
    private partial void LogBack();
}
