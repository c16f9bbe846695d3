using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Overview;

/// <summary><c>GET /api/overview</c>: how the gateway does.</summary>
internal static class OverviewEndpoints
{
    public static void MapOverview(this IEndpointRouteBuilder api) => api.MapGet("/overview", AnswerAsync)
        .WithSummary("Shows how the gateway does now and today")
        .WithDescription("Today is the day in UTC. What only proxies know is absent where none reports.")
        .Produces<OverviewReport>();

    private static async Task<JsonHttpResult<OverviewReport>> AnswerAsync(OverviewReader overview, CancellationToken cancellationToken) =>
        TypedResults.Json(await overview.ReadAsync(withSeries: true, cancellationToken), ProjectionsJson.Default.OverviewReport);
}
