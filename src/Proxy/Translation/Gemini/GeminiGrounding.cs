using System.Text;
using System.Text.Json;
using static CCGate.Proxy.Translation.Gemini.GeminiJson;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Where the texts of an answer are from. Gemini counts the bytes of all of them, a <see cref="Citation"/> the characters of one.</summary>
/// <remarks>
/// <code>
/// {"groundingChunks": [{"web": {"uri": …, "title": …}}],
///  "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 12, "text": …}, "groundingChunkIndices": [0]}]}
/// </code>
/// https://ai.google.dev/api/generate-content#GroundingMetadata.
/// </remarks>
internal sealed class GeminiGrounding
{
    // Neither is reached by an answer of any use; an upstream must not make us hold or search more.
    private const int MaxText = 1024 * 1024;
    private const int MaxCitations = 128;

    private readonly StringBuilder text = new();
    private readonly List<(Citation Citation, int TextStart)> citations = [];
    private int textStart;
    private int read;

    public bool IsEmpty => citations.Count == 0;

    public void AddText(string more)
    {
        if (text.Length <= MaxText)
        {
            text.Append(more);
        }
    }

    /// <summary>The next text is one of its own.</summary>
    public void EndText() => textStart = text.Length;

    /// <summary>Keeps a citation of the text at hand, to be written.</summary>
    public void Add(Citation citation)
    {
        if (citations.Count < MaxCitations)
        {
            citations.Add((citation, textStart));
        }
    }

    /// <summary>The citations that were not told before: each chunk tells all of them so far.</summary>
    public void Read(JsonElement metadata, List<AnswerEvent> events)
    {
        if (Member(metadata, "groundingSupports") is not { ValueKind: JsonValueKind.Array } supports
            || Member(metadata, "groundingChunks") is not { ValueKind: JsonValueKind.Array } chunks)
        {
            return;
        }

        var count = Math.Min(MaxCitations, supports.GetArrayLength());
        var bytes = read < count ? Encoding.UTF8.GetBytes(text.ToString()) : [];
        for (; read < count; read++)
        {
            ReadSupport(supports[read], chunks, bytes, events);
        }
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("groundingMetadata"u8);
        json.WriteStartArray("groundingChunks"u8);
        foreach (var (citation, _) in citations)
        {
            json.WriteStartObject();
            json.WriteStartObject("web"u8);
            json.WriteString("uri"u8, citation.Url);
            json.WriteString("title"u8, citation.Title ?? citation.Url);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("groundingSupports"u8);
        var all = text.ToString();
        for (var index = 0; index < citations.Count; index++)
        {
            WriteSupport(json, citations[index], index, all);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void ReadSupport(JsonElement support, JsonElement chunks, byte[] bytes, List<AnswerEvent> events)
    {
        if (Member(support, "groundingChunkIndices") is not { ValueKind: JsonValueKind.Array } indices || Member(support, "segment") is not { } segment)
        {
            return;
        }

        var (start, end) = CharactersOf(segment, bytes);
        foreach (var index in indices.EnumerateArray())
        {
            if (Whole(index) is { } place && place >= 0 && place < chunks.GetArrayLength() && events.Count < 4 * MaxCitations)
            {
                AddSource(chunks[(int)place], new Citation("", null, Text(segment, "text"), start, end), events);
            }
        }
    }

    private static void AddSource(JsonElement chunk, Citation citation, List<AnswerEvent> events)
    {
        var source = Member(chunk, "web") ?? Member(chunk, "retrievedContext") ?? default;
        if (Text(source, "uri") is { } uri)
        {
            events.Add(new CitationAdded(citation with { Url = uri, Title = Text(source, "title") }));
        }
    }

    private (int? Start, int? End) CharactersOf(JsonElement segment, byte[] bytes)
    {
        var start = Whole(Member(segment, "startIndex")) ?? 0; // A number of 0 is left out.
        var end = Whole(Member(segment, "endIndex")) ?? 0;
        if (start < 0 || start >= end || end > bytes.Length)
        {
            return (null, null);
        }

        var first = Encoding.UTF8.GetCharCount(bytes, 0, (int)start) - textStart;
        return first < 0 ? (null, null) : (first, Encoding.UTF8.GetCharCount(bytes, 0, (int)end) - textStart);
    }

    private static void WriteSupport(Utf8JsonWriter json, (Citation Citation, int TextStart) cited, int index, string all)
    {
        var (citation, textStart) = cited;
        var start = textStart + (citation.Start ?? 0);
        var end = textStart + (citation.End ?? 0);
        json.WriteStartObject();
        json.WriteStartObject("segment"u8);
        if (citation.Start >= 0 && citation.End > citation.Start && end <= all.Length)
        {
            json.WriteNumber("startIndex"u8, Encoding.UTF8.GetByteCount(all.AsSpan(0, start)));
            json.WriteNumber("endIndex"u8, Encoding.UTF8.GetByteCount(all.AsSpan(0, end)));
        }

        if (citation.CitedText is { } text)
        {
            json.WriteString("text"u8, text);
        }

        json.WriteEndObject();
        json.WriteStartArray("groundingChunkIndices"u8);
        json.WriteNumberValue(index);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
