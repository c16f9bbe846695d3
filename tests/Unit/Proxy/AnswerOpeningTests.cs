using System.IO.Pipelines;
using System.Text;
using CCGate.Proxy.Upstreams;
using CCGate.Proxy.Usage;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy;

public sealed class AnswerOpeningTests : IDisposable
{
    private const string Ping = "event: ping\ndata: {}\n\n";
    private const string Delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"Hi\"}}\n\n";

    private readonly Pipe pipe = new();
    private readonly ManualTimeProvider time = new();
    private readonly AttemptMeter meter = new(new AnthropicUsageReader(), 200, "text/event-stream", null);
    private readonly AnswerOpening opening;

    public AnswerOpeningTests() => opening = new AnswerOpening(pipe.Reader.AsStream(), meter, time);

    public void Dispose()
    {
        opening.Dispose();
        meter.Dispose();
    }

    [Fact]
    public async Task What_came_before_the_first_content_is_held_and_then_given_in_one_piece()
    {
        var holding = opening.HoldAsync(CancellationToken.None);
        await SendAsync(Ping);
        Assert.False(holding.IsCompleted);
        await SendAsync(Delta);

        Assert.Equal(AttemptFailure.None, await holding);
        Assert.Equal(Ping + Delta, await ReadAsync());
        Assert.Equal(time.GetUtcNow(), opening.FirstByteAt);
    }

    [Fact]
    public async Task What_is_held_is_let_go_after_a_while_and_the_read_that_was_waiting_is_not_lost()
    {
        await SendAsync(Ping);
        var holding = opening.HoldAsync(CancellationToken.None);
        await Eventually.HoldsAsync(() => time.Waiting == 1, "it waits for more");
        time.Advance(AnswerOpening.Longest - TimeSpan.FromTicks(1));
        Assert.False(holding.IsCompleted);
        time.Advance(TimeSpan.FromTicks(1));

        Assert.Equal(AttemptFailure.None, await holding);
        Assert.Equal(Ping, await ReadAsync());
        await SendAsync(Delta);
        Assert.Equal(Delta, await ReadAsync());
        await SendAsync(Ping);
        Assert.Equal(Ping, await ReadAsync());
        await pipe.Writer.CompleteAsync();
        Assert.Equal("", await ReadAsync());
    }

    [Fact]
    public async Task While_there_is_nothing_to_let_go_the_wait_goes_on()
    {
        var holding = opening.HoldAsync(CancellationToken.None);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(holding.IsCompleted);
        await pipe.Writer.CompleteAsync();

        Assert.Equal(AttemptFailure.UpstreamTruncated, await holding);
        Assert.Equal("an empty answer", opening.Complaint);
    }

    [Fact]
    public async Task No_more_is_held_than_the_bound()
    {
        var holding = opening.HoldAsync(CancellationToken.None);
        var comment = ":" + new string('x', 10_000) + "\n";
        while (!holding.IsCompleted)
        {
            await SendAsync(comment);
        }

        Assert.Equal(AttemptFailure.None, await holding);
        Assert.InRange(opening.Held, AnswerOpening.MostBytes, AnswerOpening.MostBytes + (16 * 1024));
    }

    [Fact]
    public async Task A_wait_that_is_cancelled_is_not_the_end_of_the_answer()
    {
        using var patience = new CancellationTokenSource();
        var holding = opening.HoldAsync(patience.Token);
        await patience.CancelAsync();

        Assert.Equal(AttemptFailure.UpstreamTimeout, await holding);
    }

    private async Task SendAsync(string text) => await pipe.Writer.WriteAsync(Encoding.UTF8.GetBytes(text));

    private async Task<string> ReadAsync()
    {
        var buffer = new byte[64 * 1024];
        return Encoding.UTF8.GetString(buffer, 0, await opening.ReadAsync(buffer));
    }
}
