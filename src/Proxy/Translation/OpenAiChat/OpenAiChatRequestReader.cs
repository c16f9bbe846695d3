using System.Collections.Frozen;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Usage;
using static CCGate.Proxy.Translation.OpenAiChat.OpenAiChatFields;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Reads what a client of chat completions asks.</summary>
/// <remarks>
/// <code>
/// {"model":"…","messages":[…],          see OpenAiChatMessageReader
///  "tools":[{"type":"function","function":{"name","description","parameters","strict"}},{"type":"custom","custom":{"name","description","format"}}],
///  "tool_choice":"auto"|"none"|"required"|{"type":"function","function":{"name"}}|{"type":"allowed_tools","allowed_tools":{"mode","tools"}},
///  "functions":[{"name","description","parameters"}],"function_call":"auto"|"none"|{"name"},
///  "response_format":{"type":"json_schema","json_schema":{"name","description","schema","strict"}}, …}
/// </code>
/// </remarks>
internal static class OpenAiChatRequestReader
{
    private const int LongestDroppedName = 64;
    private static readonly JsonDocumentOptions Syntax = new() { MaxDepth = UsageJson.Syntax.MaxDepth };

    // What is read elsewhere, or known from the call.
    private static readonly FrozenSet<string> ReadApart = FrozenSet.Create(
        StringComparer.Ordinal, "model", "stream", "messages", "tools", "functions", "tool_choice", "function_call", "logprobs", "top_logprobs");

    private static readonly FrozenDictionary<string, Action<Conversation, JsonElement>> Readers = new Dictionary<string, Action<Conversation, JsonElement>>
    {
        ["n"] = (_, value) => Unless(Whole(value, "n") == 1, "n", "only one answer can be had from an upstream of another kind"),
        ["max_tokens"] = (to, value) => to.MaxOutputTokens = Limit(to, Whole(value, "max_tokens")),
        ["max_completion_tokens"] = (to, value) => to.MaxOutputTokens = Limit(to, Whole(value, "max_completion_tokens")),
        ["temperature"] = (to, value) => to.Temperature = Number(value, "temperature"),
        ["top_p"] = (to, value) => to.TopP = Number(value, "top_p"),
        ["frequency_penalty"] = (to, value) => to.FrequencyPenalty = Number(value, "frequency_penalty"),
        ["presence_penalty"] = (to, value) => to.PresencePenalty = Number(value, "presence_penalty"),
        ["seed"] = (to, value) => to.Seed = Whole(value, "seed"),
        ["stop"] = ReadStop,
        ["parallel_tool_calls"] = (to, value) => to.ParallelToolCalls = Flag(value, "parallel_tool_calls"),
        ["reasoning_effort"] = (to, value) => to.Reasoning = new Reasoning(Text(value, "reasoning_effort"), null),
        ["verbosity"] = (to, value) => to.Verbosity = Text(value, "verbosity"),
        ["response_format"] = ReadFormat,
        ["user"] = (to, value) => to.User ??= Text(value, "user"),
        ["safety_identifier"] = (to, value) => to.User = Text(value, "safety_identifier"),
        ["service_tier"] = (to, value) => to.ServiceTier = Text(value, "service_tier"),
        ["stream_options"] = (to, value) =>
            to.IncludeUsage = Member(Object(value, "stream_options"), "include_usage") is { } include && Flag(include, "stream_options.include_usage"),
        ["modalities"] = ReadModalities,
        ["audio"] = (_, _) => throw Losses.Refuse("audio", "no upstream of another kind speaks"),
        ["web_search_options"] = (_, _) => throw Losses.Refuse("web_search_options", "no upstream of another kind runs this search"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static Conversation Read(Call call, Losses losses)
    {
        try
        {
            var body = JsonElement.Parse(call.Body.Bytes.Span, Syntax);
            var conversation = new Conversation { Model = call.Model, Streaming = call.Streaming };
            ReadMembers(Object(body, "body"), conversation, losses);
            OpenAiChatToolReader.Read(body, conversation);
            var messages = Member(body, "messages") ?? throw ClientRequest.Missing("messages");
            new OpenAiChatMessageReader(conversation, losses).Read(List(messages, "messages"));
            return conversation;
        }
        catch (Exception error) when (BodyJson.IsUnreadable(error))
        {
            throw BodyJson.NotJson(error);
        }
    }

    private static void ReadMembers(JsonElement body, Conversation conversation, Losses losses)
    {
        foreach (var member in body.EnumerateObject())
        {
            var name = member.Name;
            if (member.Value.ValueKind == JsonValueKind.Null || ReadApart.Contains(name))
            {
                continue;
            }

            if (Readers.TryGetValue(name, out var read))
            {
                read(conversation, member.Value);
            }
            else
            {
                // A header tells it.
                losses.Drop(name.Length <= LongestDroppedName && !name.AsSpan().ContainsAnyExceptInRange('!', '~') ? name : "a member of the body");
            }
        }

        if (Member(body, "logprobs") is { } logprobs && Flag(logprobs, "logprobs"))
        {
            conversation.Logprobs = Member(body, "top_logprobs") is { } top ? (int)Math.Clamp(Whole(top, "top_logprobs"), 0, 20) : 0;
        }
    }

    private static long Limit(Conversation conversation, long value)
    {
        Unless(value > 0, "max_completion_tokens", "must be above 0");
        return Math.Min(conversation.MaxOutputTokens ?? value, value);
    }

    private static void ReadStop(Conversation conversation, JsonElement value)
    {
        conversation.StopSequences.Clear();
        if (value.ValueKind == JsonValueKind.String)
        {
            conversation.StopSequences.Add(value.GetString()!);
            return;
        }

        foreach (var stop in List(value, "stop").EnumerateArray())
        {
            conversation.StopSequences.Add(Text(stop, "stop"));
        }
    }

    private static void ReadFormat(Conversation conversation, JsonElement value)
    {
        var type = RequiredText(Object(value, "response_format"), "type", "response_format.type");
        if (type == "json_schema")
        {
            const string Field = "response_format.json_schema";
            var schema = RequiredObject(value, "json_schema", Field);
            conversation.Format = new OutputFormat(
                Member(schema, "name") is { } name ? Text(name, Field + ".name") : null,
                Member(schema, "schema") is { } shape ? Object(shape, Field + ".schema") : null,
                Member(schema, "strict") is { } strict ? Flag(strict, Field + ".strict") : null)
            {
                Description = Member(schema, "description") is { } description ? Text(description, Field + ".description") : null,
            };
            return;
        }

        Unless(type is "json_object" or "text", "response_format.type", "must be text, json_object or json_schema");
        conversation.Format = type == "text" ? null : new OutputFormat(null, null, null);
    }

    private static void ReadModalities(Conversation conversation, JsonElement value)
    {
        foreach (var modality in List(value, "modalities").EnumerateArray())
        {
            Unless(Text(modality, "modalities") == "text", "modalities", "only text can be had from an upstream of another kind");
        }
    }

    private static void Unless(bool isRight, string field, string why)
    {
        if (!isRight)
        {
            throw Losses.Refuse(field, why);
        }
    }
}
