using System.Net;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Who is asked, who is left alone, and why.</summary>
public sealed class RoutingTests
{
    [Fact]
    public async Task Keys_take_turns_and_a_refused_one_is_benched_alone()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => KeyOf(http) == "key-two"
            ? AnthropicAnswers.ErrorAsync(http, 401, "authentication_error")
            : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson));
        await using var gateway = await TestGateway.StartAsync(Upstreams($$"""{ "id": "u1", "url": "{{upstream.Url}}", "keys": ["key-one", "key-two", "key-three"] }"""),
            server: $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""");

        for (var i = 0; i < 9; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        var asked = upstream.Received.Select(request => request.Headers["x-api-key"]).ToList();
        Assert.Single(asked, "key-two");
        Assert.InRange(asked.Count(key => key == "key-one"), 3, 6);
        var events = await gateway.EventsAsync(9);
        var retried = Assert.Single(events, completed => completed.Attempts.Count == 2);
        Assert.Equal(401, retried.Attempts[0].StatusCode);
        Assert.Equal("after u1: upstream: status 401, it refused the gateway's key", retried.Attempts[1].Reason);
        var explained = (await gateway.AskAsync($"/api/requests/{retried.RequestId}")).GetProperty("attempts");
        Assert.Equal(retried.Attempts.Select(attempt => attempt.Reason), explained.EnumerateArray().Select(attempt => attempt.GetProperty("reason").GetString()));
    }

    [Fact]
    public async Task An_upstream_that_needs_no_key_takes_over_from_one_that_has_some()
    {
        await using var open = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Upstreams(
            """{ "id": "u1", "url": "http://127.0.0.1:1", "keys": ["key-one", "key-two"], "priority": 1 }""",
            $$"""{ "id": "u2", "url": "{{open.Url}}", "priority": 2 }""",
            balancer: """{ "strategy": "priority" }"""));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(["u1", "u2"], (await gateway.EventAsync()).Attempts.Select(attempt => attempt.UpstreamId));
    }

    [Fact]
    public async Task An_upstream_that_asks_to_be_left_alone_is_and_others_are_not()
    {
        var full = true;
        await using var busy = await ScriptedUpstream.StartAsync(http =>
        {
            http.Response.Headers.RetryAfter = "600";
            return full ? AnthropicAnswers.ErrorAsync(http, 429, "rate_limit_error") : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        });
        await using var other = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(busy.Url, other.Url));

        for (var i = 0; i < 6; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
            Assert.Equal("u2", response.Headers.GetValues("x-ccgate-upstream").Single());
        }

        Assert.Single(busy.Received);
        full = false;
    }

    [Fact]
    public async Task The_only_upstream_is_asked_again_even_when_its_circuit_is_open()
    {
        var broken = true;
        await using var upstream = await ScriptedUpstream.StartAsync(http => broken
            ? AnthropicAnswers.ErrorAsync(http, 500, "api_error")
            : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson));
        await using var gateway = await TestGateway.StartAsync(
            Upstreams($$"""{ "id": "u1", "url": "{{upstream.Url}}", "key": "k", "circuitBreaker": { "failures": 2, "openSeconds": 600, "successes": 1 } }"""));
        for (var i = 0; i < 3; i++)
        {
            using var failed = await gateway.PostAsync(TestGateway.Body(stream: false));
            Assert.Equal(HttpStatusCode.InternalServerError, failed.StatusCode);
        }

        broken = false;
        using var back = await gateway.PostAsync(TestGateway.Body(stream: false));
        Assert.Equal(HttpStatusCode.OK, back.StatusCode);

        var attempts = (await gateway.EventsAsync(4)).OrderBy(completed => completed.AdmittedAt).Select(completed => completed.Attempts.Single().Reason).ToList();
        Assert.Equal("the only one that can take it", attempts[1]);
        Assert.StartsWith("nobody else is left: its circuit is open (2 failures in a row, the last: upstream: status 500", attempts[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_open_circuit_lets_one_request_at_a_time_through_and_refuses_the_others_with_the_reason()
    {
        var hang = new TaskCompletionSource();
        var calls = 0;
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            if (Interlocked.Increment(ref calls) > 1)
            {
                await hang.Task;
            }

            await AnthropicAnswers.ErrorAsync(http, 500, "api_error");
        });
        await using var gateway = await TestGateway.StartAsync(
            Upstreams($$"""{ "id": "u1", "url": "{{upstream.Url}}", "key": "k", "circuitBreaker": { "failures": 1, "openSeconds": 600 } }"""));
        using var first = await gateway.PostAsync(TestGateway.Body(stream: false));

        var probe = gateway.PostAsync(TestGateway.Body(stream: false));
        await Eventually.HoldsAsync(() => upstream.Received.Count == 2, "the upstream is asked");
        using var refused = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 600);
        Assert.Contains("u1: its circuit is open (1 failures in a row, the last: upstream: status 500)", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        hang.SetResult();
        using var second = await probe;
        var events = await gateway.EventsAsync(3);
        Assert.Equal(RequestOutcome.Failed, events.Single(completed => completed.Attempts.Count == 0).Outcome);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(413)]
    [InlineData(422)]
    public async Task What_the_request_itself_caused_opens_no_circuit_and_asks_nobody_else(int status)
    {
        await using var strict = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, status, "invalid_request_error"));
        await using var other = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Upstreams(
            $$"""{ "id": "u1", "url": "{{strict.Url}}", "key": "k", "priority": 1, "circuitBreaker": { "failures": 1 } }""",
            $$"""{ "id": "u2", "url": "{{other.Url}}", "key": "k", "priority": 2 }""",
            balancer: """{ "strategy": "priority" }"""));

        for (var i = 0; i < 3; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
            Assert.Equal(status, (int)response.StatusCode);
        }

        Assert.Equal((3, 0), (strict.Received.Count, other.Received.Count));
    }

    [Fact]
    public async Task A_request_waits_for_a_place_and_is_refused_when_the_queue_is_full()
    {
        var hold = new TaskCompletionSource();
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            await hold.Task;
            await AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        });
        await using var gateway = await TestGateway.StartAsync(
            Upstreams($$"""{ "id": "u1", "url": "{{upstream.Url}}", "key": "k", "maxConcurrent": 1, "queue": { "max": 1, "waitSeconds": 60 } }"""));
        var serving = gateway.PostAsync(TestGateway.Body(stream: false));
        await Eventually.HoldsAsync(() => upstream.Received.Count == 1, "the upstream is asked");

        // One of the two waits, the other finds the queue full.
        var both = new List<Task<HttpResponseMessage>> { gateway.PostAsync(TestGateway.Body(stream: false)), gateway.PostAsync(TestGateway.Body(stream: false)) };
        var refused = await Task.WhenAny(both);
        both.Remove(refused);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await refused).StatusCode);
        Assert.Contains("maxConcurrent 1", await (await refused).Content.ReadAsStringAsync(), StringComparison.Ordinal);

        hold.SetResult();
        Assert.Equal(HttpStatusCode.OK, (await serving).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await both.Single()).StatusCode);
        Assert.Equal(2, upstream.Received.Count);
    }

    [Fact]
    public async Task Another_upstream_with_a_place_takes_what_the_full_one_cannot()
    {
        var hold = new TaskCompletionSource();
        await using var small = await ScriptedUpstream.StartAsync(async http =>
        {
            await hold.Task;
            await AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        });
        await using var other = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Upstreams(
            $$"""{ "id": "u1", "url": "{{small.Url}}", "key": "k", "priority": 1, "maxConcurrent": 1 }""",
            $$"""{ "id": "u2", "url": "{{other.Url}}", "key": "k", "priority": 2 }""",
            balancer: """{ "strategy": "priority" }"""));
        var serving = gateway.PostAsync(TestGateway.Body(stream: false));
        await Eventually.HoldsAsync(() => small.Received.Count == 1, "the upstream is asked");

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal("u2", response.Headers.GetValues("x-ccgate-upstream").Single());
        hold.SetResult();
        using var served = await serving;
    }

    [Fact]
    public async Task Cheapest_asks_the_one_with_the_lowest_multiplier()
    {
        await using var dear = await ScriptedUpstream.StartAsync();
        await using var cheap = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Upstreams(
            $$"""{ "id": "u1", "url": "{{dear.Url}}", "key": "k" }""",
            $$"""{ "id": "u2", "url": "{{cheap.Url}}", "key": "k", "costMultiplier": 0.5 }""",
            balancer: """{ "models": { "claude-*": { "strategy": "cheapest" } } }"""));

        for (var i = 0; i < 3; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        }

        Assert.Equal((0, 3), (dear.Received.Count, cheap.Received.Count));
    }

    [Fact]
    public async Task An_upstream_outside_its_active_hours_is_not_asked()
    {
        await using var night = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Upstreams(
            $$"""{ "id": "u1", "url": "{{night.Url}}", "key": "k", "activeHours": { "from": "00:00", "to": "00:00" } }"""));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("u1: it is used 00:00-00:00 UTC only (activeHours)", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Empty(night.Received);
    }

    private static string KeyOf(HttpContext http) => http.Request.Headers["x-api-key"].ToString();

    private static string Upstreams(string upstream) => Upstreams([upstream], "{}");

    private static string Upstreams(string first, string second, string balancer = "{}") => Upstreams([first, second], balancer);

    private static string Upstreams(string[] upstreams, string balancer) => $$"""{ "upstreams": [ {{string.Join(", ", upstreams)}} ], "loadBalancer": {{balancer}} }""";
}
