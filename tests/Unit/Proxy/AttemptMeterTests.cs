using System.IO.Compression;
using System.Text;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Usage;

namespace CCGate.Tests.Unit.Proxy;

public sealed class AttemptMeterTests
{
    private const string Sse = "text/event-stream";
    private const string Json = "application/json";
    private const string Start = """{"type":"message_start","message":{"model":"m","usage":{"input_tokens":10,"cache_read_input_tokens":5,"output_tokens":2}}}""";
    private const string Final = """{"type":"message_delta","delta":{},"usage":{"output_tokens":40}}""";
    private const string Stop = """{"type":"message_stop"}""";

    [Fact]
    public void Usage_is_known_once_the_final_usage_passed_even_if_the_stream_breaks_then()
    {
        var metered = Events(Start, Delta("hello"), Final);

        Assert.Equal((UsageState.Known, 10, 5, 40, false, null), Seen(metered));
        Assert.True(Events(Start, Delta("hello"), Final, Stop).Ended);
    }

    [Fact]
    public void A_truncated_stream_is_billed_its_input_and_an_estimate_of_what_was_generated()
    {
        var metered = Events(Start, Delta("1234567890123"), Delta("4567"));

        Assert.Equal((UsageState.Estimated, 10, 5, 5, false, "the stream ended before its final usage"), Seen(metered));
        Assert.Equal("m", metered.Model);
    }

    [Fact]
    public void A_count_written_with_a_fraction_is_a_count()
    {
        var metered = MeteredAnswer.Of("""{"type":"message","usage":{"input_tokens":10,"output_tokens":57.0}}"""u8.ToArray(), Json);

        Assert.Equal((UsageState.Known, 10, 57), (metered.State, metered.Usage.InputTokens, metered.Usage.OutputTokens));
    }

    [Theory]
    [InlineData("""{"input_tokens":10,"output_tokens":57,"x":"\ud800"}""")]
    [InlineData("""{"input_tokens":10,"\udc00":1,"output_tokens":57}""")]
    [InlineData("""{"input_tokens":10,"service_tier":"\ud800","output_tokens":57}""")]
    [InlineData("""{"input_tokens":10,"x":{"y":["\ud800"]},"output_tokens":57,"z":{"\ud800":1}}""")]
    public void Usage_with_half_a_character_in_it_can_be_written_into_an_event(string usage)
    {
        var metered = MeteredAnswer.Of(Encoding.UTF8.GetBytes($$"""{"type":"message","usage":{{usage}}}"""), Json);

        Assert.Equal((UsageState.Known, 10, 57), (metered.State, metered.Usage.InputTokens, metered.Usage.OutputTokens));
        Assert.Contains("57", System.Text.Json.JsonSerializer.Serialize(metered.Usage.RawUsage), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("output_tokens", "999999999")]
    [InlineData("output_tokens", "-1")]
    [InlineData("output_tokens", "1e300")]
    [InlineData("server_tool_use", """{"web_search_requests":900000000}""")]
    public void Counts_that_no_request_can_reach_are_not_believed(string member, string value)
    {
        var metered = MeteredAnswer.Of(Encoding.UTF8.GetBytes($$$"""{"type":"message","usage":{"{{{member}}}":{{{value}}}}}"""), Json);

        Assert.Equal((0, 0), (metered.Usage.OutputTokens, metered.Usage.WebSearches));
    }

    [Fact]
    public void An_estimate_is_never_below_what_was_reported()
    {
        Assert.Equal(2, Events(Start, Delta("ab")).Usage.OutputTokens);
        Assert.Equal(2, Events(Start).Usage.OutputTokens);
    }

    [Fact]
    public void A_stream_that_goes_on_after_its_usage_and_then_breaks_is_an_estimate()
    {
        var metered = Events(Start, Final, Delta(new string('a', 400)));

        Assert.Equal((UsageState.Estimated, 100), (metered.State, metered.Usage.OutputTokens));
        Assert.Equal(UsageState.Known, Events(Start, Final, Delta("abcd"), Final).State);
    }

    [Fact]
    public void A_stream_cut_inside_of_its_final_usage_takes_no_half_number()
    {
        var stream = Encoding.UTF8.GetBytes(Frame(Start) + Frame(Delta("abcd")) + Frame(Final)[..^4]);

        Assert.Equal((UsageState.Estimated, 2), (MeteredAnswer.Of(stream, Sse).State, MeteredAnswer.Of(stream, Sse).Usage.OutputTokens));
    }

    [Fact]
    public void An_error_event_after_the_start_is_billed_like_a_truncation()
    {
        var metered = Events(Start, Delta("12345678"), """{"type":"error","error":{"type":"overloaded_error","message":"type"}}""");

        Assert.Equal((UsageState.Estimated, 10, 5, 2, false, "the stream ended with overloaded_error"), Seen(metered));
        Assert.Equal("overloaded_error", metered.StreamError);
    }

    [Fact]
    public void An_error_event_in_place_of_an_answer_is_not_billed()
    {
        var metered = Events("""{"type":"error","error":{"type":"overloaded_error"}}""");

        Assert.Equal((UsageState.KnownZero, "overloaded_error"), (metered.State, metered.StreamError));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(429)]
    [InlineData(529)]
    public void An_error_status_is_not_billed(int status)
    {
        var metered = MeteredAnswer.Of("""{"type":"error","usage":{"input_tokens":9,"output_tokens":9}}"""u8.ToArray(), Json, status: status);

        Assert.Equal((UsageState.KnownZero, 0), (metered.State, metered.Usage.TotalTokens));
    }

    [Theory]
    [InlineData(Json, "{}")]
    [InlineData(Json, "")]
    [InlineData(Json, "null")]
    [InlineData(Json, "<html>")]
    [InlineData(Json, """{"usage":null,"model":"m"}""")]
    [InlineData(Json, """{"usage":{"input_tokens":10}}x""")]
    [InlineData(Sse, "")]
    [InlineData(Sse, "data: {\"type\":\"message_stop\"}\n\n")]
    [InlineData(Sse, "event: message_start\ndata: {\"message\":7}\n\nevent: message_start\ndata: [\n\n")]
    [InlineData("text/html", "<html></html>")]
    [InlineData(null, "")]
    public void An_answer_that_says_nothing_of_its_usage_is_unknown(string? type, string text)
    {
        var metered = MeteredAnswer.Of(Encoding.UTF8.GetBytes(text), type);

        Assert.NotEqual(UsageState.Known, metered.State);
        Assert.NotEqual(UsageState.KnownZero, metered.State);
        Assert.Equal(0, metered.Usage.OutputTokens);
        Assert.NotNull(metered.Doubt);
    }

    [Theory]
    [InlineData("")]
    [InlineData(",\"content\":[{\"te")]
    [InlineData(",\"content\":[{}")]
    public void A_body_cut_behind_its_usage_is_known_but_did_not_end(string rest)
    {
        var metered = MeteredAnswer.Of(Encoding.UTF8.GetBytes("""{"model":"m","usage":{"input_tokens":3,"output_tokens":4}""" + rest), Json);

        Assert.Equal((UsageState.Known, 3, 0, 4, false, null), Seen(metered));
    }

    [Fact]
    public void A_body_cut_before_or_inside_of_its_usage_is_unknown()
    {
        var whole = """{"model":"m","content":[{"usage":{"output_tokens":99}}],"usage":{"input_tokens":3,"output_tokens":4}}""";
        for (var length = 0; length < whole.Length - 1; length++)
        {
            var metered = MeteredAnswer.Of(Encoding.UTF8.GetBytes(whole[..length]), Json);

            Assert.Equal((UsageState.Unknown, false), (metered.State, metered.Ended));
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain")]
    public void The_first_byte_tells_the_form_where_the_content_type_does_not(string? type)
    {
        var body = "\n {\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}"u8.ToArray();
        var stream = Encoding.UTF8.GetBytes(Frame(Start) + Frame(Final));

        Assert.Equal(4, MeteredAnswer.InChunks(body, type, null, 1).Usage.OutputTokens);
        Assert.Equal(40, MeteredAnswer.InChunks(stream, type, null, 1).Usage.OutputTokens);
    }

    [Fact]
    public void Events_without_names_are_known_by_their_type()
    {
        var unnamed = string.Concat(((string[])[Start, Delta("abcd").Replace("{\"type\"", "{ \"type\""), Final, Stop]).Select(data => $"data: {data}\n\n"));

        Assert.Equal((UsageState.Known, 10, 5, 40, true, null), Seen(MeteredAnswer.Of(Encoding.UTF8.GetBytes(unnamed), Sse)));
    }

    [Fact]
    public void Later_values_replace_earlier_ones_field_by_field_and_a_null_says_nothing()
    {
        var metered = Events(
            """{"type":"message_start","message":{"usage":{"input_tokens":10,"cache_creation_input_tokens":7,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":3},"output_tokens":1,"speed":"standard"}}}""",
            """{"type":"message_delta","usage":{"input_tokens":12,"cache_creation":{"ephemeral_5m_input_tokens":null,"ephemeral_1h_input_tokens":9},"output_tokens":20}}""",
            """{"type":"message_delta","usage":{"input_tokens":null,"cache_creation_input_tokens":13,"output_tokens":30,"server_tool_use":{"web_search_requests":2}}}""",
            """{"type":"message_delta","usage":{"output_tokens":31,"server_tool_use":null,"speed":"fast"}}""");

        var usage = metered.Usage;
        Assert.Equal((12, 4, 9, 31, 2, "fast"), (usage.InputTokens, usage.CacheWrite5mTokens, usage.CacheWrite1hTokens, usage.OutputTokens, usage.WebSearches, usage.Speed));
        Assert.Equal(
            """{"input_tokens":12,"cache_creation_input_tokens":13,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":9},"output_tokens":31,"speed":"fast","server_tool_use":{"web_search_requests":2}}""",
            usage.RawUsage?.GetRawText());
    }

    [Theory]
    [InlineData("\"cache_creation_input_tokens\":7", 7, 0)]
    [InlineData("\"cache_creation_input_tokens\":7,\"cache_creation\":null", 7, 0)]
    [InlineData("\"cache_creation_input_tokens\":7,\"cache_creation\":{\"ephemeral_1h_input_tokens\":7}", 0, 7)]
    [InlineData("\"cache_creation_input_tokens\":7,\"cache_creation\":{\"ephemeral_1h_input_tokens\":2}", 5, 2)]
    [InlineData("\"cache_creation\":{\"ephemeral_5m_input_tokens\":3,\"ephemeral_1h_input_tokens\":2}", 3, 2)]
    [InlineData("\"cache_creation_input_tokens\":-7", 0, 0)]
    [InlineData("\"cache_creation_input_tokens\":99999999999999", 0, 0)]
    [InlineData("\"cache_creation_input_tokens\":\"7\"", 0, 0)]
    public void A_cache_write_is_of_five_minutes_unless_the_breakdown_says_otherwise(string members, long fiveMinutes, long oneHour)
    {
        var usage = MeteredAnswer.Of(Encoding.UTF8.GetBytes($$$"""{"usage":{"output_tokens":1,{{{members}}}}}"""), Json).Usage;

        Assert.Equal((fiveMinutes, oneHour), (usage.CacheWrite5mTokens, usage.CacheWrite1hTokens));
    }

    [Theory]
    [InlineData("""{"type":"text_delta","text":"Hello"}""", 5)]
    [InlineData("""{"type":"text_delta","text":"é東🗼"}""", 9)]
    [InlineData("""{"type":"text_delta","text":"\n\"\\"}""", 3)]
    [InlineData("""{"type":"text_delta","text":"\u00e9\u6771\ud83d\uddfc\u003c"}""", 10)]
    [InlineData("""{"text": "say \"text\": \"x\" twice","type":"text_delta"}""", 21)]
    [InlineData("""{"type":"thinking_delta","thinking":"hmm"}""", 3)]
    [InlineData("""{"type":"input_json_delta","partial_json":"{\"text\": 1}"}""", 11)]
    [InlineData("""{"type":"signature_delta","signature":"EqQB"}""", 0)]
    [InlineData("""{"type":"citations_delta","citation":{"cited_text":"a"}}""", 0)]
    [InlineData("""{"type":"text_delta","text":"cut\""", 4)]
    public void What_was_generated_is_counted_in_bytes(string delta, int bytes)
    {
        Assert.Equal(bytes, AnthropicDelta.GeneratedBytes(Encoding.UTF8.GetBytes($$"""{"type":"content_block_delta","index":0,"delta":{{delta}}""" + "}")));
    }

    [Fact]
    public void The_usage_of_a_compressed_stream_is_seen_as_soon_as_the_upstream_flushed_it()
    {
        foreach (var (encoding, compressor) in Compressors)
        {
            using var sent = new MemoryStream();
            using var stream = compressor(sent);
            using var meter = new AttemptMeter(new AnthropicUsageReader(), 200, Sse, encoding);
            void Send(string data)
            {
                stream.Write(Encoding.UTF8.GetBytes(Frame(data)));
                stream.Flush();
                foreach (var one in sent.ToArray())
                {
                    meter.Observe([one]);
                }

                sent.SetLength(0);
            }

            Send(Start);
            Assert.False(meter.HasOutput);
            Send(Delta("abcd"));
            Assert.True(meter.HasOutput);
            Send("""{"type":"error","error":{"type":"api_error"}}""");
            Assert.Equal("api_error", meter.StreamError);
        }
    }

    [Fact]
    public void A_broken_encoding_leaves_what_was_read_before_it()
    {
        var stream = Encoding.UTF8.GetBytes(Frame(Start) + Frame(Delta("abcd")) + string.Concat(Enumerable.Range(0, 3000).Select(i => Frame(Delta($"{i * 7919}")))));
        foreach (var (encoding, bytes) in MeteredAnswer.Compressed(stream))
        {
            bytes.AsSpan(bytes.Length / 2, 100).Fill(0xFF);
            var metered = MeteredAnswer.InChunks(bytes, Sse, encoding, 50);

            Assert.Equal((UsageState.Estimated, 10), (metered.State, metered.Usage.InputTokens));
            Assert.NotNull(metered.Doubt);
        }
    }

    [Theory]
    [InlineData("zstd")]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData("br")]
    public void An_encoding_that_cannot_be_read_is_unknown_and_says_so(string encoding)
    {
        var metered = MeteredAnswer.Of(Encoding.UTF8.GetBytes("#" + Frame(Start) + Frame(Final)), Sse, encoding);

        Assert.Equal(UsageState.Unknown, metered.State);
        Assert.NotNull(metered.Doubt);
    }

    [Fact]
    public void A_body_beyond_the_bound_is_unknown_and_says_so()
    {
        using var meter = new AttemptMeter(new AnthropicUsageReader(), 200, Json, null);
        var part = new byte[1024 * 1024];
        Array.Fill(part, (byte)' ');
        for (var i = 0; i < 33; i++)
        {
            meter.Observe(part);
        }

        meter.Observe("{\"usage\":{\"output_tokens\":4}}"u8);
        var metered = meter.Finish();

        Assert.Equal((UsageState.Unknown, "the answer is longer than 33554432 bytes"), (metered.State, metered.Doubt));
    }

    [Fact]
    public void Tool_input_of_any_depth_does_not_hide_the_usage_behind_it()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 300)) + "1" + new string('}', 300);

        Assert.Equal(4, MeteredAnswer.Of(Encoding.UTF8.GetBytes($$$"""{"content":[{{{deep}}}],"usage":{"input_tokens":3,"output_tokens":4}}"""), Json).Usage.OutputTokens);
    }

    [Fact]
    public void Finishing_again_gives_the_same()
    {
        using var meter = new AttemptMeter(new AnthropicUsageReader(), 200, Sse, null);
        meter.Observe(Encoding.UTF8.GetBytes(Frame(Start)));

        var first = meter.Finish();
        meter.Observe(Encoding.UTF8.GetBytes(Frame(Final)));

        Assert.Same(first, meter.Finish());
    }

    public static TheoryData<string, string> Deltas() => new()
    {
        { nameof(UpstreamKind.Anthropic), Frame(Delta("some text")) },
        { nameof(UpstreamKind.OpenAi), """data: {"id":"c","model":"m","service_tier":"default","choices":[{"index":0,"delta":{"content":"some text"},"finish_reason":null}],"usage":null}""" + "\n\n" },
        { nameof(UpstreamKind.OpenAiResponses), """data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","delta":"some text"}""" + "\n\n" },
    };

    [Theory]
    [MemberData(nameof(Deltas))]
    public void Watching_deltas_allocates_nothing(string kind, string delta)
    {
        using var meter = new AttemptMeter(UsageReaders.For(Enum.Parse<UpstreamKind>(kind), likelyPromptTokens: 1), 200, Sse, null);
        meter.Observe(Encoding.UTF8.GetBytes(Frame(Start)));
        var deltas = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(delta, 50)));
        void Observe()
        {
            foreach (var cut in (int[])[100, 1000, deltas.Length])
            {
                meter.Observe(deltas.AsSpan(0, cut));
                meter.Observe(deltas.AsSpan(cut));
            }
        }

        Observe();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Observe();

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100);
    }

    private static (string Encoding, Func<Stream, Stream> Compressor)[] Compressors { get; } =
    [
        ("gzip", to => new GZipStream(to, CompressionLevel.Fastest)),
        ("deflate", to => new ZLibStream(to, CompressionLevel.Fastest)),
        ("deflate", to => new DeflateStream(to, CompressionLevel.Fastest)),
        ("br", to => new BrotliStream(to, CompressionLevel.Fastest)),
    ];

    private static string Delta(string text) =>
        $$$"""{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"{{{text}}}"}}""";

    private static string Frame(string data) => $"event: {data.Split('"')[3]}\ndata: {data}\n\n";

    private static MeteredUsage Events(params string[] events) => MeteredAnswer.Of(Encoding.UTF8.GetBytes(string.Concat(events.Select(Frame))), Sse);

    private static (UsageState State, long Input, long CacheRead, long Output, bool Ended, string? Doubt) Seen(MeteredUsage metered) =>
        (metered.State, metered.Usage.InputTokens, metered.Usage.CacheReadTokens, metered.Usage.OutputTokens, metered.Ended, metered.Doubt);
}
