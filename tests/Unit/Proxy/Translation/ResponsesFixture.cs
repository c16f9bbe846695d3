using System.Buffers;
using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Translation.OpenAiResponses;
using CCGate.Proxy.Usage;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>Asks the responses protocol in the words of a test.</summary>
internal static class ResponsesFixture
{
    public static readonly OpenAiResponsesProtocol Protocol = new(new ManualTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000)));

    public static Conversation Read(string body, Losses? losses = null) => Read(Encoding.UTF8.GetBytes(body), losses);

    public static Conversation Read(byte[] body, Losses? losses = null) =>
        Protocol.ReadRequest(new Call(CallKind.Generation, "/v1/responses", string.Empty, "m", new RequestBody(body, body.Length)) { Streaming = true }, losses ?? new Losses());

    public static string Write(Conversation conversation, Losses? losses = null) => Written(json => Protocol.WriteRequest(conversation, json, losses ?? new Losses()));

    public static string Written(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, ResponsesJson.Written))
        {
            write(json);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static void AssertJson(string expected, string actual) =>
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), JsonElement.Parse(actual)), $"Expected:\n{expected}\nActual:\n{actual}");

    public static string Refused(Action act) => Assert.Throws<RefusedException>(act).Message;

    /// <summary>The events of a stream, cut into chunks of so many bytes.</summary>
    public static List<AnswerEvent> ReadStream(string stream, int chunk = int.MaxValue)
    {
        var events = new List<AnswerEvent>();
        var reader = Protocol.StartReading();
        using var scanner = new SseScanner((name, data) => reader.Read(name, data, events));
        var bytes = Encoding.UTF8.GetBytes(stream);
        for (var start = 0; start < bytes.Length; start += Math.Min(chunk, bytes.Length))
        {
            scanner.Push(bytes.AsSpan(start, Math.Min(chunk, bytes.Length - start)));
        }

        scanner.Complete();
        reader.End(events);
        return events;
    }

    public static string WriteStream(Conversation conversation, params AnswerEvent[] events)
    {
        var output = new ArrayBufferWriter<byte>();
        var writer = Protocol.StartWriting(conversation);
        foreach (var next in events)
        {
            writer.Write(next, output);
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>One line an event: what a test compares.</summary>
    public static string Told(IEnumerable<AnswerEvent> events) => string.Join('\n', events.Select(told => told switch
    {
        AnswerBegan began => $"began {began.Id} {began.Model}",
        TextDelta text => $"text {text.Text}",
        RefusalDelta refusal => $"refusal {refusal.Text}",
        ThinkingDelta thinking => $"thinking {thinking.Text}",
        ThinkingSigned signed => $"signed {signed.Signature}",
        ToolCallBegan call => $"call {call.Id} {call.Name}",
        ToolCallDelta call => $"arguments {call.Arguments}",
        PartEnded => "end",
        CitationAdded added => $"citation {added.Citation.Url} {added.Citation.Start}-{added.Citation.End}",
        LogprobsAdded logprobs => $"logprobs {logprobs.Entries.Count}",
        UsageTold usage => $"usage {usage.Usage.InputTokens}+{usage.Usage.CacheReadTokens} {usage.Usage.OutputTokens}",
        AnswerEnded ended => $"ended {ended.Stop}",
        AnswerFailed failed => $"failed {failed.Fault.Kind} {failed.Fault.Status} {failed.Fault.Code}: {failed.Fault.Message}",
        _ => told.ToString(),
    }));
}
