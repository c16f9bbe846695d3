using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>Which session, and which conversation, a request of a client belongs to.</summary>
public sealed class AffinityTests
{
    private const string Hello = """{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}""";
    private const string Question = """{"model":"m","input":[{"role":"user","content":"hi"}]}""";

    private static readonly JsonElement Captures =
        JsonElement.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Fixtures", "captures", "claude-code-2.1.329.json")));

    [Theory]
    [InlineData("tool round trip", 0, 1)]
    [InlineData("image read by a tool", 0, 1)]
    [InlineData("web search", 0, 2)]
    [InlineData("subagent", 0, 1, 3)]
    [InlineData("structured output (--json-schema)", 0, 1)]
    [InlineData("after a stream error event", 0, 1)]
    public async Task The_turns_of_Claude_Code_are_one_conversation(string scenario, params int[] turns)
    {
        var requests = Generations(scenario);

        var named = await Task.WhenAll(turns.Select(turn => AnthropicAsync(requests[turn], named: true)));
        var unnamed = await Task.WhenAll(turns.Select(turn => AnthropicAsync(requests[turn], named: false)));

        Assert.NotNull(Assert.Single(named.Select(call => call.Affinity).Distinct()));
        Assert.NotNull(Assert.Single(unnamed.Select(call => call.Affinity).Distinct()));
        Assert.All(named, call => Assert.Equal("<uuid>", call.SessionId));
        Assert.All(unnamed, call => Assert.Null(call.SessionId));
    }

    [Fact]
    public async Task A_subagent_of_Claude_Code_is_a_conversation_of_its_own()
    {
        var requests = Generations("subagent");
        foreach (var named in new[] { true, false })
        {
            Assert.NotEqual((await AnthropicAsync(requests[0], named)).Affinity, (await AnthropicAsync(requests[2], named)).Affinity);
        }
    }

    [Fact]
    public async Task A_side_request_of_Claude_Code_without_a_session_has_another_prompt()
    {
        var requests = Generations("web search");

        Assert.NotEqual((await AnthropicAsync(requests[0], named: false)).Affinity, (await AnthropicAsync(requests[1], named: false)).Affinity);
    }

    [Theory]
    [InlineData("X-Claude-Code-Session-Id")]
    [InlineData("x-session-id")]
    [InlineData("x-session-affinity")]
    public async Task A_session_that_a_header_names_is_the_conversation_to_Anthropic(string header)
    {
        var (one, same, other) = (await AnthropicAsync(Hello, (header, "s-1")), await AnthropicAsync(Hello.Replace("hi", "ho", StringComparison.Ordinal), (header, "s-1")), await AnthropicAsync(Hello, (header, "s-2")));

        Assert.Equal("s-1", one.SessionId);
        Assert.Equal(one.Affinity, same.Affinity);
        Assert.NotEqual(one.Affinity, other.Affinity);
    }

    [Theory]
    [InlineData("x-session-id")]
    [InlineData("session_id")]
    [InlineData("session-id")]
    [InlineData("conversation_id")]
    [InlineData("x-session-affinity")]
    public async Task A_session_that_a_header_names_is_the_conversation_to_OpenAI(string header)
    {
        var (one, same, other) = (await ResponsesAsync(Question, (header, "s-1")), await ResponsesAsync(Question.Replace("hi", "ho", StringComparison.Ordinal), (header, "s-1")), await ResponsesAsync(Question, (header, "s-2")));

        Assert.Equal("s-1", one.SessionId);
        Assert.Equal(one.Affinity, same.Affinity);
        Assert.NotEqual(one.Affinity, other.Affinity);
    }

    [Fact]
    public async Task An_agent_of_Codex_in_the_same_session_is_a_conversation_of_its_own()
    {
        var agents = new[]
        {
            await ResponsesAsync(Question, ("session-id", "s")),
            await ResponsesAsync(Question, ("session-id", "s"), ("thread-id", "t")),
            await ResponsesAsync(Question, ("session-id", "s"), ("x-openai-subagent", "review")),
        };

        Assert.All(agents, call => Assert.Equal("s", call.SessionId));
        Assert.Equal(3, agents.Select(call => call.Affinity).Distinct().Count());
    }

    [Fact]
    public async Task A_session_that_the_body_names_counts_before_what_it_begins_with()
    {
        Assert.Equal(
            (await ResponsesAsync("""{"model":"m","prompt_cache_key":"k","input":"hi"}""")).Affinity,
            (await ResponsesAsync("""{"model":"m","input":"ho","prompt_cache_key":"k"}""")).Affinity);
        Assert.Equal(
            (await AnthropicAsync("""{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}],"metadata":{"user_id":"{\"session_id\":\"s\"}"}}""")).Affinity,
            (await AnthropicAsync(Hello, ("x-session-id", "s"))).Affinity);
    }

    [Fact]
    public async Task A_growing_conversation_of_Codex_without_a_session_is_one()
    {
        const string Turn = """{"model":"gpt-5.5","instructions":"You are Codex.","tools":[{"type":"function","name":"shell"}],"input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"sandbox"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}MORE],"stream":true}""";
        const string More = """,{"type":"function_call","name":"shell","call_id":"c","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"ok"}""";
        var (first, second) = (await ResponsesAsync(Turn.Replace("MORE", "", StringComparison.Ordinal)), await ResponsesAsync(Turn.Replace("MORE", More, StringComparison.Ordinal)));

        Assert.NotNull(first.Affinity);
        Assert.Equal(first.Affinity, second.Affinity);
    }

    [Fact]
    public async Task A_growing_conversation_of_Gemini_CLI_is_one_and_its_checks_are_others()
    {
        const string Turn = """{"contents":[{"parts":[{"text":"This is the Gemini CLI."}],"role":"user"}MORE],"systemInstruction":{"role":"user","parts":[{"text":"You are an agent."}]},"tools":[{"functionDeclarations":[{"name":"glob"}]}],"generationConfig":{"temperature":1}}""";
        var first = await GeminiAsync(Turn.Replace("MORE", "", StringComparison.Ordinal));
        var second = await GeminiAsync(Turn.Replace("MORE", """,{"parts":[{"functionCall":{"name":"glob"}}],"role":"model"},{"parts":[{"functionResponse":{"name":"glob"}}],"role":"user"}""", StringComparison.Ordinal));
        var check = await GeminiAsync("""{"contents":[{"parts":[{"text":"This is the Gemini CLI."}],"role":"user"},{"parts":[{"text":"Who speaks next?"}],"role":"user"}]}""");

        Assert.NotNull(first.Affinity);
        Assert.Equal(first.Affinity, second.Affinity);
        Assert.NotEqual(first.Affinity, check.Affinity);
        Assert.Equal("s", (await GeminiAsync(Turn.Replace("MORE", "", StringComparison.Ordinal), ("x-session-id", "s"))).SessionId);
    }

    [Fact]
    public async Task What_reads_no_cache_may_go_anywhere()
    {
        Assert.Null((await ReadAsync(AnthropicSurface.Instance, Hello, CallKind.TokenCount, [("x-session-id", "s")])).Affinity);
        Assert.Null((await ReadAsync(OpenAiSurface.Embeddings, """{"model":"m","input":"hi"}""", CallKind.Generation, [("x-session-id", "s")])).Affinity);
    }

    private static List<JsonElement> Generations(string scenario) =>
        [.. Captures.GetProperty(scenario).EnumerateArray().Where(request => request.GetProperty("path").GetString() == "/v1/messages")];

    /// <summary>A captured request; unnamed as another client would send it, that knows of no sessions.</summary>
    private static Task<Call> AnthropicAsync(JsonElement captured, bool named)
    {
        var headers = captured.GetProperty("headers").EnumerateArray().Select(header => (header[0].GetString()!, header[1].GetString()!)).Where(header => named && header.Item1.Contains("claude-code", StringComparison.OrdinalIgnoreCase));
        var body = captured.GetProperty("body").GetRawText();
        return AnthropicAsync(named ? body : body.Replace("metadata", "metadate", StringComparison.Ordinal), [.. headers]);
    }

    private static Task<Call> AnthropicAsync(string body, params (string Name, string Value)[] headers) => ReadAsync(AnthropicSurface.Instance, body, CallKind.Generation, headers);

    private static Task<Call> ResponsesAsync(string body, params (string Name, string Value)[] headers) => ReadAsync(OpenAiSurface.Responses, body, CallKind.Generation, headers);

    private static Task<Call> GeminiAsync(string body, params (string Name, string Value)[] headers) => ReadAsync(GeminiSurface.Instance, body, CallKind.Generation, headers);

    private static async Task<Call> ReadAsync(ISurface surface, string body, CallKind kind, (string Name, string Value)[] headers)
    {
        var http = new DefaultHttpContext { Request = { Body = new MemoryStream(Encoding.UTF8.GetBytes(body)), Method = "POST", RouteValues = new RouteValueDictionary { [GeminiSurface.Target] = "g:generateContent" } } };
        foreach (var (name, value) in headers)
        {
            http.Request.Headers[name] = value;
        }

        var call = await surface.ReadAsync(http.Request, kind, 1_000_000, CancellationToken.None);
        call.Body.Dispose();
        return call;
    }
}
