using System.Net;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>A budget that holds, whatever arrives at the same time.</summary>
public sealed class BudgetTests
{
    // 50 bytes of prompt and 1,000 tokens of answer at the dearest rates of Sonnet 4: see the assertion that the hold is what it should be.
    private const int MaxTokens = 1000;

    [Fact]
    public async Task Of_100_concurrent_requests_those_3_that_fit_are_answered_and_97_refused()
    {
        var hold = await HoldOfOneRequestAsync();
        var release = new TaskCompletionSource();
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            await release.Task;
            await AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        });
        await using var gateway = await TestGateway.StartAsync(upstream, Tenant(hold * 3.5m, "refuse"));

        var requests = Enumerable.Range(0, 100).Select(_ => gateway.PostAsync(TestGateway.Body(stream: false, maxTokens: MaxTokens))).ToList();
        await Eventually.HoldsAsync(() => requests.Count(request => request.IsCompleted) == 97, "97 are refused while 3 are in flight");
        release.SetResult();
        var responses = await Task.WhenAll(requests);

        Assert.Equal(3, responses.Count(response => response.StatusCode == HttpStatusCode.OK));
        Assert.Equal(97, responses.Count(response => response.StatusCode == HttpStatusCode.PaymentRequired));
        Assert.Equal(3, upstream.Received.Count);
        var refused = responses.First(response => response.StatusCode == HttpStatusCode.PaymentRequired);
        Assert.Equal("false", refused.Headers.GetValues("x-should-retry").Single());
        Assert.Equal("tenant alice daily.maxUSD", refused.Headers.GetValues("x-ccgate-limit").Single());
        Assert.True(DateTimeOffset.Parse(refused.Headers.GetValues("x-ccgate-reset").Single(), System.Globalization.CultureInfo.InvariantCulture) > DateTimeOffset.UnixEpoch);
        Assert.Equal("billing_error", JsonElement.Parse(await refused.Content.ReadAsStringAsync()).GetProperty("error").GetProperty("type").GetString());
        Assert.Equal(3 * AnthropicAnswers.VectorUsd, (await gateway.EventsAsync(3)).Sum(completed => completed.SpendUsd));
    }

    [Fact]
    public async Task Under_clamp_the_token_limit_is_lowered_to_what_fits_and_never_more_is_spent_than_the_limit()
    {
        var hold = await HoldOfOneRequestAsync();
        var limit = hold * 1.6m;
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            // An upstream that uses every token it may.
            var asked = JsonElement.Parse(((MemoryStream)http.Items["body"]!).ToArray()).GetProperty("max_tokens").GetInt64();
            await AnthropicAnswers.JsonAsync(http, $$$"""{"type":"message","model":"{{{AnthropicAnswers.VectorModel}}}","content":[],"usage":{"input_tokens":40,"output_tokens":{{{asked}}}}}""");
        });
        await using var gateway = await TestGateway.StartAsync(upstream, Tenant(limit, "clamp", "\"minOutputTokens\": 10"));

        var responses = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => gateway.PostAsync(TestGateway.Body(stream: false, maxTokens: MaxTokens))));

        var answered = responses.Count(response => response.StatusCode == HttpStatusCode.OK);
        Assert.True(answered >= 2, "the first fits whole and the second clamped");
        Assert.Contains(responses, response => response.StatusCode == HttpStatusCode.OK && response.Headers.TryGetValues("x-ccgate-max-tokens", out var lowered) && int.Parse(lowered.Single(), System.Globalization.CultureInfo.InvariantCulture) is >= 10 and < MaxTokens);
        var spent = (await gateway.EventsAsync(answered)).Sum(completed => completed.SpendUsd);
        Assert.InRange(spent, hold / 2, limit);
    }

    [Fact]
    public async Task A_tenant_at_its_limit_is_still_at_its_limit_after_a_restart()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        var tenants = Tenant(AnthropicAnswers.VectorUsd + 0.001m, "refuse");
        DirectoryInfo root;
        await using (var gateway = await TestGateway.StartAsync(upstream, tenants))
        {
            using var first = await gateway.PostAsync(TestGateway.Body(stream: false, maxTokens: 10));
            Assert.Equal(HttpStatusCode.OK, first.StatusCode);
            using var second = await gateway.PostAsync(TestGateway.Body(stream: false, maxTokens: 100));
            Assert.Equal(HttpStatusCode.PaymentRequired, second.StatusCode);
            root = await gateway.StopAsync();
            await using var again = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url), tenants, over: root);
            using var third = await again.PostAsync(TestGateway.Body(stream: false, maxTokens: 100));
            Assert.Equal(HttpStatusCode.PaymentRequired, third.StatusCode);
        }
    }

    [Fact]
    public async Task Headroom_comes_back_after_failures()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, 400, "invalid_request_error"));
        await using var gateway = await TestGateway.StartAsync(upstream, Tenant(await HoldOfOneRequestAsync() * 1.5m, "refuse"));

        for (var i = 0; i < 20; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false, maxTokens: MaxTokens));
            await response.Content.ReadAsStringAsync(); // The answer begins before the hold is given back; its end comes after.
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_budget_refusal_is_429_where_the_operator_says_so()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, Tenant(0m, "clamp"), """{ "limits": { "budgetStatus": 429 } }""");

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        Assert.Equal("false", response.Headers.GetValues("x-should-retry").Single());
    }

    private static string Tenant(decimal limitUsd, string policy, string more = "\"x\": 1") =>
        TestGateway.Tenant(FormattableString.Invariant($"\"holdPolicy\": \"{policy}\", \"limits\": {{ \"daily\": {{ \"maxUSD\": {limitUsd} }} }}, {more}").Replace(", \"x\": 1", "", StringComparison.Ordinal));

    private static async Task<decimal> HoldOfOneRequestAsync()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);
        using var response = await gateway.PostAsync(TestGateway.Body(stream: false, maxTokens: MaxTokens));
        var held = (await gateway.EventAsync()).HeldUsd;

        // 15 USD a million tokens of answer, 6 a million of the dearest input class, two bytes a token.
        var prompt = (TestGateway.Body(stream: false, maxTokens: MaxTokens).Length + 1) / 2;
        Assert.Equal(((MaxTokens * 15m) + (prompt * 6m)) / 1_000_000m, held);
        return held;
    }
}
