using System.Net;
using System.Text;
using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What the gateway refuses, it refuses in Anthropic's shape, says what to change, and bills nothing.</summary>
public sealed class RefusalTests
{
    private const string Valid = """{"model":"claude-sonnet-4-5","max_tokens":5,"messages":[]}""";

    [Theory]
    [InlineData(null, Valid, 401, "authentication_error", "x-api-key")]
    [InlineData("wrong", Valid, 401, "authentication_error", "not known")]
    [InlineData("key-of-bob", Valid, 403, "permission_error", "disabled")]
    [InlineData(TestGateway.Key, """{"model":"claude-opus-4-5","max_tokens":5,"messages":[]}""", 403, "permission_error", "allowedModels")]
    [InlineData(TestGateway.Key, """{"model":"claude-sonnet-nowhere","max_tokens":5,"messages":[]}""", 404, "not_found_error", "upstreams.json")]
    [InlineData(TestGateway.Key, """{"model":"claude-sonnet-unpriced","max_tokens":5,"messages":[]}""", 403, "permission_error", "prices.json")]
    [InlineData(TestGateway.Key, "not json", 400, "invalid_request_error", "not JSON")]
    [InlineData(TestGateway.Key, "", 400, "invalid_request_error", "not JSON")]
    [InlineData(TestGateway.Key, "[]", 400, "invalid_request_error", "not a JSON object")]
    [InlineData(TestGateway.Key, """{"max_tokens":5,"messages":[]}""", 400, "invalid_request_error", "model")]
    [InlineData(TestGateway.Key, """{"model":"claude-sonnet-4-5","messages":[]}""", 400, "invalid_request_error", "max_tokens")]
    [InlineData(TestGateway.Key, """{"model":"claude-sonnet-4-5","max_tokens":-1,"messages":[]}""", 400, "invalid_request_error", "max_tokens")]
    [InlineData(TestGateway.Key, """{"model":"claude-sonnet-4-5","max_tokens":5}""", 400, "invalid_request_error", "messages")]
    [InlineData(TestGateway.Key, """{"model":"claude-sonnet-4-5","model":"claude-sonnet-4-5","max_tokens":5,"messages":[]}""", 400, "invalid_request_error", "twice")]
    [InlineData(TestGateway.Key, """{"model":"claude-sonnet-4-5","max_tokens":5,"messages":[]} trailing""", 400, "invalid_request_error", "not JSON")]
    [InlineData(TestGateway.Key, """{"model":"claude-\ud800","max_tokens":5,"messages":[]}""", 400, "invalid_request_error", "Unicode")]
    [InlineData(TestGateway.Key, """{"model":"claude-sonnet-4-5","max_tokens":5,"messages":[{"\udc00":1}]}""", 400, "invalid_request_error", "Unicode")]
    [InlineData(TestGateway.Key, """{"model":"claude-sonnet-4-5","max_tokens":5,"metadata":{"user_id":"\ud800"},"messages":[]}""", 400, "invalid_request_error", "Unicode")]
    [InlineData(TestGateway.Key, """{"model":"claude-sonnet-4-5","max_tokens":9223372036854775807,"messages":[]}""", 400, "invalid_request_error", "max_tokens")]
    public async Task Bad_input_is_refused_and_nothing_is_billed(string? key, string body, int status, string type, string says)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream);

        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(body), key: key);

        await AssertRefusedAsync(response, status, type, says);
        Assert.Empty(upstream.Received);
        await gateway.SettledAsync();
        Assert.Empty(await gateway.EventsAsync(0));
    }

    [Fact]
    public async Task A_model_name_without_end_is_refused_in_few_words()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false, model: new string('m', 100_000)));

        Assert.True((await response.Content.ReadAsByteArrayAsync()).Length < 1000);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Empty(upstream.Received);
    }

    [Fact]
    public async Task Two_different_keys_in_one_request_are_refused()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream);

        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(Valid), headers: headers => headers.TryAddWithoutValidation("Authorization", "Bearer another"));

        await AssertRefusedAsync(response, 401, "authentication_error", "two different");
    }

    [Theory]
    [InlineData("x-api-key", "{0}", "")]
    [InlineData("Authorization", "Bearer {0}", "")]
    [InlineData("Authorization", "API-Key {0}", "")]
    [InlineData("x-goog-api-key", "{0}", "")]
    [InlineData(null, "", "?key={0}")]
    [InlineData(null, "", "?api_key={0}")]
    public async Task Every_form_of_credential_names_the_tenant(string? header, string value, string query)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream);

        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(Valid), "/v1/messages" + query.Replace("{0}", TestGateway.Key, StringComparison.Ordinal), key: null, headers =>
        {
            if (header is not null)
            {
                headers.TryAddWithoutValidation(header, value.Replace("{0}", TestGateway.Key, StringComparison.Ordinal));
            }
        });

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task A_body_of_33_megabytes_is_refused()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false, text: new string('x', 33 * 1024 * 1024)));

        await AssertRefusedAsync(response, 413, "request_too_large", "maxBodyBytes");
    }

    [Fact]
    public async Task A_path_that_is_not_served_is_refused_in_the_same_shape()
    {
        await using var gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""");

        using var response = await gateway.PostAsync(Valid, "/anthropic/v1/complete");

        await AssertRefusedAsync(response, 404, "not_found_error", "/anthropic/v1/complete");
    }

    [Fact]
    public async Task Upstreams_that_cannot_be_reached_are_named()
    {
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams("http://127.0.0.1:1", "http://127.0.0.1:2"));

        using var response = await gateway.PostAsync(Valid);

        await AssertRefusedAsync(response, 503, "api_error", "u1");
        var completed = await gateway.EventAsync();
        Assert.Equal((2, 0m), (completed.Attempts.Count, completed.SpendUsd));
    }

    [Fact]
    public async Task The_models_a_tenant_may_use_are_listed_and_no_other()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models?limit=1000");
        request.Headers.Add("x-api-key", TestGateway.Key);
        request.Headers.Add("anthropic-version", "2023-06-01");

        using var response = await gateway.Http.SendAsync(request);

        var page = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        var names = page.GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString()!).ToList();
        Assert.Contains("claude-sonnet-4-5", names);
        Assert.All(names, name => Assert.Contains("sonnet", name, StringComparison.Ordinal));
        Assert.DoesNotContain(names, name => name.EndsWith("-20", StringComparison.Ordinal) || name.Contains('*', StringComparison.Ordinal));
        Assert.False(page.GetProperty("has_more").GetBoolean());
        Assert.Equal((names[0], names[^1]), (page.GetProperty("first_id").GetString(), page.GetProperty("last_id").GetString()));
    }

    private static Task<TestGateway> StartAsync(ScriptedUpstream upstream)
    {
        var upstreams = $$"""{ "upstreams": [ { "id": "u1", "url": "{{upstream.Url}}", "key": "k", "models": ["claude-sonnet-4*", "claude-opus*", "claude-sonnet-5*", "claude-sonnet-unpriced"] } ] }""";
        var tenants = $$"""
            { "tenants": [
                { "id": "alice", "key": "{{TestGateway.Key}}", "allowedModels": ["*SONNET*"], "limits": { "daily": { "maxUSD": 5 } } },
                { "id": "bob", "key": "key-of-bob", "enabled": false } ] }
            """;
        return TestGateway.StartAsync(upstreams, tenants);
    }

    private static async Task AssertRefusedAsync(HttpResponseMessage response, int status, string type, string says)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.Equal(status, (int)response.StatusCode);
        var answer = JsonElement.Parse(text);
        Assert.Equal("error", answer.GetProperty("type").GetString());
        Assert.Equal(type, answer.GetProperty("error").GetProperty("type").GetString());
        Assert.Contains(says, answer.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(response.Headers.GetValues("x-ccgate-request-id").Single(), answer.GetProperty("request_id").GetString());
    }
}
