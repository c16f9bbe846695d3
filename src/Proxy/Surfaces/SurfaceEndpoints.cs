using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Proxy.Surfaces;

/// <summary>The paths of the surfaces: each with the name of its surface in front and without.</summary>
/// <remarks>Request delegates, for which nothing has to be bound: each looks after its request by itself.</remarks>
internal sealed class SurfaceEndpoints(GatewayPipeline pipeline, ModelsEndpoint models, ConfigSource config)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        foreach (var prefix in (string[])["", AnthropicSurface.Prefix])
        {
            routes.MapPost($"{prefix}/v1/messages", http => pipeline.HandleAsync(http, AnthropicSurface.Instance, CallKind.Generation));
            routes.MapPost($"{prefix}/v1/messages/count_tokens", http => pipeline.HandleAsync(http, AnthropicSurface.Instance, CallKind.TokenCount));

            // Claude Code asks these before it has a key, to see whether anybody is there.
            foreach (var probe in (string[])["/", "/api/hello"])
            {
                routes.MapMethods($"{prefix}{probe}", [HttpMethods.Head, HttpMethods.Get], http => TypedResults.Text("CCGate\n").ExecuteAsync(http)).AllowAnonymous().ExcludeFromDescription();
            }
        }

        foreach (var prefix in (string[])["", OpenAiSurface.Prefix])
        {
            foreach (var surface in (OpenAiSurface[])[OpenAiSurface.Chat, OpenAiSurface.Responses, OpenAiSurface.Embeddings])
            {
                routes.MapPost(prefix + surface.Path, http =>
                    IsClosed(surface) ? CloseAsync(http, surface) : pipeline.HandleAsync(http, surface, CallKind.Generation));
            }

            routes.MapPost(prefix + OpenAiSurface.CountPath, http => pipeline.HandleAsync(http, OpenAiSurface.Responses, CallKind.TokenCount));
        }

        foreach (var prefix in (string[])["", GeminiSurface.Prefix])
        {
            routes.MapPost($"{prefix}/v1beta/models/{{**{GeminiSurface.Target}}}", http =>
                pipeline.HandleAsync(http, GeminiSurface.Instance, GeminiSurface.KindOf(http.Request)));
            MapRest(routes, $"{prefix}/v1beta", _ => ModelList.Gemini);
        }

        MapRest(routes, $"{AnthropicSurface.Prefix}/v1", _ => ModelList.Anthropic);
        MapRest(routes, $"{OpenAiSurface.Prefix}/v1", _ => ModelList.OpenAi);

        // Without the name in front, the header that Anthropic's clients must send tells whose path it is.
        MapRest(routes, "/v1", http => http.Request.Headers.ContainsKey("anthropic-version") ? ModelList.Anthropic : ModelList.OpenAi);
    }

    /// <summary>The models, and a refusal of whatever else is asked for.</summary>
    private void MapRest(IEndpointRouteBuilder routes, string prefix, Func<HttpContext, ModelList> listFor)
    {
        routes.MapGet($"{prefix}/models", http =>
            listFor(http) is var list && IsClosed(list.Surface) ? CloseAsync(http, list.Surface) : models.ListAsync(http, list));
        routes.MapGet($"{prefix}/models/{{**id}}", http =>
            listFor(http) is var list && IsClosed(list.Surface) ? CloseAsync(http, list.Surface) : models.GetAsync(http.GetRouteValue("id") as string ?? "", http, list));
        routes.MapFallback($"{prefix}/{{**path}}", http => pipeline.AnswerAsync(
            http, listFor(http).Surface, _ => throw new RefusedException(RefusalReason.NotFound, $"{http.Request.Method} {http.Request.Path} is not served here.")));
    }

    private bool IsClosed(ISurface surface) => surface is OpenAiSurface && !config.Current.OpenAi.Enabled;

    private Task CloseAsync(HttpContext http, ISurface surface) =>
        pipeline.AnswerAsync(http, surface, _ => throw new RefusedException(RefusalReason.NotFound, "The paths of OpenAI's protocol are closed (server.json: openai.enabled)."));
}
