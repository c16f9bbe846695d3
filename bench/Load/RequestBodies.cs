using System.Text;
using System.Text.Json;

namespace CCGate.Bench.Load;

/// <summary>Request bodies of the Messages API.</summary>
internal static class RequestBodies
{
    public const string Model = "claude-sonnet-4-5";

    // As Claude Code sends for a first "hi": three system blocks, two dozen tools, and some turns of a conversation behind it.
    private const int AgentTools = 24;
    private const int AgentTurns = 20;

    /// <summary>As an agent sends it: about 100 KB.</summary>
    public static byte[] Agent { get; } = Write(writer =>
    {
        writer.WriteString("model", Model);
        writer.WriteStartArray("messages");
        for (var turn = 0; turn < AgentTurns; turn++)
        {
            WriteTurn(writer, turn);
        }

        WriteText(writer, "user", "Übersetze den Text, bitte: 世界 🌍");
        writer.WriteEndArray();
        writer.WriteStartArray("system");
        foreach (var length in (int[])[100, 400, 14_000])
        {
            WriteTextBlock(writer, Prose(length));
        }

        writer.WriteEndArray();
        writer.WriteStartArray("tools");
        for (var tool = 0; tool < AgentTools; tool++)
        {
            WriteTool(writer, tool);
        }

        writer.WriteEndArray();
        writer.WriteStartObject("metadata");
        writer.WriteString("user_id", """{"device_id":"3f1c","account_uuid":"","session_id":"0b8f6b4e-8a51-4d0e-9d5b-6a7a4f6f7d10"}""");
        writer.WriteEndObject();
        writer.WriteNumber("max_tokens", 128_000);
        writer.WriteBoolean("stream", true);
    });

    public static byte[] Small(bool stream) => Write(writer =>
    {
        writer.WriteString("model", Model);
        writer.WriteNumber("max_tokens", 1024);
        writer.WriteBoolean("stream", stream);
        writer.WriteStartArray("messages");
        WriteText(writer, "user", Prose(200));
        writer.WriteEndArray();
    });

    private static byte[] Write(Action<Utf8JsonWriter> members)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WriteTurn(Utf8JsonWriter writer, int turn)
    {
        WriteText(writer, "user", Prose(700));
        writer.WriteStartObject();
        writer.WriteString("role", "assistant");
        writer.WriteStartArray("content");
        writer.WriteStartObject();
        writer.WriteString("type", "tool_use");
        writer.WriteString("id", $"toolu_{turn:D12}");
        writer.WriteString("name", "Read");
        writer.WriteStartObject("input");
        writer.WriteString("file_path", $"/home/someone/project/src/File{turn}.cs");
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteStartObject();
        writer.WriteString("role", "user");
        writer.WriteStartArray("content");
        writer.WriteStartObject();
        writer.WriteString("type", "tool_result");
        writer.WriteString("tool_use_id", $"toolu_{turn:D12}");
        writer.WriteString("content", "1\tnamespace \"Thing\";\n" + Prose(700));
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteTool(Utf8JsonWriter writer, int tool)
    {
        writer.WriteStartObject();
        writer.WriteString("name", $"Tool{tool}");
        writer.WriteString("description", Prose(1_600));
        writer.WriteStartObject("input_schema");
        writer.WriteString("type", "object");
        writer.WriteStartObject("properties");
        foreach (var name in (string[])["command", "description", "timeout", "path"])
        {
            writer.WriteStartObject(name);
            writer.WriteString("type", "string");
            writer.WriteString("description", Prose(120));
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter writer, string role, string text)
    {
        writer.WriteStartObject();
        writer.WriteString("role", role);
        writer.WriteStartArray("content");
        WriteTextBlock(writer, text);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteTextBlock(Utf8JsonWriter writer, string text)
    {
        writer.WriteStartObject();
        writer.WriteString("type", "text");
        writer.WriteString("text", text);
        writer.WriteEndObject();
    }

    private static string Prose(int length)
    {
        const string Sentence = "The quick brown fox said \"no\" and jumped over the lazy dog.\n";
        var text = new StringBuilder(length + Sentence.Length);
        while (text.Length < length)
        {
            text.Append(Sentence);
        }

        return text.ToString();
    }
}
