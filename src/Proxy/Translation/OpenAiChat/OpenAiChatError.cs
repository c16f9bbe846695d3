using System.Text;
using System.Text.Json;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>OpenAI's errors.</summary>
/// <remarks>
/// <code>
/// {"error":{"message":"…","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}
/// {"error":"…"}      mirrors; {"message":"…"} and {"detail":"…"} too; a code may be a number, the status
/// </code>
/// https://platform.openai.com/docs/guides/error-codes
/// </remarks>
internal static class OpenAiChatError
{
    private const int LongestMessage = 2000;
    private static readonly JsonDocumentOptions Syntax = new() { MaxDepth = UsageJson.Syntax.MaxDepth };

    public static Fault Read(int status, ReadOnlyMemory<byte> body)
    {
        try
        {
            var json = JsonElement.Parse(body.Span, Syntax);
            json = json.ValueKind == JsonValueKind.Array && json.GetArrayLength() > 0 ? json[0] : json;
            if (json.ValueKind == JsonValueKind.Object)
            {
                return Read(status, json.TryGetProperty("error"u8, out var error) && error.ValueKind is JsonValueKind.Object or JsonValueKind.String ? error : json);
            }
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            // A proxy's page, or nothing: below.
        }

        var text = Encoding.UTF8.GetString(body.Span[..Math.Min(body.Length, LongestMessage)]).Trim();
        return new Fault(Fault.KindOf(status), status, text.Length == 0 || text[0] == '<' ? $"The upstream answered with status {status}." : text);
    }

    /// <summary>Reads the value of the <c>error</c> member.</summary>
    /// <param name="status">Null in the middle of a stream, which has begun with 200.</param>
    public static Fault Read(int? status, JsonElement error)
    {
        if (error.ValueKind != JsonValueKind.Object)
        {
            var told = status ?? 500;
            return new Fault(Fault.KindOf(told), told, error.ValueKind == JsonValueKind.String ? Shorten(error.GetString()!) : "The upstream failed.");
        }

        var code = UsageJson.Text(error, "code");
        var type = UsageJson.Text(error, "type");
        var number = status ?? StatusIn(error);
        var kind = Named(code) ?? Named(type) ?? Fault.KindOf(number ?? (type == "invalid_request_error" ? 400 : 500));
        return new Fault(kind, number ?? StatusOf(kind), Shorten(Message(error) ?? "The upstream failed and did not say why.")) { Code = code ?? type, Param = UsageJson.Text(error, "param") };
    }

    public static int Write(Fault fault, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        WriteMember(fault, json);
        json.WriteEndObject();
        return StatusOf(fault.Kind);
    }

    public static void WriteMember(Fault fault, Utf8JsonWriter json)
    {
        var (type, code) = fault.Kind switch
        {
            FaultKind.Unauthenticated => ("invalid_request_error", "invalid_api_key"),
            FaultKind.Billing => ("insufficient_quota", "insufficient_quota"),
            FaultKind.PermissionDenied => ("invalid_request_error", "permission_denied"),
            FaultKind.NotFound => ("invalid_request_error", "model_not_found"),
            FaultKind.Timeout => ("server_error", "timeout"),
            FaultKind.TooLarge => ("invalid_request_error", "request_too_large"),
            FaultKind.RateLimited => ("requests", "rate_limit_exceeded"),
            FaultKind.Overloaded => ("server_error", "overloaded"),
            FaultKind.Server => ("server_error", fault.Code),
            _ => ("invalid_request_error", fault.Code),
        };
        json.WriteStartObject("error"u8);
        json.WriteString("message"u8, fault.Message);
        json.WriteString("type"u8, type);
        json.WriteString("param"u8, fault.Param);
        json.WriteString("code"u8, code);
        json.WriteEndObject();
    }

    private static int StatusOf(FaultKind kind) => kind switch
    {
        FaultKind.InvalidRequest => 400,
        FaultKind.Unauthenticated => 401,
        FaultKind.PermissionDenied => 403,
        FaultKind.NotFound => 404,
        FaultKind.Conflict => 409,
        FaultKind.TooLarge => 413,
        FaultKind.Billing or FaultKind.RateLimited => 429,
        FaultKind.Overloaded => 503,
        FaultKind.Timeout => 504,
        _ => 500,
    };

    private static string? Message(JsonElement error) => UsageJson.Text(error, "message") ?? UsageJson.Text(error, "detail") ?? UsageJson.Text(error, "type") ?? UsageJson.Text(error, "code");

    private static int? StatusIn(JsonElement error) =>
        error.TryGetProperty("code"u8, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var said) && said is >= 400 and <= 599 ? said : null;

    /// <summary>What a name says more than the status: two of them share 429, and a stream has none.</summary>
    private static FaultKind? Named(string? name) => name switch
    {
        "insufficient_quota" or "billing_not_active" or "billing_hard_limit_reached" or "billing_error" => FaultKind.Billing,
        "rate_limit_exceeded" or "rate_limit_error" or "requests" or "tokens" => FaultKind.RateLimited,
        "overloaded" or "overloaded_error" or "engine_overloaded_error" or "server_is_overloaded" => FaultKind.Overloaded,
        "invalid_api_key" or "authentication_error" => FaultKind.Unauthenticated,
        "permission_denied" or "permission_error" => FaultKind.PermissionDenied,
        "model_not_found" or "not_found_error" => FaultKind.NotFound,
        "request_too_large" => FaultKind.TooLarge,
        "timeout" or "timeout_error" => FaultKind.Timeout,
        "context_length_exceeded" or "string_above_max_length" => FaultKind.InvalidRequest,
        _ => null,
    };

    private static string Shorten(string text) => text.Length <= LongestMessage ? text : text[..LongestMessage];
}
