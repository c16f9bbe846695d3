using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Translation;

namespace CCGate.Proxy.Telemetry;

/// <summary>What a client says to a model, in the form spans have for it; only where an operator wants prompts in traces.</summary>
internal static class GenAiContent
{
    /// <summary>Of all texts together; the newest are kept.</summary>
    public const int MostCharacters = 8 * 1024;

    /// <summary>Stands where something was left out.</summary>
    public const string Cut = "…(cut)";

    /// <summary>The messages as JSON; null where there are none, or where nobody but the upstream can read them.</summary>
    public static string? Input(Call call)
    {
        if (!call.AnyKind)
        {
            return null;
        }

        try
        {
            return Write(Protocols.Of(call.Upstreams).ReadRequest(call, new Losses()).Turns);
        }
        catch (Exception unread) when (unread is RefusedException or InvalidOperationException or JsonException)
        {
            return null;
        }
    }

    private static string Write(List<Turn> turns)
    {
        var left = MostCharacters;
        var messages = new Stack<(string Role, List<(string Type, string Text)> Parts)>();
        for (var at = turns.Count - 1; at >= 0 && left > 0; at--)
        {
            var parts = new List<(string, string)>();
            foreach (var part in turns[at].Parts)
            {
                var (type, text) = Describe(part);
                parts.Add((type, text.Length <= left ? text : text[..Math.Max(0, left)] + Cut));
                left -= text.Length + 16; // Parts without a text have a bound too.
            }

            messages.Push((turns[at].Role is Role.Assistant ? "assistant" : "user", parts));
        }

        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartArray();
            foreach (var (role, parts) in messages)
            {
                json.WriteStartObject();
                json.WriteString("role", role);
                json.WriteStartArray("parts");
                foreach (var (type, text) in parts)
                {
                    json.WriteStartObject();
                    json.WriteString("type", type);
                    json.WriteString("content", text);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static (string Type, string Text) Describe(Part part) => part switch
    {
        TextPart text => ("text", text.Text),
        ThinkingPart thinking => ("reasoning", thinking.Text),
        ToolCallPart call => ("tool_call", $"{call.Name} {call.Arguments}"),
        ToolResultPart result => ("tool_call_response", string.Concat(result.Content.OfType<TextPart>().Select(text => text.Text))),
        RefusalPart refusal => ("text", refusal.Text),
        MediaPart medium => ("blob", medium.MediaType ?? ""),
        _ => ("unknown", ""),
    };
}
