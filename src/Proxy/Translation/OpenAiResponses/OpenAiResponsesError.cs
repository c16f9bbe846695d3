using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Errors, in an answer of their own and in a stream.</summary>
/// <remarks>
/// <code>
/// {"error":{"message":…,"type":"invalid_request_error","param":"input[0]","code":"context_length_exceeded"}}
/// data: {"type":"error","code":…,"message":…,"param":…}                          or with an "error" object of these
/// data: {"type":"response.failed","response":{"error":{"code":…,"message":…},…}}
/// </code>
/// </remarks>
internal static class OpenAiResponsesError
{
    private const int MaxMessageChars = 1000;

    public static Fault Read(int status, ReadOnlyMemory<byte> body)
    {
        try
        {
            var document = JsonElement.Parse(body.Span, ResponsesJson.Syntax);
            if (ResponsesJson.Child(document, "error") is { } error)
            {
                return Read(status, error);
            }

            if ((ResponsesJson.Text(document, "error") ?? ResponsesJson.Text(document, "message") ?? ResponsesJson.Text(document, "detail")) is { } message)
            {
                return new Fault(Fault.KindOf(status), status, Short(message));
            }
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            // A page, or nothing: the status says what there is to say.
        }

        var text = Encoding.UTF8.GetString(body.Span[..Math.Min(body.Length, MaxMessageChars)]).Trim();
        return new Fault(Fault.KindOf(status), status, text.Length > 0 && text[0] != '<' ? text : $"The upstream answered with status {status}.");
    }

    /// <summary>What a stream says of its failure: its status is the one that its code would have had.</summary>
    public static Fault ReadInStream(JsonElement error)
    {
        var status = Code(error) switch
        {
            "rate_limit_exceeded" or "insufficient_quota" or "usage_limit_reached" => 429,
            "server_is_overloaded" or "slow_down" or "overloaded_error" => 503,
            null or "server_error" or "vector_store_timeout" => 500,
            _ => 400,
        };
        return Read(status, error);
    }

    /// <summary>Writes the error for a client and says its status.</summary>
    public static int Write(Fault fault, Utf8JsonWriter json)
    {
        var (status, type, code) = fault.Kind switch
        {
            FaultKind.Unauthenticated => (401, "invalid_request_error", "invalid_api_key"),
            FaultKind.Billing => (429, "insufficient_quota", "insufficient_quota"),
            FaultKind.PermissionDenied => (403, "invalid_request_error", "permission_denied"),
            FaultKind.NotFound => (404, "invalid_request_error", "not_found"),
            FaultKind.Timeout => (504, "server_error", "timeout"),
            FaultKind.Conflict => (409, "invalid_request_error", "conflict"),
            FaultKind.TooLarge => (413, "invalid_request_error", "request_too_large"),
            FaultKind.RateLimited => (429, "requests", "rate_limit_exceeded"),
            FaultKind.Overloaded => (503, "server_error", "server_is_overloaded"),
            FaultKind.Server => (fault.Status is >= 500 and <= 599 ? fault.Status : 500, "server_error", "server_error"),
            _ => (fault.Status is >= 400 and <= 499 ? fault.Status : 400, "invalid_request_error", null),
        };
        json.WriteStartObject();
        json.WriteStartObject("error"u8);
        json.WriteString("message"u8, fault.Message);
        json.WriteString("type"u8, type);
        json.WriteString("param"u8, fault.Param);
        json.WriteString("code"u8, fault.Code is "context_length_exceeded" or "model_not_found" ? fault.Code : code);
        json.WriteEndObject();
        json.WriteEndObject();
        return status;
    }

    /// <summary>By these Codex tells what may be tried again: codex-rs/codex-api/src/sse/responses.rs.</summary>
    public static string CodeInStream(Fault fault) => fault.Kind switch
    {
        _ when fault.Code is "context_length_exceeded" => "context_length_exceeded",
        FaultKind.Billing => "insufficient_quota",
        FaultKind.RateLimited => "rate_limit_exceeded",
        FaultKind.Overloaded => "server_is_overloaded",
        FaultKind.InvalidRequest or FaultKind.TooLarge => "invalid_prompt",
        _ => "server_error",
    };

    private static Fault Read(int status, JsonElement error)
    {
        var code = Code(error);
        var kind = code is "insufficient_quota" or "billing_hard_limit_reached" ? FaultKind.Billing : Fault.KindOf(status);
        return new Fault(kind, status, Short(ResponsesJson.Text(error, "message") ?? $"The upstream failed ({code ?? "without saying why"})."))
        {
            Code = code,
            Param = ResponsesJson.Text(error, "param"),
        };
    }

    // An event that is the error itself has its own name as its type.
    private static string? Code(JsonElement error) =>
        ResponsesJson.Text(error, "code") ?? (ResponsesJson.Text(error, "type") is { } type and not ("error" or "response.failed") ? type : null);

    private static string Short(string message) => message.Length <= MaxMessageChars ? message : message[..MaxMessageChars];
}
