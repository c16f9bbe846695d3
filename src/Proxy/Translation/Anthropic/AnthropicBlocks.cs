using System.Text;
using System.Text.Json;
using CCGate.Proxy.Surfaces;
using static CCGate.Proxy.Translation.Anthropic.AnthropicRequest;

namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>Reads the content blocks of a client's messages.</summary>
/// <remarks>
/// <code>
/// {"type":"text","text","citations","cache_control"}            {"type":"tool_use","id","name","input"}
/// {"type":"image|document","source":{"type":"base64|url|text"}}  {"type":"tool_result","tool_use_id","content":"…" or [block],"is_error"}
/// {"type":"thinking","thinking","signature"}                     {"type":"redacted_thinking","data"}
/// </code>
/// A signature of another provider's on a tool call has no place in this protocol: it stands in a block of its own before the call,
/// <c>{"type":"redacted_thinking","data":"ccgate.call.ccgate.gemini.…"}</c>, which clients give back as they got it.
/// </remarks>
internal static class AnthropicBlocks
{
    public const string Maker = "anthropic";

    /// <summary>The maker's name that says "the signature of the call that follows".</summary>
    public const string OfCall = "call";

    /// <summary>Stands where a thought has no signature, so that it is told from what Anthropic signed.</summary>
    public const string Unsigned = $"{Signatures.Prefix}unsigned";

    public static void Read(JsonElement content, string at, Role role, Conversation conversation, Losses losses)
    {
        if (content.ValueKind == JsonValueKind.String)
        {
            conversation.Add(role, new TextPart(content.GetString()!));
            return;
        }

        string? callSignature = null;
        var index = 0;
        foreach (var block in Array(content, at))
        {
            var place = $"{at}[{index++}]";
            if (Text(Object(block, place), "type") == "redacted_thinking" && Signatures.For(OfCall, Text(block, "data")) is { } signature)
            {
                callSignature = signature;
                continue;
            }

            foreach (var part in ReadBlock(block, place, role, losses))
            {
                conversation.Add(role, part is ToolCallPart call ? call with { Signature = callSignature } : part);
            }

            callSignature = null;
        }
    }

    public static CacheMarker? Cache(JsonElement block) =>
        block.TryGetProperty("cache_control", out var control) && control.ValueKind == JsonValueKind.Object
            ? new CacheMarker(Text(control, "ttl") is "5m" or "1h" ? Text(control, "ttl") : null)
            : null;

    private static IReadOnlyList<Part> ReadBlock(JsonElement block, string at, Role role, Losses losses)
    {
        var type = Text(block, "type");
        return type switch
        {
            "thinking" or "redacted_thinking" when role == Role.Assistant => ReadThinking(block),
            "tool_use" when role == Role.Assistant => [ReadToolCall(block, at)],
            "tool_result" when role == Role.User => [ReadToolResult(block, at, losses)],
            "server_tool_use" or "mcp_tool_use" or "mcp_tool_result" or "fallback" => Drop(type, losses),
            "web_search_tool_result" => [ReadSearch(block)],
            not null when type.EndsWith("_tool_result", StringComparison.Ordinal) => Drop(type, losses),
            _ => ReadContent(block, at, losses),
        };
    }

    /// <summary>What may also stand in a tool's result.</summary>
    private static IReadOnlyList<Part> ReadContent(JsonElement block, string at, Losses losses) => Text(block, "type") switch
    {
        "text" => [ReadText(block, at)],
        "compaction" => [new TextPart(Text(block, "content") ?? "")],
        "image" => [ReadImage(block, at)],
        "document" => ReadDocument(block, at, losses),
        "search_result" => ReadSearchResult(block, at, losses),
        "tool_reference" => Drop("tool_reference", losses),
        { } other => throw Losses.Refuse($"{at}.type", $"what {other} says cannot be said to an upstream of another kind"),
        null => throw BodyJson.Wrong($"{at}.type", "a string"),
    };

    private static IReadOnlyList<Part> Drop(string type, Losses losses)
    {
        losses.Drop(type);
        return [];
    }

    private static TextPart ReadText(JsonElement block, string at) =>
        new(Text(block, "text") ?? throw BodyJson.Wrong($"{at}.text", "a string")) { Cache = Cache(block), Citations = ReadCitations(block) };

    /// <summary>Those that say an address.</summary>
    public static IReadOnlyList<Citation> ReadCitations(JsonElement block)
    {
        if (!block.TryGetProperty("citations", out var citations) || citations.ValueKind != JsonValueKind.Array || citations.GetArrayLength() == 0)
        {
            return [];
        }

        var found = new List<Citation>();
        foreach (var citation in citations.EnumerateArray())
        {
            if (ReadCitation(citation) is { } one)
            {
                found.Add(one);
            }
        }

        return found;
    }

    public static Citation? ReadCitation(JsonElement citation) =>
        citation.ValueKind == JsonValueKind.Object && Text(citation, "url") is { } url ? new Citation(url, Text(citation, "title"), Text(citation, "cited_text"), null, null) : null;

    private static IReadOnlyList<Part> ReadThinking(JsonElement block)
    {
        if (Text(block, "data") is { } data)
        {
            return [new ThinkingPart("", Signatures.Mark(Maker, data)) { IsRedacted = true }];
        }

        var signature = Text(block, "signature");
        signature = signature is null or "" or Unsigned ? null : Signatures.Mark(Maker, signature);
        var text = Text(block, "thinking") ?? "";
        return text.Length == 0 && signature is null ? [] : [new ThinkingPart(text, signature)];
    }

    private static ToolCallPart ReadToolCall(JsonElement block, string at) => new(
        Text(block, "id") ?? throw BodyJson.Wrong($"{at}.id", "a string"),
        Text(block, "name") ?? throw BodyJson.Wrong($"{at}.name", "a string"),
        block.TryGetProperty("input", out var input) && input.ValueKind != JsonValueKind.Null ? input.GetRawText() : "{}")
    {
        Cache = Cache(block),
    };

    private static ToolResultPart ReadToolResult(JsonElement block, string at, Losses losses)
    {
        var parts = new List<Part>();
        if (block.TryGetProperty("content", out var content) && content.ValueKind != JsonValueKind.Null)
        {
            if (content.ValueKind == JsonValueKind.String)
            {
                parts.Add(new TextPart(content.GetString()!));
            }
            else
            {
                ReadNested(content, $"{at}.content", parts, losses);
            }
        }

        return new ToolResultPart(
            Text(block, "tool_use_id") ?? throw BodyJson.Wrong($"{at}.tool_use_id", "a string"),
            parts,
            block.TryGetProperty("is_error", out var error) && error.ValueKind == JsonValueKind.True)
        {
            Cache = Cache(block),
        };
    }

    private static void ReadNested(JsonElement content, string at, List<Part> parts, Losses losses)
    {
        var index = 0;
        foreach (var block in Array(content, at))
        {
            var place = $"{at}[{index++}]";

            // A document may hold blocks, but no documents: so this never goes deeper than twice.
            parts.AddRange(ReadContent(Object(block, place), place, losses));
        }
    }

    private static MediaPart ReadImage(JsonElement block, string at)
    {
        var source = Source(block, at);
        return Text(source, "type") switch
        {
            "base64" => new MediaPart(MediaKind.Image, Text(source, "media_type"), Text(source, "data") ?? throw BodyJson.Wrong($"{at}.source.data", "a string"), null)
            {
                Cache = Cache(block),
            },
            "url" => new MediaPart(MediaKind.Image, null, null, Address(source, at)) { Cache = Cache(block) },
            var other => throw Losses.Refuse($"{at}.source.type", $"{other ?? "what is missing"} is not known to an upstream of another kind"),
        };
    }

    private static List<Part> ReadDocument(JsonElement block, string at, Losses losses)
    {
        var source = Source(block, at);
        var parts = new List<Part>(1);
        if (Text(block, "context") is { Length: > 0 } context)
        {
            parts.Add(new TextPart(context));
        }

        if (block.TryGetProperty("citations", out var citations) && citations.ValueKind == JsonValueKind.Object)
        {
            losses.Drop("citations");
        }

        var data = Text(source, "data");
        switch (Text(source, "type"))
        {
            case "base64" when data is not null:
                parts.Add(Document(block, Text(source, "media_type") ?? "application/pdf", data, null));
                break;
            case "text" when data is not null:
                parts.Add(Document(block, "text/plain", Convert.ToBase64String(Encoding.UTF8.GetBytes(data)), null));
                break;
            case "url":
                parts.Add(Document(block, "application/pdf", null, Address(source, at)));
                break;
            case "content" when source.TryGetProperty("content", out var content):
                ReadDocumentContent(content, $"{at}.source.content", parts, losses);
                break;
            case var other:
                throw Losses.Refuse($"{at}.source.type", $"{other ?? "what is missing"} is not known to an upstream of another kind, or its data is missing");
        }

        return parts;
    }

    private static void ReadDocumentContent(JsonElement content, string at, List<Part> parts, Losses losses)
    {
        if (content.ValueKind == JsonValueKind.String)
        {
            parts.Add(new TextPart(content.GetString()!));
            return;
        }

        var index = 0;
        foreach (var block in Array(content, at))
        {
            var place = $"{at}[{index++}]";
            parts.Add(Text(Object(block, place), "type") switch
            {
                "text" => ReadText(block, place),
                "image" => ReadImage(block, place),
                _ => throw BodyJson.Wrong($"{place}.type", "text or image"),
            });
        }
    }

    private static MediaPart Document(JsonElement block, string mediaType, string? data, Uri? url) =>
        new(MediaKind.Document, mediaType, data, url) { Name = Text(block, "title"), Cache = Cache(block) };

    private static JsonElement Source(JsonElement block, string at) =>
        block.TryGetProperty("source", out var source) ? Object(source, $"{at}.source") : throw BodyJson.Wrong($"{at}.source", "an object");

    private static Uri Address(JsonElement source, string at) =>
        Uri.TryCreate(Text(source, "url"), UriKind.Absolute, out var url) && url.Scheme is "https" or "http" ? url : throw BodyJson.Wrong($"{at}.source.url", "an address");

    /// <summary>A passage the client found by itself: its title and address, and what it says.</summary>
    private static List<Part> ReadSearchResult(JsonElement block, string at, Losses losses)
    {
        var parts = new List<Part> { new TextPart($"{Text(block, "title")}\n{Text(block, "source")}") };
        if (block.TryGetProperty("content", out var content))
        {
            ReadDocumentContent(content, $"{at}.content", parts, losses);
        }

        return parts;
    }

    /// <summary>What the provider found, by title and address: the pages themselves are encrypted.</summary>
    private static TextPart ReadSearch(JsonElement block)
    {
        var text = new StringBuilder("Web search results:");
        if (block.TryGetProperty("content", out var results) && results.ValueKind == JsonValueKind.Array)
        {
            foreach (var result in results.EnumerateArray())
            {
                if (result.ValueKind == JsonValueKind.Object)
                {
                    text.Append("\n- ").Append(Text(result, "title")).Append(": ").Append(Text(result, "url"));
                }
            }
        }

        return new TextPart(text.ToString());
    }
}
