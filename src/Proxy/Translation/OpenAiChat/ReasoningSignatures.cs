using System.Globalization;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>The signatures of all thoughts of a message, in the one text that a chat message has for them.</summary>
/// <remarks>
/// <code>
/// "reasoning_content": "First.Second."
/// "reasoning_signature": "ccgate.anthropic.EqQB#0,6;ccgate.anthropic.Erb8#r;ccgate.anthropic.EuYB#6,7;"
///                         the signature of …[0..6]; one of a thought that is redacted; that of …[6..13]
/// </code>
/// Chat completions have neither; a client that keeps what it does not know gives them back, and the pieces of a stream may be joined. A signature alone is that of the whole text.
/// </remarks>
internal static class ReasoningSignatures
{
    public static string Entry(string marked, bool isRedacted, int start, int length)
    {
        var signature = Signatures.ForClient(OpenAiChatProtocol.Maker, marked);
        return isRedacted ? $"{signature}#r;" : string.Create(CultureInfo.InvariantCulture, $"{signature}#{start},{length};");
    }

    /// <summary>The thoughts of a message, in their order.</summary>
    public static void Read(string text, string? signatures, List<Part> parts)
    {
        var position = 0;
        foreach (var range in signatures.AsSpan().Split(';'))
        {
            var entry = signatures.AsSpan()[range];
            if (entry.IsEmpty)
            {
                continue;
            }

            var hash = entry.LastIndexOf('#');
            var signature = Signatures.Mark(OpenAiChatProtocol.Maker, (hash < 0 ? entry : entry[..hash]).ToString());
            var place = hash < 0 ? [] : entry[(hash + 1)..];
            if (place is "r")
            {
                parts.Add(new ThinkingPart("", signature) { IsRedacted = true });
                continue;
            }

            var (start, end) = Place(place, position, text.Length);
            AddUnsigned(text[position..start], parts);
            parts.Add(new ThinkingPart(text[start..end], signature));
            position = end;
        }

        AddUnsigned(text[position..], parts);
    }

    private static (int Start, int End) Place(ReadOnlySpan<char> place, int position, int length)
    {
        var comma = place.IndexOf(',');
        return comma > 0
            && int.TryParse(place[..comma], NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            && int.TryParse(place[(comma + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && start >= position && start <= length && count <= length - start
            ? (start, start + count)
            : (position, length);
    }

    private static void AddUnsigned(string text, List<Part> parts)
    {
        if (text.Length > 0)
        {
            parts.Add(new ThinkingPart(text, null));
        }
    }
}
