using System.Net;
using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>The alerts over the real processes: each fires while what it is about lasts, and no longer.</summary>
/// <remarks>With ten seconds in place of each range, and without waiting, so that a test need not last for hours.</remarks>
[Collection(WholeMachine.Name)]
public sealed class AlertRunTests : IAsyncLifetime
{
    /// <summary>Bounds that a run of seconds reaches.</summary>
    private static readonly Dictionary<string, (string Shipped, string Here)> Bounds = new()
    {
        ["JournalAgeing"] = ("> 60", "> 3"),
        ["JournalFilling"] = ("> 0.5", "> 0.01"),
        ["ConsumerLagging"] = ("> 1000", "> 3"),
        ["ProjectionLagging"] = ("> 60", "> 3"),
        ["CaptureRatioOld"] = ("> 172800", "> 25"),
        ["GatewayOverheadHigh"] = ("> 0.025", "> 0"),
    };

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ccgate-alerts-");
    private readonly HashSet<string> fired = new(StringComparer.Ordinal);
    private TelemetryRun run = null!;

    public async Task InitializeAsync()
    {
        var rules = AlertRule.All.Select(alert => new { alert = alert.Name, expr = Lowered(alert) });
        var file = Path.Combine(directory.FullName, "alerts.yaml");

        // JSON is YAML.
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new { groups = new[] { new { name = "alerts", rules } } }));
        run = await TelemetryRun.StartAsync(file);
    }

    public async Task DisposeAsync()
    {
        await run.DisposeAsync();
        directory.Delete(recursive: true);
    }

    [Fact]
    public async Task Alerts_fire_while_their_cause_lasts()
    {
        // Counters that nobody has added to yet have no series, and what appears with its first value is news once.
        await run.Prometheus.TargetsAreUpAsync();
        await Eventually.PassesAsync(async () => Assert.Empty(await FiringAsync()));

        // What is refreshed every few seconds is waited for together.
        await MoneyAsync();
        await Task.WhenAll(
            UpstreamsAsync(),
            FiresAsync("UnpricedRequests", "BudgetNearlySpent", "UnknownUsageOpen", "CaptureRatioLow", "CaptureRatioOld", "ErrorQueueNotEmpty"));
        await MoneyIsRightAgainAsync();
        await ClearsAsync("UnpricedRequests", "BudgetNearlySpent", "UnknownUsageOpen", "CaptureRatioLow", "CaptureRatioOld", "ErrorQueueNotEmpty");

        await ReadModelsAsync();
        await BrokerAsync();
        await DatabaseAsync();
        await OverLimitAndMissingAsync();
        Assert.Equal(AlertRule.All.Select(alert => alert.Name).Order(StringComparer.Ordinal), fired.Order(StringComparer.Ordinal));
    }

    private async Task UpstreamsAsync()
    {
        var works = run.Flaky.Answer;
        run.Flaky.Answer = http => AnthropicAnswers.ErrorAsync(http, 500, "api_error");
        run.Steady.Answer = run.Flaky.Answer;
        await FiresAsync(AskAsync, "BreakerOpen", "ErrorRateHigh");
        (run.Flaky.Answer, run.Steady.Answer) = (works, works);
        await FiresAsync(AskAsync, "GatewayOverheadHigh");
        await ClearsAsync(AskAsync, "BreakerOpen", "ErrorRateHigh");
        await ClearsAsync("GatewayOverheadHigh");
    }

    private async Task MoneyAsync()
    {
        await run.AskAsync(run.Proxies[0].Http, model: TelemetryRun.UnpricedModel);
        await run.AskAsync(run.Proxies[0].Http, key: "key-of-carol");
        await run.AskAsync(run.Proxies[0].Http, text: "silent");
        await run.ReconcileAsync(inputTokens: 1_000_000);
        await run.SendNonsenseAsync();
    }

    private async Task MoneyIsRightAgainAsync()
    {
        run.Roles.Files.Write("tenants.json", TelemetryRun.Tenants(carolUsd: 5));
        await run.SettleAsync();
        await run.ReconcileAsync(inputTokens: 0);
        await run.EmptyErrorQueueAsync();
    }

    private async Task ReadModelsAsync()
    {
        await using (await run.HoldProjectionAsync("requests"))
        {
            await FiresAsync(AskAsync, "ProjectionLagging");
        }

        await ClearsAsync("ProjectionLagging");

        // An event that is damaged on its way to the disk, as no gateway writes one.
        await run.SqlAsync("""
            create table public.damaged (id uuid, data jsonb);
            create function public.damage() returns trigger language plpgsql as
                $$ begin insert into public.damaged values (new.id, new.data); new.data = '{"TenantId":7}'; return new; end $$;
            create trigger damage before insert on metering.mt_events for each row when (new.type = 'request_completed') execute function public.damage();
            """);
        await run.AskAsync(run.Proxies[0].Http);
        await FiresAsync("ProjectionStopped");
        await run.SqlAsync("""
            drop trigger damage on metering.mt_events;
            update metering.mt_events e set data = d.data from public.damaged d where d.id = e.id;
            """);
        await run.RestartProjectionsAsync();
        await ClearsAsync("ProjectionStopped");
    }

    private async Task BrokerAsync()
    {
        await run.Rabbit.QueueIsOnDiskAsync();
        run.Rabbit.Kill();
        await FiresAsync(AskAsync, "PublishFailing", "JournalAgeing", "JournalFilling");
        await run.Rabbit.ResumeAsync();
        await ClearsAsync("PublishFailing", "JournalAgeing", "JournalFilling");
    }

    private async Task DatabaseAsync()
    {
        // Metering waits with some messages in hand, and the others wait in the queue; what a request holds of a budget, its proxy cannot go on holding.
        using (await run.BeginAsync(run.Proxies[0].Http, key: "key-of-carol"))
        {
            run.Postgres.Kill();
            await FiresAsync(AskAsync, "ConsumerLagging", "HoldsExpired");
        }

        await run.Postgres.ResumeAsync();
        await ClearsAsync("ConsumerLagging", "HoldsExpired");
    }

    private async Task OverLimitAndMissingAsync()
    {
        // No gateway can hold what an upstream gives beyond all that it was asked for.
        await run.AskAsync(run.Proxies[0].Http, key: "key-of-carol", text: "greedy");
        run.Proxies[1].Kill();
        await FiresAsync("AdmittedOverLimit", "TelemetryMissing");
        await run.RestartKilledProxyAsync();
        await ClearsAsync("AdmittedOverLimit", "TelemetryMissing");
    }

    private async Task AskAsync()
    {
        foreach (var proxy in run.Proxies)
        {
            // The client's own tenant has no budget: it is served whatever is away.
            var status = await run.AskAsync(proxy.Http);
            Assert.True(status is HttpStatusCode.OK or >= HttpStatusCode.InternalServerError, status.ToString());
        }
    }

    private Task FiresAsync(params string[] alerts) => FiresAsync(() => Task.CompletedTask, alerts);

    private Task ClearsAsync(params string[] alerts) => ClearsAsync(() => Task.CompletedTask, alerts);

    private Task FiresAsync(Func<Task> cause, params string[] alerts)
    {
        fired.UnionWith(alerts);
        return EachAsync(cause, alerts, static (waiting, firing) => waiting.ExceptWith(firing));
    }

    private Task ClearsAsync(Func<Task> meanwhile, params string[] alerts) => EachAsync(meanwhile, alerts, static (waiting, firing) => waiting.IntersectWith(firing));

    /// <summary>Returns when each has been as it should, not all at the same moment: a reconciliation grows old again.</summary>
    private Task EachAsync(Func<Task> meanwhile, string[] alerts, Action<HashSet<string>, IEnumerable<string>> strikeOut)
    {
        var waiting = alerts.ToHashSet(StringComparer.Ordinal);
        return Eventually.PassesAsync(async () =>
        {
            await meanwhile();
            strikeOut(waiting, await FiringAsync());
            Assert.Empty(waiting);
        });
    }

    private async Task<IEnumerable<string>> FiringAsync() =>
        (await run.Prometheus.QueryAsync("""ALERTS{alertstate="firing"}""")).Select(alert => alert.Labels["alertname"]);

    private static string Lowered(AlertRule alert)
    {
        var expression = PromQl.Shortened(alert.Expression);
        if (!Bounds.TryGetValue(alert.Name, out var bound))
        {
            return expression;
        }

        Assert.Contains(bound.Shipped, expression, StringComparison.Ordinal);
        return expression.Replace(bound.Shipped, bound.Here, StringComparison.Ordinal);
    }
}
