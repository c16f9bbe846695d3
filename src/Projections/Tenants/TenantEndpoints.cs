using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.OpenApi;
using CCGate.Projections.Administration;
using CCGate.Projections.Export;
using CCGate.Projections.Questions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Tenants;

/// <summary>The body that declares or changes a tenant.</summary>
/// <param name="Document">An entry of tenants.json without keys.</param>
/// <param name="Reason">Why; it is kept in the audit log.</param>
internal sealed record TenantRequest(JsonObject Document, string? Reason = null);

/// <summary>The body that issues or changes a key; all of it can be left out.</summary>
internal sealed record KeyRequest(string? Id = null, string? Label = null, JsonObject? Limits = null, DateTimeOffset? ExpiresAt = null);

/// <summary>The body that rotates a key.</summary>
/// <param name="OverlapMinutes">How long the old secret works.</param>
internal sealed record RotateRequest(int OverlapMinutes = 0);

/// <summary><c>/api/tenants</c> and <c>/api/keys</c>: who pays, declared at run time, and the keys they are known by.</summary>
internal static class TenantEndpoints
{
    private const string Example = """{ "document": { "id": "kim", "name": "Kim", "parent": "team-a", "limits": { "daily": { "maxUSD": 5 } } }, "reason": "joins the team" }""";

    private static readonly ExportColumn<TenantItem>[] Columns =
    [
        new("id", row => row.Id),
        new("name", row => row.Name),
        new("origin", row => row.Origin.ToString().ToLowerInvariant()),
        new("enabled", row => row.Enabled),
        new("parent", row => row.Parent),
        new("groups", row => string.Join(' ', row.Groups)),
        new("timezone", row => row.Timezone),
        new("note", row => row.Note),
        new("expires_at", row => row.ExpiresAt),
        new("keys", row => row.Keys),
        new("limits", row => row.Limits?.ToJsonString()),
        new("allowed_models", row => string.Join(' ', row.AllowedModels)),
    ];

    private static readonly ExportColumn<KeyItem>[] KeyColumns =
    [
        new("tenant", row => row.Tenant),
        new("id", row => row.Id),
        new("label", row => row.Label),
        new("hint", row => row.Hint),
        new("origin", row => row.Origin.ToString().ToLowerInvariant()),
        new("created_at", row => row.CreatedAt),
        new("expires_at", row => row.ExpiresAt),
        new("state", row => row.State),
        new("limits", row => row.Limits?.ToJsonString()),
    ];

    public static void MapTenants(this IEndpointRouteBuilder api)
    {
        var group = api.MapGroup("").AddEndpointFilter(ChangeRefusedException.AnswerAsync);
        group.MapGet("/tenants", List).WithSummary("Lists tenants").WithDescription("Those of tenants.json and those that operators declared, by id.")
            .WithQuery("q", "Only those with this text in their id, name or note.").WithQuery("parent", "Only those right below this tenant.").WithPages()
            .Produces<TenantPage>().ProducesValidationProblem();
        group.MapGet("/tenants/{id}", Get).WithSummary("Shows a tenant with its keys and its document").Produces<TenantDetail>().ProducesProblem(StatusCodes.Status404NotFound);
        group.MapPost("/tenants", CreateAsync).WithSummary("Declares a tenant").WithDescription("The document is an entry of tenants.json without keys, which are issued apart from it.")
            .WithBody<TenantRequest>().WithRequestExample(Example)
            .Produces<TenantDetail>(StatusCodes.Status201Created).ProducesValidationProblem().ProducesProblem(StatusCodes.Status409Conflict);
        group.MapPut("/tenants/{id}", UpdateAsync).WithSummary("Changes a tenant").WithDescription("The whole document. If-Match with the version refuses when somebody else changed it.")
            .WithBody<TenantRequest>().WithRequestExample(Example)
            .Produces<TenantDetail>().ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status412PreconditionFailed);
        group.MapDelete("/tenants/{id}", RemoveAsync).WithSummary("Removes a tenant").WithDescription("Its keys stop; its history stays.")
            .Produces(StatusCodes.Status204NoContent).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status412PreconditionFailed);
        MapKeys(group);
    }

    private static void MapKeys(RouteGroupBuilder group)
    {
        group.MapGet("/keys", ListKeys).WithSummary("Lists the keys of all tenants")
            .WithQuery("tenant", "Only this tenant's.").WithQuery("q", "Only those with this text in their id, label or tenant.").WithPages().Produces<KeyPage>().ProducesValidationProblem();
        group.MapGet("/tenants/{id}/keys", ListKeysOf).WithSummary("Lists the keys of a tenant")
            .WithQuery("q", "Only those with this text in their id or label.").WithPages().Produces<KeyPage>().ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound);
        group.MapPost("/tenants/{id}/keys", IssueAsync).WithSummary("Issues a key").WithDescription("The secret is in this answer and never again.")
            .WithBody<KeyRequest>(isOptional: true).WithRequestExample("""{ "id": "laptop", "label": "Kim's laptop", "expiresAt": "2027-01-31T18:00:00Z", "limits": { "daily": { "maxUSD": 5 } } }""")
            .Produces<KeyItem>(StatusCodes.Status201Created).ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        group.MapPut("/tenants/{id}/keys/{key}", UpdateKeyAsync).WithSummary("Changes a key's label, limits or expiry").WithDescription("What is left out stays; null takes it away.")
            .WithBody<KeyRequest>().WithRequestExample("""{ "label": "Kim's desk", "limits": null }""")
            .Produces<KeyItem>().ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        group.MapPost("/tenants/{id}/keys/{key}/rotate", RotateAsync).WithSummary("Gives a key a new secret").WithDescription("The old one works for overlapMinutes more; the new one is in this answer and never again.")
            .WithBody<RotateRequest>(isOptional: true).WithRequestExample("""{ "overlapMinutes": 60 }""")
            .Produces<KeyItem>(StatusCodes.Status201Created).ProducesValidationProblem().ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        group.MapDelete("/tenants/{id}/keys/{key}", RevokeAsync).WithSummary("Revokes a key at once")
            .Produces(StatusCodes.Status204NoContent).ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
    }

    private static IResult List(HttpContext http, ConfigSource config)
    {
        var parameters = new QuestionParameters(http.Request, "q", "parent", "limit", "cursor", "format");
        var found = config.Current.Tenants
            .Where(tenant => parameters.Text("parent") is not { } parent || tenant.Parent == parent)
            .Where(tenant => Matches(parameters.Text("q"), tenant.Id, tenant.Name, tenant.Note));
        var ((items, next), asCsv) = (PageCursor.PageByName(parameters, found, tenant => tenant.Id), parameters.AsCsv);
        if (parameters.Errors.Count > 0)
        {
            return parameters.Problem();
        }

        List<TenantItem> rows = [.. items.Select(tenant => TenantItem.Of(tenant))];
        return asCsv ? CsvAnswer.Of(http, "tenants", rows, Columns, next) : TypedResults.Json(new TenantPage(rows, next), ProjectionsJson.Default.TenantPage);
    }

    private static JsonHttpResult<TenantDetail> Get(string id, HttpResponse response, ConfigSource config, TenantChanges tenants, TimeProvider time) =>
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

    private static IResult ListKeys(HttpContext http, ConfigSource config, TimeProvider time)
    {
        var parameters = new QuestionParameters(http.Request, "tenant", "q", "limit", "cursor", "format");
        return Keys(http, config.Current.Tenants.Where(tenant => parameters.Text("tenant") is not { } id || tenant.Id == id), parameters, config, time);
    }

    private static IResult ListKeysOf(string id, HttpContext http, ConfigSource config, TenantChanges tenants, TimeProvider time) =>
        Keys(http, [tenants.InForce(id)], new QuestionParameters(http.Request, "q", "limit", "cursor", "format"), config, time);

    private static IResult Keys(HttpContext http, IEnumerable<TenantConfig> tenants, QuestionParameters parameters, ConfigSource config, TimeProvider time)
    {
        var found = KeyItem.Of(tenants, config.Facts.Tenants, time.GetUtcNow()).Where(key => Matches(parameters.Text("q"), key.Id, key.Label, key.Tenant));
        var ((items, next), asCsv) = (PageCursor.PageByName(parameters, found, key => $"{key.Tenant}/{key.Id}"), parameters.AsCsv);
        return parameters.Errors.Count > 0 ? parameters.Problem()
            : asCsv ? CsvAnswer.Of(http, "keys", items, KeyColumns, next)
            : TypedResults.Json(new KeyPage(items, next), ProjectionsJson.Default.KeyPage);
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

    private static JsonHttpResult<TenantDetail> Answer(HttpResponse response, TenantConfig tenant, ConfigSource config, TimeProvider time, int status)
    {
        var facts = config.Facts.Tenants;
        var document = tenant.Origin == ConfigOrigin.Operator && facts.Declared.GetValueOrDefault(tenant.Id) is { } declared
            ? JsonNode.Parse(declared.Declaration.Document.GetRawText())!.AsObject()
            : TenantDocument.Of(tenant);
        ChangeRequest.Tag(response, tenant.Version);
        return TypedResults.Json(TenantDetail.Of(tenant, [.. KeyItem.Of([tenant], facts, time.GetUtcNow())], document), ProjectionsJson.Default.TenantDetail, statusCode: status);
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
