using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>The dashboards and alerts over the real processes: what they ask for is there.</summary>
[Collection(WholeMachine.Name)]
public sealed class DashboardQueryTests
{
    [Fact]
    public async Task Every_panel_shows_something_once_everything_has_happened()
    {
        await using var run = await TelemetryRun.StartAsync();
        using var stop = new CancellationTokenSource();
        var load = run.KeepAskingAsync(stop.Token);
        await run.SendNonsenseAsync();
        run.Flaky.Answer = http => AnthropicAnswers.ErrorAsync(http, 500, "api_error");
        await StoredAsync(run, 20);
        await run.ReconcileAsync(inputTokens: 100_000_000);

        await using (await run.HoldProjectionAsync("traffic"))
        {
            await run.OperateAsync("/api/billing/rebuild", """{ "projection": "traffic" }""");
            await Eventually.HoldsAsync(async () => (await run.Prometheus.QueryAsync("ccgate_rebuild_progress_ratio")).Count > 0, "the rebuild is seen");
        }

        await EverythingIsKnownAsync(run.Prometheus);
        await EverythingIsShownAsync(run.Prometheus);
        await stop.CancelAsync();
        await load;
    }

    /// <summary>A panel that shows 0 where there is nothing would show 0 for ever if it asked for a name that nobody emits.</summary>
    private static Task EverythingIsKnownAsync(PrometheusServer prometheus)
    {
        var wanted = GrafanaDashboard.All.SelectMany(dashboard => dashboard.Panels.SelectMany(panel => panel.Queries).SelectMany(PromQl.Metrics).Concat(dashboard.VariableMetrics))
            .Concat(AlertRule.All.SelectMany(alert => PromQl.Metrics(alert.Expression)))
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return Eventually.PassesAsync(async () =>
        {
            // Also what was there only for a while.
            var names = JsonElement.Parse(await prometheus.Http.GetStringAsync("/api/v1/label/__name__/values")).GetProperty("data");
            var known = names.EnumerateArray().Select(name => name.GetString()!).ToList();
            Assert.Equal([], wanted.Where(name => !known.Exists(metric => Regex.IsMatch(metric, $"^(?:{name})$"))));
        });
    }

    private static Task EverythingIsShownAsync(PrometheusServer prometheus)
    {
        var missing = GrafanaDashboard.All.SelectMany(dashboard => dashboard.Panels)
            .SelectMany(panel => panel.Queries.Select(query => (Panel: panel, Query: PromQl.WithoutVariables(query)))).ToList();
        return Eventually.PassesAsync(async () =>
        {
            // What was shown once need not be shown at the same moment as all the others.
            foreach (var asked in missing.ToList())
            {
                // The quantile of a histogram in which nothing happened is not a number, and draws nothing.
                if ((await prometheus.QueryAsync(asked.Query)).Any(series => double.IsFinite(series.Value)))
                {
                    missing.Remove(asked);
                }
            }

            Assert.Empty(missing.Select(asked => $"{asked.Panel}: {asked.Query}"));
        });
    }

    private static Task StoredAsync(TelemetryRun run, long requests) =>
        Eventually.HoldsAsync(async () => (await run.Roles.LedgerAsync()).Events >= requests, "requests are stored");
}
