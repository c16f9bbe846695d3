using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using CCGate.Hosting.Operators;
using CCGate.Hosting.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Usage;

/// <summary><c>/usage</c> as the Node project answered it, so that its page and its users' scripts go on working.</summary>
internal static class NodeUsageEndpoints
{
    /// <summary>The body is a key or a password; nothing longer is read.</summary>
    private const int MaxBodyBytes = 64 * 1024;

    public static void MapNodeUsage(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost("/usage", PostAsync);
        endpoints.MapGet("/usage", GetAsync);
    }

    private static async Task<IResult> PostAsync(
        HttpRequest request, TenantDirectory tenants, OperatorAuthentication operators, NodeUsageReader usage, TimeProvider time, CancellationToken cancellationToken)
    {
        var body = await ReadAsync(request, cancellationToken);
        switch (body)
        {
            case null:
                return Error(StatusCodes.Status400BadRequest, "The body must be JSON with a 'type' of 'tenant' or 'admin'.");
            case { Type: "tenant" }:
                return await TenantAsync(body.ApiKey, tenants, usage, time, cancellationToken);
            case { Type: "admin" } when operators.IsOperator(body.Username ?? "", body.Password ?? ""):
                return Answer("admin", await usage.AdminAsync(cancellationToken), ProjectionsJson.Default.NodeUsageAnswerNodeAdminContent);
            case { Type: "admin" }:
                return Error(StatusCodes.Status401Unauthorized, "The username or password is not that of 'admin' in server.json.");
            default:
                return Error(StatusCodes.Status400BadRequest, "The 'type' must be 'tenant' or 'admin'.");
        }
    }

    private static Task<IResult> GetAsync(HttpRequest request, TenantDirectory tenants, NodeUsageReader usage, TimeProvider time, CancellationToken cancellationToken) =>
        TenantAsync(Credential.Read(request).Key, tenants, usage, time, cancellationToken);

    private static async Task<IResult> TenantAsync(
        string? key, TenantDirectory tenants, NodeUsageReader usage, TimeProvider time, CancellationToken cancellationToken) =>
        (string.IsNullOrEmpty(key) ? null : tenants.Find(key)) switch
        {
            null => Error(StatusCodes.Status401Unauthorized, "No tenant has this key."),
            var found when found.Refusal(time.GetUtcNow()) is { } refusal => Error(StatusCodes.Status401Unauthorized, refusal.Message),
            var found => Answer(
                "tenant", await usage.TenantAsync(found.Tenant, cancellationToken), ProjectionsJson.Default.NodeUsageAnswerNodeTenantContent),
        };

    /// <summary>Null when the body is not what it should be, whatever its content type: the Node project did not look at that.</summary>
    private static async Task<NodeUsageRequest?> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        if (request.ContentLength > MaxBodyBytes)
        {
            return null;
        }

        try
        {
            var buffer = new byte[MaxBodyBytes];
            var length = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
            return JsonSerializer.Deserialize(buffer.AsSpan(0, length), ProjectionsJson.Default.NodeUsageRequest);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonHttpResult<NodeUsageAnswer<TContent>> Answer<TContent>(string type, TContent content, JsonTypeInfo<NodeUsageAnswer<TContent>> json) =>
        TypedResults.Json(new NodeUsageAnswer<TContent>(type, content), json);

    private static JsonHttpResult<NodeUsageError> Error(int status, string message) =>
        TypedResults.Json(new NodeUsageError(message), ProjectionsJson.Default.NodeUsageError, statusCode: status);
}
