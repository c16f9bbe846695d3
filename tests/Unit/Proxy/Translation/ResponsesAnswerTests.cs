using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Proxy.Translation;
using static CCGate.Tests.Unit.Proxy.Translation.ResponsesFixture;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed class ResponsesAnswerTests
{
    private const string Upstream =
        """
        {"id":"resp_1","object":"response","status":"completed","model":"gpt","service_tier":"flex","output":[
          {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"A"},{"type":"summary_text","text":"B"}],"encrypted_content":"ENC"},
          {"type":"web_search_call","id":"ws"},
          {"type":"message","role":"assistant","content":[{"type":"output_text","text":"See x","annotations":[{"type":"url_citation","url":"https://x","title":"X","start_index":4,"end_index":5}],"logprobs":[{"token":"See","logprob":-1}]}]},
          {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"custom_tool_call","call_id":"c2","name":"g","input":"text"}],
         "usage":{"input_tokens":10,"input_tokens_details":{"cached_tokens":4},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":17}}
        """;

    [Fact]
    public void An_upstreams_answer_is_read()
    {
        var answer = Protocol.ReadAnswer(JsonElement.Parse(Upstream));

        Assert.Equal(("resp_1", "gpt", StopReason.ToolUse), (answer.Id, answer.Model, answer.Stop));
        Assert.Equal(new ThinkingPart("A\n\nB", "ccgate.responses.rs_1|ENC"), answer.Parts[0]);
        Assert.Equal([new Citation("https://x", "X", null, 4, 5)], Assert.IsType<TextPart>(answer.Parts[1]).Citations);
        Assert.Equal([new ToolCallPart("c1", "f", "{}"), new ToolCallPart("c2", "g", "text")], answer.Parts.Skip(2));
        Assert.Equal((6, 4, 7, 3, "flex"), (answer.Usage.InputTokens, answer.Usage.CacheReadTokens, answer.Usage.OutputTokens, answer.Usage.ReasoningTokens, answer.Usage.ServiceTier));
        Assert.Single(answer.Logprobs!);
    }

    [Theory]
    [InlineData("""{"output":[],"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}""", StopReason.MaxTokens)]
    [InlineData("""{"output":[],"status":"incomplete","incomplete_details":{"reason":"content_filter"}}""", StopReason.Refusal)]
    [InlineData("""{"output":[{"type":"message","content":[{"type":"refusal","refusal":"no"}]}]}""", StopReason.Refusal)]
    [InlineData("""{"output":[]}""", StopReason.EndTurn)]
    public void Why_the_model_stopped_is_read(string body, object expected) => Assert.Equal(expected, Protocol.ReadAnswer(JsonElement.Parse(body)).Stop);

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"output":[],"status":"failed","error":{"message":"x"}}""")]
    [InlineData("""{"output":[{"type":"function_call"}]}""")]
    [InlineData("""{"id":"\ud800","output":[]}""")]
    public void What_is_no_answer_is_said_to_be_unreadable(string body) =>
        Assert.Throws<UnreadableAnswerException>(() => Protocol.ReadAnswer(JsonElement.Parse(body)));

    [Fact]
    public void An_answer_is_written_in_the_shapes_the_client_offered()
    {
        var document = JsonElement.Parse(Written(json => Protocol.WriteAnswer(Everything(), ResponsesStreamTests.Offered(), json)));

        AssertJson(
            """
            [{"id":"rs_msg_1_0","type":"reasoning","summary":[{"type":"summary_text","text":"Hm"}],"encrypted_content":"ccgate.anthropic.S"},
             {"id":"rs_msg_1_1","type":"reasoning","summary":[],"encrypted_content":"redacted:ccgate.anthropic.R"},
             {"id":"msg_msg_1_2","type":"message","status":"completed","role":"assistant","content":[
               {"type":"output_text","text":"Hi","annotations":[{"type":"url_citation","start_index":0,"end_index":2,"url":"https://x","title":"https://x"}],"logprobs":[]},
               {"type":"refusal","refusal":"No"}]},
             {"id":"rs_msg_1_3","type":"reasoning","summary":[],"encrypted_content":"call:ccgate.gemini.G"},
             {"id":"fc_msg_1_4","type":"function_call","name":"find","namespace":"mcp__x","arguments":"{}","call_id":"a","status":"completed"},
             {"id":"ctc_msg_1_5","type":"custom_tool_call","name":"apply_patch","input":"*** é","call_id":"b","status":"completed"},
             {"id":"lsh_msg_1_6","type":"local_shell_call","action":{"type":"exec","command":["ls"],"env":{}},"call_id":"c","status":"completed"},
             {"id":"lsh_msg_1_7","type":"function_call","name":"local_shell","arguments":"{\"command\":\"ls\"}","call_id":"d","status":"completed"},
             {"id":"tsc_msg_1_8","type":"tool_search_call","execution":"client","arguments":{"q":1},"call_id":"e","status":"completed"}]
            """,
            document.GetProperty("output").GetRawText());
        AssertJson(
            """{"input_tokens":18,"input_tokens_details":{"cached_tokens":5,"cache_write_tokens":3},"output_tokens":4,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":22}""",
            document.GetProperty("usage").GetRawText());
        Assert.Equal(("resp_msg_1", "completed", 1_700_000_000, "claude"), (document.GetProperty("id").GetString(), document.GetProperty("status").GetString(), document.GetProperty("created_at").GetInt32(), document.GetProperty("model").GetString()));
    }

    [Fact]
    public void What_a_client_is_given_it_gives_back()
    {
        var answer = Everything();
        var output = JsonElement.Parse(Written(json => Protocol.WriteAnswer(answer, ResponsesStreamTests.Offered(), json))).GetProperty("output").GetRawText();

        var read = Read("""{"tools":[{"type":"custom","name":"apply_patch"}],"input":""" + output + "}").Turns.Single().Parts;

        Assert.Equal(answer.Parts.OfType<ThinkingPart>(), read.OfType<ThinkingPart>());
        Assert.Equal(
            [
                new ToolCallPart("a", "mcp__x__find", "{}") { Signature = "ccgate.gemini.G" },
                new ToolCallPart("b", "apply_patch", "*** é"),
                new ToolCallPart("c", "local_shell", """{"command":["ls"],"env":{}}"""),
                new ToolCallPart("d", "local_shell", """{"command":"ls"}"""),
                new ToolCallPart("e", "tool_search", """{"q":1}"""),
            ],
            read.OfType<ToolCallPart>());
    }

    [Fact]
    public void An_answer_that_was_cut_says_why()
    {
        var answer = new Answer("x", "m") { Stop = StopReason.MaxTokens };
        answer.Parts.Add(new TextPart("Hi"));

        var document = JsonElement.Parse(Written(json => Protocol.WriteAnswer(answer, new Conversation { Model = "m" }, json)));

        Assert.Equal("incomplete", document.GetProperty("status").GetString());
        Assert.Equal("max_output_tokens", document.GetProperty("incomplete_details").GetProperty("reason").GetString());
        Assert.Equal("incomplete", document.GetProperty("output")[0].GetProperty("status").GetString());
    }

    [Theory]
    [InlineData(429, """{"error":{"message":"slow","type":"requests","param":null,"code":"rate_limit_exceeded"}}""", "RateLimited 429 rate_limit_exceeded slow")]
    [InlineData(429, """{"error":{"message":"pay","type":"insufficient_quota","code":"insufficient_quota"}}""", "Billing 429 insufficient_quota pay")]
    [InlineData(400, """{"error":{"message":"long","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}""", "InvalidRequest 400 context_length_exceeded long")]
    [InlineData(401, """{"error":"no key"}""", "Unauthenticated 401  no key")]
    [InlineData(502, "<html>", "Server 502  The upstream answered with status 502.")]
    [InlineData(503, "", "Overloaded 503  The upstream answered with status 503.")]
    [InlineData(500, "oops", "Server 500  oops")]
    public void An_upstreams_error_is_read_whatever_its_body_is(int status, string body, string expected)
    {
        var fault = Protocol.ReadError(status, Encoding.UTF8.GetBytes(body));

        Assert.Equal(expected, $"{fault.Kind} {fault.Status} {fault.Code} {fault.Message}");
    }

    [Fact]
    public void An_error_is_written_as_the_client_knows_it()
    {
        var status = 0;
        var body = Written(json => status = Protocol.WriteError(new Fault(FaultKind.Overloaded, 529, "Busy") { Param = "p" }, "r", json));

        Assert.Equal(503, status);
        AssertJson("""{"error":{"message":"Busy","type":"server_error","param":"p","code":"server_is_overloaded"}}""", body);
    }

    internal static Answer Everything()
    {
        var answer = new Answer("msg_1", "claude")
        {
            Stop = StopReason.ToolUse,
            Usage = new TokenUsage { InputTokens = 10, CacheReadTokens = 5, CacheWrite5mTokens = 3, OutputTokens = 4, ReasoningTokens = 1 },
        };
        answer.Parts.AddRange(
        [
            new ThinkingPart("Hm", "ccgate.anthropic.S"),
            new ThinkingPart(string.Empty, "ccgate.anthropic.R") { IsRedacted = true },
            new TextPart("Hi") { Citations = [new Citation("https://x", null, null, null, null)] },
            new RefusalPart("No"),
            new ToolCallPart("a", "mcp__x__find", string.Empty) { Signature = "ccgate.gemini.G" },
            new ToolCallPart("b", "apply_patch", """{"input":"*** \u00e9"}"""),
            new ToolCallPart("c", "local_shell", """{"command":["ls"]}"""),
            new ToolCallPart("d", "local_shell", """{"command":"ls"}"""),
            new ToolCallPart("e", "tool_search", """{"q":1}"""),
        ]);
        return answer;
    }
}
