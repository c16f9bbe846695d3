using System.Text;
using System.Text.Json;
using CCGate.Proxy.Translation;
using static CCGate.Tests.Unit.Proxy.Translation.ChatCompletions;

namespace CCGate.Tests.Unit.Proxy.Translation;

public sealed class OpenAiChatAnswerTests
{
    private static readonly Conversation Plain = new() { Model = "m" };

    [Fact]
    public void An_answer_is_written_as_it_was_read()
    {
        const string Whole = """
            {"id":"chatcmpl-1","object":"chat.completion","created":1800000000,"model":"served","choices":[{"index":0,
             "message":{"role":"assistant","content":"Hello.","refusal":null,
               "annotations":[{"type":"url_citation","url_citation":{"start_index":1,"end_index":3,"url":"https://e.com","title":"t"}}],
               "reasoning_content":"Hm.","reasoning_signature":"s#0,3;",
               "tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"},"extra_content":{"google":{"thought_signature":"g"}}},
                             {"id":"b","type":"custom","custom":{"name":"patch","input":"text"}}]},
             "logprobs":{"content":[{"token":"H","logprob":-0.1,"bytes":null,"top_logprobs":[]}],"refusal":null},"finish_reason":"tool_calls"}],
             "usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":30,"cache_write_tokens":10},
               "completion_tokens_details":{"reasoning_tokens":5}}}
            """;
        var conversation = new Conversation { Model = "m" };
        conversation.Tools.Add(new Tool("patch", null, null) { IsFreeForm = true });

        var answer = Read(Whole);

        Same(Whole, Written(json => Protocol.WriteAnswer(answer, conversation, json)));
        Assert.Equal((60, 30, 10, 20, 5), (answer.Usage.InputTokens, answer.Usage.CacheReadTokens, answer.Usage.CacheWrite5mTokens, answer.Usage.OutputTokens, answer.Usage.ReasoningTokens));
    }

    [Theory]
    [InlineData(""" "message":{"content":"x"},"finish_reason":"stop" """, nameof(StopReason.EndTurn))]
    [InlineData(""" "message":{"content":"x"} """, nameof(StopReason.EndTurn))]
    [InlineData(""" "message":{"content":"x"},"finish_reason":"stop","stop_reason":"END" """, nameof(StopReason.StopSequence))]
    [InlineData(""" "message":{"content":"x"},"finish_reason":"length" """, nameof(StopReason.MaxTokens))]
    [InlineData(""" "message":{"content":"x"},"finish_reason":"content_filter" """, nameof(StopReason.Refusal))]
    [InlineData(""" "message":{"refusal":"no"},"finish_reason":"stop" """, nameof(StopReason.Refusal))]
    [InlineData(""" "message":{"tool_calls":[{"id":"","function":{"name":"f","arguments":""}}]},"finish_reason":"stop" """, nameof(StopReason.ToolUse))]
    [InlineData(""" "message":{"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"function_call" """, nameof(StopReason.ToolUse))]
    public void Why_it_stopped_is_known_whatever_the_mirror_says(string choice, string stop) =>
        Assert.Equal(stop, Read("{\"choices\":[{" + choice + "}]}").Stop.ToString());

    [Theory]
    [InlineData(nameof(StopReason.EndTurn), "stop")]
    [InlineData(nameof(StopReason.StopSequence), "stop")]
    [InlineData(nameof(StopReason.PauseTurn), "stop")]
    [InlineData(nameof(StopReason.MaxTokens), "length")]
    [InlineData(nameof(StopReason.ContextWindowExceeded), "length")]
    [InlineData(nameof(StopReason.ToolUse), "tool_calls")]
    [InlineData(nameof(StopReason.Refusal), "content_filter")]
    public void A_client_is_told_why_it_stopped(string stop, string written) =>
        Assert.Equal(written, Written(json => Protocol.WriteAnswer(new Answer("1", "m") { Stop = Enum.Parse<StopReason>(stop) }, Plain, json)).GetProperty("choices")[0].GetProperty("finish_reason").GetString());

    [Fact]
    public void A_refusal_that_is_told_is_an_end_and_no_filter()
    {
        var refused = new Answer("1", "m") { Stop = StopReason.Refusal, Parts = { new RefusalPart("No.") } };

        var written = Written(json => Protocol.WriteAnswer(refused, Plain, json)).GetProperty("choices")[0];
        var streamed = WriteStream(Plain, [.. refused.ToEvents()]);

        Assert.Equal(("No.", "stop"), (written.GetProperty("message").GetProperty("refusal").GetString(), written.GetProperty("finish_reason").GetString()));
        Assert.Contains("\"finish_reason\":\"stop\"", streamed, StringComparison.Ordinal);
        Assert.DoesNotContain("content_filter", streamed, StringComparison.Ordinal);
        Assert.Contains("content_filter", WriteStream(Plain, new AnswerBegan("1", "m"), new TextDelta("x"), new AnswerEnded(StopReason.Refusal, null)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_call_without_an_id_is_given_one()
    {
        var answer = Read("""{"id":"x.1","choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},{"id":"","function":{"name":"f"}}]}}]}""");

        Assert.Equal([new TextPart("ab"), new ToolCallPart("call_x_1_0", "f", """{"x":1}"""), new ToolCallPart("call_x_1_1", "f", "{}")], answer.Parts);
    }

    [Fact]
    public void Several_texts_and_thoughts_are_one_and_remember_their_places()
    {
        var answer = new Answer("msg_1", "m");
        answer.Parts.AddRange(
        [
            new ThinkingPart("One", "ccgate.anthropic.A"), new ThinkingPart("", "ccgate.anthropic.R") { IsRedacted = true }, new ThinkingPart("Two", "ccgate.anthropic.B"),
            new TextPart("First. "), new TextPart("Second.") { Citations = [new Citation("https://e.com", null, null, null, null)] },
        ]);

        var written = Written(json => Protocol.WriteAnswer(answer, Plain, json));

        Assert.Equal("chatcmpl-msg_1", written.GetProperty("id").GetString());
        Same("""
            {"role":"assistant","content":"First. Second.","refusal":null,"annotations":[{"type":"url_citation","url_citation":{"start_index":7,"end_index":14,"url":"https://e.com","title":"https://e.com"}}],
             "reasoning_content":"OneTwo","reasoning_signature":"ccgate.anthropic.A#0,3;ccgate.anthropic.R#r;ccgate.anthropic.B#3,3;"}
            """, written.GetProperty("choices")[0].GetProperty("message"));
    }

    [Fact]
    public void A_client_of_functions_is_told_of_one_call()
    {
        var answer = new Answer("1", "m") { Stop = StopReason.ToolUse };
        answer.Parts.AddRange([new ToolCallPart("a", "f", "{}"), new ToolCallPart("b", "g", "{}")]);

        var choice = Written(json => Protocol.WriteAnswer(answer, new Conversation { Model = "m", UsesFunctions = true }, json)).GetProperty("choices")[0];

        Same("""{"role":"assistant","content":null,"refusal":null,"function_call":{"name":"f","arguments":"{}"}}""", choice.GetProperty("message"));
        Assert.Equal("function_call", choice.GetProperty("finish_reason").GetString());
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"choices":[]}""")]
    [InlineData("""{"choices":[7]}""")]
    [InlineData("""{"choices":[{"message":{"tool_calls":[{"function":{}}]}}]}""")]
    [InlineData("""{"choices":[{"message":{"content":"\ud800"}}]}""")]
    public void What_is_no_answer_is_unreadable(string body) => Assert.Throws<UnreadableAnswerException>(() => Read(body));

    [Theory]
    [InlineData(429, """{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}""", 429, "insufficient_quota", "insufficient_quota")]
    [InlineData(429, """{"error":{"message":"m","type":"tokens","code":"rate_limit_exceeded"}}""", 429, "requests", "rate_limit_exceeded")]
    [InlineData(400, """{"error":{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}}""", 400, "invalid_request_error", "context_length_exceeded")]
    [InlineData(401, """{"error":{"message":"m","type":"invalid_request_error"}}""", 401, "invalid_request_error", "invalid_api_key")]
    [InlineData(402, """{"error":"m"}""", 429, "insufficient_quota", "insufficient_quota")]
    [InlineData(404, """{"detail":"m"}""", 404, "invalid_request_error", "model_not_found")]
    [InlineData(503, """[{"error":{"message":"m"}}]""", 503, "server_error", "overloaded")]
    [InlineData(529, "m", 503, "server_error", "overloaded")]
    [InlineData(504, """{"message":"m"}""", 504, "server_error", "timeout")]
    [InlineData(500, """{"error":{"message":"m","code":500}}""", 500, "server_error", null)]
    public void An_error_keeps_what_it_means(int status, string body, int written, string type, string? code)
    {
        var told = 0;

        var json = Written(json => told = Protocol.WriteError(Protocol.ReadError(status, Encoding.UTF8.GetBytes(body)), "r", json));

        Assert.Equal(written, told);
        Same($$$"""{"error":{"message":"m","type":"{{{type}}}","param":null,"code":{{{(code is null ? "null" : $"\"{code}\"")}}}}}""", json);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>Bad gateway</html>")]
    public void A_page_is_no_message(string body) =>
        Assert.Equal(new Fault(FaultKind.Server, 502, "The upstream answered with status 502."), Protocol.ReadError(502, Encoding.UTF8.GetBytes(body)));

    [Fact]
    public void Broken_answers_are_unreadable_and_nothing_else()
    {
        const string Whole = """
            {"id":"1","model":"m","service_tier":"default","choices":[{"index":0,"message":{"role":"assistant","content":"x","annotations":[{"type":"url_citation","url_citation":{"start_index":1,"url":"u"}}],
             "reasoning_content":"abc","reasoning_signature":"s#0,3;","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"g"}}}]},
             "logprobs":{"content":[{"token":"H"}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}
            """;
        var random = new Random(7);
        for (var round = 0; round < 3000; round++)
        {
            var body = Hostile.Mutate(Whole, random);
            Assert.NotNull(Protocol.ReadError(500, Encoding.UTF8.GetBytes(body.Replace("id", "error", StringComparison.Ordinal))));
            try
            {
                Written(json => Protocol.WriteAnswer(Protocol.ReadAnswer(JsonElement.Parse(body)), Plain, json));
            }
            catch (Exception expected) when (expected is UnreadableAnswerException or JsonException)
            {
                // The JSON is parsed by the caller.
            }
        }
    }

    private static Answer Read(string body) => Protocol.ReadAnswer(JsonElement.Parse(body));
}
