using System.Text.Json;
using CCGate.Proxy.Usage;
using static CCGate.Proxy.Translation.Anthropic.AnthropicRequest;

namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>Reads and writes errors of the Messages API.</summary>
/// <remarks><code>{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_…"}</code>
/// https://platform.claude.com/docs/en/api/errors</remarks>
internal static class AnthropicError
{
    private const string TooLong = "prompt is too long";
    private const string ContextLength = "context_length_exceeded";
    private const int MaxMessageChars = 4096;

    public static Fault Read(int status, ReadOnlyMemory<byte> body)
    {
        try
        {
            var json = JsonElement.Parse(body.Span, new JsonDocumentOptions { MaxDepth = 64 });
            if (json.ValueKind == JsonValueKind.Object)
            {
                return Read(status, json);
            }
        }
        catch (Exception error) when (AnthropicAnswer.IsUnreadable(error))
        {
            // A page of HTML from something in between, say.
        }

        return new Fault(Fault.KindOf(status), status, $"The upstream answered {status}.");
    }

    /// <param name="status">Null in a stream, where there is none.</param>
    public static Fault Read(int? status, JsonElement body)
    {
        var error = UsageJson.Child(body, "error") ?? body;
        var kind = KindOf(Text(error, "type")) ?? (status is { } known ? Fault.KindOf(known) : FaultKind.Server);
        var message = Text(error, "message") ?? Text(body, "error") ?? $"The upstream answered {status ?? StatusOf(kind)}.";
        return new Fault(kind, status ?? StatusOf(kind), message.Length > MaxMessageChars ? message[..MaxMessageChars] : message)
        {
            Code = message.StartsWith(TooLong, StringComparison.OrdinalIgnoreCase) ? ContextLength : null,
        };
    }

    public static int Write(Fault fault, string? requestId, Utf8JsonWriter json)
    {
        // By these words Claude Code knows that it has to shorten the conversation.
        var message = fault.Code == ContextLength && !fault.Message.StartsWith(TooLong, StringComparison.OrdinalIgnoreCase)
            ? $"{TooLong}: {fault.Message}"
            : fault.Message;
        json.WriteStartObject();
        json.WriteString("type"u8, "error"u8);
        json.WriteStartObject("error"u8);
        json.WriteString("type"u8, TypeOf(fault.Kind));
        json.WriteString("message"u8, message);
        json.WriteEndObject();
        if (requestId is not null)
        {
            json.WriteString("request_id"u8, requestId);
        }

        json.WriteEndObject();
        return StatusOf(fault.Kind);
    }

    private static FaultKind? KindOf(string? type) => type switch
    {
        "invalid_request_error" => FaultKind.InvalidRequest,
        "authentication_error" => FaultKind.Unauthenticated,
        "billing_error" => FaultKind.Billing,
        "permission_error" => FaultKind.PermissionDenied,
        "not_found_error" => FaultKind.NotFound,
        "timeout_error" => FaultKind.Timeout,
        "conflict_error" => FaultKind.Conflict,
        "request_too_large" => FaultKind.TooLarge,
        "rate_limit_error" => FaultKind.RateLimited,
        "overloaded_error" => FaultKind.Overloaded,
        "api_error" => FaultKind.Server,
        _ => null,
    };

    private static string TypeOf(FaultKind kind) => kind switch
    {
        FaultKind.InvalidRequest => "invalid_request_error",
        FaultKind.Unauthenticated => "authentication_error",
        FaultKind.Billing => "billing_error",
        FaultKind.PermissionDenied => "permission_error",
        FaultKind.NotFound => "not_found_error",
        FaultKind.Timeout => "timeout_error",
        FaultKind.Conflict => "conflict_error",
        FaultKind.TooLarge => "request_too_large",
        FaultKind.RateLimited => "rate_limit_error",
        FaultKind.Overloaded => "overloaded_error",
        _ => "api_error",
    };

    private static int StatusOf(FaultKind kind) => kind switch
    {
        FaultKind.InvalidRequest => 400,
        FaultKind.Unauthenticated => 401,
        FaultKind.Billing => 402,
        FaultKind.PermissionDenied => 403,
        FaultKind.NotFound => 404,
        FaultKind.Timeout => 504,
        FaultKind.Conflict => 409,
        FaultKind.TooLarge => 413,
        FaultKind.RateLimited => 429,
        FaultKind.Overloaded => 529,
        _ => 500,
    };
}
