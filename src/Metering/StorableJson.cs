using System.Globalization;
using System.Text;

namespace CCGate.Metering;

/// <summary>Makes JSON text one that every store keeps: PostgreSQL's jsonb takes neither U+0000 nor half a surrogate pair.</summary>
/// <remarks>Rejecting it instead would let a client go unbilled by naming its session <c>\u0000</c>. Both become U+FFFD, as UTF-8 decoders do it.</remarks>
internal static class StorableJson
{
    private const string Replacement = "\\ufffd";

    /// <summary>The same text, in all but a few cases: the same object.</summary>
    public static string From(string json)
    {
        // Nearly all of it has neither an escape nor anything that would be one.
        if (json.AsSpan().IndexOfAny('\\', '\0') < 0 && json.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
        {
            return json;
        }

        var builder = default(StringBuilder);
        var copied = 0;
        for (var i = 0; i < json.Length;)
        {
            var unit = ReadUnit(json, i, out var length);
            if (unit is { } high && char.IsHighSurrogate(high) && i + length < json.Length
                && ReadUnit(json, i + length, out var lowLength) is { } low && char.IsLowSurrogate(low))
            {
                i += length + lowLength;
                continue;
            }

            if (unit is '\0' || (unit is { } half && char.IsSurrogate(half)))
            {
                builder ??= new StringBuilder(json.Length);
                builder.Append(json, copied, i - copied).Append(Replacement);
                copied = i + length;
            }

            i += length;
        }

        return builder is null ? json : builder.Append(json, copied, json.Length - copied).ToString();
    }

    /// <summary>The UTF-16 unit written at a place, as itself or as <c>\uXXXX</c>; null for another escape.</summary>
    private static char? ReadUnit(string json, int at, out int length)
    {
        length = 1;
        if (json[at] != '\\')
        {
            return json[at];
        }

        length = Math.Min(2, json.Length - at);
        if (at + 6 > json.Length || json[at + 1] != 'u' ||
            !ushort.TryParse(json.AsSpan(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit))
        {
            return null;
        }

        length = 6;
        return (char)unit;
    }
}
