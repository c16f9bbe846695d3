using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.OpenApi;
using CCGate.Projections.Engine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
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
    private const long MaxBodyBytes = 256 * 1024;
    private const string Json = "application/json";

    private static readonly JsonDocumentOptions Syntax = new() { MaxDepth = 64 };

    public static void MapUpstreamChanges(this IEndpointRouteBuilder api)
    {
        var upstreams = api.MapGroup("/upstreams");
        upstreams.MapPost("", (HttpContext http, UpstreamChanges changes, Change change) => change.Async(http, ["document", "reason"], async (body, author, files) =>
        {
            var created = await changes.CreateAsync(Document(body), author, files, http.RequestAborted);
            http.Response.Headers.Location = $"/api/upstreams/{Uri.EscapeDataString(created.Id)}";
            return Answer(http, created, StatusCodes.Status201Created);
        }))
            .WithSummary("Declare an upstream").WithDescription("The document is an entry of upstreams.json; its secrets are sealed and answered nowhere. It is in force on every proxy within a second.")
            .Accepts<UpstreamRequest>(Json).WithRequestExample("""{ "document": { "id": "second", "kind": "anthropic", "url": "https://api.anthropic.com", "key": "sk-ant-…", "weight": 50 }, "reason": "more capacity" }""")
            .Produces<DeclaredUpstream>(StatusCodes.Status201Created).ProducesValidationProblem().ProducesProblem(StatusCodes.Status409Conflict);
        upstreams.MapPut("/{id}", (string id, HttpContext http, UpstreamChanges changes, Change change) => change.Async(
            http, ["document", "reason"], async (body, author, files) => Answer(http, await changes.UpdateAsync(id, Document(body), author, files, http.RequestAborted))))
            .WithSummary("Change a declared upstream").WithDescription("The document replaces the one before it. A secret that is left out stays as it was: keys when there is neither key nor keys, headers when there are none or one is null, the login of a proxy while its address stays.")
            .Accepts<UpstreamRequest>(Json).WithRequestExample("""{ "document": { "url": "https://api.anthropic.com", "weight": 20 } }""")
            .Produces<DeclaredUpstream>().ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status412PreconditionFailed);
        upstreams.MapDelete("/{id}", (string id, string? reason, HttpContext http, UpstreamChanges changes, Change change) => change.Async(http, [], async (_, author, files) =>
        {
            await changes.RemoveAsync(id, author with { Reason = reason }, files, http.RequestAborted);
            return TypedResults.NoContent();
        }))
            .WithSummary("Remove a declared upstream").Produces(StatusCodes.Status204NoContent).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status412PreconditionFailed);
        foreach (var (name, order, summary) in ((string, UpstreamOrder, string)[])[
            ("drain", UpstreamOrder.Drain, "Give an upstream no new requests; those in flight end"), ("resume", UpstreamOrder.Resume, "Give a drained upstream requests again"),
            ("reset", UpstreamOrder.Reset, "Close the circuits of an upstream and its keys on every proxy, and forget its failed health check")])
        {
            upstreams.MapPost("/{id}/" + name, (string id, HttpContext http, UpstreamChanges changes, Change change) => change.Async(
                http, ["reason"], async (_, author, files) => Answer(http, await changes.OrderAsync(id, order, author with { Version = null }, files, http.RequestAborted))))
                .WithSummary(summary).WithDescription("Upstreams of the files too.")
                .Accepts<OrderRequest>(isOptional: true, Json).WithRequestExample("""{ "reason": "the provider is down" }""").Produces<DeclaredUpstream>().ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound);
        }

        MapRouting(api);
    }

    private static void MapRouting(IEndpointRouteBuilder api)
    {
        api.MapGet("/routing", async (HttpContext http, UpstreamChanges changes, ConfigSource config) => Answer(http, await changes.RoutingAsync(config.Files, http.RequestAborted)))
            .WithSummary("How requests are spread and what model names mean").Produces<RoutingDeclaration>();
        api.MapPut("/routing", (HttpContext http, UpstreamChanges changes, Change change) => change.Async(http, ["loadBalancer", "openai", "reason"], async (body, author, files) =>
            Answer(http, await changes.RouteAsync(Member(body, "loadBalancer"), Member(body, "openai"), author, files, http.RequestAborted))))
            .WithSummary("Change the routing on every proxy").WithDescription("A section replaces the file's; null goes back to the file's, and one that is left out stays as it is.")
            .Accepts<RoutingRequest>(Json).WithRequestExample("""{ "loadBalancer": { "strategy": "cheapest", "maxAttempts": 3 }, "openai": null, "reason": "save money" }""")
            .Produces<RoutingDeclaration>().ProducesValidationProblem().ProducesProblem(StatusCodes.Status412PreconditionFailed);
    }

    private static JsonHttpResult<DeclaredUpstream> Answer(HttpContext http, DeclaredUpstream upstream, int status = StatusCodes.Status200OK)
    {
        Tag(http, upstream.Version);
        return TypedResults.Json(upstream, ProjectionsJson.Default.DeclaredUpstream, statusCode: status);
    }

    private static JsonHttpResult<RoutingDeclaration> Answer(HttpContext http, RoutingDeclaration routing)
    {
        Tag(http, routing.Version);
        return TypedResults.Json(routing, ProjectionsJson.Default.RoutingDeclaration);
    }

    private static void Tag(HttpContext http, long? version)
    {
        if (version is { } position)
        {
            http.Response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{position}\"");
        }
    }

    private static JsonElement Document(JsonElement body) => Member(body, "document") ?? default;

    private static JsonElement? Member(JsonElement body, string name) => body.ValueKind == JsonValueKind.Object && body.TryGetProperty(name, out var value) ? value : null;

    /// <summary>What every change is made with: reads the body, asks who changes, and puts what was changed into force here before it is answered.</summary>
    internal sealed class Change(UpstreamChanges changes, ConfigSource config, ProjectionRunner projections)
    {
        public async Task<IResult> Async(HttpContext http, string[] members, Func<JsonElement, ChangeAuthor, GatewayConfig, Task<IResult>> make)
        {
            var errors = new Dictionary<string, string[]>();
            var body = members.Length == 0 ? default : await ReadAsync(http, members, errors);
            var version = ReadVersion(http.Request, errors);
            if (errors.Count > 0)
            {
                return TypedResults.ValidationProblem(errors);
            }

            var by = http.User.Identity!.Name!;
            try
            {
                var answer = await make(body, new ChangeAuthor(by, Member(body, "reason")?.GetString(), version), config.Files);
                config.Replace(changes.Facts);
                projections.Wake();
                return answer;
            }
            catch (UpstreamChangeRefusedException refused) when (refused.Refusal == ChangeRefusal.Invalid)
            {
                return TypedResults.ValidationProblem(refused.Errors);
            }
            catch (UpstreamChangeRefusedException refused)
            {
                return TypedResults.Problem(refused.Message, statusCode: refused.Refusal switch
                {
                    ChangeRefusal.Unknown => StatusCodes.Status404NotFound,
                    ChangeRefusal.Outdated => StatusCodes.Status412PreconditionFailed,
                    _ => StatusCodes.Status409Conflict,
                });
            }
        }

        private static long? ReadVersion(HttpRequest request, Dictionary<string, string[]> errors)
        {
            if (request.Headers.IfMatch is not [{ Length: > 0 } written] || written == "*")
            {
                return null;
            }

            if (!long.TryParse(written.Trim('"'), NumberStyles.None, CultureInfo.InvariantCulture, out var version))
            {
                errors["If-Match"] = ["is not a version such as \"17\""];
            }

            return version;
        }

        /// <summary>Nothing at all is an object without members.</summary>
        private static async Task<JsonElement> ReadAsync(HttpContext http, string[] members, Dictionary<string, string[]> errors)
        {
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bound)
            {
                bound.MaxRequestBodySize = MaxBodyBytes;
            }

            try
            {
                using var text = new MemoryStream();
                await http.Request.Body.CopyToAsync(text, http.RequestAborted);
                var body = text.Length == 0 ? default : JsonElement.Parse(text.ToArray(), Syntax);
                Check(body, members, errors);
                return body;
            }
            catch (JsonException error)
            {
                errors["$"] = [string.Create(CultureInfo.InvariantCulture, $"is not JSON: line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}")];
                return default;
            }
        }

        private static void Check(JsonElement body, string[] members, Dictionary<string, string[]> errors)
        {
            if (body.ValueKind is not (JsonValueKind.Object or JsonValueKind.Undefined))
            {
                errors["$"] = [$"is not an object with {string.Join(", ", members)}"];
                return;
            }

            foreach (var member in body.ValueKind == JsonValueKind.Object ? body.EnumerateObject() : default)
            {
                if (!members.Contains(member.Name))
                {
                    errors["$." + member.Name] = [$"is not known here; allowed: {string.Join(", ", members)}"];
                }
                else if (member.Name == "reason" && member.Value.ValueKind is not (JsonValueKind.String or JsonValueKind.Null))
                {
                    errors["$.reason"] = ["is not a string"];
                }
            }
        }
    }
}
