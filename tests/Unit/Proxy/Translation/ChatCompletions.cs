using System.Buffers;
using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Translation.OpenAiChat;
using CCGate.Proxy.Usage;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>Chat completions as the tests of their translation use them.</summary>
internal static class ChatCompletions
{
    public static readonly OpenAiChatProtocol Protocol = new(new ManualTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1_800_000_000)));

    public static Conversation Read(string body, Losses? losses = null, string model = "m")
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        return Protocol.ReadRequest(new Call(CallKind.Generation, "/v1/chat/completions", "", model, new RequestBody(bytes, bytes.Length)), losses ?? new Losses());
    }

    /// <summary>A conversation of one user's message, with what else is given.</summary>
    public static Conversation ReadWith(string members, Losses? losses = null) => Read($$"""{"model":"m","messages":[{"role":"user","content":"Hi"}],{{members}}}""", losses);

    public static JsonElement Write(Conversation conversation, Losses? losses = null) => Written(json => Protocol.WriteRequest(conversation, json, losses ?? new Losses()));

    public static JsonElement Written(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            write(json);
        }

        return JsonElement.Parse(buffer.WrittenSpan);
    }

    public static void Same(string expected, JsonElement actual) =>
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), actual), $"expected {expected}\nbut got  {actual.GetRawText()}");

    /// <summary>The events of a stream, in which each chunk is one data line.</summary>
    public static List<AnswerEvent> ReadStream(params string[] chunks)
    {
        var stream = Encoding.UTF8.GetBytes(string.Concat(chunks.Select(chunk => $"data: {chunk}\n\n")));
        var whole = ReadStream(stream, stream.Length);
        Assert.Equal(whole.Select(Text), ReadStream(stream, 1).Select(Text));
        return whole;
    }

    public static string Text(AnswerEvent next) => next switch
    {
        UsageTold told => $"UsageTold {told.Usage.InputTokens}+{told.Usage.CacheReadTokens}/{told.Usage.OutputTokens}",
        LogprobsAdded added => $"LogprobsAdded {string.Join(',', added.Entries.Select(entry => entry.GetRawText()))}",
        _ => next.ToString(),
    };

    public static string WriteStream(Conversation conversation, params AnswerEvent[] events)
    {
        var writer = Protocol.StartWriting(conversation);
        var output = new ArrayBufferWriter<byte>();
        foreach (var next in events)
        {
            writer.Write(next, output);
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static List<AnswerEvent> ReadStream(byte[] stream, int pieceLength)
    {
        var reader = Protocol.StartReading();
        var events = new List<AnswerEvent>();
        using var scanner = new SseScanner((name, data) => reader.Read(name, data, events));
        for (var at = 0; at < stream.Length; at += pieceLength)
        {
            scanner.Push(stream.AsSpan(at, Math.Min(pieceLength, stream.Length - at)));
        }

        scanner.Complete();
        reader.End(events);
        return events;
    }
}
