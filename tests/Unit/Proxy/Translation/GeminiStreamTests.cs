using System.Text.Json;
using CCGate.Contracts;
using CCGate.Proxy.Translation;
using static CCGate.Tests.Unit.Proxy.Translation.GeminiFixture;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed class GeminiStreamTests
{
    private static readonly Conversation Events = new() { Model = "m", Streaming = true };

    [Fact]
    public void A_stream_is_read_event_by_event()
    {
        var events = ReadStream(
            """
            data: {"candidates":[{"content":{"parts":[{"text":"Hm","thought":true}]}}],"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3},"modelVersion":"g","responseId":"r"}

            data: {"candidates":[{"content":{"parts":[{"text":"Grü"}]}}],"modelVersion":"g","responseId":"r"}

            data: {"candidates":[{"content":{"parts":[{"text":"ße"},{"functionCall":{"id":"1","name":"f","args":{"x":1}},"thoughtSignature":"AA"},{"functionCall":{"id":"2","name":"g","args":{}}}]}}]}

            data: {"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"thoughtsTokenCount":1,"totalTokenCount":6}}


            """);

        Assert.Equal(
            [
                new AnswerBegan("r", "g"), new ThinkingDelta("Hm"), new UsageTold(new TokenUsage { InputTokens = 3 }),
                new TextDelta("Grü"), new TextDelta("ße"),
                new ToolCallBegan("1", "f") { Signature = "ccgate.gemini.AA" }, new ToolCallDelta("""{"x":1}"""), PartEnded.Instance,
                new ToolCallBegan("2", "g"), new ToolCallDelta("{}"), PartEnded.Instance,
                new UsageTold(new TokenUsage { InputTokens = 3, OutputTokens = 3, ReasoningTokens = 1 }), new AnswerEnded(StopReason.ToolUse, null),
            ],
            events);
    }

    [Fact]
    public void Usage_that_comes_after_the_end_is_told_before_it_and_a_signature_behind_its_text()
    {
        var events = ReadStream(
            """
            data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"responseId":"r"}

            data: {"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"AA"}]},"finishReason":"MAX_TOKENS","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example"}}],"groundingSupports":[{"segment":{"endIndex":2},"groundingChunkIndices":[0]}]}}]}

            data: {"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}}


            """);

        Assert.Equal(
            [
                new AnswerBegan("r", ""), new TextDelta("Hi"), new CitationAdded(new Citation("https://a.example", null, null, 0, 2)),
                new UsageTold(new TokenUsage { InputTokens = 3, OutputTokens = 2 }), new ThinkingSigned("ccgate.gemini.AA", false), new AnswerEnded(StopReason.MaxTokens, null),
            ],
            events);
    }

    [Fact]
    public void A_stream_that_breaks_off_has_no_end() =>
        Assert.Equal([new AnswerBegan("r", ""), new TextDelta("Hi")], ReadStream("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hi\"}]}}],\"responseId\":\"r\"}\n\n"));

    [Fact]
    public void An_error_in_a_stream_is_its_end()
    {
        var events = ReadStream("data: [{\"error\":{\"code\":503,\"message\":\"Full\",\"status\":\"UNAVAILABLE\"}}]\n\ndata: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n");

        Assert.Equal([new AnswerFailed(new Fault(FaultKind.Overloaded, 503, "Full") { Code = "UNAVAILABLE" })], events);
    }

    [Fact]
    public void A_call_that_the_model_got_wrong_is_a_failure()
    {
        var events = ReadStream("data: {\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\",\"finishMessage\":\"Oh\"}],\"responseId\":\"r\"}\n\n");

        Assert.Equal(new AnswerFailed(new Fault(FaultKind.Server, 502, "Oh") { Code = "MALFORMED_FUNCTION_CALL" }), events[^1]);
    }

    [Fact]
    public void Calls_without_an_id_have_one_of_no_other_answer()
    {
        const string Chunk = """{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}},{"functionCall":{"name":"f"}}]},"finishReason":"STOP"}]}""";
        var ids = ReadAnswer(Chunk).Parts.Concat(ReadAnswer(Chunk).Parts).OfType<ToolCallPart>().Select(call => call.Id).ToList();

        Assert.Equal(4, ids.Distinct().Count());
        Assert.All(ids, id => Assert.Matches("^[a-zA-Z0-9_-]{1,40}$", id));
    }

    [Fact]
    public void A_chunk_that_is_not_JSON_cannot_be_read() =>
        Assert.Throws<UnreadableAnswerException>(() => CCGate.Proxy.Translation.Gemini.GeminiProtocol.Instance.StartReading().Read([], "{\"a"u8, []));

    [Fact]
    public void A_stream_is_written_event_by_event()
    {
        AnswerEvent[] events =
        [
            new AnswerBegan("r", "m"), new ThinkingDelta("Hm"), new ThinkingSigned("ccgate.gemini.AA", false), new TextDelta("Hi"),
            new CitationAdded(new Citation("https://a.example", null, "Hi", 0, 2)),
            new ToolCallBegan("1", "f") { Signature = "ccgate.gemini.BB" }, new ToolCallDelta("{\"x\":"), new ToolCallDelta("1}"), PartEnded.Instance,
            new ToolCallBegan("2", "g"), new RefusalDelta("No"),
            new UsageTold(new TokenUsage { InputTokens = 1, OutputTokens = 3, ReasoningTokens = 1 }), new AnswerEnded(StopReason.EndTurn, null),
        ];

        Assert.Equal(
            [
                """{"candidates":[{"content":{"role":"model","parts":[{"text":"Hm","thought":true}]},"index":0}],"modelVersion":"m","responseId":"r"}""",
                """{"candidates":[{"content":{"role":"model","parts":[{"text":"","thought":true,"thoughtSignature":"AA"}]},"index":0}],"modelVersion":"m","responseId":"r"}""",
                """{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"index":0}],"modelVersion":"m","responseId":"r"}""",
                """{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"1","name":"f","args":{"x":1}},"thoughtSignature":"BB"}]},"index":0}],"modelVersion":"m","responseId":"r"}""",
                """{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"id":"2","name":"g","args":{}}}]},"index":0}],"modelVersion":"m","responseId":"r"}""",
                """{"candidates":[{"content":{"role":"model","parts":[{"text":"No"}]},"index":0}],"modelVersion":"m","responseId":"r"}""",
                """{"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP","groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://a.example","title":"https://a.example"}}],"groundingSupports":[{"segment":{"startIndex":0,"endIndex":2,"text":"Hi"},"groundingChunkIndices":[0]}]},"index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"thoughtsTokenCount":1,"totalTokenCount":4},"modelVersion":"m","responseId":"r"}""",
                "",
            ],
            WriteStream(Events, events).Split("\n\n").Select(frame => frame.Replace("data: ", "", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_client_without_events_reads_one_array()
    {
        var conversation = new Conversation { Model = "m", Streaming = true, StreamsAsArray = true };
        var written = WriteStream(conversation, new AnswerBegan("r", "m"), new TextDelta("a"), new TextDelta("b"), new AnswerEnded(StopReason.MaxTokens, null));

        Assert.Equal(
            """
            [{"candidates":[{"content":{"role":"model","parts":[{"text":"a"}]},"index":0}],"modelVersion":"m","responseId":"r"}
            ,
            {"candidates":[{"content":{"role":"model","parts":[{"text":"b"}]},"index":0}],"modelVersion":"m","responseId":"r"}
            ,
            {"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"MAX_TOKENS","index":0}],"modelVersion":"m","responseId":"r"}
            ]
            """,
            written);
        Assert.Equal("application/json", CCGate.Proxy.Translation.Gemini.GeminiProtocol.Instance.StartWriting(conversation).ContentType);
    }

    [Fact]
    public void A_failure_is_the_last_frame()
    {
        var written = WriteStream(Events, new AnswerBegan("r", "m"), new AnswerFailed(new Fault(FaultKind.Overloaded, 529, "Full")), new TextDelta("x"));

        Assert.Equal("data: {\"error\":{\"code\":503,\"message\":\"Full\",\"status\":\"UNAVAILABLE\"}}\n\n", written);
    }

    [Fact]
    public void Every_event_is_written_at_once()
    {
        Assert.EndsWith("\n\n", WriteStream(Events, new AnswerBegan("r", "m"), new TextDelta("a")), StringComparison.Ordinal);
        Assert.Contains("functionCall", WriteStream(Events, new ToolCallBegan("1", "f"), new ToolCallDelta("{}"), PartEnded.Instance), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\n \"x\":\r\n 1}", """{  "x":   1}""")]
    [InlineData("{\"x\":\"\u2028\"}", "{\"x\":\"\u2028\"}")]
    [InlineData("", "{}")]
    [InlineData("{\"x\": ", """{"input":"{\u0022x\u0022: "}""")]
    public void Arguments_are_one_object_in_one_frame(string arguments, string args)
    {
        var written = WriteStream(Events, new ToolCallBegan("1", "f"), new ToolCallDelta(arguments), PartEnded.Instance);

        Assert.Contains($"\"args\":{args}}}}}]", written, StringComparison.Ordinal);
        Assert.Equal(written.Length - 2, written.IndexOf('\n', StringComparison.Ordinal));
    }

    [Fact]
    public void Log_probabilities_have_a_chunk_of_their_own()
    {
        var written = WriteStream(Events, new AnswerBegan("r", "m"), new LogprobsAdded([JsonElement.Parse("""{"token":"a","logprob":-1}""")]));

        AssertJson(
            """
            {"candidates":[{"content":{"role":"model","parts":[]},"logprobsResult":{"topCandidates":[{"candidates":[]}],
              "chosenCandidates":[{"token":"a","logProbability":-1}]},"index":0}],"modelVersion":"m","responseId":"r"}
            """,
            written["data: ".Length..]);
    }
}
