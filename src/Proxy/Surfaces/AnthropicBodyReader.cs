using System.Text.Json;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Surfaces;

/// <summary>What an Anthropic request body says that the gateway needs: found in one pass over the bytes, without a document in memory.</summary>
internal ref struct AnthropicBodyReader
{
    // A picture costs at most about 4,800 tokens on the models that read the largest ones (2,576 pixels a side), 1,600 on the others:
    // https://platform.claude.com/docs/en/build-with-claude/vision
    private const long TokensPerImage = 5_000;

    // No model reads more, so nothing can cost more.
    private const long LargestContextTokens = 1_000_000;

    private Utf8JsonReader reader;
    private List<Advisor>? advisors;
    private long payloadBytes;
    private long attachmentTokens;
    private PromptPrefix prefix;

    private AnthropicBodyReader(ReadOnlySpan<byte> body) => reader = new Utf8JsonReader(body, BodyJson.Syntax);

    public string? Model { get; private set; }

    public BodySpan ModelSpan { get; private set; }

    public long? MaxTokens { get; private set; }

    public BodySpan MaxTokensSpan { get; private set; }

    public bool Streaming { get; private set; }

    public bool HasMessages { get; private set; }

    public string? UserId { get; private set; }

    public long ThinkingBudgetTokens { get; private set; }

    public bool Fast { get; private set; }

    public long WebSearches { get; private set; }

    /// <summary>The models that may be asked for advice.</summary>
    public readonly IReadOnlyList<Advisor> Advisors => advisors ?? [];

    /// <summary>The conversation may be summed up first, by the same model: it is read twice, and a second text is written.</summary>
    public bool Compacts { get; private set; }

    /// <summary>What the conversation begins with; null when it was not asked for, or says nothing.</summary>
    public readonly ulong? Prefix => prefix.Value;

    /// <summary>Half the bytes of everything but attachments, which are counted by their size, and no more than a model can read.</summary>
    public readonly long PromptTokensBound(int bodyLength) =>
        Math.Min(LargestContextTokens, ((bodyLength - payloadBytes + 1) / 2) + attachmentTokens + (WebSearches * BodyJson.TokensPerHostedCall));

    /// <summary>Refuses what is not a JSON object, or says one of the things twice that decide the price.</summary>
    public static AnthropicBodyReader Read(ReadOnlySpan<byte> body, bool readsPrefix = false)
    {
        var result = new AnthropicBodyReader(body);
        try
        {
            result.ReadTopLevel(readsPrefix);
        }
        catch (Exception error) when (BodyJson.IsUnreadable(error))
        {
            throw BodyJson.NotJson(error);
        }

        return result;
    }

    private void ReadTopLevel(bool readsPrefix)
    {
        BodyJson.EnterObject(ref reader);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (readsPrefix)
            {
                prefix.Read(reader);
            }

            ReadMember();
        }

        // Reads the white space, or the garbage, after the object.
        reader.Read();
    }

    private void ReadMember()
    {
        if (reader.ValueTextEquals("model"u8))
        {
            BodyJson.Once(ModelSpan.IsMissing, "model");
            reader.Read();
            Model = reader.TokenType == JsonTokenType.String ? reader.GetString() : throw BodyJson.Wrong("model", "a string");
            ModelSpan = BodyJson.SpanOf(in reader);
        }
        else if (reader.ValueTextEquals("max_tokens"u8))
        {
            BodyJson.Once(MaxTokensSpan.IsMissing, "max_tokens");
            reader.Read();
            MaxTokens = reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var limit) && limit is > 0 and <= BodyJson.LargestMaxTokens
                ? limit
                : throw BodyJson.Wrong("max_tokens", FormattableString.Invariant($"a whole number above 0 and at most {BodyJson.LargestMaxTokens}"));
            MaxTokensSpan = BodyJson.SpanOf(in reader);
        }
        else if (reader.ValueTextEquals("stream"u8))
        {
            reader.Read();
            Streaming = reader.TokenType == JsonTokenType.True;
        }
        else if (reader.ValueTextEquals("speed"u8))
        {
            reader.Read();
            Fast = reader.TokenType == JsonTokenType.String && !reader.ValueTextEquals("standard"u8);
        }
        else if (reader.ValueTextEquals("metadata"u8))
        {
            UserId = ReadMemberOf("user_id"u8).Text;
        }
        else if (reader.ValueTextEquals("thinking"u8))
        {
            ThinkingBudgetTokens = Math.Clamp(ReadMemberOf("budget_tokens"u8).Integer, 0, BodyJson.LargestMaxTokens);
        }
        else if (reader.ValueTextEquals("tools"u8))
        {
            ReadTools();
        }
        else if (reader.ValueTextEquals("context_management"u8))
        {
            ReadContextManagement();
        }
        else
        {
            HasMessages |= reader.ValueTextEquals("messages"u8);
            ReadContent();
        }
    }

    /// <summary>Walks any value, looking only for attachments.</summary>
    private void ReadContent()
    {
        reader.Read();
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
        {
            return;
        }

        var depth = reader.CurrentDepth;
        var imageDepth = int.MaxValue;
        while (reader.Read() && !(reader.CurrentDepth == depth && reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray))
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            if (reader.ValueTextEquals("type"u8))
            {
                reader.Read();
                if (reader.TokenType == JsonTokenType.String && reader.CurrentDepth <= imageDepth)
                {
                    imageDepth = reader.ValueTextEquals("image"u8) ? reader.CurrentDepth : int.MaxValue;
                }
            }
            else if (reader.ValueTextEquals("source"u8))
            {
                ReadSource(image: reader.CurrentDepth == imageDepth);
                imageDepth = int.MaxValue;
            }
        }
    }

    /// <summary><c>"source": {"type": "base64", "media_type": …, "data": …}</c>, or a URL or a file whose size nobody here knows.</summary>
    private void ReadSource(bool image)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return;
        }

        var depth = reader.CurrentDepth;
        var payload = 0;
        var (base64, reference) = (false, false);
        while (reader.Read() && !(reader.CurrentDepth == depth && reader.TokenType == JsonTokenType.EndObject))
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != depth + 1)
            {
                continue;
            }

            if (reader.ValueTextEquals("data"u8))
            {
                reader.Read();
                payload = reader.ValueSpan.Length;
            }
            else if (reader.ValueTextEquals("type"u8))
            {
                reader.Read();
                base64 = reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("base64"u8);
                reference = reader.TokenType == JsonTokenType.String && (reader.ValueTextEquals("url"u8) || reader.ValueTextEquals("file"u8));
            }
        }

        // Anything else is counted as the text it is. A document's text is compressed, so a byte of it can be a token's worth,
        // and one of unknown size may fill the context.
        payloadBytes += base64 ? payload : 0;
        attachmentTokens += (base64, reference, image) switch
        {
            (true, _, true) or (_, true, true) => TokensPerImage,
            (true, _, _) => Math.Max(TokensPerImage, payload),
            (_, true, _) => LargestContextTokens,
            _ => 0,
        };
    }

    /// <summary>Counts the searches that server tools may run; everything else in a tool is just text.</summary>
    private void ReadTools()
    {
        reader.Read();
        if (reader.TokenType is not JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                ReadTool();
            }
            else
            {
                reader.Skip(); // No tool, which is for the upstream to say; what follows counts all the same.
            }
        }
    }

    /// <summary><c>"context_management": {"edits": [{"type": "compact_20260112", …}]}</c></summary>
    private void ReadContextManagement()
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }

        var depth = reader.CurrentDepth;
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            Compacts |= reader.TokenType == JsonTokenType.String && reader.ValueSpan.StartsWith("compact_"u8);
        }
    }

    private void ReadTool()
    {
        var (search, advises) = (false, false);
        string? model = null;
        var uses = BodyJson.HostedCallsWhenUnlimited;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("type"u8))
            {
                reader.Read();
                search = reader.TokenType == JsonTokenType.String && reader.ValueSpan.StartsWith("web_"u8);
                advises = reader.TokenType == JsonTokenType.String && reader.ValueSpan.StartsWith("advisor_"u8);
                reader.Skip();
            }
            else if (reader.ValueTextEquals("model"u8))
            {
                reader.Read();
                model = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
                reader.Skip();
            }
            else if (reader.ValueTextEquals("max_uses"u8))
            {
                reader.Read();
                uses = reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var count) ? Math.Clamp(count, 0, 1000) : uses;
                reader.Skip();
            }
            else
            {
                reader.Skip();
            }
        }

        WebSearches += search ? uses : 0;
        if (advises && model is not null)
        {
            (advisors ??= []).Add(new Advisor(model, uses));
        }
    }

    /// <summary>Reads the object that comes next to its end, and gives the one member that is wanted of it.</summary>
    private (string? Text, long Integer) ReadMemberOf(ReadOnlySpan<byte> name)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return default;
        }

        (string? Text, long Integer) found = default;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var wanted = reader.ValueTextEquals(name);
            reader.Read();
            if (wanted && reader.TokenType == JsonTokenType.String)
            {
                found.Text = reader.GetString();
            }
            else if (wanted && reader.TokenType == JsonTokenType.Number)
            {
                found.Integer = reader.TryGetInt64(out var value) ? value : 0;
            }

            reader.Skip();
        }

        return found;
    }
}
