using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.OpenApi;
using CCGate.Projections.Administration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Upstreams;

/// <summary>The body that declares or changes an upstream.</summary>
/// <param name="Document">An entry of upstreams.json.</param>
/// <param name="Reason">Why; it is kept in the audit log.</param>
internal sealed record UpstreamRequest(JsonObject Document, string? Reason = null);

/// <summary>The body of an order to drain, resume or reset.</summary>
internal sealed record OrderRequest(string? Reason = null);

/// <summary>The body that changes the routing; a section that is left out stays, null goes back to the file's.</summary>
internal sealed record RoutingRequest(JsonObject? LoadBalancer = null, [property: System.Text.Json.Serialization.JsonPropertyName("openai")] JsonObject? OpenAi = null, string? Reason = null);

/// <summary>Changes of <c>/api/upstreams</c> and <c>/api/routing</c>. What each proxy knows of its upstreams is the proxies' to answer.</summary>
internal static class UpstreamChangeEndpoints
{
    public static void MapUpstreamChanges(this IEndpointRouteBuilder api)
    {
        var upstreams = api.MapGroup("/upstreams").AddEndpointFilter(ChangeRefusedException.AnswerAsync);
        upstreams.MapGet("/{id}", GetAsync).WithSummary("One upstream as it is declared").WithDescription("In a file or by an operator, without its secrets.")
            .Produces<DeclaredUpstream>().ProducesProblem(StatusCodes.Status404NotFound);
        upstreams.MapPost("", CreateAsync)
            .WithSummary("Declare an upstream").WithDescription("The document is an entry of upstreams.json; its secrets are sealed and answered nowhere. It is in force on every proxy within a second.")
            .WithBody<UpstreamRequest>().WithRequestExample("""{ "document": { "id": "second", "kind": "anthropic", "url": "https://api.anthropic.com", "key": "sk-ant-…", "weight": 50 }, "reason": "more capacity" }""")
            .Produces<DeclaredUpstream>(StatusCodes.Status201Created).ProducesValidationProblem().ProducesProblem(StatusCodes.Status409Conflict);
        upstreams.MapPut("/{id}", UpdateAsync)
            .WithSummary("Change a declared upstream").WithDescription("The document replaces the one before it. A secret that is left out stays as it was: keys when there is neither key nor keys, headers when there are none or one is null, the login of a proxy while its address stays.")
            .WithBody<UpstreamRequest>().WithRequestExample("""{ "document": { "url": "https://api.anthropic.com", "weight": 20 } }""")
            .Produces<DeclaredUpstream>().ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status412PreconditionFailed);
        upstreams.MapDelete("/{id}", RemoveAsync)
            .WithSummary("Remove a declared upstream").Produces(StatusCodes.Status204NoContent).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status412PreconditionFailed);
        foreach (var (name, order, summary) in ((string, UpstreamOrder, string)[])[
            ("drain", UpstreamOrder.Drain, "Give an upstream no new requests; those in flight end"), ("resume", UpstreamOrder.Resume, "Give a drained upstream requests again"),
            ("reset", UpstreamOrder.Reset, "Close the circuits of an upstream and its keys on every proxy, and forget its failed health check")])
        {
            upstreams.MapPost("/{id}/" + name, async (string id, HttpContext http, UpstreamChanges changes) =>
                Answer(http, await changes.OrderAsync(id, order, await ChangeRequest.ReadAsync(http), http.RequestAborted)))
                .WithSummary(summary).WithDescription("Upstreams of the files too.")
                .WithBody<OrderRequest>(isOptional: true).WithRequestExample("""{ "reason": "the provider is down" }""")
                .Produces<DeclaredUpstream>().ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound);
        }

        var routing = api.MapGroup("/routing").AddEndpointFilter(ChangeRefusedException.AnswerAsync);
        routing.MapGet("", async (HttpContext http, UpstreamChanges changes) => Answer(http, await changes.RoutingAsync(http.RequestAborted)))
            .WithSummary("How requests are spread and what model names mean").Produces<RoutingDeclaration>();
        routing.MapPut("", async (HttpContext http, UpstreamChanges changes) => Answer(http, await changes.RouteAsync(await ChangeRequest.ReadAsync(http), http.RequestAborted)))
            .WithSummary("Change the routing on every proxy").WithDescription("A section replaces the file's; null goes back to the file's, and one that is left out stays as it is.")
            .WithBody<RoutingRequest>().WithRequestExample("""{ "loadBalancer": { "strategy": "cheapest", "maxAttempts": 3 }, "openai": null, "reason": "save money" }""")
            .Produces<RoutingDeclaration>().ProducesValidationProblem().ProducesProblem(StatusCodes.Status412PreconditionFailed);
    }

    private static async Task<IResult> GetAsync(string id, HttpContext http, UpstreamChanges changes, CancellationToken cancellationToken) =>
        Answer(http, await changes.FindAsync(id, cancellationToken));

    private static async Task<IResult> CreateAsync(HttpContext http, UpstreamChanges changes, CancellationToken cancellationToken)
    {
        var created = await changes.CreateAsync(await ChangeRequest.ReadAsync(http), cancellationToken);
        http.Response.Headers.Location = $"/api/upstreams/{Uri.EscapeDataString(created.Id)}";
        return Answer(http, created, StatusCodes.Status201Created);
    }

    private static async Task<IResult> UpdateAsync(string id, HttpContext http, UpstreamChanges changes, CancellationToken cancellationToken) =>
        Answer(http, await changes.UpdateAsync(id, await ChangeRequest.ReadAsync(http), cancellationToken));

    private static async Task<IResult> RemoveAsync(string id, string? reason, HttpContext http, UpstreamChanges changes, CancellationToken cancellationToken)
    {
        await changes.RemoveAsync(id, ChangeRequest.Removal(http, reason), cancellationToken);
        return TypedResults.NoContent();
    }

    private static JsonHttpResult<DeclaredUpstream> Answer(HttpContext http, DeclaredUpstream upstream, int status = StatusCodes.Status200OK)
    {
        ChangeRequest.Tag(http.Response, upstream.Version);
        return TypedResults.Json(upstream, ProjectionsJson.Default.DeclaredUpstream, statusCode: status);
    }

    private static JsonHttpResult<RoutingDeclaration> Answer(HttpContext http, RoutingDeclaration routing)
    {
        ChangeRequest.Tag(http.Response, routing.Version);
        return TypedResults.Json(routing, ProjectionsJson.Default.RoutingDeclaration);
    }
}
