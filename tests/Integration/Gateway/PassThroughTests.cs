using System.Net;
using System.Text;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What goes through the gateway comes out as it went in, both ways.</summary>
public sealed class PassThroughTests
{
    [Theory]
    [InlineData("/v1/messages")]
    [InlineData("/anthropic/v1/messages")]
    public async Task The_body_reaches_the_upstream_byte_for_byte(string path)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);
        var body = Encoding.UTF8.GetBytes("{ \"max_tokens\" : 5,\r\n\t\"messages\":[{\"role\":\"system\",\"content\":\"\\u4e16 世界 🌍\"}],  \"x_unknown\":[1.0,1e3], \"model\":\"claude-sonnet-4-5\" }\n");

        using var response = await gateway.PostAsync(body, path + "?beta=true");

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var received = Assert.Single(upstream.Received);
        Assert.Equal(body, received.Body);
        Assert.Equal(("/v1/messages", "?beta=true"), (received.Path, received.Query));
    }

    [Fact]
    public async Task The_answer_reaches_the_client_byte_for_byte_with_its_headers()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
        {
            http.Response.Headers["anthropic-ratelimit-tokens-remaining"] = "12";
            http.Response.Headers["retry-after"] = "7";
            return AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream);
        });
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));

        Assert.Equal(AnthropicAnswers.VectorStream, await response.Content.ReadAsStringAsync());
        Assert.Equal("req_upstream", response.Headers.GetValues("request-id").Single());
        Assert.Equal("12", response.Headers.GetValues("anthropic-ratelimit-tokens-remaining").Single());
        Assert.Equal("7", response.Headers.GetValues("retry-after").Single());
        Assert.Equal("u1", response.Headers.GetValues("x-ccgate-upstream").Single());
        Assert.True(Guid.TryParse(response.Headers.GetValues("x-ccgate-request-id").Single(), out _));
    }

    [Fact]
    public async Task Every_frame_leaves_before_the_next_one_arrives()
    {
        using var seen = new SemaphoreSlim(1);
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames, _ => seen.WaitAsync(http.RequestAborted)));
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));
        await using var stream = await response.Content.ReadAsStreamAsync();
        foreach (var frame in AnthropicAnswers.VectorFrames)
        {
            // The upstream writes the next frame only after this one was read here: a gateway that buffers would wait for ever.
            var bytes = new byte[Encoding.UTF8.GetByteCount(frame)];
            await stream.ReadExactlyAsync(bytes).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
            Assert.Equal(frame, Encoding.UTF8.GetString(bytes));
            seen.Release();
        }
    }

    [Fact]
    public async Task Betas_and_client_headers_are_forwarded_and_credentials_are_not()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(TestGateway.Body(stream: false)), $"/v1/messages?beta=true&key={TestGateway.Key}&x=%20y", headers: headers =>
        {
            headers.Add("anthropic-beta", "claude-code-20250219,interleaved-thinking-2025-05-14");
            headers.Add("X-Stainless-Lang", "js");
            headers.TryAddWithoutValidation("Authorization", $"Bearer {TestGateway.Key}");
            headers.TryAddWithoutValidation("x-goog-api-key", TestGateway.Key);
        });

        var received = Assert.Single(upstream.Received);
        Assert.Equal("claude-code-20250219,interleaved-thinking-2025-05-14", received.Headers["anthropic-beta"]);
        Assert.Equal("js", received.Headers["X-Stainless-Lang"]);
        Assert.Equal("?beta=true&x=%20y", received.Query);
        Assert.Equal("upstream-secret-1", received.Headers["x-api-key"]);
        Assert.Equal("Bearer upstream-secret-1", received.Headers["Authorization"]);
        Assert.DoesNotContain(received.Headers, header => header.Value.Contains(TestGateway.Key, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Header_values_that_are_not_ASCII_pass_both_ways()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
        {
            http.Response.Headers["x-note"] = "Grüße, 世界";
            return AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        });
        await using var gateway = await TestGateway.StartAsync(upstream);
        using var handler = new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8, ResponseHeaderEncodingSelector = (_, _) => Encoding.UTF8 };
        using var client = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Post, gateway.Url + "/v1/messages") { Content = new StringContent(TestGateway.Body(stream: false)) };
        request.Headers.Add("x-api-key", TestGateway.Key);
        request.Headers.TryAddWithoutValidation("x-user", "Zoë 世界");

        using var response = await client.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("Zoë 世界", Assert.Single(upstream.Received).Headers["x-user"]);
        Assert.Equal("Grüße, 世界", response.Headers.GetValues("x-note").Single());
    }

    [Fact]
    public async Task The_gateway_s_own_headers_are_not_mixed_with_those_of_a_gateway_behind_it()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
        {
            http.Response.Headers["x-ccgate-request-id"] = "of the other";
            http.Response.Headers["x-ccgate-max-tokens"] = "7";
            return AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        });
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal((await gateway.EventAsync()).RequestId.ToString(), response.Headers.GetValues("x-ccgate-request-id").Single());
        Assert.False(response.Headers.Contains("x-ccgate-max-tokens"));
    }

    [Fact]
    public async Task The_upstream_is_not_asked_whether_it_wants_a_body_that_is_here_already()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(TestGateway.Body(stream: false)), headers: headers => headers.ExpectContinue = true);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.DoesNotContain("Expect", Assert.Single(upstream.Received).Headers.Keys);
    }

    [Theory]
    [InlineData("gzip, deflate, br, zstd", "gzip, deflate, br")]
    [InlineData("gzip,BR", "gzip,BR")]
    [InlineData("zstd", "identity")]
    public async Task An_encoding_that_cannot_be_metered_is_not_asked_for(string accepted, string forwarded)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(TestGateway.Body(stream: false)), headers: headers => headers.TryAddWithoutValidation("Accept-Encoding", accepted));

        Assert.Equal(forwarded, Assert.Single(upstream.Received).Headers["Accept-Encoding"]);
    }

    [Fact]
    public async Task A_mapped_model_is_the_only_change_in_the_body()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        var upstreams = $$"""{ "upstreams": [ { "id": "u1", "url": "{{upstream.Url}}/prefix", "key": "k", "modelMapping": { "claude-sonnet-4-5": "mirror/sonnet \"4.5\"" } } ] }""";
        await using var gateway = await TestGateway.StartAsync(upstreams);

        using var response = await gateway.PostAsync("""{"max_tokens":9, "model" : "claude-sonnet-4-5" ,"messages":[]}""");

        var received = Assert.Single(upstream.Received);
        Assert.Equal("/prefix/v1/messages", received.Path);
        Assert.Equal("""{"max_tokens":9, "model" : "mirror/sonnet \u00224.5\u0022" ,"messages":[]}""", received.Text);
    }

    [Fact]
    public async Task A_body_of_32_megabytes_passes_and_one_byte_more_does_not()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);
        const int Limit = 32 * 1024 * 1024;
        var frame = TestGateway.Body(stream: false, text: "").Length;

        using var fits = await gateway.PostAsync(TestGateway.Body(stream: false, text: new string('x', Limit - frame)));
        using var over = await gateway.PostAsync(TestGateway.Body(stream: false, text: new string('x', Limit - frame + 1)));

        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, over.StatusCode);
        Assert.Equal(Limit, Assert.Single(upstream.Received).Body.Length);
    }

    [Fact]
    public async Task Token_counting_is_forwarded_and_neither_recorded_nor_held()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, """{"input_tokens":14}"""));
        await using var gateway = await TestGateway.StartAsync(upstream, TestGateway.Tenant("\"limits\": { \"daily\": { \"maxUSD\": 0 } }"));

        using var response = await gateway.PostAsync("""{"model":"claude-sonnet-4-5","messages":[]}""", "/v1/messages/count_tokens?beta=true");

        Assert.Equal("""{"input_tokens":14}""", await response.Content.ReadAsStringAsync());
        Assert.Equal(("/v1/messages/count_tokens", "?beta=true"), upstream.Received.Select(received => (received.Path, received.Query)).Single());
        await gateway.SettledAsync();
        Assert.Empty(await gateway.EventsAsync(0));
    }

    [Theory]
    [InlineData("HEAD", "/")]
    [InlineData("HEAD", "/api/hello")]
    [InlineData("GET", "/anthropic/api/hello")]
    public async Task Clients_that_probe_without_a_key_are_answered(string method, string path)
    {
        await using var gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""");

        using var response = await gateway.Http.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }
}
