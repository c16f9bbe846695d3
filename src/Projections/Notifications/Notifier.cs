using System.Threading.Channels;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Operators;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Projections.Notifications;

/// <summary>Tells operators by the ways that are configured; each way has a queue of its own, so that one that fails holds up no other.</summary>
internal sealed partial class Notifier(ConfigSource config, SignInLockout lockout, DeliveryLog log, TimeProvider time, ILogger<Notifier> logger) : BackgroundService
{
    public const string Webhook = "webhook";
    public const string Email = "email";
    public const int MaxTries = 6;

    private const int MaxQueued = 256;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly BoundedChannelOptions Bounds = new(MaxQueued) { FullMode = BoundedChannelFullMode.DropOldest };

    private readonly WebhookClient webhook = new(time);
    private readonly SmtpClient smtp = new(time);
    private readonly Channel<Notification> posts = Channel.CreateBounded<Notification>(Bounds);
    private readonly Channel<Notification> letters = Channel.CreateBounded<Notification>(Bounds);

    /// <summary>Queues it; beyond the bound the oldest is dropped, since what is newest tells most.</summary>
    /// <param name="byEmailOnly">The webhook is told in another way.</param>
    public void Tell(Notification notification, bool byEmailOnly = false)
    {
        if (config.Current.Alerts is not { } alerts || !alerts.Kinds.Contains(notification.Kind))
        {
            return;
        }

        if (alerts.Webhook is not null && !byEmailOnly)
        {
            posts.Writer.TryWrite(notification);
        }

        if (alerts.Email is not null)
        {
            letters.Writer.TryWrite(notification);
        }
    }

    /// <summary>One try, now; null when the way is not configured.</summary>
    public async Task<NotificationDelivery?> TestAsync(string channel, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var test = new Notification(Guid.CreateVersion7(now), "test", now, "A test", "Whoever reads this is told when the gateway needs somebody.");
        return channel is Webhook or Email && IsConfigured(channel) ? log.Add(test.Kind, channel, await TryAsync(channel, test, cancellationToken)) : null;
    }

    public override void Dispose()
    {
        webhook.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        lockout.Locked += TellLocked;
        return Task.WhenAll(SendAllAsync(Webhook, posts.Reader, stoppingToken), SendAllAsync(Email, letters.Reader, stoppingToken));
    }

    /// <summary>Not the name: people type passwords into the wrong field.</summary>
    private void TellLocked(string address)
    {
        var now = time.GetUtcNow();
        Tell(new Notification(Guid.CreateVersion7(now), AlertKinds.SignInLocked, now, $"Sign-ins from {address} failed too often", "They have to wait before the next try. If that was nobody you know, see who can reach /dashboard and /api."));
    }

    private bool IsConfigured(string channel) => channel == Webhook ? config.Current.Alerts?.Webhook is not null : config.Current.Alerts?.Email is not null;

    private async Task SendAllAsync(string channel, ChannelReader<Notification> queue, CancellationToken cancellationToken)
    {
        var answers = true;
        await foreach (var notification in queue.ReadAllAsync(cancellationToken))
        {
            // After one was given up, each of the next has one try until one arrives: they must not wait behind each other for nothing.
            var tries = answers ? MaxTries : 1;
            string? error = null;
            for (var (left, pause) = (tries, FirstPause); left > 0; left--, pause *= 2)
            {
                error = await TryAsync(channel, notification, cancellationToken);
                if (error is null)
                {
                    break;
                }

                LogRefused(notification.Kind, channel, error);
                if (left > 1)
                {
                    await Task.Delay(pause, time, cancellationToken);
                }
            }

            answers = error is null;
            log.Add(notification.Kind, channel, error);
            if (!answers)
            {
                LogGivenUp(notification.Kind, notification.Subject, channel, tries);
            }
        }
    }

    /// <summary>Null when it arrived, or when there is nobody any more who wants to know.</summary>
    private async Task<string?> TryAsync(string channel, Notification notification, CancellationToken cancellationToken)
    {
        try
        {
            return (channel, config.Current.Alerts) switch
            {
                (Webhook, { Webhook: { } address } alerts) => await webhook.PostAsync(address, alerts.Secret, notification.Id, NotificationPost.Of(notification), cancellationToken),
                (Email, { Email: { } email }) => await smtp.SendAsync(email, EmailText.Of(notification, email), cancellationToken),
                _ => null,
            };
        }
#pragma warning disable CA1031 // One notification that cannot be sent must not end the sending of all others.
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            LogFailed(failure, channel);
            return "it failed; the log says why";
        }
    }

    [LoggerMessage(LogLevel.Warning, "The notification {Kind} was not taken by {Channel}: {Error}")]
    private partial void LogRefused(string kind, string channel, string error);

    [LoggerMessage(LogLevel.Error, "The notification {Kind} ({Subject}) was not taken by {Channel} in {Tries} tries and is given up")]
    private partial void LogGivenUp(string kind, string subject, string channel, int tries);

    [LoggerMessage(LogLevel.Error, "A notification cannot be sent by {Channel}")]
    private partial void LogFailed(Exception failure, string channel);
}
