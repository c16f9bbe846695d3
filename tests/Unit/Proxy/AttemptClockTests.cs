using CCGate.Hosting.Configuration;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>The first byte, silence and the whole attempt each have their own limit.</summary>
public sealed class AttemptClockTests
{
    private readonly ManualTimeProvider time = new();

    [Fact]
    public void The_first_byte_may_take_as_long_as_its_own_limit_says_whatever_idle_is()
    {
        using var clock = Clock(firstByte: 100, idle: 10);

        time.Advance(TimeSpan.FromSeconds(99));
        Assert.False(clock.Token.IsCancellationRequested);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal((true, "timeouts.firstByteSeconds"), (clock.Token.IsCancellationRequested, clock.Exceeded));
    }

    [Fact]
    public void After_the_first_byte_silence_ends_at_its_own_limit_whatever_the_first_byte_had()
    {
        using var clock = Clock(firstByte: 100, idle: 10);
        time.Advance(TimeSpan.FromSeconds(1));
        clock.Begin();
        for (var read = 0; read < 50; read++)
        {
            clock.BeginRead();
            time.Advance(TimeSpan.FromSeconds(7));
            clock.EndRead();
        }

        clock.BeginRead();
        time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(clock.Token.IsCancellationRequested);
        time.Advance(TimeSpan.FromSeconds(0.2));

        Assert.Equal((true, "timeouts.idleSeconds"), (clock.Token.IsCancellationRequested, clock.Exceeded));
    }

    [Fact]
    public void Idle_may_be_longer_than_the_first_byte()
    {
        using var clock = Clock(firstByte: 1, idle: 100);
        clock.Begin();
        clock.BeginRead();

        time.Advance(TimeSpan.FromSeconds(99));

        Assert.False(clock.Token.IsCancellationRequested);
    }

    [Fact]
    public void A_client_that_takes_its_time_is_not_the_upstreams_silence()
    {
        using var clock = Clock(firstByte: 100, idle: 10);
        clock.Begin();
        clock.BeginRead();
        clock.EndRead();

        time.Advance(TimeSpan.FromMinutes(10));

        Assert.False(clock.Token.IsCancellationRequested);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_whole_attempt_ends_however_busy_it_is(bool hasBegun)
    {
        using var clock = Clock(firstByte: 100, idle: 100, total: 30);
        if (hasBegun)
        {
            clock.Begin();
        }

        time.Advance(TimeSpan.FromSeconds(29));
        Assert.False(clock.Token.IsCancellationRequested);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal((true, "timeouts.totalSeconds"), (clock.Token.IsCancellationRequested, clock.Exceeded));
    }

    [Fact]
    public void An_attempt_that_is_over_leaves_no_timer()
    {
        using (Clock(firstByte: 1, idle: 1, total: 1))
        {
            Assert.Equal(1, time.Waiting);
        }

        Assert.Equal(0, time.Waiting);
    }

    private AttemptClock Clock(double firstByte, double idle, double? total = null)
    {
        var limits = new UpstreamConfig
        {
            Id = "u",
            FirstByteTimeout = TimeSpan.FromSeconds(firstByte),
            IdleTimeout = TimeSpan.FromSeconds(idle),
            TotalTimeout = total is null ? null : TimeSpan.FromSeconds(total.Value),
        };
        return new AttemptClock(limits, time);
    }
}
