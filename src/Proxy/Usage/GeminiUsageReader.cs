using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Usage;

/// <summary>Collects what an answer of Gemini says about its usage: events, an array of the same objects, or one of them.</summary>
/// <remarks>
/// <code>
/// {"candidates": [{"content": {"parts": [{"text": "Hel"}]}}], "usageMetadata": {"promptTokenCount": 9, …}, "modelVersion": …}
/// {"candidates": [{"content": {"parts": [{"text": "lo"}]}, "finishReason": "STOP"}], "usageMetadata": {…}}       the last one counts; nothing says that it is
/// </code>
/// </remarks>
internal sealed class GeminiUsageReader(long likelyPromptTokens) : IUsageReader
{
    private JsonElement? usage;
    private long generatedBytes;
    private long searches;
    private bool isStream;
    private bool saidUsage;
    private bool saidEnd;
    private bool isCurrent;
    private bool isFinished;

    public string? Model { get; private set; }

    public bool HasOutput => generatedBytes > 0;

    public bool Ended { get; private set; }

    public bool IsComplete => Ended || isFinished;

    public bool IsOver => false;

    public string? StreamError { get; private set; }

    public void TakeEvent(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data)
    {
        isStream = true;
        var reader = new Utf8JsonReader(data, isFinalBlock: true, new JsonReaderState(UsageJson.Syntax));
        Ended = TakeValue(ref reader, data) && isFinished;
    }

    public void TakeBody(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, isFinalBlock: false, new JsonReaderState(UsageJson.Syntax));
        Ended = TakeValue(ref reader, body) && (!isStream || isFinished);
    }

    public bool? IsError(ReadOnlySpan<byte> beginning) => ErrorBody.Is(beginning, isList: true);

    public (TokenUsage Usage, UsageState State) Conclude()
    {
        var estimate = GeneratedText.Tokens(generatedBytes);
        if (usage is { } said)
        {
            var reported = GeminiUsage.Read(said) with { WebSearches = BilledSearches() };
            return isCurrent && (isFinished || !isStream)
                ? (reported, UsageState.Known)
                : (reported with { OutputTokens = Math.Max(reported.OutputTokens, estimate) }, UsageState.Estimated);
        }

        if (StreamError is not null && !HasOutput)
        {
            return (new TokenUsage(), UsageState.KnownZero);
        }

        var seen = new TokenUsage { OutputTokens = estimate, WebSearches = BilledSearches() };
        return isStream && !Ended && HasOutput
            ? (seen with { InputTokens = likelyPromptTokens }, UsageState.Estimated)
            : (seen, UsageState.Unknown);
    }

    // Up to Gemini 2.5 a grounded answer is billed once, however many searches it took; since Gemini 3 each search is.
    private long BilledSearches() =>
        Model is { } model && (model.StartsWith("gemini-1", StringComparison.OrdinalIgnoreCase) || model.StartsWith("gemini-2", StringComparison.OrdinalIgnoreCase))
            ? Math.Min(1, searches)
            : Math.Min(UsageJson.MaxWebSearches, searches);

    /// <summary>Takes an object, or an array of them as it comes where nobody asked for events; whether it came to its end.</summary>
    private bool TakeValue(ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        try
        {
            if (!reader.Read())
            {
                return false;
            }

            if (reader.TokenType == JsonTokenType.StartArray)
            {
                isStream = true;
                while (reader.Read() && reader.TokenType == JsonTokenType.StartObject && TakeObject(ref reader, json))
                {
                }
            }
            else if (reader.TokenType != JsonTokenType.StartObject || !TakeObject(ref reader, json))
            {
                return false;
            }

            var isComplete = reader.CurrentDepth == 0 && reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray;
            while (reader.Read())
            {
            }

            return isComplete;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private bool TakeObject(ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        var before = generatedBytes;
        (saidUsage, saidEnd) = (false, false);
        var isWhole = TakeMembers(ref reader, json);
        var isSilent = generatedBytes == before;
        isFinished = saidEnd || (isFinished && isSilent);
        isCurrent = saidUsage || (isCurrent && isSilent); // What is generated after the usage is not in it.
        return isWhole;
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
        var (isCandidates, isUsage, isModel) = (reader.ValueTextEquals("candidates"u8), reader.ValueTextEquals("usageMetadata"u8), reader.ValueTextEquals("modelVersion"u8));
        var (isFeedback, isError) = (reader.ValueTextEquals("promptFeedback"u8), reader.ValueTextEquals("error"u8));
        if (!reader.Read())
        {
            return false;
        }

        if (isCandidates && reader.TokenType == JsonTokenType.StartArray)
        {
            return TakeCandidates(ref reader);
        }

        if (isModel && reader.TokenType == JsonTokenType.String)
        {
            Model ??= reader.GetString();
        }

        var start = (int)reader.TokenStartIndex;
        if (!reader.TrySkip())
        {
            return false;
        }

        if (reader.TokenType == JsonTokenType.EndObject && (isUsage || isFeedback || isError))
        {
            TakeTold(json[start..(int)reader.BytesConsumed], isUsage, isError);
        }

        return true;
    }

    /// <summary><c>usageMetadata</c>, <c>error</c>, or <c>promptFeedback</c>, whose block reason says that there is no answer and will be none.</summary>
    private void TakeTold(ReadOnlySpan<byte> json, bool isUsage, bool isError)
    {
        var told = UsageJson.Parse(json);
        if (isError)
        {
            StreamError = UsageJson.Text(told, "status") ?? "error";
        }
        else if (!isUsage)
        {
            saidEnd |= UsageJson.Text(told, "blockReason") is not null;
        }
        else if (GeminiUsage.HasCounts(told))
        {
            usage = UsageJson.Merge(usage, told);
            saidUsage = true;
        }
    }

    /// <summary>Measures the parts of all candidates, sees whether one has come to its end, and counts the searches that grounded them.</summary>
    private bool TakeCandidates(ref Utf8JsonReader reader)
    {
        var depth = reader.CurrentDepth;
        var partDepth = depth + 5; // candidates[ { content { parts [ { text
        var queries = 0L;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.EndArray && reader.CurrentDepth == depth)
            {
                searches = Math.Max(searches, queries); // Each chunk tells all of them so far.
                return true;
            }

            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            var isEnd = reader.ValueTextEquals("finishReason"u8);
            var isQueries = reader.ValueTextEquals("webSearchQueries"u8);
            var isPart = reader.CurrentDepth == partDepth && (reader.ValueTextEquals("text"u8) || reader.ValueTextEquals("functionCall"u8) || reader.ValueTextEquals("executableCode"u8));
            if (!reader.Read())
            {
                return false;
            }

            saidEnd |= isEnd && reader.TokenType == JsonTokenType.String && !reader.ValueTextEquals("FINISH_REASON_UNSPECIFIED"u8);
            if (isQueries)
            {
                queries += CountElements(ref reader);
            }
            else if (isPart && !TakePart(ref reader))
            {
                return false;
            }
        }

        return false;
    }

    private bool TakePart(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            generatedBytes += GeneratedText.Bytes(in reader);
            return true;
        }

        var start = reader.TokenStartIndex;
        var isWhole = reader.TrySkip();
        generatedBytes += isWhole ? reader.BytesConsumed - start : 0;
        return isWhole;
    }

    private static long CountElements(ref Utf8JsonReader reader)
    {
        var count = 0L;
        if (reader.TokenType == JsonTokenType.StartArray)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.String)
            {
                count++;
            }
        }

        return count;
    }
}
