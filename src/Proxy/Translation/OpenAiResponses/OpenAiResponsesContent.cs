using System.Text.Json;
using static CCGate.Proxy.Translation.OpenAiResponses.RequestFields;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Reads a piece of a message, or of what a tool answered.</summary>
/// <remarks>
/// <code>
/// {"type":"input_text","text":…}                                           also output_text, with annotations
/// {"type":"input_image","image_url":"https://… or data:image/png;base64,…","detail":"auto"}
/// {"type":"input_file","file_data":"data:application/pdf;base64,…","filename":…}    or file_url
/// {"type":"input_audio","input_audio":{"data":"UklGR…","format":"wav"}}
/// {"type":"refusal","refusal":…}
/// </code>
/// </remarks>
internal static class OpenAiResponsesContent
{
    private const string NoFiles = "this upstream keeps no files: send the file itself";

    public static Part Read(JsonElement part, string place)
    {
        var type = RequiredText(part, "type", place);
        return type switch
        {
            "input_text" or "output_text" or "text" => new TextPart(RequiredText(part, "text", place)) { Citations = ReadCitations(part) },
            "refusal" => new RefusalPart(RequiredText(part, "refusal", place)),
            "input_image" => ReadImage(part, place),
            "input_file" => ReadFile(part, place),
            "input_audio" => ReadAudio(part, place),
            _ => throw Losses.Refuse(Path(place, "type"), $"{type} cannot be carried to another kind of upstream"),
        };
    }

    /// <summary>The addresses among the annotations of a text; what is not one is passed over.</summary>
    public static List<Citation> ReadCitations(JsonElement text)
    {
        var citations = new List<Citation>();
        if (ResponsesJson.Array(text, "annotations") is { } annotations)
        {
            foreach (var annotation in annotations.EnumerateArray())
            {
                if (ReadCitation(annotation) is { } citation)
                {
                    citations.Add(citation);
                }
            }
        }

        return citations;
    }

    /// <summary><code>{"type":"url_citation","url":…,"title":…,"start_index":0,"end_index":12}</code></summary>
    public static Citation? ReadCitation(JsonElement annotation) =>
        ResponsesJson.Text(annotation, "type") == "url_citation" && ResponsesJson.Text(annotation, "url") is { } url
            ? new Citation(url, ResponsesJson.Text(annotation, "title"), null, ResponsesJson.Count(annotation, "start_index"), ResponsesJson.Count(annotation, "end_index"))
            : null;

    private static MediaPart ReadImage(JsonElement part, string place)
    {
        if (Text(part, "image_url", place) is not { } address)
        {
            throw Any(part, "file_id") is null ? Losses.Refuse(Path(place, "image_url"), "is missing") : Losses.Refuse(Path(place, "file_id"), NoFiles);
        }

        return At(MediaKind.Image, address, Path(place, "image_url")) with { Detail = Text(part, "detail", place) };
    }

    private static MediaPart ReadFile(JsonElement part, string place)
    {
        var name = Text(part, "filename", place);
        if (Text(part, "file_url", place) is { } address)
        {
            return At(MediaKind.Document, address, Path(place, "file_url")) with { Name = name };
        }

        if (Text(part, "file_data", place) is not { } data)
        {
            throw Any(part, "file_id") is null ? Losses.Refuse(Path(place, "file_data"), "is missing") : Losses.Refuse(Path(place, "file_id"), NoFiles);
        }

        return data.StartsWith("data:", StringComparison.OrdinalIgnoreCase)
            ? At(MediaKind.Document, data, Path(place, "file_data")) with { Name = name }
            : new MediaPart(MediaKind.Document, "application/pdf", data, null) { Name = name };
    }

    private static MediaPart ReadAudio(JsonElement part, string place)
    {
        var here = Path(place, "input_audio");
        var audio = Object(part, "input_audio", place) ?? throw Losses.Refuse(here, "is missing");
        return new MediaPart(MediaKind.Audio, $"audio/{RequiredText(audio, "format", here)}", RequiredText(audio, "data", here), null);
    }

    /// <summary>A medium at an address, or within one: <c>data:image/png;base64,iVBOR…</c></summary>
    private static MediaPart At(MediaKind kind, string address, string place)
    {
        if (address.StartsWith("data:", StringComparison.OrdinalIgnoreCase))
        {
            const string marker = ";base64,";
            var end = address.IndexOf(marker, StringComparison.OrdinalIgnoreCase);
            return end > 5
                ? new MediaPart(kind, address[5..end], address[(end + marker.Length)..], null)
                : throw Losses.Refuse(place, "must say its media type and be base64");
        }

        return Uri.TryCreate(address, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp)
            ? new MediaPart(kind, null, null, url)
            : throw Losses.Refuse(place, "must be a data, http or https address");
    }
}
