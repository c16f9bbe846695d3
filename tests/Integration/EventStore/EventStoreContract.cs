using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Metering.EventStore;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.EventStore;

/// <summary>What both event stores promise.</summary>
public abstract class EventStoreContract : IAsyncLifetime
{
    private protected IEventStore Store { get; private set; } = null!;

    /// <summary>Another instance on the same storage, as another process or a restart would have.</summary>
    private protected abstract IEventStore Open();

    public virtual async Task InitializeAsync()
    {
        Store = Open();
        await Store.MigrateAsync(CancellationToken.None);
    }

    public abstract Task DisposeAsync();

    [Fact]
    public async Task An_empty_store_has_no_high_water_mark_and_no_events()
    {
        Assert.Equal(0, await Store.HighWaterMarkAsync(CancellationToken.None));
        Assert.Empty(await Store.ReadAsync(0, long.MaxValue, 10, CancellationToken.None));
        Assert.Equal(0, await Append([]));
    }

    [Fact]
    public async Task A_stored_event_comes_back_as_it_was()
    {
        var record = Events.Record() with { Timestamp = Events.Noon.AddTicks(1234560) };
        await Append([record]);

        var stored = Assert.Single(await ReadAll());
        Assert.Equal((record.Id, record.Stream, 1L, record.Type, record.Timestamp), (stored.Id, stored.Stream, stored.Version, stored.Type, stored.Timestamp));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(record.Data), JsonNode.Parse(stored.Data)));
    }

    [Fact]
    public async Task An_event_repeated_within_a_batch_is_stored_once()
    {
        var record = Events.Record();
        Assert.Equal(1, await Append([record, record, record]));
        Assert.Single(await ReadAll());
    }

    [Fact]
    public async Task An_event_repeated_in_a_later_batch_is_ignored_and_its_neighbours_are_not()
    {
        var (known, fresh) = (Events.Records(3), Events.Records(2));
        await Append(known);

        Assert.Equal(2, await Append([known[0], fresh[0], known[1], fresh[1], known[2]]));
        Assert.Equal([1, 2, 3, 4, 5], (await ReadAll()).Select(stored => stored.Version));
        Assert.Equal(0, await Append([.. known, .. fresh]));
    }

    [Fact]
    public async Task An_event_repeated_under_another_stream_is_ignored_too()
    {
        var record = Events.Record();
        await Append([record]);
        Assert.Equal(0, await Append([record with { Stream = "usage/bob/2026-11-21" }]));
    }

    [Fact]
    public async Task Versions_are_contiguous_when_eight_writers_share_streams()
    {
        var streams = new[] { "alice", "bob", "carol" };
        await AtOnce(8, async writer =>
        {
            for (var round = 0; round < 10; round++)
            {
                // Every writer names the streams in an order of its own: the one that would deadlock if the store locked in that order.
                var tenants = streams.Skip(writer % 3).Concat(streams.Take(writer % 3));
                await Open().AppendAsync([.. tenants.SelectMany(tenant => Events.Records(4, tenant))], CancellationToken.None);
            }
        });

        var all = await ReadAll();
        Assert.Equal(8 * 10 * 4 * 3, all.Count);
        foreach (var stream in all.GroupBy(stored => stored.Stream))
        {
            Assert.Equal(Enumerable.Range(1, 8 * 10 * 4).Select(version => (long)version), stream.Select(stored => stored.Version));
        }
    }

    [Fact]
    public async Task The_same_events_appended_by_many_at_once_are_stored_once_and_nobody_fails()
    {
        for (var round = 0; round < 10; round++)
        {
            var batch = Events.Records(5, "alice").Concat(Events.Records(5, "bob")).ToArray();
            var before = (await ReadAll()).Count;
            var stored = await AtOnce(8, writer => Open().AppendAsync([.. writer % 2 == 0 ? batch : batch.Reverse()], CancellationToken.None));

            Assert.Equal(10, stored.Sum());
            Assert.Equal(before + 10, (await ReadAll()).Count);
        }
    }

    [Fact]
    public async Task One_event_raced_into_different_streams_is_stored_in_one_of_them()
    {
        for (var round = 0; round < 10; round++)
        {
            var record = Events.Record();
            var stored = await AtOnce(8, writer => Open().AppendAsync([Events.Record(), record with { Stream = $"usage/{writer}/2026-11-21" }], CancellationToken.None));
            Assert.Equal(9, stored.Sum());
        }
    }

    [Fact]
    public async Task Pages_follow_each_other_in_the_order_of_positions()
    {
        await Append(Events.Records(25));
        var (after, seen) = (0L, new List<long>());
        while (await Store.ReadAsync(after, long.MaxValue, 10, CancellationToken.None) is { Count: > 0 } page)
        {
            seen.AddRange(page.Select(stored => stored.Position));
            after = seen[^1];
        }

        Assert.Equal(25, seen.Count);
        Assert.Equal(seen.Order(), seen);
        Assert.Equal(25, seen.Distinct().Count());
        Assert.Equal(seen[^1], await Store.HighWaterMarkAsync(CancellationToken.None));
        Assert.Equal(seen.Take(7), (await Store.ReadAsync(0, seen[6], 100, CancellationToken.None)).Select(stored => stored.Position));
    }

    [Fact]
    public async Task A_reader_that_follows_the_high_water_mark_never_misses_an_event()
    {
        var writers = AtOnce(6, async writer =>
        {
            for (var round = 0; round < 25; round++)
            {
                await Open().AppendAsync(Events.Records(1 + (round % 4), writer % 2 == 0 ? "alice" : "bob"), CancellationToken.None);
            }
        });

        var (reader, position, seen) = (Open(), 0L, new List<Guid>());
        bool last;
        do
        {
            last = writers.IsCompleted;
            var mark = await reader.HighWaterMarkAsync(CancellationToken.None);
            Assert.True(mark >= position, "the high-water mark went back");
            seen.AddRange((await reader.ReadAsync(position, mark, int.MaxValue, CancellationToken.None)).Select(stored => stored.Id));
            position = mark;
        }
        while (!last);

        await writers;
        Assert.Equal((await ReadAll()).Select(stored => stored.Id), seen);
    }

    [Fact]
    public async Task An_event_is_found_by_its_id()
    {
        var records = Events.Records(3);
        await Append(records);

        var found = await Store.FindAsync(records[1].Id, CancellationToken.None);
        Assert.Equal((await ReadAll())[1], found);
        Assert.Null(await Store.FindAsync(Guid.CreateVersion7(Events.Noon), CancellationToken.None));
    }

    [Fact]
    public async Task One_stream_is_read_in_pages_by_version_and_without_the_others()
    {
        await Append([.. Events.Records(4, "alice"), .. Events.Records(2, "bob"), .. Events.Records(3, "alice")]);
        var alice = (await ReadAll()).Where(stored => stored.Stream == Events.Record("alice").Stream).ToList();

        var first = await Store.ReadStreamAsync(alice[0].Stream, 0, 5, CancellationToken.None);
        var rest = await Store.ReadStreamAsync(alice[0].Stream, first[^1].Version, 5, CancellationToken.None);
        Assert.Equal((5, 2), (first.Count, rest.Count));
        Assert.Equal(alice, [.. first, .. rest]);
        Assert.Empty(await Store.ReadStreamAsync("usage/nobody/2026-11-21", 0, 5, CancellationToken.None));
    }

    [Fact]
    public async Task Unicode_and_large_events_keep_their_meaning()
    {
        var data = new JsonObject
        {
            ["Text"] = "Grüße, 世界 🎉 \" \\ \u2028 \t",
            ["Money"] = JsonNode.Parse("0.000000000001"),
            ["Exact"] = JsonNode.Parse("79228162514264337593543950335"),
            ["Large"] = new string('é', 300_000),
            ["Nested"] = JsonNode.Parse("""{"a":[1,2.50,{"b":null,"c":true}]}"""),
        };
        var record = Events.Record() with { Data = data.ToJsonString() };
        await Append([record, Events.Record()]);

        var stored = (await ReadAll())[0];
        Assert.True(JsonNode.DeepEquals(data, JsonNode.Parse(stored.Data)));
        Assert.Equal(79228162514264337593543950335m, JsonDocument.Parse(stored.Data).RootElement.GetProperty("Exact").GetDecimal());
    }

    [Fact]
    public async Task A_restart_keeps_everything_and_goes_on_counting()
    {
        await Append(Events.Records(3));
        var before = await ReadAll();

        var restarted = Open();
        await restarted.MigrateAsync(CancellationToken.None);
        Assert.Equal(before, await restarted.ReadAsync(0, long.MaxValue, 100, CancellationToken.None));
        Assert.Equal(before[^1].Position, await restarted.HighWaterMarkAsync(CancellationToken.None));

        await restarted.AppendAsync(Events.Records(1), CancellationToken.None);
        var last = (await ReadAll())[^1];
        Assert.True(last.Position > before[^1].Position);
        Assert.Equal(4, last.Version);
    }

    [Fact]
    public async Task Migrating_from_eight_processes_at_once_fails_for_none()
    {
        await AtOnce(8, _ => Open().MigrateAsync(CancellationToken.None));
        Assert.Equal(1, await Append(Events.Records(1)));
    }

    private protected Task<int> Append(IReadOnlyList<EventRecord> events) => Store.AppendAsync(events, CancellationToken.None);

    private protected Task<IReadOnlyList<StoredEvent>> ReadAll() => Store.ReadAsync(0, long.MaxValue, int.MaxValue, CancellationToken.None);

    private protected static Task AtOnce(int count, Func<int, Task> work) => AtOnce(count, async number =>
    {
        await work(number);
        return true;
    });

    /// <summary>Runs the work so many times at once, each beginning on a thread of its own.</summary>
    private protected static Task<T[]> AtOnce<T>(int count, Func<int, Task<T>> work) => Task.WhenAll(Enumerable.Range(0, count).Select(number =>
        Task.Factory.StartNew(() => work(number), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()));
}
