using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Administration;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Tenants;

/// <summary><c>/api/tenants</c> and <c>/api/keys</c>: who pays, declared at run time, and the keys they are known by.</summary>
internal static class TenantEndpoints
{
    public static void MapTenants(this IEndpointRouteBuilder api)
    {
        var group = api.MapGroup("").AddEndpointFilter(ChangeRefusedException.AnswerAsync);
        group.MapGet("/tenants", List).WithSummary("Tenants").WithDescription("Those of tenants.json and those that operators declared, by id.").Produces<TenantPage>();
        group.MapGet("/tenants/{id}", Get).WithSummary("One tenant with its keys and its document").Produces<TenantItem>().ProducesProblem(StatusCodes.Status404NotFound);
        group.MapPost("/tenants", CreateAsync).WithSummary("Declare a tenant").WithDescription("{document, reason?}: document is an entry of tenants.json without keys.")
            .Produces<TenantItem>(StatusCodes.Status201Created).ProducesValidationProblem().ProducesProblem(StatusCodes.Status409Conflict);
        group.MapPut("/tenants/{id}", UpdateAsync).WithSummary("Change a tenant").WithDescription("The whole document. If-Match with the version refuses when somebody else changed it.")
            .Produces<TenantItem>().ProducesValidationProblem().ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status412PreconditionFailed);
        group.MapDelete("/tenants/{id}", RemoveAsync).WithSummary("Remove a tenant").WithDescription("Its keys stop; its history stays.")
            .Produces(StatusCodes.Status204NoContent).ProducesProblem(StatusCodes.Status409Conflict);
        group.MapGet("/keys", ListKeys).WithSummary("Keys of all tenants").Produces<KeyPage>();
        group.MapGet("/tenants/{id}/keys", ListKeysOf).WithSummary("Keys of a tenant").Produces<KeyPage>();
        group.MapPost("/tenants/{id}/keys", IssueAsync).WithSummary("Issue a key").WithDescription("The secret is in this answer and never again.")
            .Produces<KeyItem>(StatusCodes.Status201Created).ProducesValidationProblem().ProducesProblem(StatusCodes.Status409Conflict);
        group.MapPut("/tenants/{id}/keys/{key}", UpdateKeyAsync).WithSummary("Change a key's label, limits or expiry").WithDescription("What is left out stays; null takes it away.")
            .Produces<KeyItem>().ProducesValidationProblem();
        group.MapPost("/tenants/{id}/keys/{key}/rotate", RotateAsync).WithSummary("Give a key a new secret").WithDescription("The old one works for overlapMinutes more.")
            .Produces<KeyItem>(StatusCodes.Status201Created).ProducesValidationProblem();
        group.MapDelete("/tenants/{id}/keys/{key}", RevokeAsync).WithSummary("Revoke a key at once").Produces(StatusCodes.Status204NoContent);
    }

    private static JsonHttpResult<TenantPage> List(HttpRequest request, ConfigSource config)
    {
        var question = ListQuestion.Read(request, "q", "parent");
        var found = config.Current.Tenants
            .Where(tenant => question["parent"] is not { } parent || tenant.Parent == parent)
            .Where(tenant => Matches(question["q"], tenant.Id, tenant.Name, tenant.Note))
            .OrderBy(tenant => tenant.Id, StringComparer.Ordinal);
        var (items, next) = question.Piece(found, tenant => tenant.Id);
        return TypedResults.Json(new TenantPage([.. items.Select(tenant => TenantItem.Of(tenant))], next), ProjectionsJson.Default.TenantPage);
    }

    private static JsonHttpResult<TenantItem> Get(string id, HttpResponse response, ConfigSource config, TenantChanges tenants, TimeProvider time) =>
        Answer(response, tenants.InForce(id), config, time, StatusCodes.Status200OK);

    private static async Task<IResult> CreateAsync(HttpContext http, ConfigSource config, TenantChanges tenants, TimeProvider time, CancellationToken cancellationToken)
    {
        var tenant = await tenants.CreateAsync(await ChangeRequest.ReadAsync(http), cancellationToken);
        http.Response.Headers.Location = $"/api/tenants/{Uri.EscapeDataString(tenant.Id)}";
        return Answer(http.Response, tenant, config, time, StatusCodes.Status201Created);
    }

    private static async Task<IResult> UpdateAsync(string id, HttpContext http, ConfigSource config, TenantChanges tenants, TimeProvider time, CancellationToken cancellationToken)
    {
        var tenant = await tenants.UpdateAsync(id, await ChangeRequest.ReadAsync(http), cancellationToken);
        return Answer(http.Response, tenant, config, time, StatusCodes.Status200OK);
    }

    private static async Task<IResult> RemoveAsync(string id, string? reason, HttpContext http, TenantChanges tenants, CancellationToken cancellationToken)
    {
        await tenants.RemoveAsync(id, ChangeRequest.Removal(http, reason), cancellationToken);
        return TypedResults.NoContent();
    }

    private static JsonHttpResult<KeyPage> ListKeys(HttpRequest request, ConfigSource config, TimeProvider time)
    {
        var question = ListQuestion.Read(request, "tenant", "q");
        return Keys(config.Current.Tenants.Where(tenant => question["tenant"] is not { } id || tenant.Id == id), question, config, time);
    }

    private static JsonHttpResult<KeyPage> ListKeysOf(string id, HttpRequest request, ConfigSource config, TenantChanges tenants, TimeProvider time) =>
        Keys([tenants.InForce(id)], ListQuestion.Read(request, "q"), config, time);

    private static JsonHttpResult<KeyPage> Keys(IEnumerable<TenantConfig> tenants, ListQuestion question, ConfigSource config, TimeProvider time)
    {
        static string KeyOf(KeyItem key) => $"{key.Tenant}/{key.Id}";
        var found = KeyItem.Of(tenants, config.Facts.Tenants, time.GetUtcNow()).Where(key => Matches(question["q"], key.Id, key.Label, key.Tenant)).OrderBy(KeyOf, StringComparer.Ordinal);
        var (items, next) = question.Piece(found, KeyOf);
        return TypedResults.Json(new KeyPage(items, next), ProjectionsJson.Default.KeyPage);
    }

    private static async Task<IResult> IssueAsync(string id, HttpContext http, KeyChanges keys, CancellationToken cancellationToken) =>
        Secret(http, await keys.IssueAsync(id, await ChangeRequest.ReadAsync(http), cancellationToken));

    private static async Task<IResult> UpdateKeyAsync(string id, string key, HttpContext http, KeyChanges keys, CancellationToken cancellationToken) =>
        TypedResults.Json(await keys.UpdateAsync(id, key, await ChangeRequest.ReadAsync(http), cancellationToken), ProjectionsJson.Default.KeyItem);

    private static async Task<IResult> RotateAsync(string id, string key, HttpContext http, KeyChanges keys, CancellationToken cancellationToken) =>
        Secret(http, await keys.RotateAsync(id, key, await ChangeRequest.ReadAsync(http), cancellationToken));

    private static async Task<IResult> RevokeAsync(string id, string key, string? reason, HttpContext http, KeyChanges keys, CancellationToken cancellationToken)
    {
        await keys.RevokeAsync(id, key, ChangeRequest.Removal(http, reason), cancellationToken);
        return TypedResults.NoContent();
    }

    private static JsonHttpResult<KeyItem> Secret(HttpContext http, KeyItem key)
    {
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Json(key, ProjectionsJson.Default.KeyItem, statusCode: StatusCodes.Status201Created);
    }

    private static JsonHttpResult<TenantItem> Answer(HttpResponse response, TenantConfig tenant, ConfigSource config, TimeProvider time, int status)
    {
        var facts = config.Facts.Tenants;
        var document = tenant.Origin == ConfigOrigin.Operator && facts.Declared.GetValueOrDefault(tenant.Id) is { } declared
            ? JsonNode.Parse(declared.Declaration.Document.GetRawText())
            : TenantDocument.Of(tenant);
        ChangeRequest.Tag(response, tenant.Version);
        var keys = JsonSerializer.SerializeToNode([.. KeyItem.Of([tenant], facts, time.GetUtcNow())], ProjectionsJson.Default.IReadOnlyListKeyItem);
        return TypedResults.Json(TenantItem.Of(tenant, keys, document), ProjectionsJson.Default.TenantItem, statusCode: status);
    }

    private static bool Matches(string? wanted, params ReadOnlySpan<string?> texts)
    {
        foreach (var text in texts)
        {
            if (wanted is null || text?.Contains(wanted, StringComparison.OrdinalIgnoreCase) == true)
            {
                return true;
            }
        }

        return false;
    }
}
