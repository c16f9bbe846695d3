using System.Buffers;
using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>The shell that a client runs itself, and the function it is elsewhere.</summary>
/// <remarks>
/// <code>
/// "action": {"type":"exec","command":["ls","-l"],"env":{},"timeout_ms":…,"working_directory":…,"user":…}
/// "arguments": "{\"command\":[\"ls\",\"-l\"],…}"
/// </code>
/// </remarks>
internal static class LocalShell
{
    public static string ArgumentsOf(JsonElement action)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, ResponsesJson.Written))
        {
            json.WriteStartObject();
            foreach (var member in action.EnumerateObject())
            {
                if (member.Name != "type" && member.Value.ValueKind != JsonValueKind.Null)
                {
                    json.WritePropertyName(member.Name);
                    ResponsesJson.WriteRaw(json, member.Value);
                }
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>Whether the model wrote what the client can run.</summary>
    public static bool IsAction(JsonElement arguments) => arguments.ValueKind == JsonValueKind.Object && IsCommand(arguments);

    public static void WriteAction(JsonElement arguments, Utf8JsonWriter json)
    {
        json.WriteStartObject("action"u8);
        json.WriteString("type"u8, "exec"u8);
        json.WritePropertyName("command"u8);
        ResponsesJson.WriteRaw(json, arguments.GetProperty("command"));
        json.WritePropertyName("env"u8);
        if (ResponsesJson.Child(arguments, "env") is { } env)
        {
            ResponsesJson.WriteRaw(json, env);
        }
        else
        {
            json.WriteStartObject();
            json.WriteEndObject();
        }

        if (ResponsesJson.Count(arguments, "timeout_ms") is { } timeout)
        {
            json.WriteNumber("timeout_ms"u8, timeout);
        }

        if (ResponsesJson.Text(arguments, "working_directory") is { } directory)
        {
            json.WriteString("working_directory"u8, directory);
        }

        json.WriteEndObject();
    }

    private static bool IsCommand(JsonElement arguments)
    {
        if (ResponsesJson.Array(arguments, "command") is not { } command || command.GetArrayLength() == 0)
        {
            return false;
        }

        foreach (var word in command.EnumerateArray())
        {
            if (word.ValueKind != JsonValueKind.String)
            {
                return false;
            }
        }

        return true;
    }
}
