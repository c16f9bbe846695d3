using System.Text.Json;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Surfaces;

/// <summary>What the body readers of all surfaces have in common: how strict they are, and how they say so.</summary>
internal static class BodyJson
{
    public static readonly JsonReaderOptions Syntax = new() { MaxDepth = 256 };

    // Far above what any model writes. What is held for it must stay an amount that an event can hold.
    public const long LargestMaxTokens = 10_000_000;

    // What the results of one search, or of another tool that the provider runs, can add to the prompt; an assumption, measured answers stay below it.
    public const long TokensPerHostedCall = 25_000;
    public const long HostedCallsWhenUnlimited = 10;

    /// <summary>Whether a reader throws this for a body that is not JSON.</summary>
    public static bool IsUnreadable(Exception error) => error is JsonException or InvalidOperationException;

    public static RefusedException NotJson(Exception error) => new(RefusalReason.InvalidRequest, error is JsonException json
        ? $"The request body is not JSON: line {json.LineNumber + 1}, byte {json.BytePositionInLine + 1}."

        // What the reader throws for half a surrogate pair, or bytes that are not UTF-8, in a text that has to be compared or kept.
        : "The request body is not JSON: a name or a text in it is not valid Unicode.");

    /// <summary>Goes to the first token of the body's object, which is all that it may be.</summary>
    public static void EnterObject(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new RefusedException(RefusalReason.InvalidRequest, "The request body is not a JSON object.");
        }
    }

    // Parsers disagree about which of two members counts; what we priced must be what the upstream reads.
    public static void Once(bool first, string name)
    {
        if (!first)
        {
            throw new RefusedException(RefusalReason.InvalidRequest, $"{name}: appears twice in the request body.");
        }
    }

    public static RefusedException Wrong(string name, string allowed) => new(RefusalReason.InvalidRequest, $"{name}: must be {allowed}.");

    /// <summary>Where the value the reader is at stands.</summary>
    public static BodySpan SpanOf(in Utf8JsonReader reader) => new((int)reader.TokenStartIndex, (int)(reader.BytesConsumed - reader.TokenStartIndex));

    /// <summary>Reads the value that comes next: a whole number above 0, or null, which says nothing.</summary>
    public static long? ReadCount(ref Utf8JsonReader reader, string name, long largest)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return null;
        }

        return reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var count) && count > 0 && count <= largest
            ? count
            : throw Wrong(name, FormattableString.Invariant($"a whole number above 0 and at most {largest}"));
    }
}
