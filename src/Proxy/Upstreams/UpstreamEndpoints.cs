using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Operators;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Proxy.Upstreams;

/// <summary><c>GET /api/upstreams</c> and <c>POST /api/upstreams/{id}/test</c>: answered by the proxy itself, in every role, since nobody else knows, or connects from there.</summary>
internal static class UpstreamEndpoints
{
    private const int MaxTests = 4;
    private const long MaxBodyBytes = 16 * 1024;

    /// <summary>They cost money, and an operator who is impatient starts many.</summary>
    private static readonly SemaphoreSlim tests = new(MaxTests, MaxTests);

    public static void MapUpstreams(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapOperatorGroup("/api/upstreams");
        api.MapGet("", List)
            .WithSummary("The upstreams, and how they do")
            .WithDescription("As the proxy that is asked sees them: each knows its own health, circuits and load.")
            .Produces<UpstreamList>();
        api.MapPost("/{id}/test", TestAsync)
            .WithSummary("Send one real small request with each key of an upstream")
            .WithDescription("It costs a few tokens for each key, and says how each step went.")
            .Produces<UpstreamTestReport>()
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static JsonHttpResult<UpstreamList> List(ConfigSource config, UpstreamPool upstreams, AffinityStatistics affinity, ProxyIdentity identity)
    {
        var list = config.Current.Upstreams.Select(upstream => UpstreamStatus.Of(upstream, StateOf(upstream.Id, upstreams)));
        return TypedResults.Json(new UpstreamList(identity.Instance, [.. list]) { Affinity = Array.ConvertAll(affinity.Snapshot(), AffinityStatus.Of) }, UpstreamsJson.Default.UpstreamList);
    }

    private static async Task<IResult> TestAsync(string id, HttpRequest http, ConfigSource config, TimeProvider time, CancellationToken cancellationToken)
    {
        if (config.Current.Upstreams.FirstOrDefault(upstream => upstream.Id == id) is not { } configured)
        {
            return TypedResults.Problem($"There is no upstream \"{id}\".", statusCode: StatusCodes.Status404NotFound);
        }

        if (configured.Fault is { } fault)
        {
            return TypedResults.Problem(fault, statusCode: StatusCodes.Status409Conflict);
        }

        if (http.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bound)
        {
            bound.MaxRequestBodySize = MaxBodyBytes;
        }

        UpstreamTestQuestion? question;
        try
        {
            question = http.ContentLength is 0 || http.ContentType is null ? null : await http.ReadFromJsonAsync(UpstreamTestJson.Default.UpstreamTestQuestion, cancellationToken);
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return TypedResults.ValidationProblem(new Dictionary<string, string[]> { ["$"] = ["is not an object with model, or nothing"] });
        }

        if (!await tests.WaitAsync(TimeSpan.Zero, cancellationToken))
        {
            return TypedResults.Problem("Other tests are under way: ask again when they have ended.", statusCode: StatusCodes.Status409Conflict);
        }

        try
        {
            var report = await new UpstreamTest(config.Current.Prices, time).RunAsync(configured, question?.Model, cancellationToken);
            return TypedResults.Json(report, UpstreamTestJson.Default.UpstreamTestReport);
        }
        finally
        {
            tests.Release();
        }
    }

    private static UpstreamState? StateOf(string id, UpstreamPool upstreams) => upstreams.Current.FirstOrDefault(upstream => upstream.Config.Id == id)?.State;
}
