using System.Net;
using System.Text.Json;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Counting tokens: free, answered by an upstream that counts, and else by an estimate that says so.</summary>
public sealed class TokenCountTests
{
    private const string Anthropic = "/v1/messages/count_tokens";
    private const string Responses = "/v1/responses/input_tokens";
    private const string Gemini = "/v1beta/models/gemini-2.5-pro:countTokens";

    private static readonly string LongText = new('a', 4_000);

    [Theory]
    [InlineData("anthropic", Anthropic, """{"input_tokens":4711}""")]
    [InlineData("openai-responses", Responses, """{"object":"response.input_tokens","input_tokens":4711}""")]
    [InlineData("gemini", Gemini, """{"totalTokens":4711}""")]
    public async Task The_upstream_s_own_count_is_the_answer(string kind, string path, string count)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, count));
        await using var gateway = await StartAsync(kind, upstream.Url);

        using var response = await gateway.PostAsync(Body(path), path);

        Assert.Equal((HttpStatusCode.OK, count), (response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.False(response.Headers.Contains("x-ccgate-estimated"));
    }

    [Theory]
    [InlineData("anthropic", Anthropic, 404, "input_tokens")]
    [InlineData("anthropic", Anthropic, 401, "input_tokens")]
    [InlineData("anthropic", Anthropic, 429, "input_tokens")]
    [InlineData("openai-responses", Responses, 405, "input_tokens")]
    [InlineData("gemini", Gemini, 500, "totalTokens")]
    public async Task An_upstream_that_does_not_count_leaves_it_to_an_estimate_that_says_so(string kind, string path, int status, string member)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
        {
            http.Response.StatusCode = status;
            return http.Response.WriteAsync("no");
        });
        await using var gateway = await StartAsync(kind, upstream.Url);

        using var response = await gateway.PostAsync(Body(path), path);

        Assert.Equal((HttpStatusCode.OK, "true"), (response.StatusCode, response.Headers.GetValues("x-ccgate-estimated").Single()));
        var tokens = JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty(member).GetInt64();
        Assert.InRange(tokens, 900, 1_300); // Four bytes to a token.
        Assert.Empty(await gateway.EventsAsync(0));
    }

    [Fact]
    public async Task What_the_upstream_finds_wrong_with_a_request_is_not_hidden_by_an_estimate()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, 400, "invalid_request_error"));
        await using var gateway = await StartAsync("anthropic", upstream.Url);

        using var response = await gateway.PostAsync(Body(Anthropic), Anthropic);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    private static string Body(string path) => path switch
    {
        Anthropic => $$"""{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"{{LongText}}"}]}""",
        Responses => $$"""{"model":"gpt-5-mini","input":"{{LongText}}"}""",
        _ => $$"""{"contents":[{"role":"user","parts":[{"text":"{{LongText}}"}]}]}""",
    };

    private static Task<TestGateway> StartAsync(string kind, string url) =>
        TestGateway.StartAsync($$"""{ "upstreams": [ { "id": "u1", "kind": "{{kind}}", "url": "{{url}}", "key": "secret" } ] }""");
}
