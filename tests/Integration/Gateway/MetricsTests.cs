using System.Diagnostics.Metrics;
using System.Net;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What happens to requests shows in the instrument made for it, with the labels that say to whom and why.</summary>
public sealed class MetricsTests
{
    private static readonly (string, string)[] Vector =
        [("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "anthropic"), ("gen_ai.request.model", AnthropicAnswers.VectorModel), ("gen_ai.response.model", AnthropicAnswers.VectorModel)];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_that_is_answered_is_measured_by_the_conventions_and_as_money(bool stream)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => stream ? AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream) : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson));
        await using var gateway = await TestGateway.StartAsync(upstream);
        using var measured = new MeasuredMetrics(gateway.Services);

        (await gateway.PostAsync(TestGateway.Body(stream))).Dispose();
        await measured.SumsToAsync(1, "ccgate.requests", ("tenant", "alice"), ("surface", "anthropic"), ("outcome", "succeeded"));
        await Eventually.HoldsAsync(() => measured.Of("ccgate.gateway.overhead").Count == 1, "the overhead is measured");
        await gateway.SettledAsync();

        Assert.Equal(27737, measured.Sum("gen_ai.client.token.usage", [.. Vector, ("gen_ai.token.type", "input")]));
        Assert.Equal(57, measured.Sum("gen_ai.client.token.usage", [.. Vector, ("gen_ai.token.type", "output")]));
        Assert.Single(measured.Of("gen_ai.client.operation.duration", [.. Vector, ("ccgate.upstream", "u1")]));
        Assert.False(Assert.Single(measured.Of("gen_ai.server.request.duration", Vector)).Labels.ContainsKey("error.type"));
        foreach (var ofStreams in (string[])["gen_ai.client.operation.time_to_first_chunk", "gen_ai.server.time_to_first_token", "gen_ai.server.time_per_output_token"])
        {
            Assert.Equal(stream ? 1 : 0, measured.Of(ofStreams, Vector).Count);
        }

        Assert.Equal((double)AnthropicAnswers.VectorUsd, measured.Sum("ccgate.spend", ("tenant", "alice"), ("gen_ai.request.model", AnthropicAnswers.VectorModel)), 9);
        Assert.Equal((double)AnthropicAnswers.VectorUsd, measured.Sum("ccgate.upstream.spend", ("ccgate.upstream", "u1")), 9);
        Assert.Equal([103, 26358, 1000, 276, 57], ((string[])["input", "cache_read", "cache_write_5m", "cache_write_1h", "output"]).Select(type => measured.Sum("ccgate.tokens", ("tenant", "alice"), ("gen_ai.token.type", type))));
        Assert.Equal(1, measured.Sum("ccgate.attempts", ("ccgate.upstream", "u1"), ("failure", "none")));
        Assert.Equal(1, measured.Sum("ccgate.usage.attempts", ("ccgate.upstream", "u1"), ("state", "known")));
        Assert.Equal((0, 0, 0, 0), (measured.Sum("ccgate.holds.open"), measured.Sum("ccgate.upstream.in_flight"), measured.Sum("ccgate.journal.depth"), measured.Sum("ccgate.requests.over_limit")));
        Assert.Equal(0, measured.Sum("ccgate.journal.oldest_age"));
        Assert.True(measured.Sum("ccgate.publish.events", ("result", "confirmed")) >= 1);
        Assert.NotEmpty(measured.Of("ccgate.publish.duration"));
        Assert.NotEmpty(measured.Of("ccgate.journal.commit.duration"));
    }

    [Fact]
    public async Task A_failover_names_the_upstream_that_was_left_and_opens_its_breaker()
    {
        await using var bad = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, 503, "overloaded_error"));
        await using var good = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync($$"""
            { "upstreams": [
                { "id": "bad", "url": "{{bad.Url}}", "key": "k", "circuitBreaker": { "failures": 1, "openSeconds": 600 } },
                { "id": "good", "url": "{{good.Url}}", "key": "k" } ] }
            """);
        using var measured = new MeasuredMetrics(gateway.Services);

        for (var i = 0; i < 2; i++)
        {
            (await gateway.PostAsync(TestGateway.Body(stream: false, text: $"Conversation {i}"))).Dispose();
        }

        await measured.SumsToAsync(2, "ccgate.requests", ("outcome", "succeeded"));
        Assert.Equal((1, 0), (measured.Sum("ccgate.failovers", ("ccgate.upstream", "bad")), measured.Sum("ccgate.failovers", ("ccgate.upstream", "good"))));
        Assert.Equal(1, measured.Sum("ccgate.attempts", ("ccgate.upstream", "bad"), ("failure", "upstream_error")));
        Assert.Single(measured.Of("gen_ai.client.operation.duration", ("ccgate.upstream", "bad"), ("error.type", "503")));
        Assert.Equal(1, measured.Sum("ccgate.breaker.transitions", ("ccgate.upstream", "bad"), ("state", "open")));
        Assert.Equal((2, 0), (measured.Sum("ccgate.breaker.state", ("ccgate.upstream", "bad")), measured.Sum("ccgate.breaker.state", ("ccgate.upstream", "good"))));
        Assert.Equal(1, measured.Sum("ccgate.usage.attempts", ("ccgate.upstream", "bad"), ("state", "known_zero")));
    }

    [Fact]
    public async Task A_request_that_waits_for_a_place_holds_its_money_and_is_measured_as_waiting()
    {
        var release = new TaskCompletionSource();
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames, frame => frame == 3 ? release.Task : Task.CompletedTask));
        await using var gateway = await TestGateway.StartAsync($$"""{ "upstreams": [ { "id": "u1", "url": "{{upstream.Url}}", "key": "k", "maxConcurrent": 1, "queue": { "max": 5, "waitSeconds": 60 } } ] }""");
        using var measured = new MeasuredMetrics(gateway.Services);

        await gateway.SettledAsync();
        using var first = await gateway.PostAsync(TestGateway.Body(stream: true));
        var second = gateway.PostAsync(TestGateway.Body(stream: true));
        await measured.SumsToAsync(2, "ccgate.holds.open");
        await measured.SumsToAsync(2, "ccgate.journal.depth");

        Assert.Equal(1, measured.Sum("ccgate.upstream.in_flight", ("ccgate.upstream", "u1")));
        Assert.True(measured.Sum("ccgate.holds.amount") > 0);
        Assert.Equal(0, measured.Sum("ccgate.journal.oldest_age"));
        release.SetResult();
        (await second).Dispose();
        await first.Content.ReadAsStringAsync();
        await Eventually.HoldsAsync(() => measured.Of("ccgate.queue.time").Count == 1, "one request waited");
        await measured.SumsToAsync(0, "ccgate.holds.open");
    }

    [Fact]
    public async Task A_client_that_leaves_is_an_outcome_of_its_own()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            await AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames[..2]);
            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        await using var gateway = await TestGateway.StartAsync(upstream);
        using var measured = new MeasuredMetrics(gateway.Services);

        using (var response = await gateway.PostAsync(TestGateway.Body(stream: true)))
        {
            await (await response.Content.ReadAsStreamAsync()).ReadExactlyAsync(new byte[10]);
        }

        await measured.SumsToAsync(1, "ccgate.requests", ("outcome", "client_aborted"));
        Assert.Equal(1, measured.Sum("ccgate.attempts", ("failure", "client_aborted")));
        Assert.Single(measured.Of("gen_ai.server.request.duration", ("error.type", "client_aborted")));
        Assert.Empty(measured.Of("gen_ai.server.time_to_first_token"));
    }

    [Fact]
    public async Task Usage_that_nobody_tells_and_models_without_a_price_are_counted_and_draw_no_shape()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, """{"type":"message","content":[]}"""));
        await using var gateway = await TestGateway.StartAsync(upstream);
        using var measured = new MeasuredMetrics(gateway.Services);

        (await gateway.PostAsync(TestGateway.Body(stream: false, model: "a-model-of-2031"))).Dispose();

        await measured.SumsToAsync(1, "ccgate.usage.attempts", ("state", "unknown"));
        await measured.SumsToAsync(1, "ccgate.requests.unpriced", ("gen_ai.request.model", "a-model-of-2031"));
        Assert.Empty(measured.Of("gen_ai.client.token.usage"));
    }

    [Fact]
    public async Task Refusals_are_counted_by_their_reason_and_are_no_requests()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);
        using var measured = new MeasuredMetrics(gateway.Services);

        using var unknown = await gateway.PostAsync("{}"u8.ToArray(), key: "nobody's");
        using var invalid = await gateway.PostAsync("{");

        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.BadRequest), (unknown.StatusCode, invalid.StatusCode));
        await measured.SumsToAsync(1, "ccgate.refusals", ("reason", "unauthenticated"));
        await measured.SumsToAsync(1, "ccgate.refusals", ("reason", "invalid_request"));
        Assert.Equal((0, 0), (measured.Sum("ccgate.requests"), measured.Of("ccgate.gateway.overhead").Count));
    }

    [Fact]
    public async Task An_upstream_that_is_removed_is_gone_from_the_gauges_and_tenants_are_on_counters_only()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url, "http://127.0.0.1:1"));
        using var measured = new MeasuredMetrics(gateway.Services);
        (await gateway.PostAsync(TestGateway.Body(stream: true))).Dispose();
        await measured.SumsToAsync(1, "ccgate.requests");
        Assert.Equal(2, measured.Of("ccgate.breaker.state").Count);

        gateway.Reload("upstreams.json", TestGateway.Upstreams(upstream.Url));

        Assert.Equal(["u1"], measured.Of("ccgate.breaker.state").Select(one => one.Labels["ccgate.upstream"]));
        Assert.All(measured.All.Where(one => one.Labels.ContainsKey("tenant")), one => Assert.True(one.Instrument is Counter<long> or Counter<double>, one.Instrument.Name));
        Assert.Contains(measured.All, one => one.Labels.ContainsKey("tenant"));
        Assert.Equal(0, Assert.Single(measured.Of("ccgate.requests.over_limit")).Value);
        Assert.Equal(0, Assert.Single(measured.Of("ccgate.holds.expired")).Value);
        Assert.True(measured.Instruments.Count >= 30, string.Join(' ', measured.Instruments.Select(instrument => instrument.Name)));
    }
}
