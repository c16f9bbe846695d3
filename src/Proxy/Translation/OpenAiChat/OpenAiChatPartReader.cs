using System.Text.Json;
using static CCGate.Proxy.Translation.OpenAiChat.OpenAiChatFields;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Reads a part of a chat message's content; drawn in <see cref="OpenAiChatMessageReader"/>.</summary>
internal static class OpenAiChatPartReader
{
    public static Part Read(JsonElement part, string field) => RequiredText(part, "type", field + ".type") switch
    {
        "text" => new TextPart(RequiredText(part, "text", field + ".text")),
        "refusal" => new RefusalPart(RequiredText(part, "refusal", field + ".refusal")),
        "image_url" => ReadImage(Member(part, "image_url") ?? throw Losses.Refuse(field + ".image_url", "is required"), field + ".image_url"),
        "input_audio" => ReadAudio(RequiredObject(part, "input_audio", field + ".input_audio"), field + ".input_audio"),
        "file" => ReadFile(RequiredObject(part, "file", field + ".file"), field + ".file"),
        var type => throw Losses.Refuse(field + ".type", $"no upstream of another kind knows '{type}'"),
    };

    private static MediaPart ReadImage(JsonElement image, string field)
    {
        // Older clients give the address alone.
        var isAddress = image.ValueKind == JsonValueKind.String;
        var url = isAddress ? image.GetString()! : RequiredText(Object(image, field), "url", field + ".url");
        var detail = !isAddress && Member(image, "detail") is { } said ? Text(said, field + ".detail") : null;
        if (FromDataUrl(url, field + ".url") is var (type, data))
        {
            return new MediaPart(MediaKind.Image, type, data, null) { Detail = detail };
        }

        return Uri.TryCreate(url, UriKind.Absolute, out var address) && (address.Scheme == Uri.UriSchemeHttps || address.Scheme == Uri.UriSchemeHttp)
            ? new MediaPart(MediaKind.Image, null, null, address) { Detail = detail }
            : throw Losses.Refuse(field + ".url", "must be an address of http or https, or a data URL");
    }

    private static MediaPart ReadAudio(JsonElement audio, string field)
    {
        var format = RequiredText(audio, "format", field + ".format");
        var type = format switch
        {
            "wav" => "audio/wav",
            "mp3" => "audio/mpeg",
            _ => throw Losses.Refuse(field + ".format", "must be wav or mp3"),
        };
        return new MediaPart(MediaKind.Audio, type, RequiredText(audio, "data", field + ".data"), null);
    }

    private static MediaPart ReadFile(JsonElement file, string field)
    {
        if (Member(file, "file_id") is not null)
        {
            throw Losses.Refuse(field + ".file_id", "an uploaded file is with another provider; send its bytes as file_data");
        }

        var name = Member(file, "filename") is { } said ? Text(said, field + ".filename") : null;
        var bytes = RequiredText(file, "file_data", field + ".file_data");

        // Without a media type it is what chat completions took first.
        var (type, data) = FromDataUrl(bytes, field + ".file_data") ?? ("application/pdf", bytes);
        return new MediaPart(MediaKind.Document, type, data, null) { Name = name };
    }

    /// <summary>Null for what is no data URL: <c>data:image/png;base64,…</c></summary>
    private static (string Type, string Data)? FromDataUrl(string url, string field)
    {
        if (!url.StartsWith("data:", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var comma = url.IndexOf(',', StringComparison.Ordinal);
        var head = comma < 0 ? "" : url[5..comma];
        if (!head.EndsWith(";base64", StringComparison.OrdinalIgnoreCase))
        {
            throw Losses.Refuse(field, "a data URL must be base64");
        }

        var end = head.IndexOf(';', StringComparison.Ordinal);
        return (head[..end].ToLowerInvariant(), url[(comma + 1)..]);
    }
}
