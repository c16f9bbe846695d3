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
            ? GeneratedText.Bytes(text)
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
}
