using System.Globalization;
using System.Text.Json;
using Anthropic;
using Anthropic.Exceptions;
using Anthropic.Helpers;
using Anthropic.Models.Messages;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Conformance;

/// <summary>The official SDK, asked to say what it makes of an upstream directly and through the gateway: it must not see a difference.</summary>
public sealed class AnthropicSdkTests
{
    private const string Content = """
        {"type":"thinking","thinking":"Ich überlege… 世界","signature":"EqQBCgIYAhIM+/=="},
        {"type":"text","text":"Grüße, 世界 🌍 \u00e9\n"},
        {"type":"tool_use","id":"toolu_1","name":"get_weather","input":{"city":"Köln 🌧","days":[1,2.50]}}
        """;

    private const string Message = $$$"""
        {"id":"msg_1","type":"message","role":"assistant","model":"{{{AnthropicAnswers.VectorModel}}}","content":[{{{Content}}}],"stop_reason":"tool_use","stop_sequence":null,
         "usage":{"input_tokens":40,"cache_read_input_tokens":7,"cache_creation_input_tokens":0,"output_tokens":57,"service_tier":"standard"},"x_unknown":{"kept":[true]}}
        """;

    private static readonly string[] Frames =
    [
        Frame("message_start", $$$$"""{"message":{"id":"msg_1","type":"message","role":"assistant","model":"{{{{AnthropicAnswers.VectorModel}}}}","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":40,"cache_read_input_tokens":7,"output_tokens":1}}}"""),
        Frame("content_block_start", """{"index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"""),
        Frame("ping", "{}"),
        Frame("content_block_delta", """{"index":0,"delta":{"type":"thinking_delta","thinking":"Ich überlege… 世界"}}"""),
        Frame("content_block_delta", """{"index":0,"delta":{"type":"signature_delta","signature":"EqQBCgIYAhIM+/=="}}"""),
        Frame("content_block_stop", """{"index":0}"""),
        Frame("content_block_start", """{"index":1,"content_block":{"type":"text","text":""}}"""),
        Frame("content_block_delta", """{"index":1,"delta":{"type":"text_delta","text":"Grüße, 世界 🌍 \u00e9\n"}}"""),
        Frame("content_block_stop", """{"index":1}"""),
        Frame("content_block_start", """{"index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"get_weather","input":{}}}"""),
        Frame("content_block_delta", """{"index":2,"delta":{"type":"input_json_delta","partial_json":""}}"""),
        Frame("content_block_delta", """{"index":2,"delta":{"type":"input_json_delta","partial_json":"{\"city\":\"Kö"}}"""),
        Frame("content_block_delta", """{"index":2,"delta":{"type":"input_json_delta","partial_json":"ln 🌧\",\"days\":[1,2.50]}"}}"""),
        Frame("content_block_stop", """{"index":2}"""),
        Frame("message_delta", """{"delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":57}}"""),
        Frame("message_stop", "{}"),
    ];

    // The gateway's own credential takes the place of the client's.
    private static readonly string[] Changed = ["Host", "x-api-key", "Authorization"];

    private static readonly MessageCreateParams Question = new()
    {
        Model = AnthropicAnswers.VectorModel,
        MaxTokens = 2048,
        System = "Antworte kurz. 世界",
        Thinking = new ThinkingConfigEnabled { BudgetTokens = 1024 },
        Tools =
        [
            new Tool
            {
                Name = "get_weather",
                Description = "Das Wetter",
                InputSchema = new InputSchema { Properties = new Dictionary<string, JsonElement> { ["city"] = JsonElement.Parse("""{"type":"string"}""") }, Required = ["city"] },
            },
        ],
        Messages = [new UserMessageParam("Wie ist das Wetter in Köln? 🌧")],
    };

    [Fact]
    public async Task A_message_is_the_same_through_the_gateway()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, Message));
        await using var gateway = await TestGateway.StartAsync(upstream);

        var direct = await Direct(upstream).Messages.Create(Question);
        var through = await Through(gateway).Messages.Create(Question);

        Assert.Equal(Json(direct), Json(through));
        Assert.Equal(3, through.Content.Count);
        Assert.Contains("Köln 🌧", through.Content[2].Json.GetProperty("input").GetProperty("city").GetString(), StringComparison.Ordinal);
        AssertTheSameWasAsked(upstream);
    }

    [Fact]
    public async Task A_stream_is_the_same_through_the_gateway_event_by_event_and_as_a_whole()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.FramesAsync(http, Frames));
        await using var gateway = await TestGateway.StartAsync(upstream);

        var (directEvents, direct) = await StreamAsync(Direct(upstream));
        var (throughEvents, through) = await StreamAsync(Through(gateway));

        Assert.Equal(directEvents, throughEvents);
        Assert.True(throughEvents.Count >= Frames.Length - 1, "every event but the ping is there");
        Assert.Equal(Json(direct), Json(through));
        Assert.Contains("EqQBCgIYAhIM+/==", through.Content[0].Json.GetProperty("signature").GetString(), StringComparison.Ordinal);
        AssertTheSameWasAsked(upstream);
    }

    [Fact]
    public async Task Counting_tokens_is_the_same_through_the_gateway()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, """{"input_tokens":2095}"""));
        await using var gateway = await TestGateway.StartAsync(upstream);
        var question = new MessageCountTokensParams { Model = AnthropicAnswers.VectorModel, Messages = Question.Messages };

        var direct = await Direct(upstream).Messages.CountTokens(question);
        var through = await Through(gateway).Messages.CountTokens(question);

        Assert.Equal(2095, through.InputTokens);
        Assert.Equal(Json(direct), Json(through));
        AssertTheSameWasAsked(upstream);
    }

    [Fact]
    public async Task The_models_are_read_page_by_page_and_one_by_one()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);
        var client = Through(gateway);

        var names = new List<string>();
        await foreach (var model in (await client.Models.List(new() { Limit = 5 })).Paginate())
        {
            names.Add(model.ID);
        }

        Assert.True(names.Count > 5, "there is more than one page");
        Assert.Equal(names.Count, names.Distinct().Count());
        Assert.Equal(names[0], (await client.Models.Retrieve(names[0])).ID);
    }

    [Theory]
    [InlineData(400, "invalid_request_error")]
    [InlineData(404, "not_found_error")]
    [InlineData(413, "request_too_large")]
    [InlineData(429, "rate_limit_error")]
    [InlineData(500, "api_error")]
    [InlineData(529, "overloaded_error")]
    public async Task An_error_of_the_upstream_is_the_same_exception_with_its_message(int status, string type)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, status, type));
        await using var gateway = await TestGateway.StartAsync(upstream);

        foreach (var stream in (bool[])[false, true])
        {
            var direct = await FailureAsync(Direct(upstream), stream);
            var through = await FailureAsync(Through(gateway), stream);

            Assert.Equal((direct.GetType(), direct.StatusCode, direct.Message), (through.GetType(), through.StatusCode, through.Message));
            Assert.Equal(status, (int)through.StatusCode);
            Assert.Contains("said the upstream", through.ResponseBody, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("401 of a wrong key", 401, "authentication_error")]
    [InlineData("402 of a budget", 402, "billing_error")]
    [InlineData("404 of a model", 404, "not_found_error")]
    [InlineData("413 of a body", 413, "request_too_large")]
    [InlineData("503 of an upstream", 503, "api_error")]
    public async Task A_refusal_of_the_gateway_is_the_exception_an_upstream_would_have_caused(string refusal, int status, string type)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, status, type));
        var upstreams = $$"""{ "upstreams": [ { "id": "u1", "url": "{{(status == 503 ? "http://127.0.0.1:1" : upstream.Url)}}", "key": "k", "models": ["{{(status == 404 ? "gpt" : "claude")}}*"] } ] }""";
        await using var gateway = await TestGateway.StartAsync(
            upstreams,
            TestGateway.Tenant(status == 402 ? "\"limits\": { \"daily\": { \"maxUSD\": 0 } }" : ""),
            status == 413 ? """{ "limits": { "maxBodyBytes": 1024 } }""" : "{}");
        var question = Question with { System = new string('x', 1024) };

        var expected = await FailureAsync(Direct(upstream), stream: true, question);
        var refused = await FailureAsync(status == 401 ? Client(gateway.Url, "a wrong key") : Through(gateway), stream: true, question);

        Assert.Equal((expected.GetType(), status), (refused.GetType(), (int)refused.StatusCode));
        var error = JsonElement.Parse(refused.ResponseBody).GetProperty("error");
        Assert.True(type == error.GetProperty("type").GetString(), $"{refusal}: {error}");
        Assert.NotEqual("said the upstream", error.GetProperty("message").GetString());
        Assert.Single(upstream.Received);
    }

    [Fact]
    public async Task A_retry_after_is_obeyed_and_the_second_try_succeeds()
    {
        var asked = 0;
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
        {
            if (Interlocked.Increment(ref asked) % 2 == 1)
            {
                http.Response.Headers["retry-after"] = "1";
                return AnthropicAnswers.ErrorAsync(http, 429, "rate_limit_error");
            }

            return AnthropicAnswers.JsonAsync(http, Message);
        });
        await using var gateway = await TestGateway.StartAsync(upstream);

        var direct = await Direct(upstream).WithOptions(options => options with { MaxRetries = 1 }).Messages.Create(Question);
        var through = await Through(gateway).WithOptions(options => options with { MaxRetries = 1 }).Messages.Create(Question);

        Assert.Equal(Json(direct), Json(through));
        Assert.Equal(4, upstream.Received.Count);
    }

    [Fact]
    public async Task A_budget_refusal_is_not_tried_again()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, TestGateway.Tenant("\"limits\": { \"daily\": { \"maxUSD\": 0 } }"), """{ "limits": { "budgetStatus": 429 } }""");
        using var counter = new CountingHandler();
        using var http = new HttpClient(counter);

        await FailureAsync(Through(gateway).WithOptions(options => options with { MaxRetries = 3, HttpClient = http }), stream: false);

        Assert.Equal(1, counter.Requests);
    }

    [Fact]
    public async Task A_stream_cut_in_the_middle_is_an_exception_and_not_half_an_answer()
    {
        using var read = new SemaphoreSlim(0);
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            await AnthropicAnswers.FramesAsync(http, Frames[..8]);
            await read.WaitAsync(http.RequestAborted);
            http.Abort();
        });
        await using var gateway = await TestGateway.StartAsync(upstream);

        await Assert.ThrowsAnyAsync<Exception>(() => StreamAsync(Direct(upstream), onFirst: () => read.Release()));
        var through = await Assert.ThrowsAsync<AnthropicSseException>(() => StreamAsync(Through(gateway), onFirst: () => read.Release()));

        Assert.Contains("broke off its answer", through.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_in_the_stream_is_the_same_exception()
    {
        string[] frames = [.. Frames[..8], Frame("error", """{"error":{"type":"overloaded_error","message":"said the upstream"}}""")];
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.FramesAsync(http, frames));
        await using var gateway = await TestGateway.StartAsync(upstream);

        var direct = await Assert.ThrowsAnyAsync<Exception>(() => StreamAsync(Direct(upstream)));
        var through = await Assert.ThrowsAnyAsync<Exception>(() => StreamAsync(Through(gateway)));

        Assert.Equal((direct.GetType(), direct.Message), (through.GetType(), through.Message));
    }

    private static string Frame(string type, string data) =>
        string.Create(CultureInfo.InvariantCulture, $"event: {type}\ndata: {{\"type\":\"{type}\"{(data.Length > 2 ? "," : "")}{data[1..]}\n\n");

    private static AnthropicClient Direct(ScriptedUpstream upstream) => Client(upstream.Url, "upstream-key");

    private static AnthropicClient Through(TestGateway gateway) => Client(gateway.Url, TestGateway.Key);

    private static AnthropicClient Client(string url, string key) => new() { BaseUrl = url, ApiKey = key, MaxRetries = 0 };

    private static string Json<T>(T model) => JsonSerializer.Serialize(model);

    private static async Task<(List<string> Events, Message Whole)> StreamAsync(
        IAnthropicClient client, MessageCreateParams? question = null, Action? onFirst = null)
    {
        var aggregator = new MessageContentAggregator();
        var events = new List<string>();
        await foreach (var one in aggregator.CollectAsync(client.Messages.CreateStreaming(question ?? Question)))
        {
            events.Add(Json(one));
            if (events.Count == 1)
            {
                onFirst?.Invoke();
            }
        }

        return (events, aggregator.Message());
    }

    private static async Task<AnthropicApiException> FailureAsync(IAnthropicClient client, bool stream, MessageCreateParams? question = null) =>
        await Assert.ThrowsAnyAsync<AnthropicApiException>(() => stream ? StreamAsync(client, question) : client.Messages.Create(question ?? Question));

    /// <summary>The upstream was asked twice, once by the SDK and once by the gateway, and cannot tell which is which.</summary>
    private static void AssertTheSameWasAsked(ScriptedUpstream upstream)
    {
        Assert.Equal(2, upstream.Received.Count);
        var (direct, through) = (upstream.Received.First(), upstream.Received.Last());
        Assert.Equal(direct.Text, through.Text);
        Assert.Equal((direct.Method, direct.Path, direct.Query), (through.Method, through.Path, through.Query));
        foreach (var (name, value) in direct.Headers.Where(header => !Changed.Contains(header.Key, StringComparer.OrdinalIgnoreCase)))
        {
            Assert.True(through.Headers.TryGetValue(name, out var forwarded) && forwarded == value, $"{name}: {value} became {forwarded}");
        }
    }

    private sealed class CountingHandler() : DelegatingHandler(new HttpClientHandler())
    {
        public int Requests { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Requests++;
            return base.SendAsync(request, cancellationToken);
        }
    }
}
