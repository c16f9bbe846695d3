#pragma warning disable OPENAI001 // What the library calls experimental is the protocol itself.
using System.ClientModel.Primitives;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Contracts;
using CCGate.Proxy.Translation;
using OpenAI.Responses;
using static CCGate.Tests.Unit.Proxy.Translation.ResponsesFixture;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed partial class ResponsesStreamTests
{
    private const string Upstream =
        """
        data: {"type":"response.created","response":{"id":"resp_1","model":"gpt"}}

        event: response.output_item.added
        data: {"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}

        data: {"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"A"}

        data: {"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":1,"delta":"Bé"}

        data: {"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[{"text":"A"},{"text":"Bé"}],"encrypted_content":"E"}}

        data: {"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","content":[]}}

        data: {"type":"response.output_item.added","output_index":2,"item":{"id":"fc_1","type":"function_call","call_id":"c1","name":"f","arguments":""}}

        data: {"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"a\":"}

        data: {"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Hi","logprobs":[{"token":"Hi","logprob":-1}]}

        data: {"type":"response.output_text.annotation.added","output_index":1,"content_index":0,"annotation":{"type":"url_citation","url":"https://x","start_index":0,"end_index":2}}

        data: {"type":"response.function_call_arguments.delta","output_index":2,"delta":"1}"}

        data: {"type":"response.function_call_arguments.done","output_index":2,"arguments":"{\"a\":1}"}

        data: {"type":"response.output_text.done","output_index":1,"content_index":0,"text":"Hi"}

        data: {"type":"response.content_part.done","output_index":1,"content_index":0,"part":{"type":"output_text","text":"Hi","annotations":[{"type":"url_citation","url":"https://x"}]}}

        data: {"type":"response.refusal.delta","output_index":1,"content_index":1,"delta":"No"}

        data: {"type":"response.output_item.done","output_index":2,"item":{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}"}}

        data: {"type":"response.output_item.done","output_index":1,"item":{"type":"message","content":[{"type":"output_text","text":"Hi"},{"type":"refusal","refusal":"No"}]}}

        data: {"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[],"usage":{"input_tokens":5,"output_tokens":2}}}

        data: [DONE]


        """;

    [Fact]
    public void An_upstreams_stream_is_read_in_order_wherever_it_is_cut()
    {
        const string expected =
            """
            began resp_1 gpt
            thinking A
            thinking 


            thinking Bé
            signed ccgate.responses.rs_1|E
            text Hi
            logprobs 1
            citation https://x 0-2
            end
            refusal No
            end
            call c1 f
            arguments {"a":
            arguments 1}
            end
            usage 5+0 2
            ended ToolUse
            """;

        Assert.Equal(expected, Told(ReadStream(Upstream)));
        for (var chunk = 1; chunk < 40; chunk++)
        {
            Assert.Equal(expected, Told(ReadStream(Upstream, chunk)));
        }
    }

    [Theory]
    [InlineData("""data: {"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"Hi"}]}}""" + "\n\n"
        + """data: {"type":"response.output_item.done","output_index":1,"item":{"type":"custom_tool_call","call_id":"c","name":"g","input":"x"}}""" + "\n\n"
        + """data: {"type":"response.completed","response":{"status":"completed"}}""" + "\n\n")]
    [InlineData("""data: {"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]},{"type":"custom_tool_call","call_id":"c","name":"g","input":"x"}]}}""" + "\n\n")]
    [InlineData("""data: {"type":"response.output_text.delta","delta":"Hi"}""" + "\n\n"
        + """data: {"type":"response.output_item.added","item":{"type":"custom_tool_call","id":"ctc","call_id":"c","name":"g"}}""" + "\n\n"
        + """data: {"type":"response.custom_tool_call_input.delta","item_id":"ctc","delta":"x"}""" + "\n\n"
        + """data: {"type":"response.done","response":{}}""" + "\n\n")]
    public void An_answer_told_in_one_piece_or_by_halves_is_read_whole(string stream) =>
        Assert.Equal("began  \ntext Hi\nend\ncall c g\narguments x\nend\nended ToolUse", Told(ReadStream(stream)));

    [Theory]
    [InlineData("""{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"slow"}}}""", "failed RateLimited 429 rate_limit_exceeded: slow")]
    [InlineData("""{"type":"error","code":"server_is_overloaded","message":"busy","param":null}""", "failed Overloaded 503 server_is_overloaded: busy")]
    [InlineData("""{"type":"error","error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"long"}}""", "failed InvalidRequest 400 context_length_exceeded: long")]
    [InlineData("""{"type":"response.failed"}""", "failed Server 500 : The upstream failed (without saying why).")]
    public void A_failure_in_the_stream_is_read_and_is_the_last_word(string data, string expected) =>
        Assert.Equal(expected, Told(ReadStream($"data: {data}\n\ndata: {data}\n\n")));

    [Fact]
    public void A_stream_that_breaks_off_has_no_end()
    {
        var cut = Upstream[..Upstream.IndexOf("data: {\"type\":\"response.completed\"", StringComparison.Ordinal)];

        Assert.DoesNotContain(ReadStream(cut), told => told is AnswerEnded or AnswerFailed);
    }

    [Fact]
    public void An_incomplete_answer_ends_as_one() => Assert.Equal(
        "began  \nended MaxTokens",
        Told(ReadStream("data: {\"type\":\"response.incomplete\",\"response\":{}}\n\n")));

    [Fact]
    public void Items_that_never_end_are_not_held_without_bound()
    {
        var open = "data: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"delta\":\"x\"}\n\n";
        var held = "data: {\"type\":\"response.output_text.delta\",\"output_index\":1,\"delta\":\"" + new string('y', 1_000_000) + "\"}\n\n";

        Assert.Throws<UnreadableAnswerException>(() => ReadStream(open + string.Concat(Enumerable.Repeat(held, 9))));
    }

    [Fact]
    public void Broken_streams_are_unreadable_and_nothing_else()
    {
        var random = new Random(11);
        var whole = Encoding.UTF8.GetBytes(Upstream);
        for (var round = 0; round < 2000; round++)
        {
            var bytes = whole.ToArray();
            for (var change = 1 + random.Next(6); change > 0; change--)
            {
                bytes[random.Next(bytes.Length)] = (byte)"{}[]\",:0n\\u\n"[random.Next(12)];
            }

            try
            {
                ReadStream(Encoding.UTF8.GetString(bytes));
            }
            catch (UnreadableAnswerException)
            {
                // As it should be.
            }
        }
    }

    [Fact]
    public void A_text_is_written_in_frames_the_moment_it_comes()
    {
        var stream = WriteStream(new Conversation { Model = "m" }, new AnswerBegan("x", "m"), new TextDelta("é"));

        Assert.EndsWith(
            """
            event: response.output_item.added
            data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"msg_x_0","type":"message","status":"in_progress","role":"assistant","content":[]}}

            event: response.content_part.added
            data: {"type":"response.content_part.added","sequence_number":3,"item_id":"msg_x_0","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}

            event: response.output_text.delta
            data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_x_0","output_index":0,"content_index":0,"delta":"é","logprobs":[]}


            """,
            stream,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_stream_tells_every_item_from_its_beginning_to_its_end()
    {
        var names = EventNames().Matches(Everything()).Select(match => match.Groups[1].Value);

        Assert.Equal(
            [
                "created", "in_progress",
                "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.delta", "reasoning_summary_text.done",
                "reasoning_summary_part.done", "output_item.done",
                "output_item.added", "output_item.done",
                "output_item.added", "content_part.added", "output_text.delta", "output_text.annotation.added", "output_text.done", "content_part.done",
                "content_part.added", "refusal.delta", "refusal.done", "content_part.done", "output_item.done",
                "output_item.added", "output_item.done",
                "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
                "output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done",
                "output_item.added", "output_item.done",
                "output_item.added", "output_item.done",
                "output_item.added", "output_item.done",
                "completed",
            ],
            names);
    }

    [Fact]
    public void The_last_event_tells_the_same_as_an_answer_that_was_not_streamed()
    {
        var last = Everything().Split("data: ")[^1];

        AssertJson(
            Written(json => Protocol.WriteAnswer(ResponsesAnswerTests.Everything(), Offered(), json)),
            JsonElement.Parse(last).GetProperty("response").GetRawText());
    }

    [Fact]
    public void What_is_written_for_a_client_reads_as_what_it_was()
    {
        var told = Told(ReadStream(Everything()));

        Assert.Contains("text Hi\ncitation https://x 0-2\nend\nrefusal No\nend\n", told, StringComparison.Ordinal);
        Assert.Contains("call a find\narguments {}\nend\ncall b apply_patch\narguments *** é\nend\n", told, StringComparison.Ordinal);
        Assert.EndsWith("usage 10+5 4\nended ToolUse", told, StringComparison.Ordinal);
    }

    [Fact]
    public void The_official_library_understands_every_frame()
    {
        var updates = DataLines().Matches(Everything()).Select(match => ModelReaderWriter.Read<StreamingResponseUpdate>(BinaryData.FromString(match.Groups[1].Value))!).ToList();

        var whole = Assert.IsType<StreamingResponseCompletedUpdate>(updates[^1]).Response;
        Assert.Equal("Hi", Assert.Single(updates.OfType<StreamingResponseOutputTextDeltaUpdate>()).Delta);
        Assert.Equal(Enumerable.Range(0, updates.Count), updates.Select(update => update.SequenceNumber));
        Assert.Equal(22, whole.Usage.TotalTokenCount);
        Assert.Equal("find", whole.OutputItems.OfType<FunctionCallResponseItem>().First().FunctionName);
    }

    [Fact]
    public void A_failure_is_written_by_the_code_that_Codex_knows()
    {
        var stream = WriteStream(new Conversation { Model = "m" }, new AnswerBegan("x", "m"), new AnswerFailed(new Fault(FaultKind.RateLimited, 429, "Slow.")), new TextDelta("more"));
        var frames = stream.Split("data: ");
        var response = JsonElement.Parse(frames[^2].Split('\n')[0]).GetProperty("response");

        Assert.Equal("failed", response.GetProperty("status").GetString());
        AssertJson("""{"code":"rate_limit_exceeded","message":"Slow."}""", response.GetProperty("error").GetRawText());
        AssertJson("""{"type":"server_error","code":"rate_limit_exceeded","message":"Slow."}""", JsonElement.Parse(frames[^1]).GetProperty("error").GetRawText());
    }

    [Fact]
    public void A_tool_whose_name_was_shortened_for_the_upstream_is_called_by_its_own()
    {
        var conversation = new Conversation { Model = "m" };
        var name = new string('n', 80);
        conversation.Tools.Add(new Tool(name, null, null));

        var stream = WriteStream(conversation, new AnswerBegan("x", "m"), new ToolCallBegan("c", ToolNames.Fit(name)), PartEnded.Instance);

        Assert.Contains($"\"name\":\"{name}\"", stream, StringComparison.Ordinal);
    }

    internal static Conversation Offered()
    {
        var conversation = new Conversation { Model = "m" };
        conversation.Tools.Add(new Tool("mcp__x__find", null, null) { Origin = new ToolOrigin("function", "mcp__x", "find") });
        conversation.Tools.Add(new Tool("apply_patch", null, null) { IsFreeForm = true });
        conversation.Tools.Add(new Tool("local_shell", null, null) { Origin = new ToolOrigin("local_shell", null, "local_shell") });
        conversation.Tools.Add(new Tool("tool_search", null, null) { Origin = new ToolOrigin("tool_search", null, "tool_search") });
        return conversation;
    }

    [GeneratedRegex("^event: response\\.(.*)$", RegexOptions.Multiline)]
    private static partial Regex EventNames();

    [GeneratedRegex("^data: (.*)$", RegexOptions.Multiline)]
    private static partial Regex DataLines();

    private static string Everything() => WriteStream(
        Offered(),
        new AnswerBegan("msg_1", "claude"),
        new ThinkingDelta("H"),
        new ThinkingDelta("m"),
        new ThinkingSigned("ccgate.anthropic.S", IsRedacted: false),
        new ThinkingSigned("ccgate.anthropic.R", IsRedacted: true),
        new TextDelta("Hi"),
        new CitationAdded(new Citation("https://x", null, null, null, null)),
        PartEnded.Instance,
        new RefusalDelta("No"),
        new ToolCallBegan("a", "mcp__x__find") { Signature = "ccgate.gemini.G" },
        PartEnded.Instance,
        new ToolCallBegan("b", "apply_patch"),
        new ToolCallDelta("""{"input":"*** """),
        new ToolCallDelta("""\u00e9"}"""),
        new ToolCallBegan("c", "local_shell"),
        new ToolCallDelta("""{"command":["ls"]}"""),
        new ToolCallBegan("d", "local_shell"),
        new ToolCallDelta("""{"command":"ls"}"""),
        new ToolCallBegan("e", "tool_search"),
        new ToolCallDelta("""{"q":1}"""),
        new UsageTold(new TokenUsage { InputTokens = 10, CacheReadTokens = 5, CacheWrite5mTokens = 3, OutputTokens = 4, ReasoningTokens = 1 }),
        new AnswerEnded(StopReason.ToolUse, null));
}
