using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>Writes the content blocks of a request.</summary>
internal static class AnthropicParts
{
    public static void Write(Part part, int turn, CacheMarker? cache, Conversation conversation, Utf8JsonWriter json)
    {
        switch (part)
        {
            case TextPart text:
                WriteText(text.Text, cache, json);
                break;
            case MediaPart media:
                WriteMedia(media, turn, cache, json);
                break;
            case ToolResultPart result:
                WriteResult(result, turn, cache, conversation, json);
                break;
            case ToolCallPart call:
                WriteCall(call, cache, conversation, json);
                break;
            case ThinkingPart thought:
                WriteThinking(thought, json);
                break;
            default:
                throw Losses.Refuse($"messages[{turn}]", "no Claude reads it");
        }
    }

    public static void WriteText(string text, CacheMarker? cache, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "text"u8);
        json.WriteString("text"u8, text);
        AnthropicPrompt.WriteMarker(cache, json);
        json.WriteEndObject();
    }

    /// <summary>The id as the API takes it, the same for a call and its result: other providers' ids may have other characters.</summary>
    public static string CallId(string id)
    {
        var isAllowed = id.Length > 0;
        foreach (var letter in id)
        {
            isAllowed &= char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-';
        }

        if (isAllowed)
        {
            return id;
        }

        // What was replaced might have told two ids apart, so the whole of it is kept as a hash.
        var clean = string.Create(id.Length, id, static (span, id) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsAsciiLetterOrDigit(id[i]) || id[i] is '_' or '-' ? id[i] : '_';
            }
        });
        return $"{clean}_{Convert.ToHexStringLower(SHA256.HashData(Encoding.Unicode.GetBytes(id)).AsSpan(0, 8))}";
    }

    /// <summary>The arguments of a call, which must be an object here and are only what a model wrote elsewhere.</summary>
    public static void WriteArguments(string arguments, Utf8JsonWriter json)
    {
        if (string.IsNullOrWhiteSpace(arguments))
        {
            json.WriteRawValue("{}"u8);
        }
        else if (IsObject(arguments))
        {
            json.WriteRawValue(arguments, skipInputValidation: true);
        }
        else
        {
            WriteAsText(arguments, json);
        }
    }

    private static void WriteAsText(string arguments, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("input"u8, arguments);
        json.WriteEndObject();
    }

    private static void WriteThinking(ThinkingPart thought, Utf8JsonWriter json)
    {
        var signature = Signatures.For(AnthropicBlocks.Maker, thought.Signature);
        json.WriteStartObject();
        json.WriteString("type"u8, thought.IsRedacted ? "redacted_thinking"u8 : "thinking"u8);
        if (thought.IsRedacted)
        {
            json.WriteString("data"u8, signature);
        }
        else
        {
            json.WriteString("thinking"u8, thought.Text);
            json.WriteString("signature"u8, signature);
        }

        json.WriteEndObject();
    }

    private static void WriteCall(ToolCallPart call, CacheMarker? cache, Conversation conversation, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "tool_use"u8);
        json.WriteString("id"u8, CallId(call.Id));
        json.WriteString("name"u8, ToolNames.Fit(call.Name, AnthropicRequestWriter.LongestToolName));
        json.WritePropertyName("input"u8);
        if (conversation.Tools.Exists(tool => tool.IsFreeForm && tool.Name == call.Name))
        {
            WriteAsText(call.Arguments, json);
        }
        else
        {
            WriteArguments(call.Arguments, json);
        }

        AnthropicPrompt.WriteMarker(cache, json);
        json.WriteEndObject();
    }

    /// <summary>Whether a model's arguments are what they should be: they come back as the client got them, and may be cut off.</summary>
    private static bool IsObject(string arguments)
    {
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(arguments), new JsonReaderOptions { MaxDepth = 1000 });
            var isObject = reader.Read() && reader.TokenType == JsonTokenType.StartObject;
            while (reader.Read())
            {
                // Only whether it can be read to its end is asked.
            }

            return isObject;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static void WriteResult(ToolResultPart result, int turn, CacheMarker? cache, Conversation conversation, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "tool_result"u8);
        json.WriteString("tool_use_id"u8, CallId(result.CallId));
        json.WriteStartArray("content"u8);
        var written = 0;
        foreach (var part in result.Content)
        {
            if (part is not TextPart text || !string.IsNullOrWhiteSpace(text.Text))
            {
                Write(part, turn, null, conversation, json);
                written++;
            }
        }

        if (written == 0 && result.IsError)
        {
            WriteText("error", null, json); // An error without a text is refused.
        }

        json.WriteEndArray();
        if (result.IsError)
        {
            json.WriteBoolean("is_error"u8, true);
        }

        AnthropicPrompt.WriteMarker(cache, json);
        json.WriteEndObject();
    }

    private static void WriteMedia(MediaPart media, int turn, CacheMarker? cache, Utf8JsonWriter json)
    {
        var type = media.MediaType?.Split(';')[0].Trim().ToLowerInvariant();
        var isImage = media.Kind == MediaKind.Image;
        var isKnown = media.Kind switch
        {
            MediaKind.Image when media.Url is null => type is "image/jpeg" or "image/jpg" or "image/png" or "image/gif" or "image/webp",
            MediaKind.Image => true,
            MediaKind.Document when media.Url is null => type is "application/pdf" or "application/json" or "application/xml" || IsText(type),
            MediaKind.Document => type is null or "application/pdf",
            _ => false,
        };
        if (!isKnown || media.Url is { Scheme: not ("https" or "http") } || (media.Url is null && media.Data is null))
        {
            throw Losses.Refuse($"messages[{turn}]", $"no Claude reads {media.MediaType ?? media.Kind.ToString().ToLowerInvariant()}{(media.Url is null ? "" : " from this address")}");
        }

        json.WriteStartObject();
        json.WriteString("type"u8, isImage ? "image"u8 : "document"u8);
        json.WriteStartObject("source"u8);
        WriteSource(media, type, turn, json);
        json.WriteEndObject();
        if (!isImage && media.Name is { Length: > 0 } name)
        {
            json.WriteString("title"u8, name);
        }

        AnthropicPrompt.WriteMarker(cache, json);
        json.WriteEndObject();
    }

    private static void WriteSource(MediaPart media, string? type, int turn, Utf8JsonWriter json)
    {
        if (media.Url is not null)
        {
            json.WriteString("type"u8, "url"u8);
            json.WriteString("url"u8, media.Url.AbsoluteUri);
        }
        else if (media.Kind == MediaKind.Document && type != "application/pdf")
        {
            json.WriteString("type"u8, "text"u8);
            json.WriteString("media_type"u8, "text/plain"u8);
            try
            {
                json.WriteString("data"u8, Encoding.UTF8.GetString(Convert.FromBase64String(media.Data!)));
            }
            catch (FormatException)
            {
                throw Losses.Refuse($"messages[{turn}]", "a document's data is not base64");
            }
        }
        else
        {
            json.WriteString("type"u8, "base64"u8);
            json.WriteString("media_type"u8, type is "image/jpg" ? "image/jpeg" : type);
            json.WriteString("data"u8, media.Data);
        }
    }

    private static bool IsText(string? type) => type?.StartsWith("text/", StringComparison.Ordinal) ?? false;
}
