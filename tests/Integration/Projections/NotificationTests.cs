using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Operators;
using CCGate.Projections.Engine;
using CCGate.Projections.Notifications;
using CCGate.Projections.Quotas;
using CCGate.Projections.Unsettled;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What operators are told, and by which ways it reaches them.</summary>
public abstract class NotificationTests(Storage storage) : ProjectionTest(storage)
{
    private readonly ManualTimeProvider time = new();
    private readonly ConcurrentQueue<string> lines = new();

    [Fact]
    public async Task A_notification_is_posted_signed_and_tried_again_until_it_is_taken_once()
    {
        var answers = new Queue<int>([500, 503, 200]);
        await using var receiver = await ScriptedUpstream.StartAsync(http =>
        {
            http.Response.StatusCode = answers.Dequeue();
            return Task.CompletedTask;
        });
        await using var sender = new Sender(this, new AlertsConfig(new Uri(receiver.Url + "/hooks/very-secret"), "s3cret"));

        sender.Notifier.Tell(Note("A read model stands still"));
        await Eventually.HoldsAsync(() => sender.Log.Read().Items.Count == 1, "it is taken");

        Assert.Equal(3, receiver.Received.Count);
        Assert.Single(receiver.Received.Select(received => received.Headers[WebhookClient.EventIdHeader]).Distinct());
        var last = receiver.Received.Last();
        Assert.Equal("sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData("s3cret"u8, last.Body)), last.Headers[WebhookClient.SignatureHeader]);
        var body = JsonNode.Parse(last.Text)!;
        Assert.Equal((AlertKinds.ProjectionStopped, "begun", "A read model stands still"), ((string?)body["type"], (string?)body["data"]!["state"], (string?)body["data"]!["subject"]));
        Assert.Equal(("webhook", "sent"), (sender.Log.Read().Items[0].Channel, sender.Log.Read().Items[0].State));
        Assert.DoesNotContain("secret", string.Concat(lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_email_is_tried_again_and_taken_once_and_its_subject_begins_no_header()
    {
        await using var server = new SmtpPeer();
        var refusals = 1;
        server.Answer = command => command == "." && Interlocked.Decrement(ref refusals) >= 0 ? "451 later, s3cret" : null;
        await using var sender = new Sender(this, new AlertsConfig(null, null) { Email = Email(server, SmtpSecurity.None) });

        sender.Notifier.Tell(Note("Ünlucky\r\nBcc: somebody@example.com"));
        await Eventually.HoldsAsync(() => sender.Log.Read().Items.Count == 1, "it is taken");

        var head = Assert.Single(server.Messages).Split("\r\n\r\n")[0];
        Assert.DoesNotContain("\nBcc", head, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("From: CCGate <gateway@example.com>", head, StringComparison.Ordinal);
        Assert.Contains("To: <a@example.com>,\r\n <b@example.com>", head, StringComparison.Ordinal);
        Assert.Equal("[CCGate] Ünlucky  Bcc: somebody@example.com", Decode(head));
        Assert.Contains("Line one.\r\nLine two.", Encoding.UTF8.GetString(Convert.FromBase64String(server.Messages.First().Split("\r\n\r\n")[1])), StringComparison.Ordinal);
        Assert.Contains("AUTH PLAIN " + Convert.ToBase64String("\0me\0s3cret"u8), server.Commands);
        Assert.Equal(2, server.Commands.Count(command => command == "RCPT TO:<b@example.com>"));
        Assert.DoesNotContain("s3cret", string.Concat(lines) + sender.Log.Read().Items[0].Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SmtpSecurity.StartTls)]
    [InlineData(SmtpSecurity.Tls)]
    public async Task Nothing_is_said_to_a_mail_server_whose_connection_cannot_be_secured(object security)
    {
        await using var server = new SmtpPeer { Answer = command => command == "STARTTLS" ? "502 no" : null };

        var error = await new SmtpClient(TimeProvider.System).SendAsync(Email(server, (SmtpSecurity)security), "Subject: x", CancellationToken.None);

        Assert.NotNull(error);
        Assert.Empty(server.Messages);
        Assert.DoesNotContain(server.Commands, command => command.StartsWith("AUTH", StringComparison.Ordinal) || command.StartsWith("MAIL", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_receiver_that_is_away_is_given_up_and_holds_no_other_up()
    {
        await using var server = new SmtpPeer();
        await using var sender = new Sender(this, new AlertsConfig(new Uri(RawUpstream.Refusing()), null) { Email = Email(server, SmtpSecurity.None) });

        sender.Notifier.Tell(Note("One"));
        sender.Notifier.Tell(Note("Two"));
        await Eventually.HoldsAsync(() => sender.Log.Read().Items.Count == 4, "all have been tried");

        Assert.True(server.Messages.Count == 2, string.Join('\n', [$"{server.Messages.Count} letters", .. server.Commands, .. lines]));
        Assert.Equal(2, sender.Log.Read().Items.Count(delivery => delivery is { Channel: "webhook", State: "failed" }));
    }

    [Fact]
    public async Task What_began_is_told_once_and_what_is_over_once_whatever_is_restarted_and_however_many_look()
    {
        await Checkpoints.MigrateAsync(Database, [new UnsettledProjection()], TimeProvider.System, CancellationToken.None);
        await using var receiver = await ScriptedUpstream.StartAsync(http => http.Response.WriteAsync("ok"));
        await using var one = new Sender(this, new AlertsConfig(new Uri(receiver.Url), null));
        await using var two = new Sender(this, new AlertsConfig(new Uri(receiver.Url), null));

        await Checkpoints.StopAsync(Database, Spend.Name, 0, "it cannot be read", CancellationToken.None);
        await ReportAsync("open");
        await one.Watch.LookAsync(CancellationToken.None);
        await one.Watch.LookAsync(CancellationToken.None);
        await two.Watch.LookAsync(CancellationToken.None);
        await ExecuteAsync("update projection_checkpoint set failure = null");
        await ReportAsync("half_open");
        await two.Watch.LookAsync(CancellationToken.None);
        await ReportAsync("closed");
        await two.Watch.LookAsync(CancellationToken.None);
        await one.Watch.LookAsync(CancellationToken.None);

        string[] told = ["breaker_open begun", "breaker_open over", "projection_stopped begun", "projection_stopped over"];
        await Eventually.PassesAsync(() =>
        {
            Assert.Equal(told, receiver.Received.Select(received => JsonNode.Parse(received.Text)!).Select(body => $"{body["type"]} {body["data"]!["state"]}").Order(StringComparer.Ordinal));
            return Task.CompletedTask;
        });
        await one.Watch.LookAsync(CancellationToken.None);
        Assert.Equal(told.Length, receiver.Received.Count);
    }

    private async Task ReportAsync(string state)
    {
        var now = CCGate.Hosting.Storage.Instant.ToMicroseconds(time.GetUtcNow().AddMinutes(5));
        await ExecuteAsync("delete from proxy_report");
        await ExecuteAsync($$$"""insert into proxy_report (instance, at, data) values ('p1', {{{now}}}, '{"upstreams":[{"id":"u1","circuit":{"state":"{{{state}}}","reason":"502"}},{"id":"u2"}]}')""");
    }

    private Notification Note(string subject) => new(Guid.CreateVersion7(time.GetUtcNow()), AlertKinds.ProjectionStopped, time.GetUtcNow(), subject, "Line one.\nLine two.");

    private static EmailConfig Email(SmtpPeer server, SmtpSecurity security) => new("127.0.0.1", server.Port, security, "me", "s3cret", "gateway@example.com", ["a@example.com", "b@example.com"]);

    private static string Decode(string head)
    {
        var subject = head[(head.IndexOf("Subject: ", StringComparison.Ordinal) + 9)..head.IndexOf("\r\nAuto-Submitted", StringComparison.Ordinal)];
        return string.Concat(subject.Split("\r\n ").Select(word => Encoding.UTF8.GetString(Convert.FromBase64String(word.Split('?')[3]))));
    }

    /// <summary>A process that tells; time goes by while it runs.</summary>
    private sealed class Sender : IAsyncDisposable
    {
        private readonly Timer clock;

        public Sender(NotificationTests test, AlertsConfig alerts)
        {
            var (database, store) = test.Open();
            var config = new ConfigSource(new GatewayConfig { Alerts = alerts });
            Log = new DeliveryLog(test.time);
            Notifier = new Notifier(config, new SignInLockout(test.time), Log, test.time, new Lines(test.lines));
            Watch = new ConditionWatch(
                new Conditions(database, Notifier, test.time),
                database,
                new ProjectionStates(database, store, [Spend], test.time),
                new QuotaReader(database),
                new UnsettledReader(database),
                config,
                test.time,
                NullLogger<ConditionWatch>.Instance);
            _ = Notifier.StartAsync(CancellationToken.None);
            clock = new Timer(_ => test.time.Advance(TimeSpan.FromMilliseconds(50)), null, 20, 20);
        }

        public Notifier Notifier { get; }

        public ConditionWatch Watch { get; }

        public DeliveryLog Log { get; }

        public async ValueTask DisposeAsync()
        {
            await clock.DisposeAsync();
            await Notifier.StopAsync(CancellationToken.None);
            Notifier.Dispose();
            Watch.Dispose();
        }
    }

    private sealed class Lines(ConcurrentQueue<string> lines) : ILogger<Notifier>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue(formatter(state, exception) + exception);
    }
}

public sealed class SqliteNotificationTests() : NotificationTests(Storage.Sqlite);

public sealed class PostgresNotificationTests() : NotificationTests(Storage.Postgres);
