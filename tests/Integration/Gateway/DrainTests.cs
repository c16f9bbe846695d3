using System.Text;
using CCGate.Contracts;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>A client that leaves does not cancel the debt; under <c>drain</c> the upstream says what it is.</summary>
public sealed class DrainTests
{
    private static readonly string Draining = TestGateway.Tenant("\"abort\": \"drain\", \"limits\": { \"daily\": { \"maxUSD\": 1 } }");

    private static int BytesOf(int frames) => Encoding.UTF8.GetByteCount(string.Concat(AnthropicAnswers.VectorFrames[..frames]));

    [Fact]
    public async Task A_client_that_leaves_in_the_middle_pays_exactly_what_the_upstream_reports_at_the_end()
    {
        var goOn = new TaskCompletionSource();
        var isStopped = false;
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            http.RequestAborted.Register(() => isStopped = true);
            await AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames, index => index < 8 ? Task.CompletedTask : goOn.Task);
        });
        await using var gateway = await TestGateway.StartAsync(upstream, Draining);

        await LeaveAsync(gateway, afterFrames: 8);
        await Eventually.HoldsAsync(() => gateway.Services.GetRequiredService<Drains>().Running == 1, "the drain runs");
        goOn.SetResult();

        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.ClientAborted, "drain", UsageState.Known), (completed.Outcome, completed.Abort, completed.Attempts.Single().UsageState));
        Assert.Equal(AnthropicAnswers.VectorUsd, completed.SpendUsd);
        Assert.Null(completed.Attempts.Single().Failure);
        Assert.False(isStopped);
        Assert.Equal(0, gateway.Services.GetRequiredService<Drains>().Running);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_leaves_before_the_first_byte_pays_exactly_too(bool stream)
    {
        var (asked, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            asked.SetResult();
            await goOn.Task;
            await (stream ? AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream) : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson));
        });
        await using var gateway = await TestGateway.StartAsync(upstream, Draining);
        using var leaving = new CancellationTokenSource();

        var request = gateway.PostAsync(TestGateway.Body(stream), cancellationToken: leaving.Token);
        await asked.Task;
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        await Eventually.HoldsAsync(() => gateway.Services.GetRequiredService<Drains>().Running == 1, "the drain runs");
        goOn.SetResult();

        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.ClientAborted, "drain", AnthropicAnswers.VectorUsd), (completed.Outcome, completed.Abort, completed.SpendUsd));
    }

    [Fact]
    public async Task More_leave_than_may_be_drained_and_the_rest_is_cancelled_and_estimated()
    {
        var (goOn, stopped) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            http.RequestAborted.Register(() => stopped.TrySetResult());
            await AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames, index => index < 8 ? Task.CompletedTask : goOn.Task.WaitAsync(http.RequestAborted));
        });
        await using var gateway = await TestGateway.StartAsync(upstream, Draining);
        var drains = gateway.Services.GetRequiredService<Drains>();
        for (var taken = 1; taken < Drains.Most; taken++)
        {
            Assert.True(drains.TryBegin());
        }

        await LeaveAsync(gateway, afterFrames: 8);
        await Eventually.HoldsAsync(() => drains.Running == Drains.Most, "the last place is taken");
        await LeaveAsync(gateway, afterFrames: 8);
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(30));

        var cancelled = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.ClientAborted, "cancel", UsageState.Estimated), (cancelled.Outcome, cancelled.Abort, cancelled.Attempts.Single().UsageState));
        goOn.SetResult();
        var drained = (await gateway.EventsAsync(2)).Single(completed => completed.RequestId != cancelled.RequestId);
        Assert.Equal(("drain", AnthropicAnswers.VectorUsd), (drained.Abort, drained.SpendUsd));
        await Eventually.HoldsAsync(() => drains.Running == Drains.Most - 1, "the place is free again");
    }

    [Fact]
    public async Task An_upstream_that_breaks_off_while_it_is_drained_is_not_mistaken_for_the_client()
    {
        var breakOff = new TaskCompletionSource();
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            await AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames[..8]);
            await breakOff.Task;
            http.Abort();
        });
        await using var gateway = await TestGateway.StartAsync(upstream, Draining);

        await LeaveAsync(gateway, afterFrames: 8);
        await Eventually.HoldsAsync(() => gateway.Services.GetRequiredService<Drains>().Running == 1, "the drain runs");
        breakOff.SetResult();

        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.UpstreamTruncated, "drain", UsageState.Estimated), (completed.Outcome, completed.Abort, completed.Attempts.Single().UsageState));
    }

    [Fact]
    public async Task A_client_that_stays_has_its_answer_and_nothing_is_drained()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream));
        await using var gateway = await TestGateway.StartAsync(upstream, server: """{ "abort": "drain" }""");

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));

        Assert.Equal(AnthropicAnswers.VectorStream, await response.Content.ReadAsStringAsync());
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.Succeeded, null, AnthropicAnswers.VectorUsd), (completed.Outcome, completed.Abort, completed.SpendUsd));
    }

    [Fact]
    public async Task An_answer_that_breaks_off_ends_with_an_error_event_for_a_client_that_stayed()
    {
        var read = new TaskCompletionSource();
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            await AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames[..8]);
            await read.Task;
            http.Abort();
        });
        await using var gateway = await TestGateway.StartAsync(upstream, Draining);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));
        await using var stream = await response.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[BytesOf(frames: 8)]);
        read.SetResult();

        Assert.StartsWith("event: error\n", await TestGateway.ReadUntilCutAsync(stream), StringComparison.Ordinal);
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.UpstreamTruncated, null), (completed.Outcome, completed.Abort));
    }

    [Fact]
    public async Task Stopping_waits_for_what_is_drained()
    {
        var goOn = new TaskCompletionSource();
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
            AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames, index => index < 8 ? Task.CompletedTask : goOn.Task));
        var root = Directory.CreateTempSubdirectory("ccgate-test-");
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url), Draining, over: root);
        await LeaveAsync(gateway, afterFrames: 8);
        await Eventually.HoldsAsync(() => gateway.Services.GetRequiredService<Drains>().Running == 1, "the drain runs");

        var stopping = gateway.StopAsync();
        Assert.False(stopping.IsCompleted);
        goOn.SetResult();
        await stopping;

        await using var next = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url), Draining, over: root);
        Assert.Equal(("drain", AnthropicAnswers.VectorUsd), ((await next.EventAsync()).Abort, (await next.EventAsync()).SpendUsd));
    }

    private static async Task LeaveAsync(TestGateway gateway, int afterFrames)
    {
        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));
        await using var stream = await response.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[BytesOf(afterFrames)]);
    }
}
