using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Writes parts of a content that is not a text alone.</summary>
internal static class OpenAiChatMedia
{
    public static bool IsIn(IReadOnlyList<Part> content)
    {
        foreach (var part in content)
        {
            if (part is MediaPart)
            {
                return true;
            }
        }

        return false;
    }

    public static void WriteText(string text, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "text"u8);
        json.WriteString("text"u8, text);
        json.WriteEndObject();
    }

    /// <summary>See <see cref="OpenAiChatMessageReader.Signature"/>.</summary>
    public static void WriteSignature(string? signature, Utf8JsonWriter json)
    {
        if (signature is null)
        {
            return;
        }

        json.WriteStartObject("extra_content"u8);
        json.WriteStartObject("google"u8);
        json.WriteString("thought_signature"u8, signature);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    public static void Write(MediaPart media, Utf8JsonWriter json)
    {
        switch (media.Kind)
        {
            case MediaKind.Image:
                WriteImage(media, json);
                break;
            case MediaKind.Document:
                WriteDocument(media, json);
                break;
            case MediaKind.Audio:
                WriteAudio(media, json);
                break;
            default:
                throw Losses.Refuse("messages", "chat completions take no video");
        }
    }

    private static void WriteImage(MediaPart image, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "image_url"u8);
        json.WriteStartObject("image_url"u8);
        json.WriteString("url"u8, image.Url?.OriginalString ?? DataUrl(image, "image/png"));
        if (image.Detail is { } detail)
        {
            json.WriteString("detail"u8, detail);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteDocument(MediaPart document, Utf8JsonWriter json)
    {
        if (document.Data is not { } data)
        {
            throw Losses.Refuse("messages", "chat completions take no address of a document; send its bytes");
        }

        if (document.MediaType?.StartsWith("text/", StringComparison.OrdinalIgnoreCase) == true)
        {
            WriteText(document.Name is { } name ? $"{name}:\n{Decoded(data)}" : Decoded(data), json);
            return;
        }

        json.WriteStartObject();
        json.WriteString("type"u8, "file"u8);
        json.WriteStartObject("file"u8);
        json.WriteString("filename"u8, document.Name ?? "document.pdf");
        json.WriteString("file_data"u8, DataUrl(document, "application/pdf"));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteAudio(MediaPart audio, Utf8JsonWriter json)
    {
        var format = audio.MediaType switch
        {
            "audio/wav" or "audio/x-wav" or "audio/wave" => "wav",
            "audio/mpeg" or "audio/mp3" => "mp3",
            _ => throw Losses.Refuse("messages", "chat completions take audio as wav or mp3"),
        };
        json.WriteStartObject();
        json.WriteString("type"u8, "input_audio"u8);
        json.WriteStartObject("input_audio"u8);
        json.WriteString("data"u8, audio.Data ?? throw Losses.Refuse("messages", "chat completions take no address of audio; send its bytes"));
        json.WriteString("format"u8, format);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string DataUrl(MediaPart media, string otherwise) => $"data:{media.MediaType ?? otherwise};base64,{media.Data}";

    private static string Decoded(string data)
    {
        try
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(data));
        }
        catch (FormatException)
        {
            throw Losses.Refuse("messages", "the bytes of a document are not base64");
        }
    }
}
