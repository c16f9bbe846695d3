using System.Buffers;
using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Translation.Anthropic;
using CCGate.Proxy.Usage;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>Drives the Messages protocol with text.</summary>
internal static class AnthropicTranslation
{
    public static Conversation Read(string body, Losses? losses = null)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var call = new Call(CallKind.Generation, "/v1/messages", "", "claude-opus-5", new RequestBody(bytes, bytes.Length)) { Streaming = true };
        return AnthropicProtocol.Instance.ReadRequest(call, losses ?? new Losses());
    }

    public static string Write(Conversation conversation, Losses? losses = null) =>
        Json(json => AnthropicProtocol.Instance.WriteRequest(conversation, json, losses ?? new Losses()));

    public static string Json(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            write(json);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <param name="chunkBytes">How the network cuts it.</param>
    public static List<AnswerEvent> ReadStream(byte[] stream, int chunkBytes)
    {
        var events = new List<AnswerEvent>();
        var reader = AnthropicProtocol.Instance.StartReading();
        using var scanner = new SseScanner((name, data) => reader.Read(name, data, events));
        foreach (var chunk in stream.Chunk(chunkBytes))
        {
            scanner.Push(chunk);
        }

        scanner.Complete();
        reader.End(events);
        return events;
    }

    public static string WriteStream(IEnumerable<AnswerEvent> events, Conversation? conversation = null)
    {
        var writer = AnthropicProtocol.Instance.StartWriting(conversation ?? new Conversation { Model = "m" });
        var buffer = new ArrayBufferWriter<byte>();
        foreach (var next in events)
        {
            writer.Write(next, buffer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static void AssertSame(string expected, string actual) =>
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), JsonElement.Parse(actual)), $"Expected {expected}\nActual   {actual}");

    public static byte[] Fixture(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", name));
}
