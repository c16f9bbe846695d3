using System.Buffers;
using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Translation.Gemini;
using CCGate.Proxy.Usage;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>Reads and writes in Gemini's protocol, for its tests.</summary>
internal static class GeminiFixture
{
    public static Conversation ReadRequest(string body, Losses? losses = null, string query = "?alt=sse", bool streaming = false)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(body.Length));
        using var request = new RequestBody(bytes, Encoding.UTF8.GetBytes(body, bytes));
        var call = new Call(CallKind.Generation, "/v1beta/models/{model}:generateContent", query, "gemini-3-pro", request) { Streaming = streaming };
        return GeminiProtocol.Instance.ReadRequest(call, losses ?? new Losses());
    }

    public static string Refused(string body) => Assert.Throws<RefusedException>(() => ReadRequest(body)).Refusal.Message;

    public static string WriteRequest(Conversation conversation, Losses? losses = null) =>
        Written(json => GeminiProtocol.Instance.WriteRequest(conversation, json, losses ?? new Losses()));

    public static Answer ReadAnswer(string body) => GeminiProtocol.Instance.ReadAnswer(JsonElement.Parse(body));

    public static string Written(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            write(json);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The events of a stream, which are the same wherever it is cut in two.</summary>
    public static List<AnswerEvent> ReadStream(string sse)
    {
        var bytes = Encoding.UTF8.GetBytes(sse);
        var whole = ReadStream(bytes, bytes.Length);
        for (var cut = 0; cut < bytes.Length; cut++)
        {
            Assert.Equal(Describe(whole), Describe(ReadStream(bytes, cut)));
        }

        return whole;
    }

    public static string Describe(IEnumerable<AnswerEvent> events) => string.Join("\n", events.Select(one => one switch
    {
        LogprobsAdded logprobs => string.Join(",", logprobs.Entries.Select(entry => entry.GetRawText())),
        _ => one.ToString(),
    }));

    public static string WriteStream(Conversation conversation, params AnswerEvent[] events)
    {
        var writer = GeminiProtocol.Instance.StartWriting(conversation);
        var output = new ArrayBufferWriter<byte>();
        foreach (var one in events)
        {
            writer.Write(one, output);
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    public static void AssertJson(string expected, string actual) =>
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), JsonElement.Parse(actual)), $"Expected {expected}\nbut got  {actual}");

    private static List<AnswerEvent> ReadStream(byte[] bytes, int cut)
    {
        var events = new List<AnswerEvent>();
        var reader = GeminiProtocol.Instance.StartReading();
        using var scanner = new SseScanner((name, data) => reader.Read(name, data, events));
        scanner.Push(bytes.AsSpan(0, cut));
        scanner.Push(bytes.AsSpan(cut));
        scanner.Complete();
        reader.End(events);
        return events;
    }
}
