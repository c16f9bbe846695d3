using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Translation.Anthropic;
using static CCGate.Tests.Unit.Proxy.Translation.AnthropicTranslation;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>The stream of the Messages API, read and written.</summary>
public sealed class AnthropicStreamTests
{
    private const string Signature = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYdsAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==";

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public void A_stream_with_thoughts_and_a_call_is_read_whatever_cuts_it(int chunkBytes)
    {
        var first = new TokenUsage
        {
            InputTokens = 472,
            CacheReadTokens = 1024,
            CacheWrite5mTokens = 100,
            CacheWrite1hTokens = 200,
            OutputTokens = 4,
            ServiceTier = "standard",
            InferenceGeo = "us",
            Speed = "fast",
        };
        AnswerEvent[] expected =
        [
            new AnswerBegan("msg_01", "claude-opus-5-5"),
            new UsageTold(first),
            new ThinkingDelta("The user wants the weather."),
            new ThinkingSigned($"ccgate.anthropic.{Signature}", false),
            new ToolCallBegan("toolu_01", "get_weather"),
            new ToolCallDelta("{\"location\": \"San"),
            new ToolCallDelta(" Francisco, CA\"}"),
            PartEnded.Instance,
            new UsageTold(first with { OutputTokens = 89, ReasoningTokens = 30, WebSearches = 1 }),
            new AnswerEnded(StopReason.ToolUse, null),
        ];

        Assert.Equal(expected, ReadStream(Fixture("anthropic/thinking-tools-unknown.sse"), chunkBytes));
    }

    [Theory]
    [InlineData("text.sse")]
    [InlineData("vector.sse")]
    [InlineData("thinking-tools-unknown.sse")]
    public void What_was_read_and_written_reads_the_same(string fixture)
    {
        var events = ReadStream(Fixture($"anthropic/{fixture}"), 3);
        var written = Encoding.UTF8.GetBytes(WriteStream(events));

        // What was used is told at the end only, and where and how fast it was served is not told.
        AnswerEvent[] Told(List<AnswerEvent> all) => [.. all.Where(static one => one is not UsageTold).Append(Last(all))];
        for (var cut = 1; cut < 200; cut++)
        {
            Assert.Equal(Told(events), Told(ReadStream(written, cut)));
        }
    }

    [Fact]
    public void An_error_in_the_stream_is_the_last_event()
    {
        var events = ReadStream(Fixture("anthropic/error.sse"), 5);

        Assert.Equal(new AnswerFailed(new Fault(FaultKind.Overloaded, 529, "Overloaded")), events[^1]);
        Assert.DoesNotContain(events, static one => one is AnswerEnded);
    }

    [Fact]
    public void A_stream_that_broke_off_has_no_end()
    {
        var whole = Fixture("anthropic/text.sse");
        for (var length = 0; length < whole.Length - 40; length += 11)
        {
            try
            {
                Assert.DoesNotContain(ReadStream(whole[..length], 64), static one => one is AnswerEnded);
            }
            catch (UnreadableAnswerException)
            {
                // An event that was cut in two.
            }
        }
    }

    [Fact]
    public void Input_that_a_relay_sends_with_the_start_of_a_call_is_not_lost()
    {
        var events = ReadStream(
            """
            data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"n","input":{"x":1}}}

            data: {"type":"content_block_stop","index":0}

            data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"b","name":"n","input":{}}}

            data: {"type":"message_stop"}

            """u8.ToArray(),
            9);

        AnswerEvent[] expected =
        [
            new AnswerBegan("", ""), new ToolCallBegan("a", "n"), new ToolCallDelta("""{"x":1}"""), PartEnded.Instance,
            new ToolCallBegan("b", "n"), new ToolCallDelta("{}"), PartEnded.Instance, new AnswerEnded(StopReason.EndTurn, null),
        ];
        Assert.Equal(expected, events);
    }

    [Fact]
    public void Every_event_is_written_as_the_frames_that_the_SDKs_expect()
    {
        AnswerEvent[] events =
        [
            new AnswerBegan("resp_1", "gpt-6"), new ThinkingDelta("hm"), new TextDelta("Grüße"), new TextDelta(" <b>"), PartEnded.Instance, new TextDelta("two"),
            new ToolCallBegan("call_1", "f") { Signature = "ccgate.gemini.abc" }, new ToolCallDelta("{\"a\":"), new ToolCallDelta("1}"), PartEnded.Instance,
            new UsageTold(new TokenUsage { InputTokens = 3, CacheReadTokens = 5, OutputTokens = 7, ReasoningTokens = 2 }), new AnswerEnded(StopReason.ToolUse, null),
        ];

        const string Zero = """{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":0,"service_tier":null}""";
        const string Used = """{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":7,"output_tokens_details":{"thinking_tokens":2},"service_tier":null}""";
        string[] frames =
        [
            $$$"""{"type":"message_start","message":{"id":"msg_resp_1","type":"message","role":"assistant","model":"gpt-6","content":[],"stop_reason":null,"stop_sequence":null,"usage":{{{Zero}}}}}""",
            """{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}""",
            """{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}""",
            """{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"ccgate.unsigned"}}""",
            """{"type":"content_block_stop","index":0}""",
            """{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}""",
            """{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Grüße"}}""",
            """{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" <b>"}}""",
            """{"type":"content_block_stop","index":1}""",
            """{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}""",
            """{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"two"}}""",
            """{"type":"content_block_stop","index":2}""",
            """{"type":"content_block_start","index":3,"content_block":{"type":"redacted_thinking","data":"ccgate.call.ccgate.gemini.abc"}}""",
            """{"type":"content_block_stop","index":3}""",
            """{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"call_1","name":"f","input":{}}}""",
            """{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}""",
            """{"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"1}"}}""",
            """{"type":"content_block_stop","index":4}""",
            $$$"""{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{{{Used}}}}""",
            """{"type":"message_stop"}""",
        ];
        var expected = string.Concat(frames.Select(frame => $"event: {JsonElement.Parse(frame).GetProperty("type").GetString()}\ndata: {frame}\n\n"));

        Assert.Equal(expected, WriteStream(events));
    }

    [Fact]
    public void Thoughts_that_the_client_does_not_want_to_see_are_signed_only()
    {
        var conversation = new Conversation { Model = "m", Reasoning = new Reasoning("high", null) { Shown = false } };
        AnswerEvent[] events = [new ThinkingDelta("secret"), PartEnded.Instance, new ThinkingDelta("secret"), new ThinkingSigned("ccgate.anthropic.S", false)];

        var read = ReadStream(Encoding.UTF8.GetBytes(WriteStream(events, conversation)), 50);

        Assert.Equal([new AnswerBegan("", ""), new ThinkingSigned("ccgate.anthropic.S", false)], read);
    }

    [Fact]
    public void Broken_streams_end_in_one_kind_of_exception_only()
    {
        var random = new Random(7);
        var whole = Fixture("anthropic/thinking-tools-unknown.sse");
        for (var round = 0; round < 3000; round++)
        {
            var bytes = (byte[])whole.Clone();
            for (var i = 0; i < 4; i++)
            {
                bytes[random.Next(bytes.Length)] = (byte)"{}[]\",:0x\\u\n\u00ff"[random.Next(13)];
            }

            try
            {
                var events = ReadStream(bytes, 97);
                Assert.True(events.Count(static one => one is AnswerEnded or AnswerFailed) <= 1);
                WriteStream(events);
            }
            catch (UnreadableAnswerException)
            {
                // As promised.
            }
        }
    }

    private static UsageTold Last(List<AnswerEvent> events)
    {
        var told = events.OfType<UsageTold>().Last().Usage;
        return new UsageTold(told with { InferenceGeo = null, Speed = null });
    }
}
