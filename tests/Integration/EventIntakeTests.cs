using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering;
using CCGate.Metering.EventStore;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Tests.Integration;

/// <summary>The door into the event store, with the store behind it.</summary>
public sealed class EventIntakeTests : IAsyncLifetime
{
    private PostgresDatabase database = null!;
    private PostgresEventStore store = null!;
    private EventIntake intake = null!;

    public async Task InitializeAsync()
    {
        database = new PostgresDatabase(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync());
        store = new PostgresEventStore(database, NullLogger<PostgresEventStore>.Instance);
        await store.MigrateAsync(CancellationToken.None);
        intake = new EventIntake(store);
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Bad_events_come_back_with_a_reason_and_good_ones_are_stored()
    {
        var bad = Events.Record() with { Data = "{" };
        var rejected = Assert.Single(await intake.AcceptAsync([Events.Record(), bad, Events.Record()], CancellationToken.None));

        Assert.Equal(bad, rejected.Event);
        Assert.StartsWith("Data is not a request_completed", rejected.Reason, StringComparison.Ordinal);
        Assert.Equal(2, (await Stored()).Count);
    }

    [Fact]
    public async Task Nobody_goes_unbilled_by_naming_a_session_with_a_character_the_store_refuses()
    {
        var nul = EventRecord.From(Events.Request(session: "\0"));
        var half = Events.Record();
        half = half with { Data = half.Data.Replace("\"KeyId\":", """ "SessionId":"\ud800","KeyId":""", StringComparison.Ordinal) };

        Assert.Empty(await intake.AcceptAsync([nul, half], CancellationToken.None));
        Assert.All(await Stored(), stored => Assert.Contains("\ufffd", stored.Data, StringComparison.Ordinal));
        Assert.Equal(2, (await Stored()).Count);
    }

    [Fact]
    public async Task An_event_only_the_database_finds_fault_with_takes_none_of_its_neighbours_along()
    {
        // jsonb keeps numbers as numeric, which has an end; no rule of ours knows where.
        var poison = Events.Record();
        poison = poison with { Data = poison.Data.Replace("\"KeyId\":", "\"Unheard\":1e999999,\"KeyId\":", StringComparison.Ordinal) };
        var good = Events.Records(6);

        var rejected = Assert.Single(await intake.AcceptAsync([.. good.Take(4), poison, .. good.Skip(4)], CancellationToken.None));
        Assert.Equal(poison.Id, rejected.Event.Id);
        Assert.StartsWith("PostgreSQL cannot store it", rejected.Reason, StringComparison.Ordinal);
        Assert.Equal(good.Select(record => record.Id), (await Stored()).Select(stored => stored.Id));
    }

    private Task<IReadOnlyList<StoredEvent>> Stored() => store.ReadAsync(0, long.MaxValue, 100, CancellationToken.None);
}
