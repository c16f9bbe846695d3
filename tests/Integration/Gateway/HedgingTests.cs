using System.Net;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What becomes of a request, and of its bill, when a second upstream is asked because the first is slow.</summary>
public sealed class HedgingTests
{
    private const string SomeTokens = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"" + AnthropicAnswers.VectorModel + "\",\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_second_upstream_answers_when_the_first_has_not_begun_to_and_both_are_on_the_bill(bool stream)
    {
        var stopped = new TaskCompletionSource();
        await using var slow = await ScriptedUpstream.StartAsync(async http =>
        {
            using var cut = http.RequestAborted.Register(stopped.SetResult);
            await stopped.Task;
        });
        await using var quick = await ScriptedUpstream.StartAsync(http => stream
            ? AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream)
            : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson));
        await using var gateway = await TestGateway.StartAsync(Hedged(slow.Url, quick.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream));
        var answer = await response.Content.ReadAsStringAsync();

        Assert.Equal((HttpStatusCode.OK, "u2"), (response.StatusCode, response.Headers.GetValues("x-ccgate-upstream").Single()));
        Assert.Equal(stream ? AnthropicAnswers.VectorStream : AnthropicAnswers.VectorJson, answer);
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(30));
        var completed = await gateway.EventAsync();
        Assert.Equal(RequestOutcome.Succeeded, completed.Outcome);
        Assert.Equal(["u1", "u2"], completed.Attempts.Select(attempt => attempt.UpstreamId));
        Assert.Equal([1, 2], completed.Attempts.Select(attempt => attempt.Number));
        var (loser, winner) = (completed.Attempts[0], completed.Attempts[1]);
        Assert.Equal(("gateway: another upstream answered first", UsageState.Estimated), (loser.Failure, loser.UsageState));
        Assert.True(loser.Usage.InputTokens > 0 && loser.SpendUsd > 0, "the prompt was read");
        Assert.Equal("after u1 had not begun to answer in 50 ms", winner.Reason);
        Assert.Equal((UsageState.Known, AnthropicAnswers.VectorUsd), (winner.UsageState, winner.SpendUsd));
        Assert.Equal(loser.SpendUsd + winner.SpendUsd, completed.SpendUsd);
    }

    [Fact]
    public async Task The_first_upstream_wins_when_it_begins_to_answer_before_the_second()
    {
        var second = new TaskCompletionSource();
        var stopped = new TaskCompletionSource();
        await using var first = await ScriptedUpstream.StartAsync(async http =>
        {
            await second.Task;
            await AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream);
        });
        await using var late = await ScriptedUpstream.StartAsync(async http =>
        {
            // What it had said of its usage is what it is billed by.
            using var cut = http.RequestAborted.Register(stopped.SetResult);
            http.Response.ContentType = "text/event-stream";
            await http.Response.WriteAsync(SomeTokens);
            await http.Response.Body.FlushAsync();
            second.SetResult();
            await stopped.Task;
        });
        await using var gateway = await TestGateway.StartAsync(Hedged(first.Url, late.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));

        Assert.Equal(AnthropicAnswers.VectorStream, await response.Content.ReadAsStringAsync());
        Assert.Equal("u1", response.Headers.GetValues("x-ccgate-upstream").Single());
        var completed = await gateway.EventAsync();
        Assert.Equal([("u2", false), ("u1", true)], completed.Attempts.Select(attempt => (attempt.UpstreamId, attempt.Failure is null)));
        Assert.True(completed.Attempts[0].SpendUsd > 0, "the loser is metered");
        Assert.Equal(AnthropicAnswers.VectorUsd, completed.Attempts[1].SpendUsd);
    }

    [Fact]
    public async Task An_upstream_that_answers_in_time_is_asked_alone()
    {
        await using var first = await ScriptedUpstream.StartAsync();
        await using var second = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Hedged(first.Url, second.Url, afterMs: 60_000));

        for (var i = 0; i < 3; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
            Assert.Equal(AnthropicAnswers.VectorJson, await response.Content.ReadAsStringAsync());
        }

        Assert.Empty(second.Received);
    }

    [Fact]
    public async Task A_first_upstream_that_fails_meanwhile_leaves_the_answer_to_the_second()
    {
        var asked = new TaskCompletionSource();
        var failed = new TaskCompletionSource();
        await using var first = await ScriptedUpstream.StartAsync(async http =>
        {
            await asked.Task;
            http.Response.StatusCode = 529;
            http.Response.OnCompleted(() =>
            {
                failed.SetResult();
                return Task.CompletedTask;
            });
        });
        await using var second = await ScriptedUpstream.StartAsync(async http =>
        {
            asked.SetResult();
            await failed.Task;
            await AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        });
        await using var gateway = await TestGateway.StartAsync(Hedged(first.Url, second.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(AnthropicAnswers.VectorJson, await response.Content.ReadAsStringAsync());
        var completed = await gateway.EventAsync();
        Assert.Equal([529, 200], completed.Attempts.Select(attempt => attempt.StatusCode));
        Assert.Equal(AnthropicAnswers.VectorUsd, completed.SpendUsd);
    }

    [Fact]
    public async Task When_both_fail_the_next_one_is_asked()
    {
        var asked = new TaskCompletionSource();
        await using var first = await ScriptedUpstream.StartAsync(async http =>
        {
            await asked.Task;
            http.Response.StatusCode = 500;
        });
        await using var second = await ScriptedUpstream.StartAsync(http =>
        {
            asked.SetResult();
            http.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        await using var third = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Hedged(first.Url, second.Url, third.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(AnthropicAnswers.VectorJson, await response.Content.ReadAsStringAsync());
        Assert.Equal([500, 503, 200], (await gateway.EventAsync()).Attempts.Select(attempt => attempt.StatusCode!.Value).OrderBy(status => status == 200).ThenBy(status => status));
    }

    [Fact]
    public async Task A_client_that_leaves_both_stops_both_and_pays_for_both_prompts()
    {
        var both = new CountdownEvent(2);
        var stopped = new CountdownEvent(2);
        async Task Hang(HttpContext http)
        {
            var left = new TaskCompletionSource();
            using var cut = http.RequestAborted.Register(left.SetResult);
            both.Signal();
            await left.Task;
            stopped.Signal();
        }

        await using var first = await ScriptedUpstream.StartAsync(Hang);
        await using var second = await ScriptedUpstream.StartAsync(Hang);
        await using var gateway = await TestGateway.StartAsync(Hedged(first.Url, second.Url));
        using var patience = new CancellationTokenSource();

        var answer = gateway.PostAsync(TestGateway.Body(stream: true), cancellationToken: patience.Token);
        await Eventually.HoldsAsync(() => both.IsSet, "both are asked");
        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        await Eventually.HoldsAsync(() => stopped.IsSet, "both are stopped");
        var completed = await gateway.EventAsync();
        Assert.Equal(RequestOutcome.ClientAborted, completed.Outcome);
        Assert.Equal(2, completed.Attempts.Count(attempt => attempt is { Failure: "client: left", SpendUsd: > 0 }));
    }

    [Fact]
    public async Task A_loser_is_not_blamed_and_gives_its_place_back()
    {
        await using var slow = await ScriptedUpstream.StartAsync(async http =>
        {
            var left = new TaskCompletionSource();
            using var cut = http.RequestAborted.Register(left.SetResult);
            await left.Task;
        });
        await using var quick = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(
            Hedged(slow.Url, quick.Url), server: $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""");

        for (var i = 0; i < 6; i++)
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false, text: $"conversation {i}"));
            Assert.Equal(AnthropicAnswers.VectorJson, await response.Content.ReadAsStringAsync());
        }

        await gateway.EventsAsync(6);
        var first = (await gateway.AskAsync("/api/upstreams")).GetProperty("upstreams").EnumerateArray().First();
        Assert.Equal((0, "closed"), (first.GetProperty("inFlight").GetInt32(), first.GetProperty("circuit").GetProperty("state").GetString()));
        Assert.Equal(6, slow.Received.Count);
    }

    private static string Hedged(params string[] urls) => Hedged(50, urls);

    private static string Hedged(string first, string second, int afterMs) => Hedged(afterMs, first, second);

    private static string Hedged(int afterMs, params string[] urls)
    {
        var upstreams = urls.Select((url, index) => $$"""{ "id": "u{{index + 1}}", "url": "{{url}}", "key": "upstream-secret", "priority": {{index}} }""");
        return $$"""{ "upstreams": [ {{string.Join(", ", upstreams)}} ], "loadBalancer": { "strategy": "priority", "stickySessions": false, "hedgeAfterMs": {{afterMs}} } }""";
    }
}
