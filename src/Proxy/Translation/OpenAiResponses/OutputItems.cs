using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>An item of an answer for a client, as far as it has come.</summary>
internal abstract class OutputItem(string id)
{
    public string Id => id;

    /// <param name="status"><c>in_progress</c>, <c>completed</c> or <c>incomplete</c>.</param>
    public abstract void Write(Utf8JsonWriter json, string status);
}

/// <summary>What the model said.</summary>
/// <remarks><code>{"id":"msg_…","type":"message","status":"completed","role":"assistant","content":[…]}</code></remarks>
internal sealed class MessageItem(string id) : OutputItem(id)
{
    public List<MessageContent> Contents { get; } = [];

    public override void Write(Utf8JsonWriter json, string status)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, Id);
        json.WriteString("type"u8, "message"u8);
        json.WriteString("status"u8, status);
        json.WriteString("role"u8, "assistant"u8);
        json.WriteStartArray("content"u8);
        foreach (var content in Contents)
        {
            content.Write(json);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}

/// <summary>A text or a refusal within a message.</summary>
/// <remarks>
/// <code>
/// {"type":"output_text","text":…,"annotations":[{"type":"url_citation",…}],"logprobs":[…]}
/// {"type":"refusal","refusal":…}
/// </code>
/// </remarks>
internal sealed class MessageContent(bool isRefusal)
{
    public bool IsRefusal => isRefusal;

    public StringBuilder Text { get; } = new();

    public List<Citation> Citations { get; } = [];

    public List<JsonElement> Logprobs { get; } = [];

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        if (isRefusal)
        {
            json.WriteString("type"u8, "refusal"u8);
            json.WriteString("refusal"u8, Text.ToString());
        }
        else
        {
            json.WriteString("type"u8, "output_text"u8);
            json.WriteString("text"u8, Text.ToString());
            json.WriteStartArray("annotations"u8);
            foreach (var citation in Citations)
            {
                WriteAnnotation(citation, Text.Length, json);
            }

            json.WriteEndArray();
            WriteLogprobs(Logprobs, json);
        }

        json.WriteEndObject();
    }

    /// <param name="length">Of the text: all of it is meant where nothing is said.</param>
    public static void WriteAnnotation(Citation citation, int length, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "url_citation"u8);
        json.WriteNumber("start_index"u8, citation.Start ?? 0);
        json.WriteNumber("end_index"u8, citation.End ?? length);
        json.WriteString("url"u8, citation.Url);
        json.WriteString("title"u8, citation.Title ?? citation.Url);
        json.WriteEndObject();
    }

    public static void WriteLogprobs(IReadOnlyList<JsonElement> entries, Utf8JsonWriter json)
    {
        json.WriteStartArray("logprobs"u8);
        for (var index = 0; index < entries.Count; index++)
        {
            ResponsesJson.WriteRaw(json, entries[index]);
        }

        json.WriteEndArray();
    }
}

/// <summary>What the model thought, and what its provider wants to see again.</summary>
/// <remarks><code>{"id":"rs_…","type":"reasoning","summary":[{"type":"summary_text","text":…}],"encrypted_content":…}</code></remarks>
internal sealed class ReasoningItem(string id) : OutputItem(id)
{
    public StringBuilder Text { get; } = new();

    public string? Encrypted { get; set; }

    public override void Write(Utf8JsonWriter json, string status)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, Id);
        json.WriteString("type"u8, "reasoning"u8);
        json.WriteStartArray("summary"u8);
        if (Text.Length > 0)
        {
            WriteSummary(json);
        }

        json.WriteEndArray();
        if (Encrypted is not null)
        {
            json.WriteString("encrypted_content"u8, Encrypted);
        }

        json.WriteEndObject();
    }

    public void WriteSummary(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "summary_text"u8);
        json.WriteString("text"u8, Text.ToString());
        json.WriteEndObject();
    }
}

/// <summary>The model's wish to have a tool called, in the shape of the tool as the client offered it.</summary>
/// <remarks>
/// <code>
/// {"id":"fc_…","type":"function_call","status":"completed","call_id":…,"name":…,"namespace":…,"arguments":"{…}"}
/// {"id":"ctc_…","type":"custom_tool_call","status":"completed","call_id":…,"name":…,"input":…}
/// {"id":"lsh_…","type":"local_shell_call","status":"completed","call_id":…,"action":{…}}
/// {"id":"tsc_…","type":"tool_search_call","status":"completed","call_id":…,"execution":"client","arguments":{…}}
/// </code>
/// </remarks>
internal sealed class CallItem(string id, string callId, string called, Tool? tool) : OutputItem(id)
{
    public StringBuilder Written { get; } = new();

    public bool IsFreeForm => tool?.IsFreeForm == true;

    /// <summary>It has no deltas, and what it is shows only when its arguments are whole.</summary>
    public bool IsHeldBack => tool?.Origin?.Type is OpenAiResponsesTools.LocalShell or OpenAiResponsesTools.ToolSearch;

    public string Name => tool?.Origin?.Name ?? tool?.Name ?? called;

    public string Arguments => Written.Length > 0 ? Written.ToString() : "{}";

    public string Input => FreeForm.Unwrap(Written.ToString());

    public static string Prefix(Tool? tool) => tool switch
    {
        { IsFreeForm: true } => "ctc",
        { Origin.Type: OpenAiResponsesTools.LocalShell } => "lsh",
        { Origin.Type: OpenAiResponsesTools.ToolSearch } => "tsc",
        _ => "fc",
    };

    public override void Write(Utf8JsonWriter json, string status)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, Id);
        if (!IsHeldBack || !TryWriteHeldBack(json))
        {
            json.WriteString("type"u8, IsFreeForm ? "custom_tool_call"u8 : "function_call"u8);
            json.WriteString("name"u8, Name);
            if (tool?.Origin?.Space is { } space)
            {
                json.WriteString("namespace"u8, space);
            }

            json.WriteString(IsFreeForm ? "input"u8 : "arguments"u8, status == "in_progress" ? string.Empty : IsFreeForm ? Input : Arguments);
        }

        json.WriteString("call_id"u8, callId);
        json.WriteString("status"u8, status);
        json.WriteEndObject();
    }

    /// <summary>What the model wrote may be nothing the client can run; as a function's arguments it can say so to the model.</summary>
    private bool TryWriteHeldBack(Utf8JsonWriter json)
    {
        if (ResponsesJson.TryParse(Arguments) is not { ValueKind: JsonValueKind.Object } arguments)
        {
            return false;
        }

        if (tool?.Origin?.Type == OpenAiResponsesTools.ToolSearch)
        {
            json.WriteString("type"u8, "tool_search_call"u8);
            json.WriteString("execution"u8, "client"u8);
            json.WritePropertyName("arguments"u8);
            ResponsesJson.WriteRaw(json, arguments);
            return true;
        }

        if (!LocalShell.IsAction(arguments))
        {
            return false;
        }

        json.WriteString("type"u8, "local_shell_call"u8);
        LocalShell.WriteAction(arguments, json);
        return true;
    }
}
