using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Proxy.Surfaces;

/// <summary>The paths of the surfaces: each with the name of its surface in front and without.</summary>
internal static class SurfaceEndpoints
{
    public static void MapSurfaces(this IEndpointRouteBuilder routes)
    {
        foreach (var prefix in (string[])["", AnthropicSurface.Prefix])
        {
            routes.MapPost($"{prefix}/v1/messages", (HttpContext http, GatewayPipeline pipeline, AnthropicSurface surface) => pipeline.HandleAsync(http, surface, CallKind.Generation));
            routes.MapPost($"{prefix}/v1/messages/count_tokens", (HttpContext http, GatewayPipeline pipeline, AnthropicSurface surface) => pipeline.HandleAsync(http, surface, CallKind.TokenCount));
            routes.MapGet($"{prefix}/v1/models", AnthropicModelsEndpoint.ListAsync);
            routes.MapGet($"{prefix}/v1/models/{{id}}", AnthropicModelsEndpoint.GetAsync);

            routes.MapFallback($"{prefix}/v1/{{**path}}", (HttpContext http, GatewayPipeline pipeline, AnthropicSurface surface) => pipeline.AnswerAsync(
                http, surface, _ => throw new RefusedException(RefusalReason.NotFound, $"{http.Request.Method} {http.Request.Path} is not served here.")));

            // Claude Code asks these before it has a key, to see whether anybody is there.
            foreach (var probe in (string[])["/", "/api/hello"])
            {
                routes.MapMethods($"{prefix}{probe}", [HttpMethods.Head, HttpMethods.Get], () => TypedResults.Text("CCGate\n"));
            }
        }
    }
}

/// <summary>The models a tenant may use, in Anthropic's shape.</summary>
internal static class AnthropicModelsEndpoint
{
    private const int LargestPage = 1000;
    private const int DefaultPage = 20; // Anthropic's own.

    // The catalogue says nothing of dates; clients sort by them and read nothing into them.
    private const string CreatedAt = "1970-01-01T00:00:00Z";

    public static Task ListAsync(HttpContext http, GatewayPipeline pipeline, AnthropicSurface surface, ApiKeyAuthenticator authenticator, ModelAccess access, ConfigSource config) =>
        pipeline.AnswerAsync(http, surface, _ =>
        {
            var names = access.List(authenticator.Authenticate(http.Request).Tenant, config.Current.Prices);
            var query = http.Request.Query;
            var limit = int.TryParse(query["limit"], out var asked) ? Math.Clamp(asked, 1, LargestPage) : DefaultPage;
            var (page, hasMore) = Page([.. names], query["after_id"], query["before_id"], limit);
            return WriteAsync(http.Response, json =>
            {
                json.WriteStartObject();
                json.WriteStartArray("data"u8);
                foreach (var name in page)
                {
                    WriteModel(json, name);
                }

                json.WriteEndArray();
                json.WriteBoolean("has_more"u8, hasMore);
                json.WriteString("first_id"u8, page.Length > 0 ? page[0] : null);
                json.WriteString("last_id"u8, page.Length > 0 ? page[^1] : null);
                json.WriteEndObject();
            });
        });

    public static Task GetAsync(string id, HttpContext http, GatewayPipeline pipeline, AnthropicSurface surface, ApiKeyAuthenticator authenticator, ModelAccess access) =>
        pipeline.AnswerAsync(http, surface, _ =>
        {
            access.Resolve(authenticator.Authenticate(http.Request).Tenant, id);
            return WriteAsync(http.Response, json => WriteModel(json, id));
        });

    private static (string[] Page, bool HasMore) Page(string[] names, string? after, string? before, int limit)
    {
        if (!string.IsNullOrEmpty(before) && Array.IndexOf(names, before) is >= 0 and var end)
        {
            return (names[Math.Max(0, end - limit)..end], end > limit);
        }

        var start = string.IsNullOrEmpty(after) ? 0 : Array.IndexOf(names, after) + 1;
        var page = names.Skip(start).Take(limit).ToArray();
        return (page, start + page.Length < names.Length);
    }

    private static void WriteModel(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "model");
        json.WriteString("id"u8, name);
        json.WriteString("display_name"u8, name);
        json.WriteString("created_at"u8, CreatedAt);
        json.WriteEndObject();
    }

    private static async Task WriteAsync(HttpResponse response, Action<Utf8JsonWriter> write)
    {
        response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(response.BodyWriter);
        write(json);
    }
}
