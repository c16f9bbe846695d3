using System.Text;
using System.Text.Json;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Translation.Anthropic;
using static CCGate.Tests.Unit.Proxy.Translation.AnthropicTranslation;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>Answers and errors of the Messages API.</summary>
public sealed class AnthropicAnswerTests
{
    private const string Whole =
        """
        {"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5","content":[
          {"type":"thinking","thinking":"hm","signature":"S"},
          {"type":"redacted_thinking","data":"R"},
          {"type":"text","text":"It is","citations":[{"type":"web_search_result_location","url":"https://x/","title":"X","cited_text":"c","encrypted_index":""}]},
          {"type":"tool_use","id":"toolu_1","name":"f","input":{"b":1,"a":[2]}}],
         "stop_reason":"tool_use","stop_sequence":null,
         "usage":{"input_tokens":103,"cache_creation_input_tokens":1276,"cache_read_input_tokens":26358,
           "cache_creation":{"ephemeral_5m_input_tokens":1000,"ephemeral_1h_input_tokens":276},"output_tokens":57,"service_tier":"standard"}}
        """;

    [Fact]
    public void An_answer_reads_and_writes_as_it_was()
    {
        var answer = AnthropicProtocol.Instance.ReadAnswer(JsonElement.Parse(Whole));

        AssertSame(Whole, Write(answer));
        Assert.Equal("ccgate.anthropic.S", Assert.IsType<ThinkingPart>(answer.Parts[0]).Signature);
        Assert.Null(answer.Usage.RawUsage);
    }

    [Fact]
    public void The_recorded_answer_is_read_with_its_usage()
    {
        var answer = AnthropicProtocol.Instance.ReadAnswer(JsonElement.Parse(Fixture("anthropic/vector.json")));

        Assert.Equal((103, 26358, 1000, 276, 57), (answer.Usage.InputTokens, answer.Usage.CacheReadTokens, answer.Usage.CacheWrite5mTokens, answer.Usage.CacheWrite1hTokens, answer.Usage.OutputTokens));
        Assert.Equal("Der Bär zahlt die Zeche.", Assert.IsType<TextPart>(answer.Parts[0]).Text);
        Assert.Equal(StopReason.EndTurn, answer.Stop);
    }

    [Theory]
    [InlineData("", "{}")]
    [InlineData("{\"a\":", "{\"input\":\"{\\u0022a\\u0022:\"}")]
    [InlineData("[1]", "{\"input\":\"[1]\"}")]
    [InlineData("{ \"a\" : 1 }", "{\"a\":1}")]
    public void Arguments_are_an_object_whatever_the_model_wrote(string arguments, string input)
    {
        var answer = new Answer("chatcmpl-1", "gpt-6") { Parts = { new ToolCallPart("c", "f", arguments) } };

        AssertSame(input, JsonElement.Parse(Write(answer)).GetProperty("content")[0].GetProperty("input").GetRawText());
    }

    [Theory]
    [InlineData("end_turn", StopReason.EndTurn)]
    [InlineData("max_tokens", StopReason.MaxTokens)]
    [InlineData("stop_sequence", StopReason.StopSequence)]
    [InlineData("tool_use", StopReason.ToolUse)]
    [InlineData("refusal", StopReason.Refusal)]
    [InlineData("pause_turn", StopReason.PauseTurn)]
    [InlineData("model_context_window_exceeded", StopReason.ContextWindowExceeded)]
    public void Every_reason_to_stop_has_its_word(string word, object reason)
    {
        var answer = AnthropicProtocol.Instance.ReadAnswer(JsonElement.Parse($$"""{"content":[],"stop_reason":"{{word}}"}"""));

        Assert.Equal(reason, answer.Stop);
        Assert.Equal(word, JsonElement.Parse(Write(answer)).GetProperty("stop_reason").GetString());
    }

    [Theory]
    [InlineData(400, "invalid_request_error")]
    [InlineData(401, "authentication_error")]
    [InlineData(402, "billing_error")]
    [InlineData(403, "permission_error")]
    [InlineData(404, "not_found_error")]
    [InlineData(409, "conflict_error")]
    [InlineData(413, "request_too_large")]
    [InlineData(429, "rate_limit_error")]
    [InlineData(500, "api_error")]
    [InlineData(504, "timeout_error")]
    [InlineData(529, "overloaded_error")]
    public void An_error_reads_and_writes_as_it_was(int status, string type)
    {
        var body = $$"""{"type":"error","error":{"type":"{{type}}","message":"why"},"request_id":"r1"}""";
        var fault = AnthropicProtocol.Instance.ReadError(status, Encoding.UTF8.GetBytes(body));

        var written = 0;
        AssertSame(body, Json(json => written = AnthropicProtocol.Instance.WriteError(fault, "r1", json)));
        Assert.Equal((status, status), (fault.Status, written));
    }

    [Theory]
    [InlineData("<html>Bad gateway</html>", "The upstream answered 502.")]
    [InlineData("", "The upstream answered 502.")]
    [InlineData("[]", "The upstream answered 502.")]
    [InlineData("""{"error":"no quota"}""", "no quota")]
    [InlineData("""{"error":{"message":"m","type":"weird"}}""", "m")]
    public void Any_body_is_an_error(string body, string message) =>
        Assert.Equal(new Fault(FaultKind.Server, 502, message), AnthropicProtocol.Instance.ReadError(502, Encoding.UTF8.GetBytes(body)));

    [Fact]
    public void A_prompt_that_is_too_long_is_told_in_the_words_that_clients_look_for()
    {
        var read = AnthropicProtocol.Instance.ReadError(400, """{"error":{"type":"invalid_request_error","message":"prompt is too long: 3 > 2"}}"""u8.ToArray());
        var foreign = new Fault(FaultKind.InvalidRequest, 400, "maximum context length") { Code = "context_length_exceeded" };

        Assert.Equal("context_length_exceeded", read.Code);
        Assert.Contains("\"prompt is too long: maximum context length\"", Json(json => AnthropicProtocol.Instance.WriteError(foreign, "r", json)), StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_answers_end_in_one_kind_of_exception_only()
    {
        var random = new Random(3);
        for (var round = 0; round < 3000; round++)
        {
            var bytes = Encoding.UTF8.GetBytes(Whole);
            bytes[random.Next(bytes.Length)] = (byte)"{}[]\",:0n\\u"[random.Next(11)];
            try
            {
                var body = JsonElement.Parse(bytes);
                Write(AnthropicProtocol.Instance.ReadAnswer(body));
            }
            catch (Exception error) when (error is UnreadableAnswerException or JsonException)
            {
                // What is no JSON is not ours to read.
            }
        }
    }

    private static string Write(Answer answer) => Json(json => AnthropicProtocol.Instance.WriteAnswer(answer, new Conversation { Model = "m" }, json));
}
