using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Metering;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Projections.Quotas;

/// <summary>Writes down, once per window, that a part of a limit is used up. Any number of these may run: the event's id decides who was first.</summary>
/// <remarks>
/// A window that rolls is alerted again when it held less than the threshold since its last alert, which both the ledger and the read model remember;
/// so neither a restart nor a second process raises it twice. An alert older than <see cref="Episode"/> is not looked behind.
/// </remarks>
internal sealed partial class BudgetWatch(
    QuotaReader quotas, TenantEvents history, EventIntake intake, ConfigSource config, TimeProvider time, ILogger<BudgetWatch> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>Looking takes at most this part of the time, however long the ledger is: a total is the sum of all of it.</summary>
    private const int RestsPerLook = 10;

    private static readonly TimeSpan Episode = TimeSpan.FromHours(24);
    private const int MaxHistory = 1000;

    // What was said already; kept to spare the store a question a second, and lost without harm.
    private HashSet<string> said = [];
    private (long Position, DateTimeOffset QuarterHour, GatewayConfig? Config) seen;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        new LookLoop(Period, LongestPause, time) { RestsPerLook = RestsPerLook }.RunAsync(LookAsync, LogLate, stoppingToken);

    /// <summary>Looks once, unless nothing has changed since the last time.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        var (snapshot, now) = (config.Current, time.GetUtcNow());
        var state = (await quotas.PositionAsync(cancellationToken), WindowClock.Floor(now, WindowClock.QuarterHour), snapshot);
        if (state == seen)
        {
            return;
        }

        var all = await quotas.ReadAsync(snapshot, QuotaQuestion.All, now, cancellationToken);
        var reached = new HashSet<string>(StringComparer.Ordinal);
        foreach (var alert in all.SelectMany(quota => quota.AlertAt.Distinct().Select(threshold => new BudgetAlert(quota, threshold))).Where(alert => alert.IsReached))
        {
            if (!said.Contains(alert.Name))
            {
                await SayAsync(alert, snapshot, now, cancellationToken);
            }

            reached.Add(alert.Name);
        }

        // What is not reached now may be said again: of a window that starts over under another name, of one that rolls under its own.
        said = reached;
        seen = state;
    }

    private async Task SayAsync(BudgetAlert alert, GatewayConfig snapshot, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var before = alert.IsRolling ? await BeforeAsync(alert, cancellationToken) : null;
        if (before is not null && now - before.ReachedAt < Episode
            && !await quotas.FellBelowAsync(snapshot, alert.Quota, alert.Level, before.ReachedAt, now, cancellationToken))
        {
            return;
        }

        var quota = alert.Quota;
        var isNew = await intake.AddAsync(
            EventRecord.From(new BudgetThresholdReached
            {
                ThresholdId = alert.Id(before),
                TenantId = quota.Tenant,
                KeyId = quota.Key,
                Limit = quota.Limit,
                WindowStart = quota.WindowStart,
                WindowEnd = quota.WindowEnd,
                Threshold = alert.Threshold,
                Used = quota.Used,
                Max = quota.Max,
                ReachedAt = now,
            }),
            cancellationToken);
        if (isNew)
        {
            LogReached(quota.Subject, quota.Describe(quota.Used), quota.Describe(quota.Max), quota.Limit, alert.Threshold, Reset(quota));
        }
    }

    private async Task<BudgetThresholdReached?> BeforeAsync(BudgetAlert alert, CancellationToken cancellationToken) =>
        (await history.ReadAsync(alert.Quota.Tenant, EventTypes.BudgetThresholdReached, MaxHistory, cancellationToken))
            .Select(data => JsonSerializer.Deserialize(data, ContractsJson.Default.BudgetThresholdReached)!)
            .FirstOrDefault(alert.IsOf);

    private static string Reset(QuotaUse quota) =>
        quota.Rolls ? "rolls on" : quota.WindowEnd is { } end ? $"starts over at {end.UtcDateTime:O}" : "never starts over";

    [LoggerMessage(LogLevel.Warning, "Budget of {Subject}: {Used} of {Max} used of {Limit}, which is more than {Threshold} of it; it {Reset}")]
    private partial void LogReached(string subject, string used, string max, string limit, decimal threshold, string reset);

    [LoggerMessage(LogLevel.Warning, "The use of budgets cannot be looked at; alerts are late and come after the next try in {Pause}")]
    private partial void LogLate(Exception failure, TimeSpan pause);
}
