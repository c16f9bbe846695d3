using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Writes a chat completion; drawn in <see cref="OpenAiChatAnswerReader"/>.</summary>
internal static class OpenAiChatAnswerWriter
{
    private const string IdPrefix = "chatcmpl-";

    public static void Write(Answer answer, Conversation conversation, long created, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, Id(answer.Id));
        json.WriteString("object"u8, "chat.completion"u8);
        json.WriteNumber("created"u8, created);
        json.WriteString("model"u8, answer.Model);
        json.WriteStartArray("choices"u8);
        json.WriteStartObject();
        json.WriteNumber("index"u8, 0);
        json.WriteStartObject("message"u8);
        json.WriteString("role"u8, "assistant"u8);
        WriteText(answer.Parts, json);
        WriteReasoning(answer.Parts, json);
        WriteCalls(answer.Parts, conversation, json);
        json.WriteEndObject();
        WriteLogprobs(answer.Logprobs, json);
        json.WriteString("finish_reason"u8, FinishReason(answer.Stop, answer.Parts.Exists(static part => part is RefusalPart { Text.Length: > 0 }), conversation));
        json.WriteEndObject();
        json.WriteEndArray();
        WriteUsage(answer.Usage, json);
        json.WriteEndObject();
    }

    public static string Id(string id) => id.StartsWith(IdPrefix, StringComparison.Ordinal) ? id : IdPrefix + id;

    /// <param name="saidRefusal">The refusal is in the answer, and with that the answer is done.</param>
    public static string FinishReason(StopReason stop, bool saidRefusal, Conversation conversation) => stop switch
    {
        StopReason.MaxTokens or StopReason.ContextWindowExceeded => "length",
        StopReason.ToolUse => conversation.UsesFunctions ? "function_call" : "tool_calls",
        StopReason.Refusal when !saidRefusal => "content_filter",
        _ => "stop",
    };

    public static void WriteLogprobs(IReadOnlyList<JsonElement>? entries, Utf8JsonWriter json)
    {
        if (entries is null)
        {
            json.WriteNull("logprobs"u8);
            return;
        }

        json.WriteStartObject("logprobs"u8);
        json.WriteStartArray("content"u8);
        foreach (var entry in entries)
        {
            json.WriteRawValue(JsonMarshal.GetRawUtf8Value(entry), skipInputValidation: true);
        }

        json.WriteEndArray();
        json.WriteNull("refusal"u8);
        json.WriteEndObject();
    }

    public static void WriteUsage(TokenUsage usage, Utf8JsonWriter json)
    {
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, usage.PromptTokens);
        json.WriteNumber("completion_tokens"u8, usage.OutputTokens);
        json.WriteNumber("total_tokens"u8, usage.TotalTokens);
        json.WriteStartObject("prompt_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, usage.CacheReadTokens);
        json.WriteNumber("cache_write_tokens"u8, usage.CacheWrite5mTokens + usage.CacheWrite1hTokens);
        json.WriteEndObject();
        json.WriteStartObject("completion_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, usage.ReasoningTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <param name="start">Where the cited text begins in the whole content.</param>
    /// <param name="length">How long it is so far, for a citation that does not say what it supports.</param>
    public static void WriteCitation(Citation citation, int start, int length, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "url_citation"u8);
        json.WriteStartObject("url_citation"u8);
        json.WriteNumber("start_index"u8, start + (citation.Start ?? 0));
        json.WriteNumber("end_index"u8, start + (citation.End ?? length));
        json.WriteString("url"u8, citation.Url);
        json.WriteString("title"u8, citation.Title ?? citation.Url);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteText(List<Part> parts, Utf8JsonWriter json)
    {
        var text = new StringBuilder();
        var refusal = new StringBuilder();
        var citations = 0;
        foreach (var part in parts)
        {
            text.Append((part as TextPart)?.Text);
            refusal.Append((part as RefusalPart)?.Text);
            citations += (part as TextPart)?.Citations.Count ?? 0;
        }

        json.WriteString("content"u8, text.Length > 0 ? text.ToString() : null);
        json.WriteString("refusal"u8, refusal.Length > 0 ? refusal.ToString() : null);
        if (citations > 0)
        {
            WriteCitations(parts, json);
        }
    }

    private static void WriteCitations(List<Part> parts, Utf8JsonWriter json)
    {
        json.WriteStartArray("annotations"u8);
        var start = 0;
        foreach (var part in parts)
        {
            if (part is TextPart text)
            {
                foreach (var citation in text.Citations)
                {
                    WriteCitation(citation, start, text.Text.Length, json);
                }

                start += text.Text.Length;
            }
        }

        json.WriteEndArray();
    }

    private static void WriteReasoning(List<Part> parts, Utf8JsonWriter json)
    {
        var text = new StringBuilder();
        var signatures = new StringBuilder();
        foreach (var part in parts)
        {
            if (part is ThinkingPart thinking)
            {
                signatures.Append(thinking.Signature is { } signature ? ReasoningSignatures.Entry(signature, thinking.IsRedacted, text.Length, thinking.Text.Length) : "");
                text.Append(thinking.Text);
            }
        }

        if (text.Length > 0)
        {
            json.WriteString("reasoning_content"u8, text.ToString());
        }

        if (signatures.Length > 0)
        {
            json.WriteString("reasoning_signature"u8, signatures.ToString());
        }
    }

    private static void WriteCalls(List<Part> parts, Conversation conversation, Utf8JsonWriter json)
    {
        var hasBegun = false;
        foreach (var part in parts)
        {
            if (part is not ToolCallPart call)
            {
                continue;
            }

            if (conversation.UsesFunctions)
            {
                json.WriteStartObject("function_call"u8);
                json.WriteString("name"u8, call.Name);
                json.WriteString("arguments"u8, call.Arguments);
                json.WriteEndObject();
                return;
            }

            if (!hasBegun)
            {
                json.WriteStartArray("tool_calls"u8);
                hasBegun = true;
            }

            json.WriteStartObject();
            WriteCall(call.Id, call.Name, call.Arguments, call.Signature, conversation.IsFreeForm(call.Name), json);
            json.WriteEndObject();
        }

        if (hasBegun)
        {
            json.WriteEndArray();
        }
    }

    /// <summary>The members of a call.</summary>
    public static void WriteCall(string id, string name, string arguments, string? signature, bool isFreeForm, Utf8JsonWriter json)
    {
        json.WriteString("id"u8, id);
        json.WriteString("type"u8, isFreeForm ? "custom"u8 : "function"u8);
        json.WriteStartObject(isFreeForm ? "custom"u8 : "function"u8);
        json.WriteString("name"u8, name);
        json.WriteString(isFreeForm ? "input"u8 : "arguments"u8, arguments);
        json.WriteEndObject();
        OpenAiChatMedia.WriteSignature(signature is null ? null : Signatures.ForClient(OpenAiChatProtocol.Maker, signature), json);
    }
}
