using System.Globalization;
using System.Text;
using System.Text.Json;
using static CCGate.Proxy.Translation.Gemini.GeminiJson;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Reads the turns of a client's request.</summary>
/// <remarks>
/// <code>
/// {"role": "model", "parts": [{"text": …, "thought": true}, {"text": …}, {"functionCall": {"id"?, "name", "args"}, "thoughtSignature": …}]}
/// {"role": "user", "parts": [{"functionResponse": {"id"?, "name", "response": {"output": …}, "parts"?: [{"inlineData": …}]}}, {"inlineData": {"mimeType", "data"}}]}
/// </code>
/// A client that streams keeps a part for every delta: those of the model are put together. Calls and responses without an id belong together by their name, in order.
/// </remarks>
internal sealed class GeminiContents(Conversation conversation, Losses losses)
{
    private readonly StringBuilder thought = new();
    private readonly StringBuilder text = new();
    private readonly HashSet<string> unanswered = [];
    private readonly Dictionary<string, Queue<string>> callsByName = [];
    private int calls;

    public void Read(JsonElement contents)
    {
        // The API takes one content where a list belongs.
        if (contents.ValueKind == JsonValueKind.Object)
        {
            ReadContent(contents, "contents");
            Finish();
            return;
        }

        var index = 0;
        foreach (var content in GeminiRequest.Array(contents, "contents").EnumerateArray())
        {
            ReadContent(GeminiRequest.Object(content, $"contents[{index}]"), $"contents[{index}]");
            index++;
        }

        Finish();
    }

    private void ReadContent(JsonElement content, string path)
    {
        var role = Text(content, "role") switch
        {
            "model" => Role.Assistant,
            null or "" or "user" or "function" or "tool" => Role.User,
            "system" => Role.System,
            _ => throw Losses.Refuse($"{path}.role", "must be user or model"),
        };
        if (role != Role.Assistant)
        {
            Flush();
        }

        if (Member(content, "parts") is not { } parts)
        {
            return;
        }

        var index = 0;
        foreach (var part in parts.ValueKind == JsonValueKind.Object ? [parts] : GeminiRequest.Array(parts, $"{path}.parts").EnumerateArray().ToArray())
        {
            var place = $"{path}.parts[{index++}]";
            ReadPart(GeminiRequest.Object(part, place), role, place);
        }
    }

    private void ReadPart(JsonElement part, Role role, string path)
    {
        var signature = Text(part, "thoughtSignature") is { Length: > 0 } signed ? signed : null;
        if (Member(part, "functionCall") is { } call)
        {
            ReadCall(GeminiRequest.Object(call, $"{path}.functionCall"), signature, $"{path}.functionCall");
        }
        else if (Member(part, "functionResponse") is { } response)
        {
            Flush();
            ReadResult(GeminiRequest.Object(response, $"{path}.functionResponse"), $"{path}.functionResponse");
        }
        else if ((Text(part, "text") ?? CodeAsText(part)) is { } said)
        {
            ReadText(said, role, IsTrue(part, "thought"), signature);
        }
        else if (ReadMedia(part, path) is { } media)
        {
            Flush();
            conversation.Add(role, media);
        }
        else if (signature is not null)
        {
            Sign(signature);
        }
        else
        {
            throw Losses.Refuse(path, "says nothing that another protocol can carry");
        }
    }

    private void ReadText(string said, Role role, bool isThought, string? signature)
    {
        if (role != Role.Assistant)
        {
            conversation.Add(role, new TextPart(said));
            return;
        }

        if (isThought)
        {
            FlushText();
            thought.Append(said);
        }

        if (signature is not null)
        {
            Sign(signature);
        }

        if (!isThought)
        {
            FlushThought(null);
            text.Append(said);
            if (signature is not null)
            {
                FlushText(); // What comes next is not what it signs.
            }
        }
    }

    private void ReadCall(JsonElement call, string? signature, string path)
    {
        var name = Text(call, "name") ?? throw Losses.Refuse($"{path}.name", "is missing");
        var args = Member(call, "args");
        if (args is { ValueKind: not JsonValueKind.Object })
        {
            throw Losses.Refuse($"{path}.args", "must be an object");
        }

        if (signature is not null && Signatures.For(Maker, FromClient(signature).Marked) is null)
        {
            Sign(signature); // Of the thought before the call: Gemini's own place for it.
            signature = null;
        }

        Flush();
        var id = Text(call, "id") is { Length: > 0 } given ? given : "gemini_" + calls.ToString(CultureInfo.InvariantCulture);
        calls++;
        unanswered.Add(id);
        if (!callsByName.TryGetValue(name, out var same))
        {
            callsByName[name] = same = [];
        }

        same.Enqueue(id);
        conversation.Add(Role.Assistant, new ToolCallPart(id, name, args?.GetRawText() ?? "{}") { Signature = signature is null ? null : FromClient(signature).Marked });
    }

    private void ReadResult(JsonElement response, string path)
    {
        var id = CallAnswered(response) ?? throw Losses.Refuse(path, "answers no function call before it");
        var content = new List<Part>();
        var isError = ReadResponse(Member(response, "response"), content);
        if (Member(response, "parts") is { } parts)
        {
            var index = 0;
            foreach (var part in GeminiRequest.Array(parts, $"{path}.parts").EnumerateArray())
            {
                var place = $"{path}.parts[{index++}]";
                content.Add(ReadMedia(GeminiRequest.Object(part, place), place) ?? throw Losses.Refuse(place, "must be inlineData or fileData"));
            }
        }

        conversation.Add(Role.User, new ToolResultPart(id, content, isError));
    }

    private string? CallAnswered(JsonElement response)
    {
        if (Text(response, "id") is { } id && unanswered.Remove(id))
        {
            return id;
        }

        if (Text(response, "name") is { } name && callsByName.TryGetValue(name, out var same))
        {
            while (same.TryDequeue(out var first))
            {
                if (unanswered.Remove(first))
                {
                    return first;
                }
            }
        }

        return null;
    }

    /// <summary>What the tool said; whether that is an error.</summary>
    /// <remarks><c>output</c> and <c>error</c> are the API's own names, and without either all of it is the output: https://ai.google.dev/api/caching#FunctionResponse.</remarks>
    private static bool ReadResponse(JsonElement? response, List<Part> content)
    {
        if (response is not { } said)
        {
            return false;
        }

        var isOne = said.ValueKind == JsonValueKind.Object && said.GetPropertyCount() == 1;
        var error = isOne ? Member(said, "error") : null;
        var value = error ?? (isOne ? Member(said, "output") : null) ?? NamedContent(said) ?? said;
        var told = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
        if (told.Length > 0)
        {
            content.Add(new TextPart(told));
        }

        return error is not null;
    }

    /// <summary>Vercel's SDK says the tool's name once more: <c>{"name": …, "content": …}</c>.</summary>
    private static JsonElement? NamedContent(JsonElement said) =>
        said.ValueKind == JsonValueKind.Object && said.GetPropertyCount() == 2 && Text(said, "name") is not null ? Member(said, "content") : null;

    private MediaPart? ReadMedia(JsonElement part, string path)
    {
        if (Member(part, "videoMetadata") is not null)
        {
            losses.Drop("videoMetadata");
        }

        if (Member(part, "inlineData") is { } inline)
        {
            var data = Text(inline, "data") ?? throw Losses.Refuse($"{path}.inlineData.data", "is missing");
            var type = Text(inline, "mimeType") ?? throw Losses.Refuse($"{path}.inlineData.mimeType", "is missing");

            // Base64 of either alphabet is taken; elsewhere it must be the standard one.
            return new MediaPart(GeminiMedia.KindOf(type), type, data.Replace('-', '+').Replace('_', '/'), null) { Name = Text(inline, "displayName") };
        }

        if (Member(part, "fileData") is not { } file)
        {
            return null;
        }

        if (!Uri.TryCreate(Text(file, "fileUri"), UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "http")
            || uri.Host.Equals("generativelanguage.googleapis.com", StringComparison.OrdinalIgnoreCase))
        {
            throw Losses.Refuse($"{path}.fileData.fileUri", "must be an address on the web, for files that are kept at the provider cannot be read by others");
        }

        var mediaType = Text(file, "mimeType") ?? GeminiMedia.TypeOf(uri);
        return new MediaPart(GeminiMedia.KindOf(mediaType), mediaType, null, uri) { Name = Text(file, "displayName") };
    }

    private void Sign(string signature)
    {
        FlushText();
        FlushThought(signature);
    }

    private void FlushThought(string? signature)
    {
        if (thought.Length == 0 && signature is null)
        {
            return;
        }

        var (marked, isRedacted) = signature is null ? (null, false) : FromClient(signature);
        conversation.Add(Role.Assistant, new ThinkingPart(thought.ToString(), marked) { IsRedacted = isRedacted });
        thought.Clear();
    }

    private void FlushText()
    {
        if (text.Length > 0)
        {
            conversation.Add(Role.Assistant, new TextPart(text.ToString()));
            text.Clear();
        }
    }

    private void Finish()
    {
        Flush();
        foreach (var turn in conversation.Turns)
        {
            PutResultsFirst(turn.Parts);
        }
    }

    private static void PutResultsFirst(List<Part> parts)
    {
        var first = parts.FindIndex(part => part is not ToolResultPart);
        if (first >= 0 && parts.FindIndex(first, part => part is ToolResultPart) >= 0)
        {
            var rest = parts.FindAll(part => part is not ToolResultPart);
            parts.RemoveAll(part => part is not ToolResultPart);
            parts.AddRange(rest);
        }
    }

    private void Flush()
    {
        FlushThought(null);
        FlushText();
    }
}
