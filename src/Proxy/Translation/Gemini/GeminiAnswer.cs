using System.Text;
using System.Text.Json;
using static CCGate.Proxy.Translation.Gemini.GeminiJson;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>An answer that is not streamed.</summary>
/// <remarks>
/// <code>
/// {"candidates": [{"content": {"role": "model", "parts": […]}, "finishReason": "STOP", "index": 0}],
///  "usageMetadata": {"promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount"},
///  "modelVersion": …, "responseId": …}
/// </code>
/// </remarks>
internal static class GeminiAnswer
{
    /// <summary>Reads it as the one chunk of a stream.</summary>
    public static Answer Read(JsonElement body)
    {
        var events = new List<AnswerEvent>();
        try
        {
            new GeminiStream().ReadWhole(body, events);
            return Collect(events);
        }
        catch (Exception error) when (IsUnreadable(error))
        {
            throw new UnreadableAnswerException($"The answer cannot be read: {error.Message}");
        }
    }

    public static void Write(Answer answer, Utf8JsonWriter json)
    {
        var grounding = new GeminiGrounding();
        json.WriteStartObject();
        json.WriteStartArray("candidates"u8);
        json.WriteStartObject();
        json.WriteStartObject("content"u8);
        json.WriteString("role"u8, "model"u8);
        json.WriteStartArray("parts"u8);
        foreach (var part in answer.Parts)
        {
            WritePart(json, part, grounding);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteString("finishReason"u8, FinishOf(answer.Stop));
        json.WriteNumber("index"u8, 0);
        if (!grounding.IsEmpty)
        {
            grounding.Write(json);
        }

        if (answer.Logprobs is { } logprobs)
        {
            GeminiLogprobs.Write(json, logprobs);
        }

        json.WriteEndObject();
        json.WriteEndArray();
        WriteUsage(json, answer.Usage);
        json.WriteString("modelVersion"u8, answer.Model);
        json.WriteString("responseId"u8, answer.Id);
        json.WriteEndObject();
    }

    public static void WriteText(Utf8JsonWriter json, string text, bool isThought = false, string? signature = null, bool isRedacted = false)
    {
        json.WriteStartObject();
        json.WriteString("text"u8, text);
        if (isThought)
        {
            json.WriteBoolean("thought"u8, true);
        }

        WriteSignature(json, signature, isRedacted);
        json.WriteEndObject();
    }

    public static void WriteCall(Utf8JsonWriter json, string id, string name, string arguments, string? signature)
    {
        json.WriteStartObject();
        json.WriteStartObject("functionCall"u8);
        json.WriteString("id"u8, id);
        json.WriteString("name"u8, name);
        json.WritePropertyName("args"u8);
        WriteArguments(json, arguments);
        json.WriteEndObject();
        WriteSignature(json, signature, isRedacted: false);
        json.WriteEndObject();
    }

    public static void WriteUsage(Utf8JsonWriter json, Contracts.TokenUsage usage)
    {
        json.WriteStartObject("usageMetadata"u8);
        json.WriteNumber("promptTokenCount"u8, usage.PromptTokens);
        if (usage.CacheReadTokens > 0)
        {
            json.WriteNumber("cachedContentTokenCount"u8, usage.CacheReadTokens);
        }

        json.WriteNumber("candidatesTokenCount"u8, Math.Max(0, usage.OutputTokens - usage.ReasoningTokens));
        if (usage.ReasoningTokens > 0)
        {
            json.WriteNumber("thoughtsTokenCount"u8, usage.ReasoningTokens);
        }

        json.WriteNumber("totalTokenCount"u8, usage.TotalTokens);
        json.WriteEndObject();
    }

    public static string FinishOf(StopReason stop) => stop switch
    {
        StopReason.MaxTokens or StopReason.ContextWindowExceeded => "MAX_TOKENS",
        StopReason.Refusal => "SAFETY",
        StopReason.PauseTurn => "OTHER",
        _ => "STOP",
    };

    private static void WritePart(Utf8JsonWriter json, Part part, GeminiGrounding grounding)
    {
        switch (part)
        {
            case TextPart text:
                grounding.AddText(text.Text);
                foreach (var citation in text.Citations)
                {
                    grounding.Add(citation);
                }

                grounding.EndText();
                WriteText(json, text.Text);
                break;
            case RefusalPart refusal:
                grounding.AddText(refusal.Text);
                grounding.EndText();
                WriteText(json, refusal.Text);
                break;
            case ThinkingPart thinking:
                WriteText(json, thinking.Text, isThought: true, thinking.Signature, thinking.IsRedacted);
                break;
            case ToolCallPart call:
                WriteCall(json, call.Id, call.Name, call.Arguments, call.Signature);
                break;
        }
    }

    private static void WriteSignature(Utf8JsonWriter json, string? signature, bool isRedacted)
    {
        if (signature is not null)
        {
            json.WriteString("thoughtSignature"u8, ForClient(signature, isRedacted));
        }
    }

    private static Answer Collect(List<AnswerEvent> events)
    {
        if (events is not [AnswerBegan began, ..])
        {
            throw new UnreadableAnswerException(events is [AnswerFailed failed, ..] ? failed.Fault.Message : "The answer has no candidates.");
        }

        var collected = new Collected(new Answer(began.Id, began.Model));
        foreach (var one in events)
        {
            collected.Take(one);
        }

        return collected.HasEnded ? collected.Answer : throw new UnreadableAnswerException("The answer has no candidates.");
    }

    /// <summary>The parts of an answer, from its events.</summary>
    private sealed class Collected(Answer answer)
    {
        private readonly StringBuilder thought = new();
        private readonly StringBuilder text = new();
        private List<Citation> citations = [];
        private ToolCallBegan? call;

        public Answer Answer => answer;

        public bool HasEnded { get; private set; }

        public void Take(AnswerEvent next)
        {
            switch (next)
            {
                case TextDelta delta:
                    EndThought(null);
                    text.Append(delta.Text);
                    break;
                case ThinkingDelta delta:
                    EndText();
                    thought.Append(delta.Text);
                    break;
                case ThinkingSigned signed:
                    EndText();
                    EndThought(signed.Signature);
                    break;
                case ToolCallBegan began:
                    EndText();
                    EndThought(null);
                    call = began;
                    break;
                case ToolCallDelta delta when call is not null:
                    answer.Parts.Add(new ToolCallPart(call.Id, call.Name, delta.Arguments) { Signature = call.Signature });
                    break;
                case CitationAdded added:
                    citations.Add(added.Citation);
                    break;
                default:
                    TakeRest(next);
                    break;
            }
        }

        private void TakeRest(AnswerEvent next)
        {
            switch (next)
            {
                case RefusalDelta refusal:
                    EndText();
                    EndThought(null);
                    answer.Parts.Add(new RefusalPart(refusal.Text));
                    break;
                case LogprobsAdded logprobs:
                    (answer.Logprobs ??= []).AddRange(logprobs.Entries);
                    break;
                case UsageTold told:
                    answer.Usage = told.Usage;
                    break;
                case AnswerFailed failed:
                    throw new UnreadableAnswerException(failed.Fault.Message);
                case AnswerEnded ended:
                    EndText();
                    EndThought(null);
                    (answer.Stop, HasEnded) = (ended.Stop, true);
                    break;
            }
        }

        private void EndThought(string? signature)
        {
            if (thought.Length > 0 || signature is not null)
            {
                answer.Parts.Add(new ThinkingPart(thought.ToString(), signature));
                thought.Clear();
            }
        }

        private void EndText()
        {
            if (text.Length > 0)
            {
                answer.Parts.Add(new TextPart(text.ToString()) { Citations = citations });
                text.Clear();
                citations = [];
            }
        }
    }
}
