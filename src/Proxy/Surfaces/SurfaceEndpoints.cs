using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

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
                routes.MapMethods($"{prefix}{probe}", [HttpMethods.Head, HttpMethods.Get], () => TypedResults.Text("CCGate\n")).AllowAnonymous().ExcludeFromDescription();
            }
        }

        foreach (var prefix in (string[])["", OpenAiSurface.Prefix])
        {
            foreach (var surface in (OpenAiSurface[])[OpenAiSurface.Chat, OpenAiSurface.Responses, OpenAiSurface.Embeddings])
            {
                routes.MapPost(prefix + surface.Path, (HttpContext http, GatewayPipeline pipeline) =>
                    IsClosed(http, surface) ? CloseAsync(http, pipeline, surface) : pipeline.HandleAsync(http, surface, CallKind.Generation));
            }

            routes.MapPost(prefix + OpenAiSurface.CountPath, (HttpContext http, GatewayPipeline pipeline) => pipeline.HandleAsync(http, OpenAiSurface.Responses, CallKind.TokenCount));
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
        routes.MapGet($"{prefix}/models", (HttpContext http, ModelsEndpoint models, GatewayPipeline pipeline) =>
            listFor(http) is var list && IsClosed(http, list.Surface) ? CloseAsync(http, pipeline, list.Surface) : models.ListAsync(http, list));
        routes.MapGet($"{prefix}/models/{{**id}}", (string id, HttpContext http, ModelsEndpoint models, GatewayPipeline pipeline) =>
            listFor(http) is var list && IsClosed(http, list.Surface) ? CloseAsync(http, pipeline, list.Surface) : models.GetAsync(id, http, list));
        routes.MapFallback($"{prefix}/{{**path}}", (HttpContext http, GatewayPipeline pipeline) => pipeline.AnswerAsync(
            http, listFor(http).Surface, _ => throw new RefusedException(RefusalReason.NotFound, $"{http.Request.Method} {http.Request.Path} is not served here.")));
    }

    private static bool IsClosed(HttpContext http, ISurface surface) => surface is OpenAiSurface && !http.RequestServices.GetRequiredService<ConfigSource>().Current.OpenAi.Enabled;

    private static Task CloseAsync(HttpContext http, GatewayPipeline pipeline, ISurface surface) =>
        pipeline.AnswerAsync(http, surface, _ => throw new RefusedException(RefusalReason.NotFound, "The paths of OpenAI's protocol are closed (server.json: openai.enabled)."));
}
