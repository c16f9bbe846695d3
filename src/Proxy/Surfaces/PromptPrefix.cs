using System.Text.Json;

namespace CCGate.Proxy.Surfaces;

/// <summary>What stays the same while a conversation grows: its system prompt, its tools, and its messages up to the first of the user.</summary>
/// <remarks>
/// It tells conversations apart whose clients name no session. It is read from a copy of the body's reader, for those clients alone: they pay for reading
/// the prefix twice (30 µs of 50 KB), and the readers need not know of it. Texts count as they are written; what clients change from turn to turn is left out.
/// </remarks>
internal struct PromptPrefix
{
    private Fingerprint system;
    private Fingerprint tools;
    private Fingerprint messages;
    private Fingerprint stored;
    private bool hasUser;
    private bool isContinued;

    /// <summary>Null when nothing can be said: nobody has asked anything, or the conversation is known by its last answer only.</summary>
    public readonly ulong? Value
    {
        get
        {
            if (stored != default)
            {
                return stored.Value;
            }

            var all = default(Fingerprint);
            all.Add(system.Value);
            all.Add(tools.Value);
            all.Add(messages.Value);
            return hasUser && !isContinued ? all.Value : null;
        }
    }

    /// <summary>Takes in a member of the body, at whose name the reader stands. The names of all protocols are known here, because none means different things in two of them.</summary>
    public void Read(Utf8JsonReader reader)
    {
        var name = reader.ValueSpan;
        if (name.SequenceEqual("messages"u8) || name.SequenceEqual("input"u8))
        {
            ReadMessages(ref reader, withoutRole: false);
        }
        else if (name.SequenceEqual("contents"u8))
        {
            ReadMessages(ref reader, withoutRole: true); // Gemini takes them for the user's.
        }
        else if (name.SequenceEqual("tools"u8) || name.SequenceEqual("functions"u8))
        {
            AddValue(ref tools, ref reader);
        }
        else if (IsSystem(name))
        {
            AddValue(ref system, ref reader);
        }
        else if (name.SequenceEqual("conversation"u8))
        {
            // The provider keeps it, and every turn sends its own messages only.
            if (IsSaid(reader))
            {
                AddValue(ref stored, ref reader);
            }
        }
        else if (name.SequenceEqual("previous_response_id"u8))
        {
            isContinued = IsSaid(reader);
        }
    }

    private static bool IsSystem(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("system"u8) || name.SequenceEqual("instructions"u8) || name.SequenceEqual("prompt"u8)
        || name.SequenceEqual("systemInstruction"u8) || name.SequenceEqual("system_instruction"u8)
        || name.SequenceEqual("cachedContent"u8) || name.SequenceEqual("cached_content"u8);

    private static bool IsSaid(Utf8JsonReader reader) => reader.Read() && reader.TokenType != JsonTokenType.Null;

    private void ReadMessages(ref Utf8JsonReader reader, bool withoutRole)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
        {
            AddToken(ref messages, ref reader);
            hasUser = true;
            return;
        }

        if (reader.TokenType == JsonTokenType.StartObject)
        {
            hasUser = ReadMessage(ref reader, withoutRole);
            return;
        }

        var depth = reader.CurrentDepth;
        while (!hasUser && reader.Read() && reader.CurrentDepth > depth)
        {
            hasUser = reader.TokenType == JsonTokenType.StartObject && ReadMessage(ref reader, withoutRole);
        }
    }

    /// <summary>Whether it is the user's, who may be named after what they say.</summary>
    private bool ReadMessage(ref Utf8JsonReader reader, bool withoutRole)
    {
        var isUser = withoutRole;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueSpan.SequenceEqual("role"u8))
            {
                var role = reader;
                role.Read();
                isUser = role.ValueSpan.SequenceEqual("user"u8);
            }

            AddMember(ref messages, ref reader);
        }

        return isUser;
    }

    private static void AddMember(ref Fingerprint section, ref Utf8JsonReader reader)
    {
        AddToken(ref section, ref reader);
        if (reader.TokenType == JsonTokenType.PropertyName)
        {
            AddValue(ref section, ref reader);
        }
    }

    private static void AddValue(ref Fingerprint section, ref Utf8JsonReader reader)
    {
        reader.Read();
        AddToken(ref section, ref reader);
        if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            var depth = reader.CurrentDepth;
            while (reader.Read() && reader.CurrentDepth > depth)
            {
                AddToken(ref section, ref reader);
            }
        }
    }

    private static void AddToken(ref Fingerprint section, ref Utf8JsonReader reader)
    {
        // Bytes are compared, not texts: what cannot be compared as a text is not refused here.
        var written = reader.ValueSpan;
        switch (reader.TokenType)
        {
            // Marks the end of the prompt so far, and so moves from message to message.
            case JsonTokenType.PropertyName when written.SequenceEqual("cache_control"u8):
                reader.Skip();
                break;

            // "content": "x" is "content": [{"type": "text", "text": "x"}], and clients write the long form only to put cache_control there.
            case JsonTokenType.PropertyName when written.SequenceEqual("content"u8) || written.SequenceEqual("type"u8) || written.SequenceEqual("text"u8):
            case JsonTokenType.String when written.SequenceEqual("text"u8):
                break;

            case JsonTokenType.String when written.StartsWith("x-anthropic-billing-header"u8):
                AddBehindLine(ref section, written);
                break;

            case not (JsonTokenType.StartObject or JsonTokenType.EndObject or JsonTokenType.StartArray or JsonTokenType.EndArray):
                section.Add(written);
                break;
        }
    }

    /// <summary>Claude Code's first line of the system prompt is for billing, and changes with its version and from request to request.</summary>
    private static void AddBehindLine(ref Fingerprint section, ReadOnlySpan<byte> written)
    {
        var end = written.IndexOf("\\n"u8);
        if (end >= 0)
        {
            section.Add(written[(end + 2)..]);
        }
    }
}
