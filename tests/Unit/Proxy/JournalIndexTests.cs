using CCGate.Contracts;
using CCGate.Proxy.Journal;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>A commit goes when nothing in it is needed, and not before.</summary>
public sealed class JournalIndexTests
{
    private readonly JournalIndex index = new();
    private readonly (Guid Long, Guid Short) id = (Guid.CreateVersion7(), Guid.CreateVersion7());

    [Fact]
    public void A_commit_goes_when_all_its_requests_are_complete_and_their_facts_are_counted()
    {
        index.Committed(1, [Opening(id.Long), Opening(id.Short)]);
        index.Committed(2, [Fact(id.Long), Fact(id.Short)]);
        Assert.Equal([1], index.TakeObsolete());

        index.Counted([id.Long]);
        Assert.Empty(index.TakeObsolete());
        index.Counted([id.Short]);
        Assert.Equal([2], index.TakeObsolete());
    }

    [Fact]
    public void A_counted_fact_stays_for_as_long_as_its_opening_could_be_taken_for_an_interrupted_request()
    {
        index.Committed(1, [Opening(id.Long), Opening(id.Short)]);
        index.Committed(2, [Fact(id.Short)]);

        index.Counted([id.Short]);
        Assert.Empty(index.TakeObsolete());

        index.Committed(3, [Fact(id.Long)]);
        Assert.Equal([1, 2], index.TakeObsolete().Order());
    }

    [Fact]
    public void A_fact_that_is_written_twice_is_needed_once()
    {
        index.Committed(1, [Fact(id.Short)]);
        index.Committed(2, [Fact(id.Short)]);
        Assert.Equal([2], index.TakeObsolete());

        index.Delivered([id.Short]);
        Assert.Equal([id.Short], index.Uncounted());
        index.Counted([id.Short]);

        Assert.Equal(0, index.Depth);
        Assert.Equal([1], index.TakeObsolete());
    }

    private static JournalRecord Opening(Guid id) => JournalRecord.Of(isOpening: true, Record(id));

    private static JournalRecord Fact(Guid id) => JournalRecord.Of(isOpening: false, Record(id));

    private static EventRecord Record(Guid id) => new(id, "usage/alice/2026-11-21", EventTypes.RequestCompleted, DateTimeOffset.UnixEpoch, "{}");
}
