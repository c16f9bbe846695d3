using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Tests.Infrastructure;
using Microsoft.Data.Sqlite;

namespace CCGate.Tests.Integration.EventStore;

/// <summary>The embedded event store.</summary>
public sealed class SqliteEventStoreTests : EventStoreContract
{
    private readonly string directory = ServerProcess.NewDirectory("sqlite");

    private protected override IEventStore Open() => new SqliteEventStore(new SqliteDatabase(Path.Combine(directory, "ccgate.db")), TimeProvider.System);

    public override Task DisposeAsync()
    {
        (Store as IDisposable)?.Dispose();
        SqliteConnection.ClearAllPools();
        ServerProcess.TryDelete(directory);
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_position_is_never_given_out_again()
    {
        await Append(Events.Records(2));
        await using (var connection = new SqliteConnection($"Data Source={Path.Combine(directory, "ccgate.db")}"))
        {
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = "delete from mt_events where seq_id = 2; update mt_streams set version = 1";
            await command.ExecuteNonQueryAsync();
        }

        await Append(Events.Records(1));
        Assert.Equal(3, (await ReadAll())[^1].Position);
    }

    [Fact]
    public async Task A_stream_of_which_nothing_was_stored_does_not_begin()
    {
        var record = Events.Record();
        await Append([record]);
        await Append([record with { Stream = "usage/bob/2026-11-21" }]);

        await using var connection = new SqliteConnection($"Data Source={Path.Combine(directory, "ccgate.db")}");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "select group_concat(id || ' ' || version) from mt_streams";
        Assert.Equal($"{record.Stream} 1", await command.ExecuteScalarAsync());
    }
}
