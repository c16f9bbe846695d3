using System.Text.Json;
using CCGate.Hosting;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Projections.Engine;
using CCGate.Projections.Quotas;
using CCGate.Projections.Unsettled;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Projections.Notifications;

/// <summary>Looks at how things are, and has operators told when something begins or ends. Any number of these may run.</summary>
internal sealed partial class ConditionWatch(
    Conditions conditions, Database database, ProjectionStates projections, QuotaReader quotas, UnsettledReader unsettled, ConfigSource config, TimeProvider time, ILogger<ConditionWatch> logger)
    : BackgroundService
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(5);

    /// <summary>A proxy says how its upstreams are every few seconds; what it said before that is not known to be so any more.</summary>
    private static readonly TimeSpan ReportAge = TimeSpan.FromMinutes(1);

    private static readonly string[] Kinds =
        [AlertKinds.SoftLimit, AlertKinds.BudgetExhausted, AlertKinds.BreakerOpen, AlertKinds.UnknownUsage, AlertKinds.ProjectionStopped];

    /// <summary>Looks once.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        if (config.Current.Alerts is null)
        {
            return;
        }

        List<Condition> now = [.. await StoppedAsync(cancellationToken), .. await BudgetsAsync(cancellationToken), .. await UnknownAsync(cancellationToken), .. await BreakersAsync(cancellationToken)];
        await conditions.UpdateAsync(now, Kinds, cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => new LookLoop(Period, LongestPause, time).RunAsync(LookAsync, LogLate, stoppingToken);

    private async Task<IEnumerable<Condition>> StoppedAsync(CancellationToken cancellationToken) =>
        from state in await projections.ReadAsync(cancellationToken)
        where state.State == "stopped"
        select new Condition(
            Name(AlertKinds.ProjectionStopped, state.Name),
            AlertKinds.ProjectionStopped,
            $"The read model {state.Name} stands still",
            $"It shows everything up to position {state.Position} and nothing since. {state.Failure}",
            $"The read model {state.Name} goes on");

    private async Task<List<Condition>> BudgetsAsync(CancellationToken cancellationToken)
    {
        var all = await quotas.ReadAsync(config.Current, QuotaQuestion.All, time.GetUtcNow(), cancellationToken);
        var soft = from quota in all
                   from threshold in quota.AlertAt.Distinct()
                   let alert = new BudgetAlert(quota, threshold)
                   where alert.IsReached
                   select new Condition(
                       alert.Name, AlertKinds.SoftLimit, $"{quota.Subject} has used {quota.Fraction:P0} of {quota.Limit}", Describe(quota), Over: null);
        var exhausted = from quota in all
                        where quota.Max > 0 && quota.Used >= quota.Max
                        select new Condition(
                            Name(AlertKinds.BudgetExhausted, new BudgetAlert(quota, 1).Name),
                            AlertKinds.BudgetExhausted,
                            $"{quota.Subject} has used up {quota.Limit}",
                            Describe(quota) + " Requests are refused until it starts over, or until extra budget is given.",
                            $"{quota.Subject} has budget again: {quota.Limit}");
        return [.. soft, .. exhausted];
    }

    private async Task<List<Condition>> UnknownAsync(CancellationToken cancellationToken) =>
        (await unsettled.ReadAsync(tenant: null, all: false, cancellationToken)) is { Count: > 0 } report
            ? [new Condition(
                AlertKinds.UnknownUsage,
                AlertKinds.UnknownUsage,
                "There are requests of which nobody said what they cost",
                $"{report.Count} of them hold {report.HeldUsd} USD of their limits. List them with 'ccgate billing unknown' and say what they owe with 'ccgate billing settle'.",
                "Every request's cost is known")]
            : [];

    private async Task<List<Condition>> BreakersAsync(CancellationToken cancellationToken)
    {
        // Written by proxies that report; without one, nobody but each proxy itself knows.
        if (!await Conditions.HasTableAsync(database, "proxy_report", cancellationToken))
        {
            return [];
        }

        await using var connection = await database.OpenAsync(cancellationToken);
        var reports = await connection.QueryAsync<(string Instance, string Data)>(new CommandDefinition(
            "select instance, data from proxy_report where at >= @since", new { since = Instant.ToMicroseconds(time.GetUtcNow() - ReportAge) }, cancellationToken: cancellationToken));
        var open = new List<Condition>();
        foreach (var (instance, data) in reports)
        {
            using var report = JsonDocument.Parse(data);
            open.AddRange(Open(instance, report.RootElement));
        }

        return open;
    }

    private static IEnumerable<Condition> Open(string proxy, JsonElement report)
    {
        if (!report.TryGetProperty("upstreams", out var upstreams) || upstreams.ValueKind != JsonValueKind.Array)
        {
            yield break;
        }

        foreach (var upstream in upstreams.EnumerateArray())
        {
            // Half open is on trial, and not over yet.
            if (upstream.TryGetProperty("circuit", out var circuit) && circuit.ValueKind == JsonValueKind.Object && Text(circuit, "state") is "open" or "half_open")
            {
                var id = Text(upstream, "id");
                yield return new Condition(
                    Name(AlertKinds.BreakerOpen, proxy, id),
                    AlertKinds.BreakerOpen,
                    $"The upstream {id} is not used",
                    $"The circuit of {id} is open at the proxy {proxy}: {Text(circuit, "reason")}. It is tried again by itself; 'ccgate upstreams reset {id}' does so at once.",
                    $"The upstream {id} is used again");
            }
        }
    }

    private static string Text(JsonElement parent, string name) => parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static string Describe(QuotaUse quota) =>
        $"{quota.Describe(quota.Used)} of {quota.Describe(quota.Max)} are used{(quota.WindowEnd is { } end ? $"; it starts over at {end.UtcDateTime:yyyy-MM-dd HH:mm} UTC" : "")}.";

    private static string Name(params string[] parts) => string.Join('\n', parts);

    [LoggerMessage(LogLevel.Warning, "What operators are to be told cannot be looked at; notifications are late and come after the next try in {Pause}")]
    private partial void LogLate(Exception failure, TimeSpan pause);
}
