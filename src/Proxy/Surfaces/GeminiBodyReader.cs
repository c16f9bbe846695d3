using System.Globalization;
using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Surfaces;

/// <summary>What a Gemini request body says that the gateway needs: found in one pass over the bytes, without a document in memory.</summary>
/// <remarks>Every member has two spellings, <c>maxOutputTokens</c> and <c>max_output_tokens</c>, and a whole number may be written as a text.</remarks>
internal ref struct GeminiBodyReader
{
    // A picture is cut into tiles of 258 tokens, or takes 2,240 at the highest resolution: https://ai.google.dev/gemini-api/docs/tokens
    private const long TokensPerImage = 5_000;

    // Sound is 32 tokens a second, and a second of the densest coding some hundred bytes.
    private const int BytesPerAudioToken = 20;

    // No model reads more, so nothing can cost more.
    private const long LargestContextTokens = 2_097_152;

    // No model writes more. What is held for a request that sets no limit.
    private const long LargestAnswerTokens = 65_536;

    private Utf8JsonReader reader;
    private OutputLimit limit;
    private long payloadBytes;
    private long attachmentTokens;
    private bool hasHostedTools;
    private bool hasSearch;
    private bool saidConfig;
    private bool saidLimit;
    private bool saidChoices;
    private PromptPrefix prefix;

    private GeminiBodyReader(ReadOnlySpan<byte> body) => reader = new Utf8JsonReader(body, BodyJson.Syntax);

    /// <summary>How many answers are asked for, each with the output limit of its own.</summary>
    public long Choices { get; private set; } = 1;

    public long ThinkingBudgetTokens { get; private set; }

    /// <summary>Whether there is something to answer.</summary>
    public bool HasContents { get; private set; }

    /// <summary>What the conversation begins with; null when it was not asked for, or says nothing.</summary>
    public readonly ulong? Prefix => prefix.Value;

    /// <summary>Where the output limit stands, or can be put in.</summary>
    public readonly OutputLimit OutputLimit => limit;

    public readonly long MaxOutputTokens => limit.Value ?? LargestAnswerTokens;

    public readonly long WebSearches => hasSearch ? BodyJson.HostedCallsWhenUnlimited : 0;

    /// <summary>Half the bytes of everything but attachments, which are counted by their size, and no more than a model can read.</summary>
    public readonly long PromptTokensBound(int bodyLength)
    {
        var hosted = hasHostedTools ? BodyJson.HostedCallsWhenUnlimited * BodyJson.TokensPerHostedCall : 0;
        return Math.Min(LargestContextTokens, ((bodyLength - payloadBytes + 1) / 2) + attachmentTokens + hosted);
    }

    /// <summary>Refuses what is not a JSON object, or says one of the things twice that decide the price.</summary>
    public static GeminiBodyReader Read(ReadOnlySpan<byte> body, bool readsPrefix = false)
    {
        var result = new GeminiBodyReader(body);
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
        limit = new OutputLimit(new BodySpan((int)reader.BytesConsumed, 0), null, "\"generationConfig\":{\"maxOutputTokens\":", "},");
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
        if (reader.ValueTextEquals("contents"u8))
        {
            HasContents = true;
            ReadContents();
        }
        else if (Is("generationConfig"u8, "generation_config"u8))
        {
            BodyJson.Once(!saidConfig, "generationConfig");
            saidConfig = true;
            ReadConfig();
        }
        else if (reader.ValueTextEquals("tools"u8))
        {
            ReadTools();
        }
        else if (Is("cachedContent"u8, "cached_content"u8))
        {
            // What the provider keeps may be as long as the model can read.
            reader.Read();
            attachmentTokens += reader.TokenType == JsonTokenType.Null ? 0 : LargestContextTokens;
            reader.Skip();
        }
        else
        {
            reader.Skip();
        }
    }

    private void ReadConfig()
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            limit = new OutputLimit(BodyJson.SpanOf(in reader), null, "{\"maxOutputTokens\":", "}");
            return;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw BodyJson.Wrong("generationConfig", "an object");
        }

        var inside = new BodySpan((int)reader.BytesConsumed, 0);
        var members = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            members++;
            ReadConfigMember();
        }

        limit = saidLimit ? limit : new OutputLimit(inside, null, "\"maxOutputTokens\":", members > 0 ? "," : "");
    }

    private void ReadConfigMember()
    {
        if (Is("maxOutputTokens"u8, "max_output_tokens"u8))
        {
            BodyJson.Once(!saidLimit, "generationConfig.maxOutputTokens");
            saidLimit = true;
            var value = ReadCount("generationConfig.maxOutputTokens", BodyJson.LargestMaxTokens);
            limit = new OutputLimit(BodyJson.SpanOf(in reader), value);
        }
        else if (Is("candidateCount"u8, "candidate_count"u8))
        {
            BodyJson.Once(!saidChoices, "generationConfig.candidateCount");
            saidChoices = true;
            Choices = ReadCount("generationConfig.candidateCount", 128) ?? 1;
        }
        else if (Is("thinkingConfig"u8, "thinking_config"u8))
        {
            ReadThinking();
        }
        else
        {
            reader.Skip();
        }
    }

    private void ReadThinking()
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isBudget = Is("thinkingBudget"u8, "thinking_budget"u8);
            reader.Read();
            if (isBudget && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var budget))
            {
                ThinkingBudgetTokens = Math.Clamp(budget, 0, BodyJson.LargestMaxTokens); // -1 leaves it to the model.
            }

            reader.Skip();
        }
    }

    /// <summary>Reads the value that comes next: a whole number above 0, as a number or a text, or null, which says nothing.</summary>
    private long? ReadCount(string name, long largest)
    {
        var ahead = reader;
        ahead.Read();
        if (ahead.TokenType != JsonTokenType.String)
        {
            return BodyJson.ReadCount(ref reader, name, largest);
        }

        reader.Read();
        return long.TryParse(Encoding.UTF8.GetString(reader.ValueSpan), NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 && count <= largest
            ? count
            : throw BodyJson.Wrong(name, FormattableString.Invariant($"a whole number above 0 and at most {largest}"));
    }

    /// <summary>Finds the tools that the provider runs itself, whose results the model reads.</summary>
    private void ReadTools()
    {
        reader.Read();
        if (reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject))
        {
            return;
        }

        while (reader.Read() && !(reader.CurrentDepth == 1 && reader.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject))
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth <= 3)
            {
                hasSearch |= Is("googleSearch"u8, "google_search"u8) || Is("googleSearchRetrieval"u8, "google_search_retrieval"u8) || Is("googleMaps"u8, "google_maps"u8);
                hasHostedTools |= hasSearch || Is("urlContext"u8, "url_context"u8) || Is("codeExecution"u8, "code_execution"u8) || Is("fileSearch"u8, "file_search"u8);
            }
        }
    }

    /// <summary>Walks the contents, looking only for attachments.</summary>
    private void ReadContents()
    {
        reader.Read();
        if (reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject))
        {
            return;
        }

        while (reader.Read() && !(reader.CurrentDepth == 1 && reader.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject))
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            // contents[ { parts[ { inlineData: deeper down it is somebody's own data, and the text it is.
            if (reader.CurrentDepth == 5 && Is("inlineData"u8, "inline_data"u8))
            {
                ReadInlineData();
            }
            else if (Is("fileData"u8, "file_data"u8))
            {
                attachmentTokens += LargestContextTokens;
            }
        }
    }

    /// <summary><c>"inlineData": {"mimeType": "image/png", "data": …}</c></summary>
    private void ReadInlineData()
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return;
        }

        var payload = 0;
        var (isImage, isAudio) = (false, false);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isData, isType) = (reader.ValueTextEquals("data"u8), Is("mimeType"u8, "mime_type"u8));
            reader.Read();
            if (reader.TokenType == JsonTokenType.String)
            {
                payload = isData ? reader.ValueSpan.Length : payload;
                isImage |= isType && reader.ValueSpan.StartsWith("image/"u8);
                isAudio |= isType && reader.ValueSpan.StartsWith("audio/"u8);
            }

            reader.Skip();
        }

        // A document's text is compressed, so a byte of it can be a token's worth.
        payloadBytes += payload;
        attachmentTokens += isImage ? TokensPerImage : isAudio ? (payload / BytesPerAudioToken) + 1 : Math.Max(TokensPerImage, payload);
    }

    private readonly bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> other) => reader.ValueTextEquals(name) || reader.ValueTextEquals(other);
}
