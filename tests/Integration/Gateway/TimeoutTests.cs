using System.Diagnostics;
using System.Net;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Each timeout ends what it is for, and the event names it.</summary>
public sealed class TimeoutTests
{
    private static readonly TimeSpan SoonerThanTheOther = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task An_answer_that_falls_silent_ends_at_its_idle_timeout_even_when_the_first_byte_may_take_longer()
    {
        await using var silent = await ScriptedUpstream.StartAsync(BeginAsync);
        await using var gateway = await StartAsync(silent, "\"firstByteSeconds\": 60, \"idleSeconds\": 0.3");

        var (completed, took) = await CutOffAsync(gateway);

        Assert.Equal(RequestOutcome.UpstreamTruncated, completed.Outcome);
        Assert.Equal("upstream: fell silent (timeouts.idleSeconds)", Assert.Single(completed.Attempts).Failure);
        Assert.True(took < SoonerThanTheOther, $"took {took}");
    }

    [Fact]
    public async Task An_answer_that_goes_on_is_truncated_by_the_total_timeout()
    {
        await using var endless = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.FramesAsync(
            http, Enumerable.Repeat(AnthropicAnswers.VectorFrames[4], 3_000).Prepend(AnthropicAnswers.VectorFrames[0]),
            _ => Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, http.RequestAborted)));
        await using var gateway = await StartAsync(endless, "\"totalSeconds\": 0.5");

        var (completed, took) = await CutOffAsync(gateway);

        Assert.Equal(RequestOutcome.UpstreamTruncated, completed.Outcome);
        Assert.Equal("upstream: took too long (timeouts.totalSeconds)", Assert.Single(completed.Attempts).Failure);
        Assert.True(took < SoonerThanTheOther, $"took {took}");
    }

    [Theory]
    [InlineData("\"totalSeconds\": 0.3", "totalSeconds", false)]
    [InlineData("\"totalSeconds\": 0.3", "totalSeconds", true)]
    [InlineData("\"firstByteSeconds\": 0.3", "firstByteSeconds", false)]
    [InlineData("\"firstByteSeconds\": 0.3", "firstByteSeconds", true)]
    public async Task No_byte_in_time_is_a_timeout_whether_or_not_there_were_headers(string timeouts, string setting, bool sendsHeaders)
    {
        await using var silent = await ScriptedUpstream.StartAsync(async http =>
        {
            if (sendsHeaders)
            {
                http.Response.ContentType = "text/event-stream";
                await http.Response.Body.FlushAsync();
            }

            await Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        await using var gateway = await StartAsync(silent, timeouts);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal($"upstream: no answer in time (timeouts.{setting})", Assert.Single((await gateway.EventAsync()).Attempts).Failure);
    }

    private static Task<TestGateway> StartAsync(ScriptedUpstream upstream, string timeouts) =>
        TestGateway.StartAsync($$"""{ "upstreams": [ { "id": "u", "url": "{{upstream.Url}}", "key": "k", "timeouts": { {{timeouts}} } } ] }""");

    private static async Task BeginAsync(HttpContext http)
    {
        await AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames[..1]);
        await Task.Delay(Timeout.Infinite, http.RequestAborted);
    }

    private static async Task<(RequestCompleted Completed, TimeSpan Took)> CutOffAsync(TestGateway gateway)
    {
        var started = Stopwatch.GetTimestamp();
        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains("event: error", await TestGateway.ReadUntilCutAsync(await response.Content.ReadAsStreamAsync()), StringComparison.Ordinal);
        return (await gateway.EventAsync(), Stopwatch.GetElapsedTime(started));
    }
}
