using System.Text.Json;
using CCGate.Contracts;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Reads a chat completion.</summary>
/// <remarks>
/// <code>
/// {"id":"chatcmpl-…","object":"chat.completion","created":…,"model":"…","service_tier":"default",
///  "choices":[{"index":0,"finish_reason":"stop","logprobs":{"content":[…]},
///              "message":{"role":"assistant","content":"…","refusal":null,"reasoning_content":"…","annotations":[{"type":"url_citation","url_citation":{…}}],
///                         "tool_calls":[…]}}],                          the message as in OpenAiChatMessageReader
///  "usage":{"prompt_tokens":…,"completion_tokens":…}}
/// </code>
/// </remarks>
internal static class OpenAiChatAnswerReader
{
    public static Answer Read(JsonElement body)
    {
        try
        {
            return ReadBody(body);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or FormatException)
        {
            throw new UnreadableAnswerException("The upstream's answer is not a chat completion.");
        }
    }

    /// <summary>Null where the reason is not told.</summary>
    public static StopReason? ReadStop(JsonElement choice, bool hasCalls) => UsageJson.Text(choice, "finish_reason") switch
    {
        null or "" => null,
        "length" => StopReason.MaxTokens,
        "content_filter" => StopReason.Refusal,
        _ => hasCalls ? StopReason.ToolUse : StopReason.EndTurn, // Mirrors say "stop" for calls too.
    };

    /// <summary>The sequence that it met, which only some servers tell: https://docs.vllm.ai/en/latest/api/vllm/outputs.html</summary>
    public static string? ReadStopSequence(JsonElement choice) => UsageJson.Text(choice, "stop_reason");

    public static TokenUsage? ReadUsage(JsonElement body) => UsageJson.Child(body, "usage") is { } usage && OpenAiUsage.HasCounts(usage)
        ? OpenAiUsage.Read(usage) with { ServiceTier = UsageJson.Text(body, "service_tier") }
        : null;

    /// <summary>What a message, or a piece of one, cites.</summary>
    public static IReadOnlyList<Citation> ReadCitations(JsonElement message)
    {
        List<Citation>? citations = null;
        foreach (var annotation in Items(message, "annotations"))
        {
            if (annotation.ValueKind == JsonValueKind.Object && UsageJson.Child(annotation, "url_citation") is { } cited && UsageJson.Text(cited, "url") is { } url)
            {
                (citations ??= []).Add(new Citation(url, UsageJson.Text(cited, "title"), UsageJson.Text(cited, "content"), Index(cited, "start_index"), Index(cited, "end_index")));
            }
        }

        return citations ?? (IReadOnlyList<Citation>)[];
    }

    public static List<JsonElement>? ReadLogprobs(JsonElement choice) =>
        UsageJson.Child(choice, "logprobs") is { } logprobs && logprobs.TryGetProperty("content"u8, out var content) && content.ValueKind == JsonValueKind.Array && content.GetArrayLength() > 0
            ? [.. content.EnumerateArray()]
            : null;

    public static JsonElement.ArrayEnumerator Items(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : default;

    /// <summary>A content that is text, or pieces of it.</summary>
    public static string Text(JsonElement parent, string name)
    {
        if (UsageJson.Text(parent, name) is { } text)
        {
            return text;
        }

        var joined = "";
        foreach (var piece in Items(parent, name))
        {
            joined += piece.ValueKind == JsonValueKind.Object ? UsageJson.Text(piece, "text") : "";
        }

        return joined;
    }

    public static string Reasoning(JsonElement message) => UsageJson.Text(message, "reasoning_content") is { Length: > 0 } content ? content : UsageJson.Text(message, "reasoning") ?? "";

    /// <summary>An id for a call that was given none: there are clients and upstreams that know a call by nothing else.</summary>
    public static string CallId(string answerId, int number)
    {
        var id = new char[Math.Min(answerId.Length, 48)];
        for (var at = 0; at < id.Length; at++)
        {
            id[at] = char.IsAsciiLetterOrDigit(answerId[at]) ? answerId[at] : '_';
        }

        return FormattableString.Invariant($"call_{new string(id)}_{number}");
    }

    private static Answer ReadBody(JsonElement body)
    {
        var choices = Items(body, "choices");
        if (!choices.MoveNext())
        {
            throw new UnreadableAnswerException("The upstream's answer has no choices.");
        }

        var choice = choices.Current;
        var answer = new Answer(UsageJson.Text(body, "id") ?? "", UsageJson.Text(body, "model") ?? "") { Logprobs = ReadLogprobs(choice) };
        var hasCalls = UsageJson.Child(choice, "message") is { } message && ReadMessage(message, answer);
        answer.Stop = ReadStop(choice, hasCalls) ?? (hasCalls ? StopReason.ToolUse : StopReason.EndTurn);
        if (answer.Stop == StopReason.EndTurn && ReadStopSequence(choice) is { } sequence)
        {
            (answer.Stop, answer.StopSequence) = (StopReason.StopSequence, sequence);
        }

        if (answer.Stop == StopReason.EndTurn && answer.Parts.Exists(part => part is RefusalPart))
        {
            answer.Stop = StopReason.Refusal;
        }

        answer.Usage = ReadUsage(body) ?? answer.Usage;
        return answer;
    }

    private static bool ReadMessage(JsonElement message, Answer answer)
    {
        ReasoningSignatures.Read(Reasoning(message), UsageJson.Text(message, "reasoning_signature"), answer.Parts);
        var text = Text(message, "content");
        if (text.Length > 0)
        {
            answer.Parts.Add(new TextPart(text) { Citations = ReadCitations(message) });
        }

        if (UsageJson.Text(message, "refusal") is { Length: > 0 } refusal)
        {
            answer.Parts.Add(new RefusalPart(refusal));
        }

        var calls = 0;
        foreach (var call in Items(message, "tool_calls"))
        {
            answer.Parts.Add(ReadCall(call, CallId(answer.Id, calls++)));
        }

        if (calls == 0 && UsageJson.Child(message, "function_call") is { } function)
        {
            answer.Parts.Add(new ToolCallPart(CallId(answer.Id, calls++), Name(function), Arguments(function)));
        }

        return calls > 0;
    }

    private static ToolCallPart ReadCall(JsonElement call, string otherwise)
    {
        var id = UsageJson.Text(call, "id") is { Length: > 0 } given ? given : otherwise;
        if (UsageJson.Child(call, "custom") is { } custom)
        {
            return new ToolCallPart(id, Name(custom), UsageJson.Text(custom, "input") ?? "");
        }

        var function = UsageJson.Child(call, "function") ?? throw new UnreadableAnswerException("A tool call of the upstream's answer has no function.");
        return new ToolCallPart(id, Name(function), Arguments(function))
        {
            Signature = OpenAiChatMessageReader.Signature(call) is { } signature ? Signatures.Mark(OpenAiChatProtocol.Maker, signature) : null,
        };
    }

    private static string Name(JsonElement function) =>
        UsageJson.Text(function, "name") is { Length: > 0 } name ? name : throw new UnreadableAnswerException("A tool call of the upstream's answer has no name.");

    private static string Arguments(JsonElement function)
    {
        // Some mirrors give the object itself.
        var arguments = UsageJson.Child(function, "arguments")?.GetRawText() ?? UsageJson.Text(function, "arguments");
        return string.IsNullOrWhiteSpace(arguments) ? "{}" : arguments;
    }

    private static int? Index(JsonElement citation, string name) =>
        citation.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var index) && index >= 0 ? index : null;
}
