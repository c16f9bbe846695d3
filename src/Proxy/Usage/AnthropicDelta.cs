using System.Globalization;

namespace CCGate.Proxy.Usage;

/// <summary>Measures the text in a <c>content_block_delta</c> without parsing it: nearly every event of a stream is one.</summary>
/// <remarks><code>{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}</code></remarks>
internal static class AnthropicDelta
{
    /// <summary>UTF-8 bytes of what the model generated; signatures and citations are not generated.</summary>
    public static int GeneratedBytes(ReadOnlySpan<byte> data)
    {
        var delta = data.IndexOf("\"delta\""u8);
        if (delta < 0)
        {
            return 0;
        }

        // A quote inside of generated text is escaped, so it cannot look like one of these names.
        data = data[(delta + 7)..];
        return TryFind(data, "\"text\":"u8, out var text) || TryFind(data, "\"partial_json\":"u8, out text) || TryFind(data, "\"thinking\":"u8, out text)
            ? StringBytes(text)
            : 0;
    }

    private static bool TryFind(ReadOnlySpan<byte> data, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> text)
    {
        var at = data.IndexOf(name);
        text = at < 0 ? [] : data[(at + name.Length)..].TrimStart((byte)' ');
        if (!text.StartsWith("\""u8))
        {
            return false;
        }

        text = text[1..];
        return true;
    }

    /// <summary>The length of a JSON string up to its closing quote, once unescaped.</summary>
    private static int StringBytes(ReadOnlySpan<byte> text)
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
