using System.Text.Json;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Surfaces;

/// <summary>Which of OpenAI's endpoints a body is for.</summary>
internal enum OpenAiForm
{
    Chat,
    Responses,
    Embeddings,
}

/// <summary>What an OpenAI request body says that the gateway needs: found in one pass over the bytes, without a document in memory.</summary>
/// <remarks>
/// The service tier that is asked for is not read: the one that is served may be another, and a hold covers the dearest of those that have a price.
/// </remarks>
internal ref struct OpenAiBodyReader
{
    // The largest picture takes 10,000 patches of a token each; gpt-4o-mini alone counts a picture as up to 48,169 tokens.
    // https://platform.openai.com/docs/guides/images-vision
    private const long TokensPerImage = 10_000;
    private const long TokensPerImageOfMini = 50_000;

    // Sound is ten tokens a second, and a second of the densest coding some hundred bytes.
    private const int BytesPerAudioToken = 20;

    // No model reads more, so nothing can cost more.
    private const long LargestContextTokens = 1_050_000;

    // No model writes more. What is held for a request that sets no limit.
    private const long LargestAnswerTokens = 128_000;

    private readonly OpenAiForm form;
    private Utf8JsonReader reader;
    private List<OutputLimit>? limits;
    private BodySpan start;
    private long payloadBytes;
    private long attachmentTokens;
    private long images;
    private long? hostedCalls;
    private bool hasHostedTools;
    private bool hasSearch;
    private bool saidLimit;
    private bool saidOldLimit;
    private bool saidStream;
    private bool saidOptions;
    private bool saidChoices;
    private PromptPrefix prefix;

    private OpenAiBodyReader(ReadOnlySpan<byte> body, OpenAiForm form)
    {
        this.form = form;
        reader = new Utf8JsonReader(body, BodyJson.Syntax);
    }

    public string? Model { get; private set; }

    public BodySpan ModelSpan { get; private set; }

    public bool Streaming { get; private set; }

    /// <summary>How many answers are asked for, each with the output limit of its own.</summary>
    public long Choices { get; private set; } = 1;

    /// <summary>Whether there is something to answer.</summary>
    public bool HasInput { get; private set; }

    public string? CacheKey { get; private set; }

    /// <summary>What the conversation begins with; null when it was not asked for, or says nothing.</summary>
    public readonly ulong? Prefix => prefix.Value;

    /// <summary>Where the gateway asks a stream for its usage; null when the client did, or no stream is asked for.</summary>
    public BodyEdit? UsageRequest { get; private set; }

    public readonly long MaxOutputTokens => form == OpenAiForm.Embeddings ? 0 : limits?.Max(limit => limit.Value) ?? LargestAnswerTokens;

    public readonly long WebSearches => hasSearch ? HostedCalls : 0;

    private readonly long HostedCalls => hasHostedTools ? hostedCalls ?? BodyJson.HostedCallsWhenUnlimited : 0;

    /// <summary>Half the bytes of everything but attachments, which are counted by their size, and no more than a model can read.</summary>
    public readonly long PromptTokensBound(int bodyLength)
    {
        var perImage = Model?.Contains("4o-mini", StringComparison.OrdinalIgnoreCase) == true ? TokensPerImageOfMini : TokensPerImage;
        var bound = ((bodyLength - payloadBytes + 1) / 2) + attachmentTokens + (images * perImage) + (HostedCalls * BodyJson.TokensPerHostedCall);
        return Math.Min(LargestContextTokens, bound);
    }

    /// <summary>Where the output limit stands: in the members that have one, else in one that is null, else in none, and then it is put in.</summary>
    public readonly IReadOnlyList<OutputLimit> OutputLimits()
    {
        if (form == OpenAiForm.Embeddings)
        {
            return [];
        }

        var name = form == OpenAiForm.Chat ? "max_completion_tokens" : "max_output_tokens";
        return limits is null ? [new OutputLimit(start, null, $"\"{name}\":", ",")]
            : limits.Exists(limit => limit.Value is not null) ? limits.FindAll(limit => limit.Value is not null)
            : limits[..1];
    }

    /// <summary>Refuses what is not a JSON object, or says one of the things twice that decide the price.</summary>
    public static OpenAiBodyReader Read(ReadOnlySpan<byte> body, OpenAiForm form, bool readsPrefix = false)
    {
        var result = new OpenAiBodyReader(body, form);
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
        start = new BodySpan((int)reader.BytesConsumed, 0);
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

        if (!Streaming || form != OpenAiForm.Chat)
        {
            UsageRequest = null;
        }
        else if (!saidOptions)
        {
            UsageRequest = new BodyEdit(start, "\"stream_options\":{\"include_usage\":true},");
        }
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
        else if (reader.ValueTextEquals("stream"u8))
        {
            BodyJson.Once(!saidStream, "stream");
            saidStream = true;
            reader.Read();
            Streaming = reader.TokenType == JsonTokenType.True;
        }
        else if (reader.ValueTextEquals("prompt_cache_key"u8))
        {
            reader.Read();
            CacheKey = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            reader.Skip();
        }
        else if (reader.ValueTextEquals(form == OpenAiForm.Chat ? "messages"u8 : "input"u8))
        {
            HasInput = true;
            ReadContent();
        }
        else if (!ReadOfChat() && !ReadOfResponses())
        {
            reader.Skip();
        }
    }

    private bool ReadOfChat()
    {
        if (form != OpenAiForm.Chat)
        {
            return false;
        }

        if (reader.ValueTextEquals("max_completion_tokens"u8))
        {
            ReadLimit(ref saidLimit, "max_completion_tokens");
        }
        else if (reader.ValueTextEquals("max_tokens"u8))
        {
            ReadLimit(ref saidOldLimit, "max_tokens");
        }
        else if (reader.ValueTextEquals("n"u8))
        {
            BodyJson.Once(!saidChoices, "n");
            saidChoices = true;
            Choices = BodyJson.ReadCount(ref reader, "n", 128) ?? 1;
        }
        else if (reader.ValueTextEquals("stream_options"u8))
        {
            ReadStreamOptions();
        }
        else if (reader.ValueTextEquals("web_search_options"u8))
        {
            reader.Read();
            (hasHostedTools, hasSearch) = reader.TokenType == JsonTokenType.StartObject ? (true, true) : (hasHostedTools, hasSearch);
            reader.Skip();
        }
        else
        {
            return false;
        }

        return true;
    }

    private bool ReadOfResponses()
    {
        if (form != OpenAiForm.Responses)
        {
            return false;
        }

        if (reader.ValueTextEquals("max_output_tokens"u8))
        {
            ReadLimit(ref saidLimit, "max_output_tokens");
        }
        else if (reader.ValueTextEquals("max_tool_calls"u8))
        {
            reader.Read();
            hostedCalls = reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var calls) ? Math.Clamp(calls, 0, 1000) : null;
        }
        else if (reader.ValueTextEquals("tools"u8))
        {
            ReadTools();
        }
        else if (reader.ValueTextEquals("previous_response_id"u8) || reader.ValueTextEquals("conversation"u8) || reader.ValueTextEquals("prompt"u8))
        {
            // What the provider keeps may be as long as the model can read.
            reader.Read();
            attachmentTokens += reader.TokenType == JsonTokenType.Null ? 0 : LargestContextTokens;
            reader.Skip();
        }
        else
        {
            return false;
        }

        return true;
    }

    private void ReadLimit(ref bool said, string name)
    {
        BodyJson.Once(!said, name);
        said = true;
        var value = BodyJson.ReadCount(ref reader, name, BodyJson.LargestMaxTokens);
        (limits ??= new List<OutputLimit>(1)).Add(new OutputLimit(BodyJson.SpanOf(in reader), value));
    }

    private void ReadStreamOptions()
    {
        BodyJson.Once(!saidOptions, "stream_options");
        saidOptions = true;
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            UsageRequest = new BodyEdit(BodyJson.SpanOf(in reader), "{\"include_usage\":true}");
            return;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw BodyJson.Wrong("stream_options", "an object");
        }

        var inside = new BodySpan((int)reader.BytesConsumed, 0);
        var (members, saidUsage) = (0, false);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            members++;
            if (!reader.ValueTextEquals("include_usage"u8))
            {
                reader.Skip();
                continue;
            }

            BodyJson.Once(!saidUsage, "stream_options.include_usage");
            saidUsage = true;
            reader.Read();
            UsageRequest = reader.TokenType switch
            {
                JsonTokenType.True => null,
                JsonTokenType.False or JsonTokenType.Null => new BodyEdit(BodyJson.SpanOf(in reader), "true"),
                _ => throw BodyJson.Wrong("stream_options.include_usage", "true or false"),
            };
        }

        if (!saidUsage)
        {
            UsageRequest = new BodyEdit(inside, members > 0 ? "\"include_usage\":true," : "\"include_usage\":true");
        }
    }

    /// <summary>Finds the tools that the provider runs itself, whose results the model reads.</summary>
    private void ReadTools()
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && !(reader.CurrentDepth == 1 && reader.TokenType == JsonTokenType.EndArray))
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 3 || !reader.ValueTextEquals("type"u8))
            {
                continue;
            }

            reader.Read();
            if (reader.TokenType == JsonTokenType.String)
            {
                hasSearch |= reader.ValueSpan.StartsWith("web_search"u8);
                hasHostedTools |= hasSearch || IsHosted();
            }
        }
    }

    private readonly bool IsHosted() =>
        reader.ValueTextEquals("file_search"u8) || reader.ValueTextEquals("code_interpreter"u8) || reader.ValueTextEquals("mcp"u8) || reader.ValueTextEquals("image_generation"u8);

    /// <summary>Walks the messages, looking only for attachments: a part of a message can be one, and nothing else.</summary>
    private void ReadContent()
    {
        reader.Read();
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
        {
            return;
        }

        var imageDepth = int.MaxValue;
        while (reader.Read() && !(reader.CurrentDepth == 1 && reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray))
        {
            // messages[ { content[ { image_url …, file { file_data
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth is < 3 or > 6)
            {
                continue;
            }

            if (reader.ValueTextEquals("type"u8))
            {
                reader.Read();
                imageDepth = reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("input_image"u8) ? reader.CurrentDepth : int.MaxValue;
                attachmentTokens += reader.TokenType == JsonTokenType.String && reader.CurrentDepth == 3 && reader.ValueTextEquals("item_reference"u8) ? LargestContextTokens : 0;
            }
            else if (reader.CurrentDepth > 3)
            {
                ReadAttachment(isImage: reader.CurrentDepth == imageDepth);
            }
        }
    }

    private void ReadAttachment(bool isImage)
    {
        var (isUrl, isFile) = (reader.ValueTextEquals("image_url"u8), reader.ValueTextEquals("file_data"u8));
        var (isAudio, isReference) = (reader.ValueTextEquals("input_audio"u8), reader.ValueTextEquals("file_id"u8) || reader.ValueTextEquals("file_url"u8));
        if (!isUrl && !isFile && !isAudio && !isReference)
        {
            return;
        }

        reader.Read();
        var data = reader.TokenType switch
        {
            JsonTokenType.String => reader.ValueSpan,
            JsonTokenType.StartObject => ReadText(isUrl ? "url"u8 : "data"u8),
            _ => [],
        };
        if (data.IsEmpty)
        {
            return;
        }

        if (isUrl)
        {
            payloadBytes += data.StartsWith("data:"u8) ? data.Length : 0;
            images++;
        }
        else if (isReference)
        {
            images += isImage ? 1 : 0;
            attachmentTokens += isImage ? 0 : LargestContextTokens;
        }
        else
        {
            // A document's text is compressed, so a byte of it can be a token's worth.
            payloadBytes += data.Length;
            attachmentTokens += isAudio ? (data.Length / BytesPerAudioToken) + 1 : Math.Max(TokensPerImage, data.Length);
        }
    }

    /// <summary>Reads the object the reader is in to its end, and gives the one text that is wanted of it.</summary>
    private ReadOnlySpan<byte> ReadText(ReadOnlySpan<byte> name)
    {
        ReadOnlySpan<byte> found = [];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var wanted = reader.ValueTextEquals(name);
            reader.Read();
            found = wanted && reader.TokenType == JsonTokenType.String ? reader.ValueSpan : found;
            reader.Skip();
        }

        return found;
    }
}
