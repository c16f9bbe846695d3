using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Surfaces;

/// <summary>One of OpenAI's endpoints: chat completions, responses or embeddings.</summary>
internal sealed class OpenAiSurface(OpenAiForm form) : ISurface
{
    public const string Prefix = "/openai";
    public const string CountPath = "/v1/responses/input_tokens";
    private const string BrokenCode = "upstream_truncated";
    public static readonly OpenAiSurface Chat = new(OpenAiForm.Chat);
    public static readonly OpenAiSurface Responses = new(OpenAiForm.Responses);
    public static readonly OpenAiSurface Embeddings = new(OpenAiForm.Embeddings);

    public string Name => "openai";

    public string Path => form switch
    {
        OpenAiForm.Chat => "/v1/chat/completions",
        OpenAiForm.Responses => "/v1/responses",
        _ => "/v1/embeddings",
    };

    public async Task<Call> ReadAsync(HttpRequest request, CallKind kind, long maxBodyBytes, CancellationToken cancellationToken)
    {
        var body = await ClientRequest.ReadBodyAsync(request, maxBodyBytes, cancellationToken);
        try
        {
            return Read(request, kind, body);
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    public async Task WriteRefusalAsync(HttpContext http, Refusal refusal, int budgetStatus)
    {
        var (status, type, code) = refusal.Reason switch
        {
            RefusalReason.Unauthenticated => (401, "invalid_request_error", "invalid_api_key"),
            RefusalReason.TenantDisabled => (403, "invalid_request_error", "permission_denied"),
            RefusalReason.ModelNotAllowed or RefusalReason.Unpriced => (403, "invalid_request_error", "model_not_found"),
            RefusalReason.ModelNotFound => (404, "invalid_request_error", "model_not_found"),
            RefusalReason.NotFound => (404, "invalid_request_error", null),
            RefusalReason.InvalidRequest => (400, "invalid_request_error", null),
            RefusalReason.BodyTooLarge => (413, "invalid_request_error", "request_too_large"),
            RefusalReason.BudgetExhausted => (429, "insufficient_quota", "insufficient_quota"),
            RefusalReason.RateLimited => (429, "requests", "rate_limit_exceeded"),
            _ => (503, "server_error", null),
        };
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        refusal.WriteLimit(http.Response.Headers);
        await using var json = new Utf8JsonWriter(http.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteStartObject("error"u8);
        json.WriteString("message"u8, refusal.Message);
        json.WriteString("type"u8, type);
        json.WriteNull("param"u8);
        json.WriteString("code"u8, code);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    public void WriteTokenCount(long tokens, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("object"u8, "response.input_tokens"u8);
        json.WriteNumber("input_tokens"u8, tokens);
        json.WriteEndObject();
    }

    public byte[] BrokenStream(string message, string requestId, long sequence)
    {
        var isResponse = form == OpenAiForm.Responses;
        return SseFrame.Write(isResponse ? "error" : null, json =>
        {
            if (isResponse)
            {
                json.WriteString("type"u8, "error"u8);
                json.WriteString("code"u8, BrokenCode);
                json.WriteString("message"u8, message);
                json.WriteNull("param"u8);
                json.WriteNumber("sequence_number"u8, sequence);
            }

            // The documented event of responses has no such member, but the SDKs throw for nothing else.
            json.WriteStartObject("error"u8);
            json.WriteString("message"u8, message);
            json.WriteString("type"u8, "server_error"u8);
            json.WriteString("code"u8, BrokenCode);
            json.WriteEndObject();
        });
    }

    private Call Read(HttpRequest request, CallKind kind, RequestBody body)
    {
        // Codex sends session_id, or session-id; older ones conversation_id too. OpenCode sends x-session-affinity.
        var session = ClientRequest.SessionHeader(request, "x-session-id", "session_id", "session-id", "conversation_id", "x-session-affinity");
        var hasCache = form != OpenAiForm.Embeddings;
        var found = OpenAiBodyReader.Read(body.Bytes.Span, form, readsPrefix: hasCache && kind == CallKind.Generation && session is null);
        var model = ClientRequest.Model(found.Model);
        if (!found.HasInput && form != OpenAiForm.Responses)
        {
            throw ClientRequest.Missing(form == OpenAiForm.Chat ? "messages" : "input");
        }

        session ??= ClientRequest.Session(found.CacheKey);
        body.Model = found.ModelSpan;
        body.OutputLimits = found.OutputLimits();
        body.Addition = found.UsageRequest;
        return new Call(kind, kind == CallKind.TokenCount ? CountPath : Path, ClientRequest.QueryWithoutKeys(request), model, body)
        {
            // api.openai.com serves all of them; who else speaks OpenAI's protocol often knows nothing of responses.
            Upstreams = form == OpenAiForm.Responses ? UpstreamKind.OpenAiResponses : UpstreamKind.OpenAi,
            AnyKind = form != OpenAiForm.Embeddings,
            Streaming = found.Streaming,
            SessionId = session,
            Affinity = hasCache && kind == CallKind.Generation ? ClientRequest.Affinity(session, found.Prefix, ClientRequest.SessionHeader(request, "thread-id", "x-openai-subagent")) : null, // Of Codex's agents.
            MaxOutputTokens = found.MaxOutputTokens,
            Choices = found.Choices,
            PromptTokensBound = found.PromptTokensBound(body.Bytes.Length),
            WebSearchesBound = found.WebSearches,
            HidesUsage = found.UsageRequest is not null,
        };
    }
}
