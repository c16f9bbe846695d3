using System.Text.Json;
using static CCGate.Proxy.Translation.Gemini.GeminiJson;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Errors as all APIs of Google's word them.</summary>
/// <remarks>
/// <code>
/// {"error": {"code": 429, "message": …, "status": "RESOURCE_EXHAUSTED", "details": [{"@type": …, "reason": …}]}}      or an array of one of these, for a stream
/// </code>
/// The names: https://cloud.google.com/apis/design/errors#handling_errors.
/// </remarks>
internal static class GeminiErrors
{
    public static Fault Read(int status, ReadOnlyMemory<byte> body)
    {
        try
        {
            var root = JsonElement.Parse(body.Span, Syntax);
            if (root.ValueKind == JsonValueKind.Array && root.GetArrayLength() > 0)
            {
                root = root[0];
            }

            if (Member(root, "error") is { ValueKind: JsonValueKind.Object } error)
            {
                return Read(error, status);
            }
        }
        catch (Exception error) when (IsUnreadable(error))
        {
            // A proxy's page, or a part of an answer: the status says what there is to say.
        }

        return new Fault(Fault.KindOf(status), status, $"The upstream answered with status {status}.");
    }

    /// <param name="status">Of the answer; null within a stream, where the error says it.</param>
    public static Fault Read(JsonElement error, int? status)
    {
        var name = Text(error, "status");
        var code = status ?? (Whole(Member(error, "code")) is { } said and >= 400 and < 600 ? (int)said : 500);
        var kind = name switch
        {
            "INVALID_ARGUMENT" when IsAboutKey(error) => FaultKind.Unauthenticated,
            "INVALID_ARGUMENT" when code == 413 => FaultKind.TooLarge,
            "INVALID_ARGUMENT" or "FAILED_PRECONDITION" or "OUT_OF_RANGE" => FaultKind.InvalidRequest,
            "UNAUTHENTICATED" => FaultKind.Unauthenticated,
            "PERMISSION_DENIED" => FaultKind.PermissionDenied,
            "NOT_FOUND" => FaultKind.NotFound,
            "ABORTED" or "ALREADY_EXISTS" => FaultKind.Conflict,
            "RESOURCE_EXHAUSTED" => FaultKind.RateLimited,
            "UNAVAILABLE" => FaultKind.Overloaded,
            "DEADLINE_EXCEEDED" => FaultKind.Timeout,
            "INTERNAL" or "UNKNOWN" => FaultKind.Server,
            _ => Fault.KindOf(code),
        };
        return new Fault(kind, code, Text(error, "message") ?? $"The upstream failed with status {code}.") { Code = name };
    }

    public static int Write(Fault fault, string requestId, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        var status = WriteMember(fault, requestId, json);
        json.WriteEndObject();
        return status;
    }

    public static int WriteMember(Fault fault, string? requestId, Utf8JsonWriter json)
    {
        var (status, name) = StatusOf(fault.Kind);
        json.WriteStartObject("error"u8);
        json.WriteNumber("code"u8, status);
        json.WriteString("message"u8, fault.Message);
        json.WriteString("status"u8, name);
        if (requestId is not null)
        {
            json.WriteStartArray("details"u8);
            json.WriteStartObject();
            json.WriteString("@type"u8, "type.googleapis.com/google.rpc.RequestInfo"u8);
            json.WriteString("requestId"u8, requestId);
            json.WriteEndObject();
            json.WriteEndArray();
        }

        json.WriteEndObject();
        return status;
    }

    private static (int Status, string Name) StatusOf(FaultKind kind) => kind switch
    {
        FaultKind.InvalidRequest => (400, "INVALID_ARGUMENT"),
        FaultKind.Unauthenticated => (401, "UNAUTHENTICATED"),
        FaultKind.Billing => (400, "FAILED_PRECONDITION"), // Billing is not enabled: https://ai.google.dev/gemini-api/docs/troubleshooting.
        FaultKind.PermissionDenied => (403, "PERMISSION_DENIED"),
        FaultKind.NotFound => (404, "NOT_FOUND"),
        FaultKind.Timeout => (504, "DEADLINE_EXCEEDED"),
        FaultKind.Conflict => (409, "ABORTED"),
        FaultKind.TooLarge => (413, "INVALID_ARGUMENT"),
        FaultKind.RateLimited => (429, "RESOURCE_EXHAUSTED"),
        FaultKind.Overloaded => (503, "UNAVAILABLE"),
        _ => (500, "INTERNAL"),
    };

    /// <summary>A wrong key is an invalid argument to this API.</summary>
    private static bool IsAboutKey(JsonElement error)
    {
        if (Member(error, "details") is { ValueKind: JsonValueKind.Array } details)
        {
            foreach (var detail in details.EnumerateArray())
            {
                if (Text(detail, "reason") is "API_KEY_INVALID")
                {
                    return true;
                }
            }
        }

        return false;
    }
}
