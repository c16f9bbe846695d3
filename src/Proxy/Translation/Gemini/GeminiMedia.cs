using System.Text.Json;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Pictures, documents and recordings as Gemini has them.</summary>
internal static class GeminiMedia
{
    public static MediaKind KindOf(string? mediaType) => mediaType switch
    {
        not null when mediaType.StartsWith("image/", StringComparison.OrdinalIgnoreCase) => MediaKind.Image,
        not null when mediaType.StartsWith("audio/", StringComparison.OrdinalIgnoreCase) => MediaKind.Audio,
        not null when mediaType.StartsWith("video/", StringComparison.OrdinalIgnoreCase) => MediaKind.Video,
        _ => MediaKind.Document,
    };

    /// <summary>By the ending of its address; null when that tells nothing.</summary>
    public static string? TypeOf(Uri uri) => Path.GetExtension(uri.AbsolutePath).ToUpperInvariant() switch
    {
        ".PNG" => "image/png",
        ".JPG" or ".JPEG" => "image/jpeg",
        ".WEBP" => "image/webp",
        ".GIF" => "image/gif",
        ".HEIC" => "image/heic",
        ".PDF" => "application/pdf",
        ".TXT" => "text/plain",
        ".HTML" => "text/html",
        ".CSV" => "text/csv",
        ".MP3" => "audio/mp3",
        ".WAV" => "audio/wav",
        ".MP4" => "video/mp4",
        ".WEBM" => "video/webm",
        _ => null,
    };

    /// <summary>Writes the member of a part that a medium is.</summary>
    /// <remarks>Addresses on the web are read by the API itself: https://ai.google.dev/gemini-api/docs/file-input-methods.</remarks>
    public static void Write(Utf8JsonWriter json, MediaPart media, string path)
    {
        if (media.Data is not null)
        {
            json.WriteStartObject("inlineData"u8);
            json.WriteString("mimeType"u8, media.MediaType ?? throw Losses.Refuse(path, "its media type must be said"));
            json.WriteString("data"u8, media.Data);
            json.WriteEndObject();
            return;
        }

        if (media.Url is not { Scheme: "https" or "http" } url)
        {
            throw Losses.Refuse(path, "must be its bytes or an address on the web");
        }

        json.WriteStartObject("fileData"u8);
        if ((media.MediaType ?? TypeOf(url)) is { } type)
        {
            json.WriteString("mimeType"u8, type);
        }

        json.WriteString("fileUri"u8, url.OriginalString);
        json.WriteEndObject();
    }

    /// <summary>Whether the result of a function can hold it, which takes bytes of these types only.</summary>
    /// <remarks>Since Gemini 3: https://ai.google.dev/gemini-api/docs/function-calling#multimodal.</remarks>
    public static bool FitsResult(MediaPart media) =>
        media.Data is not null && media.MediaType is "image/png" or "image/jpeg" or "image/webp" or "application/pdf" or "text/plain";
}
