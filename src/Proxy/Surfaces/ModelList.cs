using System.Text.Json;
using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Surfaces;

/// <summary>How a surface lists models, and of which kinds of upstreams.</summary>
internal sealed record ModelList(
    ISurface Surface, UpstreamKind[] Kinds, Action<Utf8JsonWriter, IReadOnlyList<string>, IQueryCollection> WriteAll, Action<Utf8JsonWriter, string> WriteOne)
{
    public static readonly ModelList Anthropic = new(AnthropicSurface.Instance, [UpstreamKind.Anthropic], WriteAnthropic, WriteAnthropicModel);
    public static readonly ModelList OpenAi = new(OpenAiSurface.Chat, [UpstreamKind.OpenAi, UpstreamKind.OpenAiResponses], WriteOpenAi, WriteOpenAiModel);
    public static readonly ModelList Gemini = new(GeminiSurface.Instance, [UpstreamKind.Gemini], WriteGemini, WriteGeminiModel);

    private const int LargestPage = 1000;
    private const int DefaultPage = 20; // Anthropic's own.

    // The catalogue says nothing of dates; clients sort by them and read nothing into them.
    private const string CreatedAt = "1970-01-01T00:00:00Z";

    private static void WriteAnthropic(Utf8JsonWriter json, IReadOnlyList<string> names, IQueryCollection query)
    {
        var limit = int.TryParse(query["limit"], out var asked) ? Math.Clamp(asked, 1, LargestPage) : DefaultPage;
        var (page, hasMore) = Page([.. names], query["after_id"], query["before_id"], limit);
        json.WriteStartObject();
        json.WriteStartArray("data"u8);
        foreach (var name in page)
        {
            WriteAnthropicModel(json, name);
        }

        json.WriteEndArray();
        json.WriteBoolean("has_more"u8, hasMore);
        json.WriteString("first_id"u8, page.Length > 0 ? page[0] : null);
        json.WriteString("last_id"u8, page.Length > 0 ? page[^1] : null);
        json.WriteEndObject();
    }

    private static (string[] Page, bool HasMore) Page(string[] names, string? after, string? before, int limit)
    {
        if (!string.IsNullOrEmpty(before) && Array.IndexOf(names, before) is >= 0 and var end)
        {
            return (names[Math.Max(0, end - limit)..end], end > limit);
        }

        var start = string.IsNullOrEmpty(after) ? 0 : Array.IndexOf(names, after) + 1;
        var page = names.Skip(start).Take(limit).ToArray();
        return (page, start + page.Length < names.Length);
    }

    private static void WriteAnthropicModel(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "model");
        json.WriteString("id"u8, name);
        json.WriteString("display_name"u8, name);
        json.WriteString("created_at"u8, CreatedAt);
        json.WriteEndObject();
    }

    private static void WriteOpenAi(Utf8JsonWriter json, IReadOnlyList<string> names, IQueryCollection query)
    {
        json.WriteStartObject();
        json.WriteString("object"u8, "list");
        json.WriteStartArray("data"u8);
        foreach (var name in names)
        {
            WriteOpenAiModel(json, name);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteOpenAiModel(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, name);
        json.WriteString("object"u8, "model");
        json.WriteNumber("created"u8, 0);
        json.WriteString("owned_by"u8, "ccgate");
        json.WriteEndObject();
    }

    /// <summary>All on one page, which is within what a page may be.</summary>
    private static void WriteGemini(Utf8JsonWriter json, IReadOnlyList<string> names, IQueryCollection query)
    {
        json.WriteStartObject();
        json.WriteStartArray("models"u8);
        foreach (var name in names)
        {
            WriteGeminiModel(json, name);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteGeminiModel(Utf8JsonWriter json, string name)
    {
        json.WriteStartObject();
        json.WriteString("name"u8, "models/" + name);
        json.WriteString("displayName"u8, name);
        json.WriteStartArray("supportedGenerationMethods"u8);
        json.WriteStringValue("generateContent"u8);
        json.WriteStringValue(GeminiSurface.CountMethod);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
