using System.Runtime.InteropServices;
using System.Text.Json;

namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>The system prompt and the messages of a request, in the order the API wants them, and what of them is to be cached.</summary>
/// <remarks>Caching: https://platform.claude.com/docs/en/build-with-claude/prompt-caching. At most four markers; prompts below 1,024 tokens are never cached.
/// A client whose protocol caches by itself says nothing, so its prompt is marked where the next request will begin like this one.</remarks>
internal sealed class AnthropicPrompt
{
    private const int MaxMarkers = 4;
    private const int SmallestCachedChars = 4096;
    private static readonly CacheMarker ShortLived = new(Ttl: null);

    private readonly List<TextPart> system = [];
    private readonly List<Message> messages = [];
    private readonly Conversation conversation;
    private bool isMarkedHere;
    private int othersMarked;
    private int markersToSkip;

    private AnthropicPrompt(Conversation conversation) => this.conversation = conversation;

    /// <param name="thinking">Thoughts are given back only to a model that thinks: the others refuse them.</param>
    /// <param name="instruction">One more sentence for the system prompt.</param>
    public static AnthropicPrompt Of(Conversation conversation, AnthropicThinking thinking, string? instruction)
    {
        var prompt = new AnthropicPrompt(conversation);
        foreach (var text in conversation.System)
        {
            if (!string.IsNullOrWhiteSpace(text.Text))
            {
                prompt.system.Add(text);
            }
        }

        if (instruction is not null)
        {
            prompt.system.Add(new TextPart(instruction));
        }

        for (var i = 0; i < conversation.Turns.Count; i++)
        {
            foreach (var part in conversation.Turns[i].Parts)
            {
                prompt.Add(conversation.Turns[i].Role, part, thinking, i);
            }
        }

        prompt.Complete();
        prompt.CountMarkers();
        return prompt;
    }

    public void WriteSystem(Utf8JsonWriter json)
    {
        if (system.Count == 0)
        {
            return;
        }

        json.WriteStartArray("system"u8);
        for (var i = 0; i < system.Count; i++)
        {
            AnthropicParts.WriteText(system[i].Text, Take(system[i].Cache, marksHere: i == system.Count - 1), json);
        }

        json.WriteEndArray();
    }

    public void WriteMessages(Utf8JsonWriter json)
    {
        var toMark = 2;
        var firstMarked = messages.Count;
        while (toMark > 0 && firstMarked > 0)
        {
            toMark -= messages[--firstMarked].IsUser ? 1 : 0;
        }

        json.WriteStartArray("messages"u8);
        for (var i = 0; i < messages.Count; i++)
        {
            var (isUser, _, parts) = messages[i];
            json.WriteStartObject();
            json.WriteString("role"u8, isUser ? "user"u8 : "assistant"u8);
            json.WriteStartArray("content"u8);
            for (var j = 0; j < parts.Count; j++)
            {
                var marksHere = isUser && i >= firstMarked && j == parts.Count - 1;
                AnthropicParts.Write(parts[j], messages[i].Turn, Take(parts[j].Cache, marksHere), conversation, json);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>The marker of a tool; tools stand before everything else, so theirs are the first that are too many.</summary>
    public CacheMarker? TakeMarkerOfTool(int index)
    {
        var tools = conversation.Tools;
        if (isMarkedHere)
        {
            return system.Count == 0 && index == tools.Count - 1 ? ShortLived : null;
        }

        if (tools[index].Cache is null)
        {
            return null;
        }

        var later = 0;
        for (var i = index + 1; i < tools.Count; i++)
        {
            later += tools[i].Cache is null ? 0 : 1;
        }

        return later + othersMarked < MaxMarkers ? tools[index].Cache : null;
    }

    public static void WriteMarker(CacheMarker? marker, Utf8JsonWriter json)
    {
        if (marker is null)
        {
            return;
        }

        json.WriteStartObject("cache_control"u8);
        json.WriteString("type"u8, "ephemeral"u8);
        if (marker.Ttl is not null)
        {
            json.WriteString("ttl"u8, marker.Ttl);
        }

        json.WriteEndObject();
    }

    private void Add(Role role, Part part, AnthropicThinking thinking, int turn)
    {
        var isUser = role != Role.Assistant;
        var said = part switch
        {
            TextPart text when string.IsNullOrWhiteSpace(text.Text) => null,
            TextPart text when role == Role.System => text with { Text = $"<system>\n{text.Text}\n</system>" },
            RefusalPart refusal => string.IsNullOrWhiteSpace(refusal.Text) ? null : new TextPart(refusal.Text),
            ThinkingPart thought => !isUser && thinking.IsActive && Signatures.For(AnthropicBlocks.Maker, thought.Signature) is not null ? thought : null,
            MediaPart when !isUser => throw Losses.Refuse($"messages[{turn}]", "an assistant's turn holds text and calls only"),
            _ => part,
        };
        if (said is null)
        {
            return;
        }

        if (messages is not [.., { } last] || last.IsUser != isUser)
        {
            messages.Add(last = new Message(isUser, turn, []));
        }

        // The API wants results first.
        if (said is ToolResultPart)
        {
            last.Parts.Insert(last.Parts.FindLastIndex(static other => other is ToolResultPart) + 1, said);
        }
        else
        {
            last.Parts.Add(said);
        }
    }

    private void Complete()
    {
        if (messages.Count == 0)
        {
            if (system.Count == 0)
            {
                throw Losses.Refuse("messages", "there is nothing to answer");
            }

            messages.Add(new Message(true, 0, [.. system]));
            system.Clear();
        }

        // An answer that the model is to go on with must not end in white space.
        if (messages[^1] is { IsUser: false, Parts: [.., TextPart text] parts })
        {
            parts[^1] = text with { Text = text.Text.TrimEnd() };
        }
    }

    private void CountMarkers()
    {
        foreach (var text in system)
        {
            othersMarked += text.Cache is null ? 0 : 1;
        }

        foreach (var message in messages)
        {
            foreach (var part in message.Parts)
            {
                othersMarked += part.Cache is null ? 0 : 1;
            }
        }

        markersToSkip = Math.Max(0, othersMarked - MaxMarkers);
        isMarkedHere = othersMarked == 0 && !conversation.Tools.Exists(static tool => tool.Cache is not null) && IsWorthCaching();
    }

    private CacheMarker? Take(CacheMarker? said, bool marksHere)
    {
        if (said is null)
        {
            return isMarkedHere && marksHere ? ShortLived : null;
        }

        return markersToSkip-- > 0 ? null : said;
    }

    private bool IsWorthCaching()
    {
        var chars = 0L;
        foreach (var text in system)
        {
            chars += text.Text.Length;
        }

        foreach (var tool in conversation.Tools)
        {
            chars += (tool.Description?.Length ?? 0) + (tool.Schema is { } schema ? JsonMarshal.GetRawUtf8Value(schema).Length : 0);
        }

        for (var i = 0; i < messages.Count && chars < SmallestCachedChars; i++)
        {
            foreach (var part in messages[i].Parts)
            {
                chars += Length(part);
            }
        }

        return chars >= SmallestCachedChars;
    }

    private static long Length(Part part)
    {
        switch (part)
        {
            case TextPart text:
                return text.Text.Length;
            case ToolCallPart call:
                return call.Arguments.Length;
            case MediaPart:
                return SmallestCachedChars;
            case ToolResultPart result:
                var chars = 0L;
                foreach (var inner in result.Content)
                {
                    chars += Length(inner);
                }

                return chars;
            default:
                return 0;
        }
    }

    /// <param name="Turn">Where it began in the conversation.</param>
    private sealed record Message(bool IsUser, int Turn, List<Part> Parts);
}
