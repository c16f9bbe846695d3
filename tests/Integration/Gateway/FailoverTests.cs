using System.Net;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>An upstream that fails before the first byte of content is replaced by another; after it, never.</summary>
public sealed class FailoverTests
{
    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(529)]
    public async Task A_failing_upstream_is_replaced_before_the_first_byte(int status)
    {
        await using var bad = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, status, "overloaded_error"));
        await using var good = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(bad.Url, good.Url));

        for (var i = 0; i < 4; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false, text: $"Conversation {i}"));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal("u2", response.Headers.GetValues("x-ccgate-upstream").Single());
        }

        var events = await gateway.EventsAsync(4);
        Assert.All(events, completed => Assert.Equal(AnthropicAnswers.VectorUsd, completed.SpendUsd));
        var retried = events.Where(completed => completed.Attempts.Count == 2).ToList();
        Assert.Equal(status == 429 ? 1 : 2, retried.Count); // A key that has reached its limit is left alone for a moment.
        Assert.All(retried, completed => Assert.Equal((status, UsageState.KnownZero, 0m), (completed.Attempts[0].StatusCode, completed.Attempts[0].UsageState, completed.Attempts[0].SpendUsd)));
    }

    [Fact]
    public async Task An_upstream_that_refuses_connections_is_replaced()
    {
        await using var good = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams("http://127.0.0.1:1", good.Url));

        for (var i = 0; i < 4; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: true));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        Assert.Equal(4, good.Received.Count);
    }

    [Fact]
    public async Task An_upstream_that_does_not_answer_in_time_is_replaced()
    {
        await using var silent = await ScriptedUpstream.StartAsync(http => Task.Delay(Timeout.Infinite, http.RequestAborted));
        await using var good = await ScriptedUpstream.StartAsync();
        var upstreams = $$"""
            { "upstreams": [
                { "id": "silent", "url": "{{silent.Url}}", "key": "k", "timeouts": { "firstByteSeconds": 0.2 } },
                { "id": "good", "url": "{{good.Url}}", "key": "k" } ] }
            """;
        await using var gateway = await TestGateway.StartAsync(upstreams);

        for (var i = 0; i < 2; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
            Assert.Equal("good", response.Headers.GetValues("x-ccgate-upstream").Single());
        }
    }

    [Fact]
    public async Task An_upstream_that_breaks_off_before_the_first_byte_of_its_answer_is_replaced()
    {
        await using var breaking = await ScriptedUpstream.StartAsync(async http =>
        {
            http.Response.Headers["x-of-the-broken"] = "1";
            await http.Response.StartAsync();
            await http.Response.Body.FlushAsync();
            http.Abort();
        });
        await using var good = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(breaking.Url, good.Url));

        for (var i = 0; i < 2; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
            Assert.Equal(AnthropicAnswers.VectorJson, await response.Content.ReadAsStringAsync());
            Assert.False(response.Headers.Contains("x-of-the-broken"));
        }

        Assert.Single(breaking.Received);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(413)]
    public async Task An_error_of_the_request_itself_is_not_tried_elsewhere(int status)
    {
        await using var first = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, status, "invalid_request_error"));
        await using var second = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, status, "invalid_request_error"));
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(first.Url, second.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(1, first.Received.Count + second.Received.Count);
    }

    [Fact]
    public async Task When_all_fail_the_client_gets_the_last_answer_as_it_was()
    {
        await using var first = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, 529, "overloaded_error"));
        await using var second = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, 529, "overloaded_error"));
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(first.Url, second.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(529, (int)response.StatusCode);
        Assert.Contains("said the upstream", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Once_a_byte_reached_the_client_no_other_upstream_is_tried()
    {
        var read = new TaskCompletionSource();
        await using var breaking = await ScriptedUpstream.StartAsync(async http =>
        {
            await AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames[..8]);
            await read.Task;
            http.Abort();
        });
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(breaking.Url, breaking.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));
        await using var stream = await response.Content.ReadAsStreamAsync();
        Assert.NotEqual(0, await stream.ReadAsync(new byte[1]));
        read.SetResult();

        Assert.Contains("event: error\n", await TestGateway.ReadUntilCutAsync(stream), StringComparison.Ordinal);
        Assert.Single(breaking.Received);
        Assert.Single((await gateway.EventAsync()).Attempts);
    }

    [Fact]
    public async Task Requests_are_spread_by_weight_and_a_weight_of_zero_gets_none()
    {
        await using var a = await ScriptedUpstream.StartAsync();
        await using var b = await ScriptedUpstream.StartAsync();
        await using var c = await ScriptedUpstream.StartAsync();
        var upstreams = $$"""
            { "upstreams": [
                { "id": "a", "url": "{{a.Url}}", "key": "k", "weight": 300 },
                { "id": "b", "url": "{{b.Url}}", "key": "k", "weight": 100 },
                { "id": "c", "url": "{{c.Url}}", "key": "k", "weight": 0 } ] }
            """;
        await using var gateway = await TestGateway.StartAsync(upstreams);

        for (var i = 0; i < 40; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false, text: $"Conversation {i}"));
        }

        Assert.Equal((30, 10, 0), (a.Received.Count, b.Received.Count, c.Received.Count));
    }
}
