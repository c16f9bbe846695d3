using System.Text;

namespace CCGate.Bench.Load;

/// <summary>What the upstream of a run answers: always the same bytes, so that a client can tell that it got all of them.</summary>
/// <param name="Name">How a request asks for it, in the header <see cref="Header"/>.</param>
/// <param name="ContentType">Of the response.</param>
/// <param name="Frames">Written and flushed one by one.</param>
/// <param name="Pause">Before each frame but the first.</param>
internal sealed record UpstreamAnswer(string Name, string ContentType, IReadOnlyList<byte[]> Frames, TimeSpan Pause)
{
    public const string Header = "x-bench-answer";

    private const string Usage = """
        "input_tokens":103,"cache_creation_input_tokens":0,"cache_read_input_tokens":26358,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}
        """;

    public static readonly UpstreamAnswer Whole = new("whole", "application/json", [Encoding.UTF8.GetBytes(Json())], TimeSpan.Zero);
    public static readonly UpstreamAnswer Stream = new("stream", "text/event-stream; charset=utf-8", [.. Events(50)], TimeSpan.Zero);
    public static readonly UpstreamAnswer Paced = new("paced", "text/event-stream; charset=utf-8", [.. Events(20)], TimeSpan.FromMilliseconds(20));

    public static readonly IReadOnlyList<UpstreamAnswer> All = [Whole, Stream, Paced];

    public int Length { get; } = Frames.Sum(frame => frame.Length);

    private static string Json() =>
        $$$"""
        {"id":"msg_1","type":"message","role":"assistant","model":"{{{RequestBodies.Model}}}","content":[{"type":"text","text":"{{{string.Concat(Enumerable.Repeat("Some words of an answer. ", 20))}}}"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{ {{{Usage}}},"output_tokens":120,"service_tier":"standard"}}
        """;

    private static IEnumerable<byte[]> Events(int deltas)
    {
        yield return Event(
            "message_start",
            $$$""","message":{"id":"msg_1","type":"message","role":"assistant","model":"{{{RequestBodies.Model}}}","content":[],"stop_reason":null,"usage":{ {{{Usage}}},"output_tokens":1,"service_tier":"standard"}}""");
        yield return Event("content_block_start", ""","index":0,"content_block":{"type":"text","text":""}""");
        for (var delta = 0; delta < deltas; delta++)
        {
            yield return Event("content_block_delta", $$$""","index":0,"delta":{"type":"text_delta","text":" some words, number {{{delta}}}"}""");
        }

        yield return Event("content_block_stop", ""","index":0""");
        yield return Event("message_delta", ""","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":257}""");
        yield return Event("message_stop", "");
    }

    private static byte[] Event(string type, string members) => Encoding.UTF8.GetBytes($"event: {type}\ndata: {{\"type\":\"{type}\"{members}}}\n\n");
}
