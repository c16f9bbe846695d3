using System.Text.Json;
using CCGate.Hosting.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Notifications;

/// <summary><c>/api/notifications</c>: what operators were told, and a try whether they can be.</summary>
internal static class NotificationEndpoints
{
    private const long MaxBodyBytes = 4096;

    public static void MapNotifications(this IEndpointRouteBuilder api)
    {
        var notifications = api.MapGroup("/notifications");
        notifications.MapGet("", (DeliveryLog log) => TypedResults.Json(log.Read(), ProjectionsJson.Default.NotificationList))
            .WithSummary("The last notifications, and whether they arrived")
            .WithDescription($"At most {DeliveryLog.MaxKept} of this process, the newest first.")
            .Produces<NotificationList>();
        notifications.MapPost("/test", TestAsync)
            .WithSummary("Try whether notifications arrive")
            .WithDescription("Sends one by the channel named, now and once; 'state' and 'error' say what became of it.")
            .WithBody<NotificationTestRequest>()
            .WithRequestExample("""{ "channel": "email" }""")
            .Produces<NotificationDelivery>()
            .ProducesValidationProblem();
    }

    private static async Task<IResult> TestAsync(HttpContext http, Notifier notifier, CancellationToken cancellationToken)
    {
        try
        {
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bound)
            {
                bound.MaxRequestBodySize = MaxBodyBytes;
            }

            var asked = await JsonSerializer.DeserializeAsync(http.Request.Body, ProjectionsJson.Default.NotificationTestRequest, cancellationToken);
            return await notifier.TestAsync(asked?.Channel ?? "", cancellationToken) is { } delivery
                ? TypedResults.Json(delivery, ProjectionsJson.Default.NotificationDelivery)
                : Invalid("channel", "It is 'webhook' or 'email', and must be configured in 'alerts' of server.json.");
        }
        catch (JsonException malformed)
        {
            return Invalid("body", $"It is not what is asked for: {malformed.Message}");
        }
    }

    private static ValidationProblem Invalid(string name, string message) => TypedResults.ValidationProblem(new Dictionary<string, string[]> { [name] = [message] });
}
