using System.Collections.Frozen;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using static CCGate.Proxy.Translation.OpenAiResponses.RequestFields;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Reads a client's request.</summary>
/// <remarks>
/// <code>
/// {"model":…,"instructions":"…","input":…,"tools":[…],"tool_choice":…,"stream":true,
///  "reasoning":{"effort":"high","summary":"auto"},"text":{"format":{"type":"json_schema","name":…,"schema":{…}},"verbosity":"low"},
///  "include":["reasoning.encrypted_content"],"max_output_tokens":…,"store":false,…}
/// </code>
/// </remarks>
internal static class OpenAiResponsesRequest
{
    private const string NoState = "this upstream keeps no state: send the whole conversation as input";

    // Names beyond these tell nobody anything, and there is no end to what a client can make up.
    private const int MaxDropped = 32;

    private static readonly FrozenSet<string> Understood = FrozenSet.ToFrozenSet(
    [
        "model", "instructions", "input", "tools", "tool_choice", "stream", "reasoning", "text", "include", "max_output_tokens", "store", "temperature", "top_p",
        "parallel_tool_calls", "truncation", "user", "safety_identifier", "service_tier", "top_logprobs", "stream_options", "background",
        "previous_response_id", "conversation", "prompt",
    ]);

    public static Conversation Read(Call call, Losses losses)
    {
        try
        {
            var request = JsonElement.Parse(call.Body.Bytes.Span, ResponsesJson.Syntax);
            return request.ValueKind == JsonValueKind.Object
                ? Read(request, call, losses)
                : throw new RefusedException(RefusalReason.InvalidRequest, "The request body must be a JSON object.");
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            // The second kind is text that is not Unicode.
            throw new RefusedException(RefusalReason.InvalidRequest, "The request body is not JSON.");
        }
    }

    private static Conversation Read(JsonElement request, Call call, Losses losses)
    {
        RefuseState(request);
        var conversation = new Conversation { Model = call.Model, Streaming = call.Streaming };
        if (Text(request, "instructions", string.Empty) is { Length: > 0 } instructions)
        {
            conversation.System.Add(new TextPart(instructions));
        }

        var tools = new OpenAiResponsesTools(conversation, losses);
        if (Array(request, "tools", string.Empty) is { } offered)
        {
            tools.Read(offered, "tools");
        }

        var input = new OpenAiResponsesInput(conversation, tools, losses);
        input.Read(request);
        tools.ReadChoice(request);
        input.SettleFreeFormCalls();
        ReadSettings(request, conversation);
        ReadReasoning(request, conversation);
        ReadText(request, conversation);
        ReadIncluded(request, conversation, losses);
        DropTheRest(request, losses);
        return conversation;
    }

    private static void RefuseState(JsonElement request)
    {
        foreach (var name in (ReadOnlySpan<string>)["previous_response_id", "conversation", "prompt"])
        {
            if (Any(request, name) is not null)
            {
                throw Losses.Refuse(name, NoState);
            }
        }

        if (Flag(request, "background", string.Empty) == true)
        {
            throw Losses.Refuse("background", "this upstream keeps no state: wait for the answer, or stream it");
        }
    }

    private static void ReadSettings(JsonElement request, Conversation conversation)
    {
        conversation.ParallelToolCalls = Flag(request, "parallel_tool_calls", string.Empty);
        conversation.MaxOutputTokens = Whole(request, "max_output_tokens", string.Empty);
        conversation.Temperature = Number(request, "temperature", string.Empty);
        conversation.TopP = Number(request, "top_p", string.Empty);
        conversation.User = Text(request, "safety_identifier", string.Empty) ?? Text(request, "user", string.Empty);
        conversation.ServiceTier = Text(request, "service_tier", string.Empty);
        conversation.Logprobs = Whole(request, "top_logprobs", string.Empty) is { } count ? (int)Math.Min(count, 20) : null;
    }

    private static void ReadReasoning(JsonElement request, Conversation conversation)
    {
        if (Object(request, "reasoning", string.Empty) is not { } reasoning)
        {
            return;
        }

        var summary = Text(reasoning, "summary", "reasoning") ?? Text(reasoning, "generate_summary", "reasoning");
        var effort = Text(reasoning, "effort", "reasoning");
        if (effort is not null || summary is not null)
        {
            conversation.Reasoning = new Reasoning(effort, null) { Shown = summary is null ? null : summary != "none" };
        }
    }

    private static void ReadText(JsonElement request, Conversation conversation)
    {
        if (Object(request, "text", string.Empty) is not { } text)
        {
            return;
        }

        conversation.Verbosity = Text(text, "verbosity", "text");
        if (Object(text, "format", "text") is not { } format)
        {
            return;
        }

        const string place = "text.format";
        conversation.Format = RequiredText(format, "type", place) switch
        {
            "text" => null,
            "json_object" => new OutputFormat(null, null, null),
            "json_schema" => new OutputFormat(
                Text(format, "name", place),
                Object(format, "schema", place) ?? throw Losses.Refuse("text.format.schema", "is missing"),
                Flag(format, "strict", place))
            { Description = Text(format, "description", place) },
            var type => throw Losses.Refuse("text.format.type", $"{type} cannot be carried to another kind of upstream"),
        };
    }

    private static void ReadIncluded(JsonElement request, Conversation conversation, Losses losses)
    {
        if (Array(request, "include", string.Empty) is not { } included)
        {
            return;
        }

        foreach (var entry in included.EnumerateArray())
        {
            switch (entry.ValueKind == JsonValueKind.String ? entry.GetString() : throw Losses.Refuse("include", "must be strings"))
            {
                case "reasoning.encrypted_content":
                    break; // Always there, where there is any.
                case "message.output_text.logprobs":
                    conversation.Logprobs ??= 0;
                    break;
                default:
                    losses.Drop("include");
                    break;
            }
        }
    }

    private static void DropTheRest(JsonElement request, Losses losses)
    {
        // Answers are never stored, and histories never shortened: only a wish for it is lost.
        if (Flag(request, "store", string.Empty) == true)
        {
            losses.Drop("store");
        }

        if (Text(request, "truncation", string.Empty) == "auto")
        {
            losses.Drop("truncation");
        }

        foreach (var member in request.EnumerateObject())
        {
            if (member.Value.ValueKind != JsonValueKind.Null && !Understood.Contains(member.Name) && losses.Dropped.Count < MaxDropped)
            {
                losses.Drop(member.Name);
            }
        }
    }
}
