using System.Text;
using System.Text.Json;
using static CCGate.Proxy.Translation.Gemini.GeminiJson;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Writes the turns of a request; see <see cref="GeminiContents"/> for their shape.</summary>
internal sealed class GeminiContentsWriter(Conversation conversation, Utf8JsonWriter json, Losses losses)
{
    // For calls that another model made, since Gemini 3 refuses the first of a step without a signature:
    // https://ai.google.dev/gemini-api/docs/thought-signatures (FAQ: history of other models).
    private const string NoSignature = "skip_thought_signature_validator";

    private readonly Dictionary<string, (string Name, int Order)> callsById = [];
    private readonly bool isThree = IsThree(conversation.Model) == true;
    private readonly HashSet<string> freeForm = [];
    private string? role;
    private string? pending;

    public void Write()
    {
        foreach (var tool in conversation.Tools)
        {
            if (tool.IsFreeForm)
            {
                freeForm.Add(tool.Name);
            }
        }

        json.WriteStartArray("contents"u8);
        for (var index = 0; index < conversation.Turns.Count;)
        {
            if (conversation.Turns[index].Role == Role.Assistant)
            {
                WriteModel(conversation.Turns[index].Parts, index);
                index++;
                continue;
            }

            var end = index;
            while (end < conversation.Turns.Count && conversation.Turns[end].Role != Role.Assistant)
            {
                end++;
            }

            WriteUser(index, end);
            index = end;
        }

        Close();
        json.WriteEndArray();
    }

    private void WriteUser(int start, int end)
    {
        WriteResults(start, end);
        for (var turn = start; turn < end; turn++)
        {
            var parts = conversation.Turns[turn].Parts;
            for (var index = 0; index < parts.Count; index++)
            {
                NoteCache(parts[index]);
                WriteSaid(parts[index], "user", $"messages[{turn}].content[{index}]");
            }
        }

        Close();
    }

    /// <summary>All together, since they have to follow their calls, and in the order of these: nothing else tells two results of one function apart.</summary>
    private void WriteResults(int start, int end)
    {
        var results = new List<(ToolResultPart Result, string Path, string Name, int Order)>();
        for (var turn = start; turn < end; turn++)
        {
            foreach (var part in conversation.Turns[turn].Parts)
            {
                if (part is ToolResultPart result)
                {
                    var (name, order) = callsById.TryGetValue(result.CallId, out var call) ? call
                        : throw Losses.Refuse($"messages[{turn}]", $"the result of {result.CallId} follows no call of that id");
                    results.Add((result, $"messages[{turn}]", name, order));
                }
            }
        }

        results.Sort(static (left, right) => left.Order.CompareTo(right.Order));
        var beside = new List<(MediaPart Media, string Path)>();
        foreach (var (result, path, name, _) in results)
        {
            WriteResult(result, name, path, beside);
        }

        foreach (var (media, path) in beside)
        {
            WriteMedia(media, path);
        }
    }

    private void WriteModel(List<Part> parts, int turn)
    {
        var isFirstCall = true;
        for (var index = 0; index < parts.Count; index++)
        {
            NoteCache(parts[index]);
            switch (parts[index])
            {
                case ThinkingPart thinking:
                    WriteThinking(thinking);
                    break;
                case ToolCallPart call:
                    WriteCall(call, isFirstCall);
                    isFirstCall = false;
                    break;
                default:
                    WriteSaid(parts[index], "model", $"messages[{turn}].content[{index}]");
                    break;
            }
        }

        WritePending();
        Close();
    }

    private void WriteThinking(ThinkingPart thinking)
    {
        WritePending();
        if (thinking.Text.Length > 0)
        {
            OpenPart("model");
            json.WriteString("text"u8, thinking.Text);
            json.WriteBoolean("thought"u8, true);
            json.WriteEndObject();
        }

        pending = Signatures.For(Maker, thinking.Signature);
    }

    private void WriteCall(ToolCallPart call, bool isFirst)
    {
        callsById[call.Id] = (call.Name, callsById.Count);
        var own = Signatures.For(Maker, call.Signature);
        if (own is not null && pending != own)
        {
            WritePending();
        }

        var signature = own ?? pending ?? (isFirst && isThree ? NoSignature : null);
        pending = null;
        OpenPart("model");
        json.WriteStartObject("functionCall"u8);
        json.WriteString("name"u8, GeminiRequestWriter.NameOf(call.Name));
        json.WritePropertyName("args"u8);
        WriteArguments(json, call.Arguments, freeForm.Contains(call.Name));
        json.WriteEndObject();
        if (signature is not null)
        {
            json.WriteString("thoughtSignature"u8, signature);
        }

        json.WriteEndObject();
    }

    /// <summary>A signature that nothing follows has a part of its own, as in the API's own streams.</summary>
    private void WritePending()
    {
        if (pending is not null)
        {
            WriteText("model", "");
        }
    }

    private void WriteSaid(Part part, string who, string path)
    {
        switch (part)
        {
            case TextPart { Text.Length: > 0 } text:
                WriteText(who, text.Text);
                break;
            case RefusalPart { Text.Length: > 0 } refusal:
                WriteText(who, refusal.Text);
                break;
            case MediaPart media:
                WriteMedia(media, path, who);
                break;
        }
    }

    private void WriteText(string who, string text)
    {
        OpenPart(who);
        json.WriteString("text"u8, text);
        if (pending is not null)
        {
            json.WriteString("thoughtSignature"u8, pending);
            pending = null;
        }

        json.WriteEndObject();
    }

    private void WriteMedia(MediaPart media, string path, string who = "user")
    {
        if (media.Detail is not (null or "auto"))
        {
            losses.Drop("detail");
        }

        OpenPart(who);
        GeminiMedia.Write(json, media, path);
        json.WriteEndObject();
    }

    private void WriteResult(ToolResultPart result, string name, string path, List<(MediaPart Media, string Path)> beside)
    {
        var inside = new List<MediaPart>();
        OpenPart("user");
        json.WriteStartObject("functionResponse"u8);
        json.WriteString("name"u8, GeminiRequestWriter.NameOf(name));
        json.WritePropertyName("response"u8);
        WriteResponse(TextOf(result, path, inside, beside), result.IsError);
        if (inside.Count > 0)
        {
            json.WriteStartArray("parts"u8);
            foreach (var media in inside)
            {
                json.WriteStartObject();
                GeminiMedia.Write(json, media, path);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>What a tool said, in one text. Its media are put inside the result where the model takes them there, or beside it.</summary>
    private string TextOf(ToolResultPart result, string path, List<MediaPart> inside, List<(MediaPart Media, string Path)> beside)
    {
        NoteCache(result);
        var text = new StringBuilder();
        foreach (var part in result.Content)
        {
            NoteCache(part);
            switch (part)
            {
                case TextPart said:
                    text.Append(text.Length > 0 ? "\n" : "").Append(said.Text);
                    break;
                case MediaPart media when isThree && GeminiMedia.FitsResult(media):
                    inside.Add(media);
                    break;
                case MediaPart media:
                    beside.Add((media, path));
                    break;
            }
        }

        return text.ToString();
    }

    private void WriteResponse(string text, bool isError)
    {
        if (!isError && ObjectIn(text) is { } whole)
        {
            WriteRaw(json, whole);
            return;
        }

        json.WriteStartObject();
        json.WriteString(isError ? "error"u8 : "output"u8, text);
        json.WriteEndObject();
    }

    private void NoteCache(Part part)
    {
        if (part.Cache is not null)
        {
            losses.Drop("cache_control");
        }
    }

    /// <summary>Begins a part, and the content it is in: a content without parts is refused.</summary>
    private void OpenPart(string who)
    {
        if (role is null)
        {
            json.WriteStartObject();
            json.WriteString("role"u8, who);
            json.WriteStartArray("parts"u8);
            role = who;
        }

        json.WriteStartObject();
    }

    private void Close()
    {
        if (role is not null)
        {
            json.WriteEndArray();
            json.WriteEndObject();
            role = null;
        }
    }
}
