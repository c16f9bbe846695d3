using CCGate.Hosting.Configuration;
using CCGate.Proxy.Translation;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>Headers between two protocols.</summary>
public sealed class TranslatedHeadersTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void An_OpenAI_client_finds_an_Anthropic_upstream_s_limits_and_id_under_its_own_names()
    {
        var headers = new HeaderDictionary
        {
            ["request-id"] = "req_1",
            ["anthropic-ratelimit-requests-limit"] = "50",
            ["anthropic-ratelimit-tokens-remaining"] = "7000",
            ["anthropic-ratelimit-tokens-reset"] = "2026-11-21T12:01:30Z",
            ["Content-Length"] = "17",
        };

        TranslatedHeaders.WriteAnswer(headers, UpstreamKind.OpenAi, Now);

        Assert.Equal(
            ("req_1", "50", "7000", "90s"),
            (headers["x-request-id"].ToString(), headers["x-ratelimit-limit-requests"].ToString(), headers["x-ratelimit-remaining-tokens"].ToString(), headers["x-ratelimit-reset-tokens"].ToString()));
        Assert.False(headers.ContainsKey("Content-Length"));
    }

    [Theory]
    [InlineData("1s", "2026-11-21T12:00:01Z")]
    [InlineData("6m0s", "2026-11-21T12:06:00Z")]
    [InlineData("1h2m3.5s", "2026-11-21T13:02:03Z")]
    [InlineData("20ms", "2026-11-21T12:00:00Z")]
    [InlineData("soon", null)]
    [InlineData("5", null)]
    [InlineData("s", null)]
    public void An_Anthropic_client_finds_an_OpenAI_upstream_s_reset_as_an_instant(string reset, string? expected)
    {
        var headers = new HeaderDictionary { ["x-request-id"] = "req_1", ["x-ratelimit-limit-tokens"] = "100", ["x-ratelimit-reset-tokens"] = reset };

        TranslatedHeaders.WriteAnswer(headers, UpstreamKind.Anthropic, Now);

        Assert.Equal(("req_1", "100"), (headers["request-id"].ToString(), headers["anthropic-ratelimit-tokens-limit"].ToString()));
        Assert.Equal(expected, headers.TryGetValue("anthropic-ratelimit-tokens-reset", out var at) ? at.ToString() : null);
    }

    [Fact]
    public void What_tells_how_to_read_a_client_s_request_stays_here()
    {
        using var request = new HttpRequestMessage();
        foreach (var name in (string[])["anthropic-beta", "anthropic-version", "x-stainless-lang", "openai-organization", "x-goog-api-client", "traceparent"])
        {
            request.Headers.TryAddWithoutValidation(name, "1");
        }

        TranslatedHeaders.WriteRequest(request.Headers, UpstreamKind.OpenAi);
        Assert.Equal(["traceparent"], request.Headers.Select(header => header.Key));

        TranslatedHeaders.WriteRequest(request.Headers, UpstreamKind.Anthropic);
        Assert.Equal("2023-06-01", request.Headers.GetValues("anthropic-version").Single());
    }
}
