using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Reads an upstream's answer and writes a client's, neither of them streamed.</summary>
/// <remarks>
/// <code>
/// {"id":"resp_1","model":…,"status":"completed","incomplete_details":{"reason":"max_output_tokens"},"error":null,"usage":{…},"service_tier":…,
///  "output":[{"type":"reasoning",…},{"type":"message","content":[…]},{"type":"function_call",…}]}        items: see <see cref="OutputItem"/>
/// </code>
/// </remarks>
internal static class OpenAiResponsesAnswer
{
    public static Answer Read(JsonElement body)
    {
        try
        {
            return ReadBody(body);
        }
        catch (InvalidOperationException)
        {
            throw new UnreadableAnswerException("The upstream's answer has text that is not Unicode.");
        }
    }

    public static void Write(Answer answer, Conversation conversation, DateTimeOffset now, Utf8JsonWriter json)
    {
        var response = new ResponseDocument(conversation, answer.Id, answer.Model, now) { Usage = answer.Usage };
        var saidRefusal = false;
        foreach (var part in answer.Parts)
        {
            saidRefusal |= part is RefusalPart;
            AddPart(part, response);
        }

        if (answer.Logprobs is { } logprobs && response.Items.Find(item => item is MessageItem) is MessageItem message)
        {
            message.Contents[0].Logprobs.AddRange(logprobs);
        }

        var (status, incomplete) = ResponseDocument.Ending(answer.Stop, saidRefusal);
        response.Write(json, status, incomplete);
    }

    /// <summary>Why the model stopped: <c>status</c> tells only whether it was made to.</summary>
    public static StopReason Stop(JsonElement response, bool called, bool refused)
    {
        if (ResponsesJson.Text(response, "status") == "incomplete")
        {
            var reason = ResponsesJson.Child(response, "incomplete_details") is { } details ? ResponsesJson.Text(details, "reason") : null;
            return reason == "content_filter" ? StopReason.Refusal : StopReason.MaxTokens;
        }

        return called ? StopReason.ToolUse : refused ? StopReason.Refusal : StopReason.EndTurn;
    }

    public static TokenUsage? Usage(JsonElement response) =>
        ResponsesJson.Child(response, "usage") is { } usage && OpenAiUsage.HasCounts(usage)
            ? OpenAiUsage.Read(usage) with { ServiceTier = ResponsesJson.Text(response, "service_tier") }
            : null;

    /// <summary>The summary of a reasoning item, or the thoughts themselves where a provider shows them.</summary>
    public static string Thoughts(JsonElement item)
    {
        var summary = Joined(item, "summary");
        return summary.Length > 0 ? summary : Joined(item, "content");
    }

    /// <summary>The mark of a reasoning item; null when there is nothing to give back.</summary>
    public static string? Signature(JsonElement item) =>
        ResponsesJson.Text(item, "encrypted_content") is { Length: > 0 } encrypted ? OpaqueReasoning.Own(ResponsesJson.Text(item, "id"), encrypted) : null;

    private static Answer ReadBody(JsonElement body)
    {
        if (ResponsesJson.Array(body, "output") is not { } output)
        {
            throw new UnreadableAnswerException(
                ResponsesJson.Child(body, "error") is { } error ? OpenAiResponsesError.ReadInStream(error).Message : "The upstream's answer has no output.");
        }

        if (ResponsesJson.Text(body, "status") == "failed")
        {
            throw new UnreadableAnswerException(
                ResponsesJson.Child(body, "error") is { } error ? OpenAiResponsesError.ReadInStream(error).Message : "The upstream failed without saying why.");
        }

        var answer = new Answer(ResponsesJson.Text(body, "id") ?? string.Empty, ResponsesJson.Text(body, "model") ?? string.Empty);
        foreach (var item in output.EnumerateArray())
        {
            ReadItem(item, answer);
        }

        answer.Usage = Usage(body) ?? answer.Usage;
        answer.Stop = Stop(body, answer.Parts.Exists(part => part is ToolCallPart), answer.Parts.Exists(part => part is RefusalPart));
        return answer;
    }

    private static void ReadItem(JsonElement item, Answer answer)
    {
        switch (ResponsesJson.Text(item, "type"))
        {
            case "message":
                ReadMessage(item, answer);
                break;
            case "reasoning":
                var (text, signature) = (Thoughts(item), Signature(item));
                if (text.Length > 0 || signature is not null)
                {
                    answer.Parts.Add(new ThinkingPart(text, signature));
                }

                break;
            case "function_call":
                ReadCall(item, "arguments", answer);
                break;
            case "custom_tool_call":
                ReadCall(item, "input", answer);
                break;
            default:
                break; // What OpenAI's own tools did shows in the text.
        }
    }

    private static void ReadCall(JsonElement item, string written, Answer answer)
    {
        if ((ResponsesJson.Text(item, "call_id") ?? ResponsesJson.Text(item, "id")) is not { } id || ResponsesJson.Text(item, "name") is not { } name)
        {
            throw new UnreadableAnswerException("The upstream called a tool without its name or an id.");
        }

        answer.Parts.Add(new ToolCallPart(id, name, ResponsesJson.Text(item, written) ?? string.Empty));
    }

    private static void ReadMessage(JsonElement item, Answer answer)
    {
        if (ResponsesJson.Array(item, "content") is not { } contents)
        {
            return;
        }

        foreach (var content in contents.EnumerateArray())
        {
            if (ResponsesJson.Text(content, "refusal") is { Length: > 0 } refusal)
            {
                answer.Parts.Add(new RefusalPart(refusal));
            }
            else if (ResponsesJson.Text(content, "text") is { Length: > 0 } text)
            {
                answer.Parts.Add(new TextPart(text) { Citations = OpenAiResponsesContent.ReadCitations(content) });
            }

            if (ResponsesJson.Array(content, "logprobs") is { } logprobs && logprobs.GetArrayLength() > 0)
            {
                (answer.Logprobs ??= []).AddRange(logprobs.EnumerateArray());
            }
        }
    }

    private static string Joined(JsonElement item, string name)
    {
        if (ResponsesJson.Array(item, name) is not { } parts)
        {
            return string.Empty;
        }

        var all = new StringBuilder();
        foreach (var part in parts.EnumerateArray())
        {
            if (ResponsesJson.Text(part, "text") is { Length: > 0 } text)
            {
                all.Append(all.Length > 0 ? "\n\n" : string.Empty).Append(text);
            }
        }

        return all.ToString();
    }

    private static void AddPart(Part part, ResponseDocument response)
    {
        switch (part)
        {
            case TextPart or RefusalPart:
                AddSaid(part, response);
                break;
            case ThinkingPart thinking:
                AddReasoning(response, thinking.Text, thinking.Signature is { } mark ? OpaqueReasoning.ForThought(mark, thinking.IsRedacted) : null);
                break;
            case ToolCallPart call:
                if (call.Signature is { } signature)
                {
                    AddReasoning(response, string.Empty, OpaqueReasoning.ForCall(signature));
                }

                var item = response.NewCall(call.Id, call.Name);
                item.Written.Append(call.Arguments);
                response.Items.Add(item);
                break;
            default:
                break;
        }
    }

    private static void AddReasoning(ResponseDocument response, string text, string? encrypted)
    {
        var item = new ReasoningItem(response.NextId("rs")) { Encrypted = encrypted };
        item.Text.Append(text);
        response.Items.Add(item);
    }

    private static void AddSaid(Part part, ResponseDocument response)
    {
        if (response.Items is not [.., MessageItem message])
        {
            response.Items.Add(message = new MessageItem(response.NextId("msg")));
        }

        var content = new MessageContent(part is RefusalPart);
        content.Text.Append(part is TextPart text ? text.Text : ((RefusalPart)part).Text);
        content.Citations.AddRange(part is TextPart cited ? cited.Citations : []);
        message.Contents.Add(content);
    }
}
