using CCGate.Hosting.Configuration;
using CCGate.Hosting.Operators;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Proxy.Upstreams;

/// <summary><c>GET /api/upstreams</c> and <c>POST /api/upstreams/{id}/reset</c>: answered by the proxy itself, in every role, since nobody else knows.</summary>
internal static class UpstreamEndpoints
{
    public static void MapUpstreams(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapOperatorGroup("/api/upstreams");
        api.MapGet("", List)
            .WithSummary("The upstreams, and how they do")
            .WithDescription("As the proxy that is asked sees them: each knows its own health, circuits and load.")
            .Produces<UpstreamList>();
        api.MapPost("/{id}/reset", Reset)
            .WithSummary("Close an upstream's circuits")
            .WithDescription("The upstream and its keys are tried again at once.")
            .Produces<UpstreamStatus>()
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static JsonHttpResult<UpstreamList> List(ConfigSource config, UpstreamPool upstreams, AffinityStatistics affinity, ProxyIdentity identity)
    {
        var list = config.Current.Upstreams.Select(upstream => UpstreamStatus.Of(upstream, StateOf(upstream.Id, upstreams)));
        return TypedResults.Json(new UpstreamList(identity.Instance, [.. list]) { Affinity = Array.ConvertAll(affinity.Snapshot(), AffinityStatus.Of) }, UpstreamsJson.Default.UpstreamList);
    }

    private static Results<JsonHttpResult<UpstreamStatus>, ProblemHttpResult> Reset(string id, ConfigSource config, UpstreamPool upstreams)
    {
        if (config.Current.Upstreams.FirstOrDefault(upstream => upstream.Id == id) is not { } configured)
        {
            return TypedResults.Problem($"There is no upstream \"{id}\" in {UpstreamsFile.Name}.", statusCode: StatusCodes.Status404NotFound);
        }

        var state = StateOf(id, upstreams);
        if (state is not null)
        {
            state.Unhealthy = null;
            state.Breaker.Reset();
            foreach (var key in state.Keys.Keys)
            {
                key.Breaker.Reset();
            }
        }

        return TypedResults.Json(UpstreamStatus.Of(configured, state), UpstreamsJson.Default.UpstreamStatus);
    }

    private static UpstreamState? StateOf(string id, UpstreamPool upstreams) => upstreams.Current.FirstOrDefault(upstream => upstream.Config.Id == id)?.State;
}
