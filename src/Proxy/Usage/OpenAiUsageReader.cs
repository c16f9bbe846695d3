using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Usage;

/// <summary>Collects what an answer of chat completions, responses or embeddings says about its usage.</summary>
/// <remarks>
/// <code>
/// data: {"object":"chat.completion.chunk","model":…,"choices":[{"delta":{"content":"Hel"},"finish_reason":null}],"usage":null}
/// data: {"object":"chat.completion.chunk","model":…,"choices":[],"usage":{…}}          only when asked for, never when the stream is cut
/// data: [DONE]
///
/// event: response.output_text.delta
/// data: {"type":"response.output_text.delta","delta":"Hel"}
/// event: response.completed                                                            or .incomplete, or .failed
/// data: {"type":"response.completed","response":{"model":…,"service_tier":…,"output":[…],"usage":{…}}}
/// </code>
/// </remarks>
internal sealed class OpenAiUsageReader(long likelyPromptTokens) : IUsageReader
{
    private JsonElement? usage;
    private string? serviceTier;
    private long generatedBytes;
    private long searchesDone;
    private long searchesListed;
    private bool isStream;
    private bool saidUsage;
    private bool isCurrent; // Nothing was generated after the usage.
    private bool isFinished;

    public string? Model { get; private set; }

    public bool HasOutput => generatedBytes > 0;

    public bool Ended { get; private set; }

    public bool IsComplete => Ended || isFinished;

    public bool IsOver { get; private set; }

    public string? StreamError { get; private set; }

    public void TakeEvent(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data)
    {
        isStream = true;
        if (data.TrimEnd(" "u8).SequenceEqual("[DONE]"u8))
        {
            (Ended, IsOver) = (true, true);
            return;
        }

        saidUsage = false;
        TakeObject(data, isWhole: true);
        isCurrent |= saidUsage;
        Ended |= isCurrent && isFinished;
    }

    public void TakeBody(ReadOnlySpan<byte> body)
    {
        Ended = TakeObject(body, isWhole: false);
        isCurrent = isFinished = saidUsage;
    }

    public bool? IsError(ReadOnlySpan<byte> beginning) => ErrorBody.Is(beginning);

    public (TokenUsage Usage, UsageState State) Conclude()
    {
        var estimate = GeneratedText.Tokens(generatedBytes);
        var searches = Math.Min(UsageJson.MaxWebSearches, Math.Max(searchesDone, searchesListed));
        if (usage is { } said)
        {
            var reported = OpenAiUsage.Read(said) with { ServiceTier = serviceTier, WebSearches = searches };
            return isCurrent && (isFinished || Ended)
                ? (reported, UsageState.Known)
                : (reported with { OutputTokens = Math.Max(reported.OutputTokens, estimate) }, UsageState.Estimated);
        }

        if (StreamError is not null && !HasOutput)
        {
            return (new TokenUsage(), UsageState.KnownZero);
        }

        // A stream tells its usage at its very end, so one that is cut, or failed, has a prompt that was read and an answer that was seen.
        var seen = new TokenUsage { OutputTokens = estimate, ServiceTier = serviceTier, WebSearches = searches };
        return isStream && (!Ended || StreamError is not null) && (Model is not null || HasOutput)
            ? (seen with { InputTokens = likelyPromptTokens }, UsageState.Estimated)
            : (seen, UsageState.Unknown);
    }

    /// <summary>Whether the object came to its end.</summary>
    private bool TakeObject(ReadOnlySpan<byte> json, bool isWhole)
    {
        var reader = new Utf8JsonReader(json, isWhole, new JsonReaderState(UsageJson.Syntax));
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject || !TakeMembers(ref reader, json))
            {
                return false;
            }

            while (reader.Read())
            {
            }

            return true;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private bool TakeMembers(ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!TakeMember(ref reader, json))
            {
                return false;
            }
        }

        return reader.TokenType == JsonTokenType.EndObject;
    }

    /// <summary>Takes a member, or passes over it; false when it is cut off.</summary>
    private bool TakeMember(ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        if (reader.ValueTextEquals("choices"u8))
        {
            return reader.Read() && TakeChoices(ref reader);
        }

        if (reader.ValueTextEquals("output"u8))
        {
            searchesListed = 0;
            return reader.Read() && TakeItems(ref reader, json, ref searchesListed);
        }

        if (reader.ValueTextEquals("item"u8))
        {
            // Said when an item begins and again when it is done; the one that is begun has no status "completed" yet.
            return reader.Read() && TakeItem(ref reader, json, ref searchesDone);
        }

        return TakeNamed(ref reader, json);
    }

    private bool TakeNamed(ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        var (isType, isModel, isTier) = (reader.ValueTextEquals("type"u8), reader.ValueTextEquals("model"u8), reader.ValueTextEquals("service_tier"u8));
        var (isUsage, isError, isDelta) = (reader.ValueTextEquals("usage"u8), reader.ValueTextEquals("error"u8), reader.ValueTextEquals("delta"u8));
        if (reader.ValueTextEquals("response"u8))
        {
            return reader.Read() && (reader.TokenType == JsonTokenType.StartObject ? TakeMembers(ref reader, json) : reader.TrySkip());
        }

        if (!reader.Read())
        {
            return false;
        }

        var start = (int)reader.TokenStartIndex;
        if (isError && reader.TokenType == JsonTokenType.StartObject)
        {
            return TakeError(ref reader);
        }

        if (reader.TokenType == JsonTokenType.String)
        {
            TakeText(in reader, isType, isModel, isTier, isDelta);
        }

        if (!reader.TrySkip())
        {
            return false;
        }

        if (isUsage && reader.TokenType == JsonTokenType.EndObject && UsageJson.Parse(json[start..(int)reader.BytesConsumed]) is var said && OpenAiUsage.HasCounts(said))
        {
            usage = UsageJson.Merge(usage, said);
            saidUsage = true;
        }

        return true;
    }

    private void TakeText(in Utf8JsonReader reader, bool isType, bool isModel, bool isTier, bool isDelta)
    {
        if (isDelta)
        {
            Generated(GeneratedText.Bytes(in reader));
        }
        else if (isModel)
        {
            Model ??= reader.GetString();
        }
        else if (isTier && !reader.ValueTextEquals(serviceTier))
        {
            serviceTier = reader.GetString();
        }
        else if (isType && reader.CurrentDepth == 1)
        {
            TakeType(in reader);
        }
    }

    private void TakeType(in Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("response.completed"u8) || reader.ValueTextEquals("response.incomplete"u8))
        {
            (Ended, IsOver, isFinished) = (true, true, true);
        }
        else if (reader.ValueTextEquals("response.failed"u8))
        {
            (Ended, IsOver, isFinished) = (true, true, true);
            StreamError ??= "response.failed";
        }
        else if (reader.ValueTextEquals("error"u8))
        {
            StreamError ??= "error";
        }
    }

    /// <summary><c>"error": {"message": …, "type": "server_error", "code": null}</c>: its code, or its type.</summary>
    private bool TakeError(ref Utf8JsonReader reader)
    {
        StreamError = "error";
        var hasCode = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isCode, isType) = (reader.ValueTextEquals("code"u8), reader.ValueTextEquals("type"u8));
            if (!reader.Read())
            {
                return false;
            }

            if ((isCode || (isType && !hasCode)) && reader.TokenType == JsonTokenType.String)
            {
                StreamError = reader.GetString()!;
                hasCode |= isCode;
            }

            if (!reader.TrySkip())
            {
                return false;
            }
        }

        return reader.TokenType == JsonTokenType.EndObject;
    }

    /// <summary>Measures the text of all choices, and sees whether one has come to its end.</summary>
    private bool TakeChoices(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return reader.TrySkip();
        }

        var depth = reader.CurrentDepth;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.EndArray && reader.CurrentDepth == depth)
            {
                return true;
            }

            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            var isText = IsGenerated(in reader);
            var isEnd = reader.ValueTextEquals("finish_reason"u8);
            if (!reader.Read())
            {
                return false;
            }

            if (reader.TokenType == JsonTokenType.String)
            {
                Generated(isText ? GeneratedText.Bytes(in reader) : 0);
                isFinished |= isEnd;
            }
        }

        return false;
    }

    // "reasoning_content" and "reasoning" are what relays of other models call it.
    private static bool IsGenerated(in Utf8JsonReader reader) =>
        reader.ValueTextEquals("content"u8) || reader.ValueTextEquals("arguments"u8) || reader.ValueTextEquals("refusal"u8)
        || reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8);

    private static bool TakeItems(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, ref long searches)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return reader.TrySkip();
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (!TakeItem(ref reader, json, ref searches))
            {
                return false;
            }
        }

        return reader.TokenType == JsonTokenType.EndArray;
    }

    private static bool TakeItem(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, ref long searches)
    {
        var start = (int)reader.TokenStartIndex;
        if (!reader.TrySkip())
        {
            return false;
        }

        searches += IsBilledSearch(json[start..(int)reader.BytesConsumed]) ? 1 : 0;
        return true;
    }

    /// <summary>
    /// <c>{"type": "web_search_call", "status": "completed", "action": {"type": "search", …}}</c>: only the search is billed by the call, not the opening of a
    /// page or the finding in it.
    /// </summary>
    private static bool IsBilledSearch(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("\"web_search_call\""u8) < 0)
        {
            return false;
        }

        var item = UsageJson.Parse(json);
        return UsageJson.Text(item, "type") == "web_search_call" && UsageJson.Text(item, "status") == "completed"
            && (UsageJson.Child(item, "action") is not { } action || UsageJson.Text(action, "type") is null or "search");
    }

    private void Generated(int bytes)
    {
        if (bytes > 0)
        {
            generatedBytes += bytes;
            // Usage that was reported before this was not the last word.
            (isCurrent, isFinished) = (false, false);
        }
    }
}
