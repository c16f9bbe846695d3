using CCGate.Hosting.Configuration;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy.Upstreams;

public sealed class CircuitBreakerTests
{
    private static readonly CircuitBreakerConfig Config = new() { Failures = 3, Open = TimeSpan.FromSeconds(60), Successes = 2 };

    private readonly ManualTimeProvider time = new(new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero));
    private readonly CircuitBreaker breaker;

    public CircuitBreakerTests() => breaker = new CircuitBreaker(time);

    [Fact]
    public void So_many_failures_in_a_row_open_it()
    {
        Fail(2);
        breaker.Succeeded(Config, wasProbe: false);
        Fail(2);
        Assert.Equal(CircuitState.Closed, breaker.State);

        Fail(1);

        Assert.Equal(CircuitState.Open, breaker.State);
        Assert.Equal("3 failures in a row, the last: status 500", breaker.Reason);
        Assert.Equal(TimeSpan.FromSeconds(60), breaker.OpenFor);
        Assert.False(breaker.Allows);
        Assert.False(breaker.TryEnter(force: false, out _));
    }

    [Fact]
    public void A_part_of_the_requests_that_fails_opens_it_when_there_are_enough()
    {
        var config = Config with { Failures = 1000, FailureRate = 0.5m, MinimumRequests = 10 };
        for (var i = 0; i < 4; i++)
        {
            breaker.Succeeded(config, wasProbe: false);
            breaker.Failed(config, "status 500", wasProbe: false);
        }

        Assert.Equal(CircuitState.Closed, breaker.State);
        breaker.Succeeded(config, wasProbe: false);
        breaker.Failed(config, "status 500", wasProbe: false);

        Assert.Equal("5 of 10 requests failed, the last: status 500", breaker.Reason);
    }

    [Fact]
    public void Failures_of_long_ago_do_not_count()
    {
        var config = Config with { Failures = 1000, FailureRate = 0.5m, MinimumRequests = 10 };
        for (var i = 0; i < 9; i++)
        {
            breaker.Failed(config, "status 500", wasProbe: false);
        }

        time.Advance(TimeSpan.FromSeconds(61));
        breaker.Failed(config, "status 500", wasProbe: false);

        Assert.Equal(CircuitState.Closed, breaker.State);
    }

    [Fact]
    public void One_request_at_a_time_tries_whether_it_is_back_and_enough_of_them_close_it()
    {
        Fail(3);
        time.Advance(TimeSpan.FromSeconds(60));

        Assert.Equal(CircuitState.HalfOpen, breaker.State);
        Assert.True(breaker.TryEnter(force: false, out var isProbe));
        Assert.True(isProbe);
        Assert.False(breaker.TryEnter(force: false, out _));

        breaker.Succeeded(Config, wasProbe: true);
        Assert.Equal(CircuitState.HalfOpen, breaker.State);
        Assert.True(breaker.TryEnter(force: false, out _));
        breaker.Succeeded(Config, wasProbe: true);
        Assert.Equal(CircuitState.Closed, breaker.State);
        Assert.Null(breaker.Reason);
    }

    [Fact]
    public void A_request_that_fails_while_it_tries_opens_it_anew()
    {
        Fail(3);
        time.Advance(TimeSpan.FromSeconds(60));
        Assert.True(breaker.TryEnter(force: false, out _));

        Fail(1, wasProbe: true);

        Assert.Equal(CircuitState.Open, breaker.State);
        Assert.Equal(TimeSpan.FromSeconds(60), breaker.OpenFor);
    }

    [Fact]
    public void A_client_that_leaves_a_probe_makes_room_for_the_next_one()
    {
        Fail(3);
        time.Advance(TimeSpan.FromSeconds(60));
        Assert.True(breaker.TryEnter(force: false, out _));

        breaker.Left(wasProbe: true);

        Assert.True(breaker.TryEnter(force: false, out _));
    }

    [Fact]
    public void A_probe_that_never_ends_makes_room_after_a_while()
    {
        Fail(3);
        time.Advance(TimeSpan.FromSeconds(60));
        Assert.True(breaker.TryEnter(force: false, out _));

        time.Advance(TimeSpan.FromMinutes(2));

        Assert.True(breaker.TryEnter(force: false, out _));
    }

    [Fact]
    public void When_nothing_else_is_left_one_request_at_a_time_gets_through_an_open_one()
    {
        Fail(3);

        Assert.True(breaker.TryEnter(force: true, out _));
        Assert.False(breaker.TryEnter(force: true, out _));
    }

    [Fact]
    public void One_that_asked_for_a_rest_is_back_with_the_first_success()
    {
        breaker.Bench(TimeSpan.FromSeconds(7), "status 429");
        Assert.Equal((CircuitState.Open, TimeSpan.FromSeconds(7)), (breaker.State, breaker.OpenFor));

        time.Advance(TimeSpan.FromSeconds(7));
        Assert.True(breaker.TryEnter(force: false, out _));
        breaker.Succeeded(Config, wasProbe: true);

        Assert.Equal(CircuitState.Closed, breaker.State);
    }

    [Fact]
    public void A_short_rest_does_not_end_a_long_one()
    {
        Fail(3);
        breaker.Bench(TimeSpan.FromSeconds(7), "status 503");
        Assert.Equal(TimeSpan.FromSeconds(60), breaker.OpenFor);

        breaker.Bench(TimeSpan.FromSeconds(90), "status 503");
        Assert.Equal(TimeSpan.FromSeconds(90), breaker.OpenFor);
    }

    [Fact]
    public void An_operator_closes_it_at_once()
    {
        Fail(3);
        breaker.Reset();
        Assert.Equal(CircuitState.Closed, breaker.State);
        Fail(2);
        Assert.Equal(CircuitState.Closed, breaker.State);
    }

    [Fact]
    public void One_that_is_switched_off_never_opens()
    {
        for (var i = 0; i < 100; i++)
        {
            breaker.Failed(Config with { Enabled = false }, "status 500", wasProbe: false);
        }

        Assert.Equal(CircuitState.Closed, breaker.State);
    }

    [Fact]
    public void A_stream_from_before_it_opened_neither_closes_it_nor_keeps_it_open_longer()
    {
        breaker.Bench(TimeSpan.FromSeconds(7), "status 429");
        breaker.Succeeded(Config, wasProbe: false);
        Assert.Equal(CircuitState.Open, breaker.State);

        time.Advance(TimeSpan.FromSeconds(5));
        breaker.Failed(Config, "status 500", wasProbe: false);
        Assert.Equal(TimeSpan.FromSeconds(2), breaker.OpenFor);

        time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(breaker.TryEnter(force: false, out _));
        breaker.Left(wasProbe: false);
        Assert.False(breaker.TryEnter(force: false, out _));
    }

    private void Fail(int times, bool wasProbe = false)
    {
        for (var i = 0; i < times; i++)
        {
            breaker.Failed(Config, "status 500", wasProbe);
        }
    }
}
