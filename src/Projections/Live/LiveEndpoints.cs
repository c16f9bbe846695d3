using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;

namespace CCGate.Projections.Live;

/// <summary><c>GET /api/live</c>: what changes, as server-sent events.</summary>
internal static class LiveEndpoints
{
    private static readonly TimeSpan LongestWrite = TimeSpan.FromSeconds(15);

    public static void MapLive(this IEndpointRouteBuilder api) => api.MapGet("/live", AnswerAsync)
        .WithSummary("Streams what changes")
        .WithDescription("Server-sent events: overview each second, requests as they are projected, changed when operators changed something, job when one moves on.")
        .Produces(StatusCodes.Status200OK, contentType: "text/event-stream")
        .ProducesProblem(StatusCodes.Status503ServiceUnavailable);

    private static async Task<IResult> AnswerAsync(HttpContext http, LiveFeed feed, IHostApplicationLifetime host)
    {
        using var listener = feed.Listen();
        if (listener is null)
        {
            return TypedResults.Problem($"{LiveFeed.MostListeners} are watching already.", statusCode: StatusCodes.Status503ServiceUnavailable);
        }

        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, host.ApplicationStopping);
        try
        {
            await http.Response.WriteAsync(": connected\n\n", ending.Token);
            await http.Response.Body.FlushAsync(ending.Token);
            await foreach (var text in listener.Texts.ReadAllAsync(ending.Token))
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(ending.Token);
                patience.CancelAfter(LongestWrite);
                await http.Response.WriteAsync(text, patience.Token);
                await http.Response.Body.FlushAsync(patience.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The listener left or does not read, or the host stops: either way nobody waits for more.
        }

        return Results.Empty;
    }
}
