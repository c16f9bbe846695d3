using System.Text;
using CCGate.Contracts;
using CCGate.Proxy.Translation;
using static CCGate.Tests.Unit.Proxy.Translation.ChatCompletions;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed class OpenAiChatStreamTests
{
    private const string Usage = """{"id":"c","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}""";
    private const string Done = "[DONE]";

    [Fact]
    public void A_stream_is_read_part_by_part() => Told(
        [
            """{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}""",
            Delta(""" "reasoning_content":"Hm" """), Delta(""" "reasoning_signature":"ccgate.anthropic.s#0,2;" """), Delta(""" "content":"Hel" """), Delta(""" "content":"lo" """),
            """{"choices":[{"index":0,"delta":{"content":"!"},"logprobs":{"content":[{"token":"!"}]}}]}""",
            Call(0, "a", "f", ""), Call(0, null, null, """{\"x\":"""), Call(0, null, null, "1}"), Call(1, "b", "g", "{}"),
            Finish("tool_calls"), Usage, Done,
        ],
        new AnswerBegan("c", "m"), new ThinkingDelta("Hm"), new ThinkingSigned("ccgate.anthropic.s", false), new TextDelta("Hel"), new TextDelta("lo"), new TextDelta("!"),
        "LogprobsAdded {\"token\":\"!\"}",
        new ToolCallBegan("a", "f"), new ToolCallDelta("{\"x\":"), new ToolCallDelta("1}"), new ToolCallBegan("b", "g"), new ToolCallDelta("{}"),
        "UsageTold 6+4/2", new AnswerEnded(StopReason.ToolUse, null));

    [Fact]
    public void Mixed_calls_come_one_after_another() => Told(
        [Call(0, "a", "f", """{\"x\":"""), Call(1, "b", "g", """{\"y\":"""), Delta(""" "content":"t" """), Call(2, "d", "h", "{}"), Call(0, null, null, "\\\"}\\\\\\\"\\\"}"), Call(1, null, null, "2}"), Finish("tool_calls"), Done],
        new AnswerBegan("", ""), new ToolCallBegan("a", "f"), new ToolCallDelta("{\"x\":"), new ToolCallDelta("\"}\\\"\"}"), new ToolCallBegan("b", "g"), new ToolCallDelta("{\"y\":"), new ToolCallDelta("2}"),
        new ToolCallBegan("d", "h"), new ToolCallDelta("{}"), new TextDelta("t"), new AnswerEnded(StopReason.ToolUse, null));

    [Fact]
    public void Calls_of_mirrors_are_told_apart() => Told(
        [
            """{"id":"c","model":"m","choices":[]}""",
            Call(0, "a", "f", "{}"), Call(0, "", "f", ""), Call(0, "b", "f", "{}"), // All with the index 0; the name again.
            """{"choices":[{"delta":{"tool_calls":[{"id":"d","function":{"name":"g","arguments":"{}"}},{"id":"e","function":{"name":"g","arguments":"{}"}}]}}]}""", // None at all.
            Call(7, "", "h", "{\\\"a\\\""), Call(7, "", "h", ":1}"), Call(7, null, null, """{\"a\":1}"""), // No id; the whole once more.
            Finish("stop"), Done,
        ],
        new AnswerBegan("c", "m"), new ToolCallBegan("a", "f"), new ToolCallDelta("{}"), new ToolCallBegan("b", "f"), new ToolCallDelta("{}"), new ToolCallBegan("d", "g"), new ToolCallDelta("{}"),
        new ToolCallBegan("e", "g"), new ToolCallDelta("{}"), new ToolCallBegan("call_c_4", "h"), new ToolCallDelta("{\"a\""), new ToolCallDelta(":1}"), new AnswerEnded(StopReason.ToolUse, null));

    [Fact]
    public void A_call_of_a_text_tool_and_one_of_a_function_are_read() => Told(
        [
            """{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"custom","custom":{"name":"p","input":"{}"}}]}}]}""",
            """{"choices":[{"delta":{"tool_calls":[{"index":0,"custom":{"input":" more"}}]}}]}""",
            """{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}""", Done,
        ],
        new AnswerBegan("", ""), new ToolCallBegan("a", "p"), new ToolCallDelta("{}"), new ToolCallDelta(" more"), new AnswerEnded(StopReason.ToolUse, null));

    [Fact]
    public void An_old_function_call_is_a_call() => Told(
        [Delta(""" "function_call":{"name":"f","arguments":""} """), Delta(""" "function_call":{"arguments":"{}"} """), Finish("function_call"), Done],
        new AnswerBegan("", ""), new ToolCallBegan("call__0", "f"), new ToolCallDelta("{}"), new AnswerEnded(StopReason.ToolUse, null));

    [Fact]
    public void A_stream_of_a_mirror_without_last_words_has_ended_with_its_reason() => Told(
        [
            """{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":""}],"usage":{"prompt_tokens":3,"completion_tokens":1}}""",
            """{"choices":[{"index":1,"delta":{"content":"other"}}]}""", "[]",
            """{"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}""",
        ],
        new AnswerBegan("c", "m"), new TextDelta("a"), "UsageTold 3+0/1", new TextDelta("b"), "UsageTold 3+0/2", new AnswerEnded(StopReason.MaxTokens, null));

    [Fact]
    public void A_stream_without_a_reason_has_broken_off()
    {
        Told([Delta(""" "content":"a" """)], new AnswerBegan("", ""), new TextDelta("a"));
        Told([Delta(""" "content":"a" """), Done], new AnswerBegan("", ""), new TextDelta("a"));
    }

    [Theory]
    [InlineData("""{"message":"m","type":"server_error"}""", nameof(FaultKind.Server), 500)]
    [InlineData("""{"message":"m","code":429}""", nameof(FaultKind.RateLimited), 429)]
    [InlineData("""{"message":"m","code":"insufficient_quota"}""", nameof(FaultKind.Billing), 429)]
    [InlineData("""{"message":"m","type":"overloaded_error"}""", nameof(FaultKind.Overloaded), 503)]
    [InlineData("""{"message":"m","type":"invalid_request_error"}""", nameof(FaultKind.InvalidRequest), 400)]
    [InlineData(""" "m" """, nameof(FaultKind.Server), 500)]
    public void An_error_in_the_stream_ends_it(string error, string kind, int status)
    {
        var events = ReadStream(Delta(""" "content":"a" """), $$"""{"error":{{error}}}""", Finish("stop"), Done);

        var fault = Assert.IsType<AnswerFailed>(events[^1]).Fault;
        Assert.Equal((3, kind, status, "m"), (events.Count, fault.Kind.ToString(), fault.Status, fault.Message));
    }

    [Fact]
    public void Nothing_comes_after_the_end() => Told(
        [Finish("stop"), Usage, Delta(""" "content":"late" """), Usage, Done], new AnswerBegan("", ""), "UsageTold 6+4/2", new AnswerEnded(StopReason.EndTurn, null));

    [Fact]
    public void What_is_held_back_is_bounded()
    {
        var reader = Protocol.StartReading();
        var piece = Encoding.UTF8.GetBytes(Call(1, "b", "g", new string('x', 100_000)));
        var events = new List<AnswerEvent>();
        reader.Read([], Encoding.UTF8.GetBytes(Call(0, "a", "f", "{")), events);

        Assert.Throws<UnreadableAnswerException>(() =>
        {
            for (var count = 0; count < 100; count++)
            {
                reader.Read([], piece, events);
            }
        });
    }

    [Fact]
    public void A_stream_is_written_frame_by_frame()
    {
        var stream = WriteStream(
            new Conversation { Model = "asked", IncludeUsage = true },
            new AnswerBegan("msg_1", "m"), new ThinkingDelta("Hm"), new ThinkingSigned("ccgate.anthropic.s", false), new ThinkingSigned("ccgate.anthropic.r", true), new TextDelta("é"),
            new CitationAdded(new Citation("u", "t", null, null, null)), new ToolCallBegan("a", "f") { Signature = "ccgate.gemini.g" }, new ToolCallDelta("{}"), new ToolCallBegan("b", "g"),
            new UsageTold(new TokenUsage { InputTokens = 6, CacheReadTokens = 4, OutputTokens = 2 }), new AnswerEnded(StopReason.ToolUse, null));

        Assert.Equal(
            Frame(""" "role":"assistant","content":"","refusal":null """)
            + Frame(""" "reasoning_content":"Hm" """)
            + Frame(""" "reasoning_signature":"ccgate.anthropic.s#0,2;" """)
            + Frame(""" "reasoning_signature":"ccgate.anthropic.r#r;" """)
            + Frame(""" "content":"é" """)
            + Frame(""" "annotations":[{"type":"url_citation","url_citation":{"start_index":0,"end_index":1,"url":"u","title":"t"}}] """)
            + Frame(""" "tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""},"extra_content":{"google":{"thought_signature":"ccgate.gemini.g"}}}] """)
            + Frame(""" "tool_calls":[{"index":0,"function":{"arguments":"{}"}}] """)
            + Frame(""" "tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}] """)
            + Frame(""" "tool_calls":[{"index":1,"function":{"arguments":"{}"}}] """)
            + Frame("", "\"tool_calls\"")
            + """data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":1800000000,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":"""
            + """{"cached_tokens":4,"cache_write_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}""" + "\n\ndata: [DONE]\n\n",
            stream);
    }

    [Fact]
    public void What_is_written_is_read_as_it_was()
    {
        AnswerEvent[] events =
        [
            new AnswerBegan("chatcmpl-1", "m"), new ThinkingDelta("a"), new ThinkingSigned("ccgate.anthropic.s", false), new ThinkingDelta("bc"), new ThinkingSigned("ccgate.openai.t", false),
            new RefusalDelta("No"), new TextDelta("\"\n\u2028"), new ToolCallBegan("x", "f"), new ToolCallDelta("{\"a\":"), new ToolCallDelta("1}"), new UsageTold(new TokenUsage { InputTokens = 1 }),
            new AnswerEnded(StopReason.ToolUse, null),
        ];

        var stream = WriteStream(new Conversation { Model = "m", IncludeUsage = true }, events);

        Assert.Contains("t#1,2;", stream, StringComparison.Ordinal);
        Assert.Equal(events.Select(Text), ReadStream([.. stream.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(frame => frame["data: ".Length..])]).Select(Text));
    }

    [Fact]
    public void A_client_that_did_not_ask_for_usage_is_not_told_it()
    {
        var stream = WriteStream(new Conversation { Model = "m" }, new AnswerBegan("1", "m"), new UsageTold(new TokenUsage { InputTokens = 6 }), new AnswerEnded(StopReason.EndTurn, null));

        Assert.DoesNotContain("usage", stream, StringComparison.Ordinal);
        Assert.EndsWith("\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", stream, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_is_an_error_frame_without_an_end() =>
        Assert.EndsWith(
            "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"param\":null,\"code\":\"overloaded\"}}\n\n",
            WriteStream(new Conversation { Model = "m" }, new AnswerBegan("1", "m"), new AnswerFailed(new Fault(FaultKind.Overloaded, 503, "m"))),
            StringComparison.Ordinal);

    [Fact]
    public void A_client_of_functions_is_streamed_one_call()
    {
        var stream = WriteStream(
            new Conversation { Model = "m", UsesFunctions = true },
            new AnswerBegan("1", "m"), new ToolCallBegan("a", "f"), new ToolCallDelta("{}"), new ToolCallBegan("b", "g"), new ToolCallDelta("{}"), new AnswerEnded(StopReason.ToolUse, null));

        Assert.Contains(""" {"function_call":{"name":"f","arguments":""}} """.Trim(), stream, StringComparison.Ordinal);
        Assert.Contains(""" {"function_call":{"arguments":"{}"}} """.Trim(), stream, StringComparison.Ordinal);
        Assert.Contains("\"finish_reason\":\"function_call\"", stream, StringComparison.Ordinal);
        Assert.DoesNotContain("\"g\"", stream, StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_chunks_are_unreadable_and_nothing_else()
    {
        string[] chunks =
        [
            """{"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"x","reasoning":"y","annotations":[{"url_citation":{"url":"u"}}]},"logprobs":{"content":[{}]}}]}""",
            """{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\":"}},{"index":1,"id":"b","custom":{"name":"f","input":"{}"}}]}}]}""",
            """{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}""", """{"error":{"message":"m","code":500}}""",
        ];
        var random = new Random(7);
        for (var round = 0; round < 3000; round++)
        {
            var (reader, events) = (Protocol.StartReading(), new List<AnswerEvent>());
            try
            {
                foreach (var chunk in chunks)
                {
                    reader.Read([], Encoding.UTF8.GetBytes(Hostile.Mutate(chunk, random)), events);
                }

                reader.End(events);
            }
            catch (UnreadableAnswerException)
            {
                // As it should be.
            }

            Assert.True(events.Count(next => next is AnswerEnded or AnswerFailed) <= 1);
        }
    }

    private static string Delta(string members) => "{\"choices\":[{\"index\":0,\"delta\":{" + members + "}}]}";

    private static string Finish(string reason) => $$"""{"choices":[{"index":0,"delta":{},"finish_reason":"{{reason}}"}]}""";

    /// <param name="arguments">As they stand within the string.</param>
    private static string Call(int index, string? id, string? name, string arguments) =>
        Delta($"\"tool_calls\":[{{\"index\":{index},{Member("id", id)}\"function\":{{{Member("name", name)}\"arguments\":\"{arguments}\"}}}}]");

    private static string Member(string name, string? value) => value is null ? "" : $"\"{name}\":\"{value}\",";

    private static string Frame(string delta, string finishReason = "null") =>
        $$"""data: {"id":"chatcmpl-msg_1","object":"chat.completion.chunk","created":1800000000,"model":"m","choices":[{"index":0,"delta":{"""
        + $$"""{{delta.Trim()}}},"logprobs":null,"finish_reason":{{finishReason}}}],"usage":null}""" + "\n\n";

    /// <param name="expected">Events, or their text.</param>
    private static void Told(string[] chunks, params object[] expected) =>
        Assert.Equal(expected.Select(next => next as string ?? Text((AnswerEvent)next)), ReadStream(chunks).Select(Text));
}
