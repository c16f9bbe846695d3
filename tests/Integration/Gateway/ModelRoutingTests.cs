using System.Net;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What a client's name for a model stands for, and who serves it.</summary>
public sealed class ModelRoutingTests
{
    private const string Chat = "/openai/v1/chat/completions";
    private const string ChatBody = """{"model":"MODEL","max_tokens":100,"messages":[{"role":"user","content":"Hello"}]}""";

    [Theory]
    [InlineData("/v1/messages", "anthropic", """{ "model" : "fast","max_tokens":9,"messages":[{"role":"user","content":"Hi"}], "x":1.0}""")]
    [InlineData("/v1/messages/count_tokens", "anthropic", """{"messages":[{"role":"user","content":"Hi"}],"model":"fast"}""")]
    [InlineData(Chat, "openai", """{"messages":[{"role":"user","content":"Hi"}],"model":"fast", "x":1.0}""")]
    [InlineData("/openai/v1/embeddings", "openai", """{"input":"x", "model":"fast"}""")]
    [InlineData("/openai/v1/responses", "openai-responses", """{"input":"x", "model":"fast"}""")]
    public async Task An_alias_is_replaced_in_the_body_and_no_other_byte_is(string path, string kind, string body)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, "{}", status: 400));
        await using var gateway = await TestGateway.StartAsync(Upstreams(Upstream("u1", kind, upstream)), TestGateway.Tenant(""" "modelAliases": { "fast": "house-model" } """));

        using var response = await gateway.PostAsync(body, path);

        Assert.Equal(body.Replace("\"fast\"", "\"house-model\"", StringComparison.Ordinal), Assert.Single(upstream.Received).Text);
    }

    [Fact]
    public async Task An_alias_is_replaced_in_Gemini_s_path()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, "{}", status: 400));
        await using var gateway = await TestGateway.StartAsync(Upstreams(Upstream("u1", "gemini", upstream)), TestGateway.Tenant(""" "modelAliases": { "f*": "gemini-2.5-flash" } """));

        using var response = await gateway.PostAsync("""{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}""", "/v1beta/models/fast:generateContent");

        Assert.Equal("/v1beta/models/gemini-2.5-flash:generateContent", Assert.Single(upstream.Received).Path);
    }

    [Fact]
    public async Task An_alias_is_allowed_priced_and_recorded_as_the_model_it_stands_for()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(
            Upstreams(Upstream("u1", "anthropic", upstream)),
            TestGateway.Tenant($$""" "modelAliases": { "fast": "{{AnthropicAnswers.VectorModel}}", "dear": "claude-opus-4-1" }, "allowedModels": ["*sonnet*"], "limits": { "daily": { "maxUSD": 10 } } """));

        using var served = await gateway.PostAsync(TestGateway.Body(stream: false, model: "fast"));
        using var forbidden = await gateway.PostAsync(TestGateway.Body(stream: false, model: "dear"));

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Forbidden), (served.StatusCode, forbidden.StatusCode));
        Assert.Contains("claude-opus-4-1", await forbidden.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var completed = await gateway.EventAsync();
        Assert.Equal((AnthropicAnswers.VectorModel, AnthropicAnswers.VectorUsd), (completed.RequestedModel, completed.SpendUsd));
    }

    [Fact]
    public async Task A_mapped_alias_reaches_each_upstream_under_that_one_s_name()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(
            Upstreams(Upstream("u1", "anthropic", upstream, """ "modelMapping": { "claude-*-haiku*": "fast", "claude-*": "other" } """)), TestGateway.Tenant(""" "modelAliases": { "fast": "claude-3-5-haiku-latest" } """));

        var body = TestGateway.Body(stream: false, model: "fast");
        using var named = await gateway.PostAsync(body);
        using var mapped = await gateway.PostAsync(TestGateway.Body(stream: false, model: "claude-3-5-haiku-x"));

        // The first is called by chance what it is called there: its body needs no change.
        Assert.Equal([body, body], upstream.Received.Select(request => request.Text));
    }

    [Fact]
    public async Task What_OpenAI_s_clients_ask_for_is_what_the_server_says_it_is_and_others_are_left_alone()
    {
        await using var anthropic = await ScriptedUpstream.StartAsync();
        await using var openAi = await ScriptedUpstream.StartAsync(AnswerChatAsync);
        await using var gateway = await TestGateway.StartAsync(
            Upstreams(Upstream("a", "anthropic", anthropic), Upstream("c", "openai", openAi)), server: $$"""{ "openai": { "models": { "gpt-4*": "{{AnthropicAnswers.VectorModel}}" } } }""");

        using var mapped = await gateway.PostAsync(ChatBody.Replace("MODEL", "gpt-4o", StringComparison.Ordinal), Chat);
        using var other = await gateway.PostAsync(ChatBody.Replace("MODEL", "gpt-5.5", StringComparison.Ordinal), Chat);
        using var anthropicClient = await gateway.PostAsync(TestGateway.Body(stream: false, model: "gpt-4o"));

        Assert.Equal(["a", "c", "c"], new[] { mapped, other, anthropicClient }.Select(response => response.Headers.GetValues("x-ccgate-upstream").Single()));
        Assert.Equal(AnthropicAnswers.VectorModel, ModelOf(Assert.Single(anthropic.Received)));
        Assert.Equal(["gpt-5.5", "gpt-4o"], openAi.Received.Select(ModelOf));
        Assert.Equal(["claude-sonnet-4-20250514", "gpt-4o", "gpt-5.5"], (await gateway.EventsAsync(3)).Select(completed => completed.RequestedModel).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_nobody_is_known_to_serve_becomes_the_default_model()
    {
        await using var anthropic = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(
            Upstreams(Upstream("a", "anthropic", anthropic)), server: $$"""{ "openai": { "defaultModel": "{{AnthropicAnswers.VectorModel}}" } }""");

        using var response = await gateway.PostAsync(ChatBody.Replace("MODEL", "whatever", StringComparison.Ordinal), Chat);

        Assert.Equal(AnthropicAnswers.VectorModel, ModelOf(Assert.Single(anthropic.Received)));
        Assert.Equal(AnthropicAnswers.VectorModel, (await gateway.EventAsync()).RequestedModel);
    }

    [Theory]
    [InlineData("POST", Chat)]
    [InlineData("POST", "/v1/responses")]
    [InlineData("POST", "/v1/embeddings")]
    [InlineData("GET", "/openai/v1/models")]
    [InlineData("GET", "/v1/models")]
    [InlineData("GET", "/v1/models/gpt-5")]
    public async Task Closed_OpenAI_paths_say_which_setting_closed_them(string method, string path)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Upstreams(Upstream("c", "openai", upstream)), server: """{ "openai": { "enabled": false } }""");
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new StringContent(ChatBody, Encoding.UTF8, "application/json") };
        request.Headers.Add("x-api-key", TestGateway.Key);

        using var response = await gateway.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Contains("openai.enabled", JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Empty(upstream.Received);
    }

    [Fact]
    public async Task Closed_OpenAI_paths_close_no_other()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Upstreams(Upstream("a", "anthropic", upstream)), server: """{ "openai": { "enabled": false } }""");

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.NotEmpty(await NamesAsync(gateway, "/v1/models?limit=1000", "data", "id"));
    }

    [Fact]
    public async Task Models_are_listed_under_the_names_that_can_be_asked_for()
    {
        var upstreams = Upstreams(
            Unreachable("a", "anthropic", """ "models": ["*", "house-claude"] """),
            Unreachable("c", "openai", """ "models": ["house-gpt", "house-embedding", "gpt-5.*"], "modelMapping": { "mapped": "x", "mapped-*": "x" } """),
            Unreachable("g", "gemini", """ "weight": 0, "models": ["*", "drained"] """),
            Unreachable("v", "gemini", """ "groups": ["vip"], "models": ["*", "vip"] """));
        await using var gateway = await TestGateway.StartAsync(
            upstreams,
            TestGateway.Tenant(""" "modelAliases": { "fast": "claude-haiku-4-5", "forbidden": "secret", "a-*": "claude-haiku-4-5" }, "allowedModels": ["claude-*", "gpt-*", "house-*", "mapped", "gemini-*"] """),
            server: """{ "openai": { "models": { "gpt-4o": "claude-haiku-4-5", "o3": "claude-haiku-4-5", "x-*": "claude-haiku-4-5" }, "defaultModel": "claude-haiku-4-5" } }""");

        var anthropic = await NamesAsync(gateway, "/anthropic/v1/models?limit=1000", "data", "id");
        var openAi = await NamesAsync(gateway, "/openai/v1/models", "data", "id");
        var gemini = await NamesAsync(gateway, "/gemini/v1beta/models", "models", "name");

        string[] named = ["fast", "house-claude", "house-gpt", "mapped"];
        Assert.Equal([.. named, "claude-sonnet-4-5", "gpt-5.5"], anthropic.Intersect([.. named, "claude-sonnet-4-5", "gpt-5.5"]).OrderBy(name => named.Contains(name) ? 0 : 1).ThenBy(name => name, StringComparer.Ordinal));
        Assert.Equal(anthropic.Select(name => "models/" + name), gemini);
        Assert.Equal(["gpt-4o", "house-embedding", "o3"], openAi.Except(anthropic).Order(StringComparer.Ordinal));
        Assert.Empty(anthropic.Except(openAi));
        Assert.All(anthropic.Except(named), name => Assert.True(name.StartsWith("claude-", StringComparison.Ordinal) || name.StartsWith("gpt-5.", StringComparison.Ordinal), name));
    }

    [Theory]
    [InlineData("/anthropic/v1/models/fast", 200)]
    [InlineData("/anthropic/v1/models/gpt-5", 200)]
    [InlineData("/anthropic/v1/models/secret", 403)]
    [InlineData("/gemini/v1beta/models/fast", 200)]
    [InlineData("/openai/v1/models/nobody-s", 200)]
    [InlineData("/anthropic/v1/models/nobody-s", 403)]
    [InlineData("/openai/v1/models/text-embedding-3-small", 200)]
    [InlineData("/anthropic/v1/models/text-embedding-3-small", 404)]
    public async Task A_model_is_shown_when_it_can_be_asked_for(string path, int status)
    {
        await using var gateway = await TestGateway.StartAsync(
            Upstreams(Unreachable("c", "openai", """ "models": ["*"] """)),
            TestGateway.Tenant(""" "modelAliases": { "fast": "gpt-5" }, "allowedModels": ["gpt-*", "text-*"] """), server: """{ "openai": { "models": { "nobody*": "gpt-5" } } }""");
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("x-api-key", TestGateway.Key);

        using var response = await gateway.Http.SendAsync(request);

        Assert.Equal(status, (int)response.StatusCode);
    }

    private static async Task<List<string>> NamesAsync(TestGateway gateway, string path, string list, string member)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("x-api-key", TestGateway.Key);
        request.Headers.Add("anthropic-version", "2023-06-01");
        using var response = await gateway.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return [.. JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty(list).EnumerateArray().Select(model => model.GetProperty(member).GetString()!)];
    }

    private static Task AnswerChatAsync(HttpContext http) => AnthropicAnswers.JsonAsync(http, File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Fixtures", "openai", "chat.json"), Encoding.UTF8));

    private static string? ModelOf(ReceivedRequest request) => JsonElement.Parse(request.Text).GetProperty("model").GetString();

    private static string Upstream(string id, string kind, ScriptedUpstream upstream, string members = "") =>
        $$"""{ "id": "{{id}}", "kind": "{{kind}}", "url": "{{upstream.Url}}", "key": "k" {{(members.Length == 0 ? "" : ", " + members)}} }""";

    private static string Unreachable(string id, string kind, string members) => $$"""{ "id": "{{id}}", "kind": "{{kind}}", "url": "http://127.0.0.1:1", "key": "k", {{members}} }""";

    private static string Upstreams(params string[] upstreams) => $$"""{ "upstreams": [ {{string.Join(", ", upstreams)}} ] }""";
}
