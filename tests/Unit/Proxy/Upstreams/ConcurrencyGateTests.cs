using CCGate.Proxy.Upstreams;

namespace CCGate.Tests.Unit.Proxy.Upstreams;

public sealed class ConcurrencyGateTests
{
    private readonly ConcurrencyGate gate = new();

    [Fact]
    public void Places_go_to_those_who_wait_in_the_order_they_came()
    {
        Assert.True(gate.TryEnter(1));
        var waiters = Enumerable.Range(0, 3).Select(_ => new ConcurrencyGate.Waiter()).ToList();
        Assert.All(waiters, waiter => Assert.True(gate.TryQueue(waiter, max: 1, maxQueued: 3)));

        for (var served = 1; served <= 3; served++)
        {
            gate.Leave(1);
            Assert.Equal(served, waiters.Count(waiter => waiter.Served.IsCompleted));
            Assert.True(waiters[served - 1].Served.IsCompletedSuccessfully);
            Assert.Equal(1, gate.InFlight);
        }

        gate.Leave(1);
        Assert.Equal(0, gate.InFlight);
    }

    [Fact]
    public void A_newcomer_does_not_pass_those_who_wait()
    {
        gate.TryEnter(1);
        gate.TryQueue(new ConcurrencyGate.Waiter(), max: 1, maxQueued: 1);

        Assert.False(gate.TryEnter(2));
    }

    [Fact]
    public void A_full_queue_takes_nobody()
    {
        gate.TryEnter(1);
        Assert.True(gate.TryQueue(new ConcurrencyGate.Waiter(), max: 1, maxQueued: 1));
        Assert.False(gate.TryQueue(new ConcurrencyGate.Waiter(), max: 1, maxQueued: 1));
        Assert.Equal(1, gate.Waiting);
    }

    [Fact]
    public void A_place_that_came_free_before_the_queue_was_joined_is_given_at_once()
    {
        var waiter = new ConcurrencyGate.Waiter();

        Assert.True(gate.TryQueue(waiter, max: 1, maxQueued: 1));

        Assert.True(waiter.Served.IsCompletedSuccessfully);
        Assert.Equal((1, 0), (gate.InFlight, gate.Waiting));
    }

    [Fact]
    public void Who_waits_in_two_queues_takes_one_place()
    {
        var other = new ConcurrencyGate();
        Assert.True(gate.TryEnter(1) && other.TryEnter(1));
        var waiter = new ConcurrencyGate.Waiter();
        Assert.True(gate.TryQueue(waiter, 1, 1) && other.TryQueue(waiter, 1, 1));

        gate.Leave(1);
        other.Leave(1);

        Assert.Equal((1, 0), (gate.InFlight, other.InFlight));
    }

    [Fact]
    public void Who_gave_up_is_passed_over()
    {
        gate.TryEnter(1);
        var (gone, next) = (new ConcurrencyGate.Waiter(), new ConcurrencyGate.Waiter());
        Assert.True(gate.TryQueue(gone, 1, 2) && gate.TryQueue(next, 1, 2));
        Assert.True(gone.TryGiveUp());

        gate.Leave(1);

        Assert.True(next.Served.IsCompletedSuccessfully);
        Assert.Equal(1, gate.InFlight);
    }
}
