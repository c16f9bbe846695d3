using System.Buffers;
using System.Text;
using System.Text.Json;
using CCGate.Proxy.Translation.OpenAiResponses;

namespace CCGate.Proxy.Translation;

/// <summary>The text that a free-form tool takes, and the JSON that carries it where there are only functions.</summary>
/// <remarks><code>{"input":"*** Begin Patch…"}</code></remarks>
internal static class FreeForm
{
    public static string Wrap(string input)
    {
        var buffer = new ArrayBufferWriter<byte>(input.Length + 16);
        using (var json = new Utf8JsonWriter(buffer, ResponsesJson.Written))
        {
            json.WriteStartObject();
            json.WriteString("input"u8, input);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The text, from the JSON or from itself.</summary>
    public static string Unwrap(string arguments) =>
        ResponsesJson.TryParse(arguments) is { ValueKind: JsonValueKind.Object } wrapped && ResponsesJson.Text(wrapped, "input") is { } input ? input : arguments;
}
