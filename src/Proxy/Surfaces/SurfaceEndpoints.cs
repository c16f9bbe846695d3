using CCGate.Proxy.Pipeline;
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
            routes.MapPost($"{prefix}/v1/messages", (HttpContext http, GatewayPipeline pipeline) => pipeline.HandleAsync(http, AnthropicSurface.Instance, CallKind.Generation));
            routes.MapPost($"{prefix}/v1/messages/count_tokens", (HttpContext http, GatewayPipeline pipeline) => pipeline.HandleAsync(http, AnthropicSurface.Instance, CallKind.TokenCount));

            // Claude Code asks these before it has a key, to see whether anybody is there.
            foreach (var probe in (string[])["/", "/api/hello"])
            {
                routes.MapMethods($"{prefix}{probe}", [HttpMethods.Head, HttpMethods.Get], () => TypedResults.Text("CCGate\n"));
            }
        }

        foreach (var prefix in (string[])["", OpenAiSurface.Prefix])
        {
            foreach (var surface in (OpenAiSurface[])[OpenAiSurface.Chat, OpenAiSurface.Responses, OpenAiSurface.Embeddings])
            {
                routes.MapPost(prefix + surface.Path, (HttpContext http, GatewayPipeline pipeline) => pipeline.HandleAsync(http, surface, CallKind.Generation));
            }
        }

        foreach (var prefix in (string[])["", GeminiSurface.Prefix])
        {
            routes.MapPost($"{prefix}/v1beta/models/{{**{GeminiSurface.Target}}}", (HttpContext http, GatewayPipeline pipeline) =>
                pipeline.HandleAsync(http, GeminiSurface.Instance, GeminiSurface.KindOf(http.Request)));
            MapRest(routes, $"{prefix}/v1beta", _ => ModelList.Gemini);
        }

        MapRest(routes, $"{AnthropicSurface.Prefix}/v1", _ => ModelList.Anthropic);
        MapRest(routes, $"{OpenAiSurface.Prefix}/v1", _ => ModelList.OpenAi);

        // Without the name in front, the header that Anthropic's clients must send tells whose path it is.
        MapRest(routes, "/v1", http => http.Request.Headers.ContainsKey("anthropic-version") ? ModelList.Anthropic : ModelList.OpenAi);
    }

    /// <summary>The models, and a refusal of whatever else is asked for.</summary>
    private static void MapRest(IEndpointRouteBuilder routes, string prefix, Func<HttpContext, ModelList> listFor)
    {
        routes.MapGet($"{prefix}/models", (HttpContext http, ModelsEndpoint models) => models.ListAsync(http, listFor(http)));
        routes.MapGet($"{prefix}/models/{{**id}}", (string id, HttpContext http, ModelsEndpoint models) => models.GetAsync(id, http, listFor(http)));
        routes.MapFallback($"{prefix}/{{**path}}", (HttpContext http, GatewayPipeline pipeline) => pipeline.AnswerAsync(
            http, listFor(http).Surface, _ => throw new RefusedException(RefusalReason.NotFound, $"{http.Request.Method} {http.Request.Path} is not served here.")));
    }
}
