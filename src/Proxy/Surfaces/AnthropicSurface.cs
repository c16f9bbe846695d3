using System.Globalization;
using System.Text.Json;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace CCGate.Proxy.Surfaces;

/// <summary>The Anthropic Messages API.</summary>
internal sealed class AnthropicSurface : ISurface
{
    public const string Prefix = "/anthropic";

    // Of models and sessions: both go into the event, which is kept for ever.
    private const int LongestName = 200;

    public string Name => "anthropic";

    public async Task<Call> ReadAsync(HttpRequest request, CallKind kind, long maxBodyBytes, CancellationToken cancellationToken)
    {
        if (request.Headers.ContentEncoding.Count > 0)
        {
            throw new RefusedException(RefusalReason.InvalidRequest, "content-encoding: send the request body uncompressed, its price must be read from it.");
        }

        var body = await RequestBody.ReadAsync(request, maxBodyBytes, cancellationToken);
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

    private static Call Read(HttpRequest request, CallKind kind, RequestBody body)
    {
        var found = AnthropicBodyReader.Read(body.Bytes.Span);
        if (string.IsNullOrEmpty(found.Model))
        {
            throw new RefusedException(RefusalReason.InvalidRequest, "model: Field required");
        }

        if (found.Model.Length > LongestName)
        {
            throw new RefusedException(RefusalReason.InvalidRequest, $"model: must be at most {LongestName} characters.");
        }

        if (!found.HasMessages)
        {
            throw new RefusedException(RefusalReason.InvalidRequest, "messages: Field required");
        }

        if (kind == CallKind.Generation && found.MaxTokens is null)
        {
            throw new RefusedException(RefusalReason.InvalidRequest, "max_tokens: Field required");
        }

        body.Model = found.ModelSpan;
        body.MaxOutputTokens = found.MaxTokensSpan;
        return new Call(kind, kind == CallKind.Generation ? "/v1/messages" : "/v1/messages/count_tokens", QueryWithoutKeys(request), found.Model, body)
        {
            Streaming = found.Streaming,
            SessionId = SessionId(request, found.UserId),
            MaxOutputTokens = found.MaxTokens ?? 0,
            ThinkingBudgetTokens = found.ThinkingBudgetTokens,
            PromptTokensBound = found.PromptTokensBound(body.Bytes.Length),
            WebSearchesBound = found.WebSearches,
            Fast = found.Fast,
        };
    }

    private static string QueryWithoutKeys(HttpRequest request)
    {
        if (!request.QueryString.HasValue || !Credential.QueryParameters.Any(request.Query.ContainsKey))
        {
            return request.QueryString.Value ?? "";
        }

        var kept = new List<string>();
        foreach (var pair in new QueryStringEnumerable(request.QueryString.Value))
        {
            if (!Credential.QueryParameters.Contains(pair.DecodeName().ToString(), StringComparer.OrdinalIgnoreCase))
            {
                kept.Add($"{pair.EncodedName}={pair.EncodedValue}");
            }
        }

        return kept.Count == 0 ? "" : "?" + string.Join('&', kept);
    }

    private static string? SessionId(HttpRequest request, string? userId)
    {
        if (request.Headers["X-Claude-Code-Session-Id"] is [{ Length: > 0 and <= LongestName } header, ..])
        {
            return header;
        }

        if (request.Headers["x-session-id"] is [{ Length: > 0 and <= LongestName } other, ..])
        {
            return other;
        }

        return userId is not null && SessionOf(userId) is { Length: > 0 and <= LongestName } named ? named : null;
    }

    /// <summary>Claude Code writes <c>{"device_id":…,"session_id":…}</c> into user_id, older versions <c>user_…_session_…</c>.</summary>
    private static string? SessionOf(string userId)
    {
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
