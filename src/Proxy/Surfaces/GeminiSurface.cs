using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Proxy.Surfaces;

/// <summary>The Gemini API, where the path names the model and what is asked of it: <c>/v1beta/models/{model}:generateContent</c>.</summary>
internal sealed class GeminiSurface : ISurface
{
    public const string Prefix = "/gemini";
    public static readonly GeminiSurface Instance = new();

    /// <summary>The route value that holds the model and the method.</summary>
    public const string Target = "target";

    public const string CountMethod = "countTokens";
    private const string StreamMethod = "streamGenerateContent";

    public string Name => "gemini";

    /// <summary>What a path asks for; counting tokens is free.</summary>
    public static CallKind KindOf(HttpRequest request) => MethodOf(request) == CountMethod ? CallKind.TokenCount : CallKind.Generation;

    public async Task<Call> ReadAsync(HttpRequest request, CallKind kind, long maxBodyBytes, CancellationToken cancellationToken)
    {
        var method = MethodOf(request);
        if (method is not (CountMethod or StreamMethod or "generateContent"))
        {
            throw new RefusedException(RefusalReason.NotFound, $"{request.Method} {request.Path} is not served here.");
        }

        var model = ClientRequest.Model(TargetOf(request)[..^(method.Length + 1)]);
        var body = await ClientRequest.ReadBodyAsync(request, maxBodyBytes, cancellationToken);
        try
        {
            return Read(request, kind, model, method, body);
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    public async Task WriteRefusalAsync(HttpContext http, Refusal refusal, int budgetStatus)
    {
        var (status, name) = refusal.Reason switch
        {
            RefusalReason.Unauthenticated => (401, "UNAUTHENTICATED"),
            RefusalReason.TenantDisabled or RefusalReason.ModelNotAllowed or RefusalReason.Unpriced => (403, "PERMISSION_DENIED"),
            RefusalReason.ModelNotFound or RefusalReason.NotFound => (404, "NOT_FOUND"),
            RefusalReason.InvalidRequest => (400, "INVALID_ARGUMENT"),
            RefusalReason.BodyTooLarge => (413, "INVALID_ARGUMENT"),
            RefusalReason.BudgetExhausted or RefusalReason.RateLimited => (429, "RESOURCE_EXHAUSTED"),
            _ => (503, "UNAVAILABLE"),
        };
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        refusal.WriteLimit(http.Response.Headers);
        await using var json = new Utf8JsonWriter(http.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteStartObject("error"u8);
        json.WriteNumber("code"u8, status);
        json.WriteString("message"u8, refusal.Message);
        json.WriteString("status"u8, name);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    public void WriteTokenCount(long tokens, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("totalTokens"u8, tokens);
        json.WriteEndObject();
    }

    public byte[] BrokenStream(string message, string requestId, long sequence) => SseFrame.Write(null, json =>
    {
        json.WriteStartObject("error"u8);
        json.WriteNumber("code"u8, 503);
        json.WriteString("message"u8, message);
        json.WriteString("status"u8, "UNAVAILABLE"u8);
        json.WriteEndObject();
    });

    private static Call Read(HttpRequest request, CallKind kind, string model, string method, RequestBody body)
    {
        // Gemini CLI names an installation, but no session.
        var session = ClientRequest.SessionHeader(request, "x-session-id", "x-session-affinity");
        var found = GeminiBodyReader.Read(body.Bytes.Span, readsPrefix: kind == CallKind.Generation && session is null);
        if (kind == CallKind.Generation && !found.HasContents)
        {
            throw ClientRequest.Missing("contents");
        }

        body.OutputLimits = [found.OutputLimit];
        return new Call(kind, $"/v1beta/models/{Call.ModelInPath}:{method}", ClientRequest.QueryWithoutKeys(request), model, body)
        {
            Upstreams = UpstreamKind.Gemini,
            AnyKind = true,
            Streaming = method == StreamMethod,
            SessionId = session,
            Affinity = kind == CallKind.Generation ? ClientRequest.Affinity(session, found.Prefix, agent: null) : null,
            MaxOutputTokens = found.MaxOutputTokens,
            Choices = found.Choices,
            ThinkingBudgetTokens = found.ThinkingBudgetTokens,
            PromptTokensBound = found.PromptTokensBound(body.Bytes.Length),
            WebSearchesBound = found.WebSearches,
        };
    }

    private static string TargetOf(HttpRequest request) => request.HttpContext.GetRouteValue(Target) as string ?? "";

    private static string MethodOf(HttpRequest request)
    {
        var target = TargetOf(request);
        var colon = target.LastIndexOf(':');
        return colon < 0 ? "" : target[(colon + 1)..];
    }
}
