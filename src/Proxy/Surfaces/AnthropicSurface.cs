using System.Text.Json;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Surfaces;

/// <summary>The Anthropic Messages API.</summary>
internal sealed class AnthropicSurface : ISurface
{
    public const string Prefix = "/anthropic";
    public static readonly AnthropicSurface Instance = new();

    public string Name => "anthropic";

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
        var (status, type) = refusal.Reason switch
        {
            RefusalReason.Unauthenticated => (401, "authentication_error"),
            RefusalReason.TenantDisabled or RefusalReason.ModelNotAllowed or RefusalReason.Unpriced => (403, "permission_error"),
            RefusalReason.ModelNotFound or RefusalReason.NotFound => (404, "not_found_error"),
            RefusalReason.InvalidRequest => (400, "invalid_request_error"),
            RefusalReason.BodyTooLarge => (413, "request_too_large"),
            RefusalReason.BudgetExhausted => (budgetStatus, budgetStatus == 402 ? "billing_error" : "rate_limit_error"),
            RefusalReason.RateLimited => (429, "rate_limit_error"),
            RefusalReason.Overloaded => (529, "overloaded_error"),
            _ => (503, "api_error"),
        };
        var response = http.Response;
        response.StatusCode = status;
        response.ContentType = "application/json";
        refusal.WriteLimit(response.Headers);

        await using var json = new Utf8JsonWriter(response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("type"u8, "error"u8);
        json.WriteStartObject("error"u8);
        json.WriteString("type"u8, type);
        json.WriteString("message"u8, refusal.Message);
        json.WriteEndObject();
        json.WriteString("request_id"u8, response.Headers[GatewayHeaders.RequestId].ToString());
        json.WriteEndObject();
    }

    public void WriteTokenCount(long tokens, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("input_tokens"u8, tokens);
        json.WriteEndObject();
    }

    public byte[] BrokenStream(string message, string requestId, long sequence) => SseFrame.Write("error", json =>
    {
        json.WriteString("type"u8, "error"u8);
        json.WriteStartObject("error"u8);
        json.WriteString("type"u8, "api_error"u8);
        json.WriteString("message"u8, message);
        json.WriteEndObject();
        json.WriteString("request_id"u8, requestId);
    });

    private static Call Read(HttpRequest request, CallKind kind, RequestBody body)
    {
        // Counting tokens reads no cache, so it may be done anywhere.
        var session = ClientRequest.SessionHeader(request, "X-Claude-Code-Session-Id", "x-session-id", "x-session-affinity");
        var found = AnthropicBodyReader.Read(body.Bytes.Span, readsPrefix: kind == CallKind.Generation && session is null);
        var model = ClientRequest.Model(found.Model);
        if (!found.HasMessages)
        {
            throw ClientRequest.Missing("messages");
        }

        if (kind == CallKind.Generation && found.MaxTokens is null)
        {
            throw ClientRequest.Missing("max_tokens");
        }

        session ??= ClientRequest.Session(SessionOf(found.UserId));
        var readings = found.Compacts && kind == CallKind.Generation ? 2 : 1;
        body.Model = found.ModelSpan;
        body.OutputLimits = found.MaxTokens is null ? [] : [new OutputLimit(found.MaxTokensSpan, found.MaxTokens)];
        return new Call(kind, kind == CallKind.Generation ? "/v1/messages" : "/v1/messages/count_tokens", ClientRequest.QueryWithoutKeys(request), model, body)
        {
            AnyKind = true,
            Streaming = found.Streaming,
            SessionId = session,
            Affinity = kind == CallKind.Generation ? ClientRequest.Affinity(session, found.Prefix, ClientRequest.SessionHeader(request, "x-claude-code-agent-id")) : null,
            MaxOutputTokens = found.MaxTokens ?? 0,
            ThinkingBudgetTokens = found.ThinkingBudgetTokens,
            PromptTokensBound = found.PromptTokensBound(body.Bytes.Length) * readings,
            WebSearchesBound = found.WebSearches,
            Choices = readings,
            Advisors = found.Advisors,
            Fast = found.Fast,
        };
    }

    /// <summary>Claude Code writes <c>{"device_id":…,"session_id":…}</c> into user_id, older versions <c>user_…_session_…</c>.</summary>
    private static string? SessionOf(string? userId)
    {
        if (userId is null)
        {
            return null;
        }

        if (userId.StartsWith('{'))
        {
            try
            {
                using var document = JsonDocument.Parse(userId);
                return document.RootElement.TryGetProperty("session_id", out var id) && id.ValueKind == JsonValueKind.String ? id.GetString() : null;
            }
            catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
            {
                return null;
            }
        }

        var marker = userId.LastIndexOf("_session_", StringComparison.Ordinal);
        return marker < 0 ? null : userId[(marker + "_session_".Length)..];
    }
}
