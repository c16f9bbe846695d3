using System.Text;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>What is read out of a body in one pass, and the places where it can be changed.</summary>
public sealed class AnthropicBodyReaderTests
{
    [Fact]
    public void What_the_price_depends_on_is_found_wherever_it_stands()
    {
        var body = """
            {"messages":[{"role":"user","content":"{\"model\":\"not this\"}"}],"metadata":{"user_id":"u","x":{"y":[1]}},"thinking":{"type":"enabled","budget_tokens":2048},
             "stream":true,"max_tokens": 4096 ,"speed":"fast","tools":[{"name":"a","input_schema":{"properties":{"type":{"type":"string"},"max_uses":{"type":"number"}}}},{"type":"web_search_20250305","name":"web_search","max_uses":3}],"model":"claude-opus-5-5"}
            """u8;

        var read = AnthropicBodyReader.Read(body);

        Assert.Equal("claude-opus-5-5", read.Model);
        Assert.Equal("\"claude-opus-5-5\"", Encoding.UTF8.GetString(body.Slice(read.ModelSpan.Start, read.ModelSpan.Length)));
        Assert.Equal("4096", Encoding.UTF8.GetString(body.Slice(read.MaxTokensSpan.Start, read.MaxTokensSpan.Length)));
        Assert.True(read is { Streaming: true, Fast: true, HasMessages: true, UserId: "u", ThinkingBudgetTokens: 2048, WebSearches: 3, MaxTokens: 4096 });
    }

    [Theory]
    [InlineData("""null,5,"x",[{"a":1}],""")]
    [InlineData("""{"type":{"a":[1]},"max_uses":[{"b":2}]},""")]
    public void What_is_no_tool_hides_no_search_and_nothing_behind_the_tools(string before)
    {
        var read = AnthropicBodyReader.Read(Encoding.UTF8.GetBytes($$"""{"tools":[{{before}}{"type":"web_search_20250305","max_uses":3}],"model":"m","messages":[]}"""));

        Assert.True(read is { WebSearches: 3, Model: "m", HasMessages: true });
    }

    [Fact]
    public void The_bound_of_plain_text_is_half_its_bytes()
    {
        var body = Encoding.UTF8.GetBytes("""{"model":"m","messages":"世界"}""");

        Assert.Equal((body.Length + 1) / 2, AnthropicBodyReader.Read(body).PromptTokensBound(body.Length));
    }

    [Fact]
    public void A_conversation_that_may_be_summed_up_first_is_known()
    {
        var body = """{"model":"m","messages":[],"context_management":{"edits":[{"type":"compact_20260112","trigger":{"type":"input_tokens","value":100000}}]},"max_tokens":7}"""u8;
        var other = """{"model":"m","messages":[],"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]},"max_tokens":7}"""u8;

        var compacting = AnthropicBodyReader.Read(body);
        var clearing = AnthropicBodyReader.Read(other);

        Assert.True(compacting is { Compacts: true, MaxTokens: 7 } && clearing is { Compacts: false, MaxTokens: 7 });
    }

    [Fact]
    public void A_model_that_may_be_asked_for_advice_is_found_with_how_often()
    {
        var body = """{"model":"m","messages":[],"tools":[{"type":"advisor_20260301","name":"advisor","model":"claude-opus-5","max_uses":2},{"name":"t","model":"no"}]}"""u8;

        var read = AnthropicBodyReader.Read(body);

        Assert.Equal([new Advisor("claude-opus-5", 2)], read.Advisors);
        Assert.Equal("m", read.Model);
    }

    [Theory]
    [InlineData("""{"type":"image","source":{"type":"base64","media_type":"image/png","data":"DATA"}}""", 5_000)]
    [InlineData("""{"type":"image","cache_control":{"type":"ephemeral"},"source":{"data":"DATA","type":"base64"}}""", 5_000)]
    [InlineData("""{"type":"image","source":{"type":"url","url":"https://x"}}""", 5_000)]
    [InlineData("""{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"DATA"}}""", 20_000)]
    [InlineData("""{"type":"document","source":{"type":"url","url":"https://x"}}""", 990_000)]
    [InlineData("""{"type":"document","source":{"type":"file","file_id":"f"}}""", 990_000)]
    [InlineData("""{"type":"document","source":{"type":"text","data":"DATA"}}""", 10_000)]
    [InlineData("""{"type":"tool_use","input":{"source":{"code":"DATA"}}}""", 10_000)]
    [InlineData("""{"type":"tool_result","content":[{"type":"image","source":{"type":"base64","data":"DATA"}}]}""", 5_000)]
    public void Attachments_are_bounded_by_their_size(string block, long atLeast)
    {
        var body = Encoding.UTF8.GetBytes($$"""{"messages":[{"content":[{{block.Replace("DATA", new string('A', 20_000), StringComparison.Ordinal)}}]}],"model":"m"}""");

        var bound = AnthropicBodyReader.Read(body).PromptTokensBound(body.Length);

        Assert.InRange(bound, atLeast, atLeast + 10_001);
    }

    [Fact]
    public void An_image_does_not_lend_its_smallness_to_the_document_behind_it()
    {
        var body = Encoding.UTF8.GetBytes("""{"messages":[{"type":"image","source":{"type":"url","url":"u"}},{"source":{"type":"url","url":"u"},"type":"document"}],"model":"m"}""");

        Assert.Equal(1_000_000, AnthropicBodyReader.Read(body).PromptTokensBound(body.Length));
    }

    [Fact]
    public void A_nested_member_does_not_pass_for_one_of_the_request()
    {
        var read = AnthropicBodyReader.Read("""{"metadata":{"user_id":5,"model":"cheap","max_tokens":1},"thinking":{"budget_tokens":"x","model":"cheap"},"tools":{"model":"cheap"},"model":"dear","max_tokens":9,"messages":{}}"""u8);

        Assert.Equal(("dear", 9), (read.Model, read.MaxTokens));
    }

    [Theory]
    [InlineData("""{"model":"a","model":"b"}""")]
    [InlineData("""{"model":"a","mod\u0065l":"b"}""")]
    [InlineData("""{"max_tokens":1,"max_tokens":2}""")]
    public void Saying_twice_what_decides_the_price_is_refused(string body) =>
        Assert.Contains("twice", Assert.Throws<RefusedException>(() => AnthropicBodyReader.Read(Encoding.UTF8.GetBytes(body))).Message, StringComparison.Ordinal);

    [Fact]
    public void Deep_nesting_is_refused_and_does_not_break_the_reader()
    {
        var deep = Encoding.UTF8.GetBytes("{\"messages\":" + new string('[', 100_000));

        Assert.Throws<RefusedException>(() => AnthropicBodyReader.Read(deep));
    }

    [Fact]
    public async Task Replacing_model_and_limit_changes_nothing_else()
    {
        var bytes = """{ "max_tokens" : 128000, "messages": 1.0, "model":"claude-sonnet-4-5" }"""u8.ToArray();
        var http = new DefaultHttpContext { Request = { Body = new MemoryStream(bytes), Method = "POST" } };
        var call = await new AnthropicSurface().ReadAsync(http.Request, CallKind.TokenCount, 1_000, CancellationToken.None);
        using var body = call.Body;

        Assert.Equal("""{ "max_tokens" : 77, "messages": 1.0, "model":"m\u0022" }""", Encoding.UTF8.GetString(body.With("m\"", 77).Span));
        Assert.Equal(bytes, body.With(null, null).ToArray());
    }
}
