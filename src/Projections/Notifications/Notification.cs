using System.Text.Json;

namespace CCGate.Projections.Notifications;

/// <summary>Something operators are told: that it is so, or that it is so no longer.</summary>
/// <param name="Kind">One of <c>AlertKinds</c>, or <c>test</c>.</param>
/// <param name="Subject">In a line.</param>
/// <param name="Text">What it means and what to do.</param>
/// <param name="IsOver">It was told before and is over.</param>
internal sealed record Notification(Guid Id, string Kind, DateTimeOffset At, string Subject, string Text, bool IsOver = false);

/// <summary>A notification as the webhook receives it; the members every event of the ledger has there, too.</summary>
internal sealed record NotificationPost(string Type, Guid Id, DateTimeOffset Timestamp, NotificationContent Data)
{
    public static byte[] Of(Notification notification) => JsonSerializer.SerializeToUtf8Bytes(
        new NotificationPost(notification.Kind, notification.Id, notification.At, new NotificationContent(notification.IsOver ? "over" : "begun", notification.Subject, notification.Text)),
        ProjectionsJson.Default.NotificationPost);
}

/// <summary>What is told.</summary>
/// <param name="State"><c>begun</c> or <c>over</c>.</param>
internal sealed record NotificationContent(string State, string Subject, string Text);

/// <summary>What became of a notification on one of its ways.</summary>
/// <param name="Channel"><c>webhook</c> or <c>email</c>.</param>
/// <param name="State"><c>sent</c> or <c>failed</c>.</param>
internal sealed record NotificationDelivery(DateTimeOffset At, string Kind, string Channel, string State, string? Error);

/// <summary>The answer of <c>GET /api/notifications</c>, the newest first.</summary>
internal sealed record NotificationList(IReadOnlyList<NotificationDelivery> Items);

/// <summary>The body of <c>POST /api/notifications/test</c>: <c>webhook</c> or <c>email</c>.</summary>
internal sealed record NotificationTestRequest(string Channel);

/// <summary>The last deliveries of this process.</summary>
internal sealed class DeliveryLog(TimeProvider time)
{
    public const int MaxKept = 200;

    private readonly Lock gate = new();
    private readonly Queue<NotificationDelivery> deliveries = new();

    public NotificationDelivery Add(string kind, string channel, string? error)
    {
        var delivery = new NotificationDelivery(time.GetUtcNow(), kind, channel, error is null ? "sent" : "failed", error);
        lock (gate)
        {
            deliveries.Enqueue(delivery);
            while (deliveries.Count > MaxKept)
            {
                deliveries.Dequeue();
            }
        }

        return delivery;
    }

    public NotificationList Read()
    {
        lock (gate)
        {
            return new NotificationList([.. deliveries.Reverse()]);
        }
    }
}
