using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Notifications;
using CCGate.Projections.Quotas;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Integration.Projections;

/// <summary>Alerts on their way to a real receiver.</summary>
public abstract class AlertWebhookTests(Storage storage) : ProjectionTest(storage)
{
    private readonly ManualTimeProvider time = new();
    private readonly ConcurrentQueue<string> lines = new();

    [Fact]
    public async Task An_alert_is_posted_with_its_id_and_a_signature_and_neither_secret_nor_address_are_logged()
    {
        await using var receiver = await ScriptedUpstream.StartAsync(http => http.Response.WriteAsync("ok"));
        await using var sender = await StartAsync(receiver, path: "/hooks/T0/very-secret");

        var alert = await AlertAsync();
        await AppendAsync(Events.Request());
        await Eventually.PassesAsync(() => SentAsync(receiver, alert));

        var received = receiver.Received.Single();
        Assert.Equal(("POST", "/hooks/T0/very-secret", "application/json"), (received.Method, received.Path, received.Headers["content-type"]));
        Assert.Equal("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData("s3cret"u8, received.Body)), received.Headers[WebhookClient.SignatureHeader]);
        var body = JsonNode.Parse(received.Text)!;
        Assert.Equal(("budget_threshold_reached", alert.ToString(), "alice"), ((string?)body["type"], (string?)body["id"], (string?)body["data"]!["TenantId"]));
        Assert.DoesNotContain("secret", string.Concat(lines) + new AlertsConfig(new Uri("http://h/very-secret"), "s3cret"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_alerted_before_there_was_a_receiver_is_history_and_what_was_not_sent_yet_is_sent_after_a_restart()
    {
        await using var receiver = await ScriptedUpstream.StartAsync(http => http.Response.WriteAsync("ok"));
        await AlertAsync();
        await (await StartAsync(receiver)).DisposeAsync();

        var second = await AlertAsync();
        await using var sender = await StartAsync(receiver);

        await Eventually.PassesAsync(() => SentAsync(receiver, second));
    }

    [Fact]
    public async Task Of_many_processes_one_sends()
    {
        // It takes its time, in which the others look several times.
        await using var receiver = await ScriptedUpstream.StartAsync(http => Task.Delay(TimeSpan.FromSeconds(5), time, http.RequestAborted));
        await using var one = await StartAsync(receiver);
        await using var two = await StartAsync(receiver);
        await using var three = await StartAsync(receiver);

        Guid[] alerts = [await AlertAsync(), await AlertAsync(), await AlertAsync()];
        await Eventually.PassesAsync(() => SentAsync(receiver, alerts));
        var last = await AlertAsync();
        await Eventually.PassesAsync(() => SentAsync(receiver, [.. alerts, last]));
    }

    [Fact]
    public async Task A_receiver_that_fails_is_asked_again_and_after_too_often_the_next_alert_has_its_turn()
    {
        var answers = new Queue<int>([500, 302, 200, .. Enumerable.Repeat(503, AlertWebhook.MaxTries), 503, 200, 503, 200]);
        await using var receiver = await ScriptedUpstream.StartAsync(http =>
        {
            http.Response.StatusCode = answers.Dequeue();
            return Task.CompletedTask;
        });
        await using var sender = await StartAsync(receiver);

        var first = await AlertAsync();
        await Eventually.PassesAsync(() => SentAsync(receiver, first, first, first));
        var given = await AlertAsync();
        var alone = await AlertAsync();
        var taken = await AlertAsync();
        var last = await AlertAsync();

        await Eventually.PassesAsync(() => SentAsync(receiver, [first, first, first, .. Enumerable.Repeat(given, AlertWebhook.MaxTries), alone, taken, last, last]));
        Assert.Equal(2, lines.Count(line => line.Contains("given up", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_receiver_that_never_answers_is_left_after_a_while_and_holds_nobody_up()
    {
        var hang = true;
        await using var receiver = await ScriptedUpstream.StartAsync(http => hang ? Task.Delay(Timeout.Infinite, http.RequestAborted) : Task.CompletedTask);
        await using var sender = await StartAsync(receiver);

        var alert = await AlertAsync();
        await Eventually.PassesAsync(() => SentAsync(receiver, alert));
        await AppendAsync(Events.Request());
        await CatchUpAsync();
        hang = false;

        await Eventually.PassesAsync(() => SentAsync(receiver, alert, alert));
        Assert.Contains(lines, line => line.Contains("no answer in time", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_receiver_that_was_taken_away_and_given_back_begins_anew()
    {
        await using var receiver = await ScriptedUpstream.StartAsync(http => http.Response.WriteAsync("ok"));
        await using var sender = await StartAsync(receiver);
        var alerts = sender.Config.Current;

        sender.Config.Replace(alerts with { Alerts = null });
        await Eventually.HoldsAsync(async () => await ExecuteAsync("update projection_checkpoint set failure = null where name = 'webhook'") == 0, "the checkpoint is gone");
        await AlertAsync();
        sender.Config.Replace(alerts);
        await Eventually.HoldsAsync(async () => await ExecuteAsync("update projection_checkpoint set failure = null where name = 'webhook'") == 1, "the checkpoint is back");
        var second = await AlertAsync();

        await Eventually.PassesAsync(() => SentAsync(receiver, second));
    }

    private static Task SentAsync(ScriptedUpstream receiver, params Guid[] alerts)
    {
        Assert.Equal(alerts.Select(alert => alert.ToString()), receiver.Received.Select(received => received.Headers[WebhookClient.EventIdHeader]));
        return Task.CompletedTask;
    }

    private async Task<Guid> AlertAsync()
    {
        var reached = new BudgetThresholdReached { ThresholdId = Guid.CreateVersion7(Events.Noon), TenantId = "alice", Limit = "daily.maxUSD", ReachedAt = Events.Noon };
        await Store.AppendAsync([EventRecord.From(reached)], CancellationToken.None);
        return reached.ThresholdId;
    }

    /// <summary>A sender in a process of its own, that has begun to follow the ledger.</summary>
    private async Task<Sender> StartAsync(ScriptedUpstream receiver, string path = "/")
    {
        var (database, store) = Open();
        var config = new ConfigSource(new GatewayConfig { Alerts = new AlertsConfig(new Uri(new Uri(receiver.Url), path), "s3cret") });
        var sender = new Sender(new AlertWebhook(database, store, config, new DeliveryLog(time), time, new Lines(lines)), config, time);
        await Eventually.HoldsAsync(async () => await ExecuteAsync("update projection_checkpoint set failure = null where name = 'webhook'") == 1, "the checkpoint is there");
        return sender;
    }

    /// <summary>Time goes by while it runs, a tenth of a second at each look of the clock.</summary>
    private sealed class Sender : IAsyncDisposable
    {
        private readonly AlertWebhook webhook;
        private readonly Timer clock;

        public Sender(AlertWebhook webhook, ConfigSource config, ManualTimeProvider time)
        {
            this.webhook = webhook;
            Config = config;
            _ = webhook.StartAsync(CancellationToken.None);
            clock = new Timer(_ => time.Advance(TimeSpan.FromMilliseconds(200)), null, 20, 20);
        }

        public ConfigSource Config { get; }

        public async ValueTask DisposeAsync()
        {
            await clock.DisposeAsync();
            await webhook.StopAsync(CancellationToken.None);
            webhook.Dispose();
        }
    }

    private sealed class Lines(ConcurrentQueue<string> lines) : ILogger<AlertWebhook>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue(formatter(state, exception) + exception);
    }
}

public sealed class SqliteAlertWebhookTests() : AlertWebhookTests(Storage.Sqlite);

public sealed class PostgresAlertWebhookTests() : AlertWebhookTests(Storage.Postgres);
