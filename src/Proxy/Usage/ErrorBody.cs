using System.Text.Json;

namespace CCGate.Proxy.Usage;

/// <summary>Tells an error object that came with status 200 from an answer, by the first member of its JSON.</summary>
/// <remarks>
/// <code>
/// {"type":"error","error":{…}}     Anthropic
/// {"error":{…}}                    all of them, and their mirrors
/// [{"error":{…}}]                  Gemini, where nobody asked for events
/// {"error":null,"id":…}            an answer
/// </code>
/// </remarks>
internal static class ErrorBody
{
    /// <summary>Null while too little has come to tell.</summary>
    public static bool? Is(ReadOnlySpan<byte> beginning, bool isTyped = false, bool isList = false)
    {
        var reader = new Utf8JsonReader(beginning, isFinalBlock: false, new JsonReaderState(UsageJson.Syntax));
        try
        {
            if (!reader.Read() || (isList && reader.TokenType == JsonTokenType.StartArray && !reader.Read()))
            {
                return null;
            }

            if (reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            return reader.Read() ? IsErrorMember(ref reader, isTyped) : null;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool? IsErrorMember(ref Utf8JsonReader reader, bool isTyped)
    {
        var isError = reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("error"u8);
        var isType = isTyped && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("type"u8);
        if (!isError && !isType)
        {
            return false;
        }

        if (!reader.Read())
        {
            return null;
        }

        return isError
            ? reader.TokenType is JsonTokenType.StartObject or JsonTokenType.String
            : reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("error"u8);
    }
}
