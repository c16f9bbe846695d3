using System.Globalization;
using System.Text.Json;

namespace CCGate.Proxy.Usage;

/// <summary>The length of generated text as it stands in JSON: what an estimate of output tokens is made of.</summary>
internal static class GeneratedText
{
    /// <summary>Text has about four bytes a token.</summary>
    public static long Tokens(long bytes) => (bytes + 3) / 4;

    /// <summary>UTF-8 bytes of the string the reader is at, once unescaped.</summary>
    public static int Bytes(in Utf8JsonReader reader) => reader.ValueIsEscaped ? Bytes(reader.ValueSpan) : reader.ValueSpan.Length;

    /// <summary>The length of a JSON string up to its closing quote, or its end, once unescaped.</summary>
    public static int Bytes(ReadOnlySpan<byte> text)
    {
        var bytes = 0;
        while (true)
        {
            var special = text.IndexOfAny((byte)'"', (byte)'\\');
            if (special < 0)
            {
                return bytes + text.Length;
            }

            bytes += special;
            if (text[special] == '"' || special + 1 >= text.Length)
            {
                return bytes;
            }

            text = text[special..];
            var isCode = text[1] == 'u' && text.Length >= 6;
            bytes += isCode ? Utf8Bytes(text.Slice(2, 4)) : 1;
            text = text[(isCode ? 6 : 2)..];
        }
    }

    private static int Utf8Bytes(ReadOnlySpan<byte> hex) =>
        ushort.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit) ? unit switch
        {
            < 0x80 => 1,
            < 0x800 or (>= 0xD800 and < 0xE000) => 2, // half of a surrogate pair: four bytes together
            _ => 3,
        }
        : 1;
}
