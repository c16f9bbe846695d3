using CCGate.Contracts;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What the spend table promises on both databases.</summary>
public abstract class SpendProjectionContract(Storage storage) : ProjectionTest(storage)
{
    [Fact]
    public async Task Every_row_is_the_sum_of_its_events()
    {
        var requests = new RandomTraffic(1).Requests(2500);
        await Store.AppendAsync([RandomTraffic.PriceBook], CancellationToken.None);
        foreach (var batch in requests.Chunk(700))
        {
            await AppendAsync(batch);
            await CatchUpAsync();
        }

        Assert.Equal(Oracle(requests), await RowsAsync());
        Assert.Equal(await Store.HighWaterMarkAsync(CancellationToken.None), (await CheckpointAsync()).Position);
    }

    [Fact]
    public async Task Several_runners_at_once_count_nothing_twice()
    {
        var requests = new RandomTraffic(2).Requests(3000);
        var runners = Enumerable.Range(0, 4).Select(_ => Open()).Select(other => new ProjectionRound(other.Database, other.Store, TimeProvider.System)).ToList();
        var appended = new TaskCompletionSource();
        var running = runners.Select(async runner =>
        {
            await Elsewhere();
            while (!appended.Task.IsCompleted)
            {
                await runner.CatchUpAsync(Spend, CancellationToken.None);
            }
        }).ToList();

        foreach (var batch in requests.Chunk(100))
        {
            await AppendAsync(batch);
        }

        appended.SetResult();
        await Task.WhenAll(running);
        await CatchUpAsync();

        Assert.Equal(Oracle(requests), await RowsAsync());
    }

    [Fact]
    public async Task A_crash_between_rows_and_commit_leaves_neither_rows_nor_checkpoint()
    {
        var requests = new RandomTraffic(3).Requests(300);
        await AppendAsync(requests);

        var mark = await Store.HighWaterMarkAsync(CancellationToken.None);
        await Assert.ThrowsAsync<IOException>(() => Round.RunAsync(new CrashingProjection(Spend), "spend", mark, ProjectionRound.BatchSize, CancellationToken.None));
        Assert.Empty(await RowsAsync());
        Assert.Equal(0, (await CheckpointAsync()).Position);

        await CatchUpAsync();
        Assert.Equal(Oracle(requests), await RowsAsync());
    }

    [Fact]
    public async Task A_checkpoint_that_somebody_else_moved_is_not_moved_again()
    {
        await AppendAsync(new RandomTraffic(4).Requests(10));
        await CatchUpAsync();
        var (rows, position) = (await RowsAsync(), (await CheckpointAsync()).Position);

        await using var connection = await Database.OpenAsync(CancellationToken.None);
        await using var transaction = await connection.BeginTransactionAsync();
        Assert.False(await Checkpoints.AdvanceAsync(transaction, "spend", position - 1, position + 1, TimeProvider.System, CancellationToken.None));
        await transaction.RollbackAsync();

        Assert.Equal(rows, await RowsAsync());
    }

    [Theory]
    [InlineData("""{"SpendUsd":"much"}""")]
    [InlineData("""{"Attempts":[null]}""")]
    [InlineData("""{"Attempts":[{"SpendUsd":0.0000000000001}]}""")]
    [InlineData("""{"Attempts":[{"SpendUsd":99999999}]}""")]
    public async Task An_event_that_cannot_be_applied_is_not_passed_and_everything_before_it_is_counted(string data)
    {
        var (before, after) = (new RandomTraffic(5).Requests(20), new RandomTraffic(6).Requests(20));
        await AppendAsync(before);
        await Store.AppendAsync([Events.Record() with { Data = data }], CancellationToken.None);
        await AppendAsync(after);

        var unreadable = await Assert.ThrowsAsync<UnreadableEventException>(CatchUpAsync);

        Assert.Equal(unreadable.Position - 1, (await CheckpointAsync()).Position);
        Assert.Equal(Oracle(before), await RowsAsync());
    }

    [Fact]
    public async Task Events_of_other_types_move_the_checkpoint_and_nothing_else()
    {
        await Store.AppendAsync(
            [RandomTraffic.PriceBook, Events.Record() with { Type = "invented_later", Data = """{"Anything":1}""" }], CancellationToken.None);
        await CatchUpAsync();

        Assert.Empty(await RowsAsync());
        Assert.Equal(await Store.HighWaterMarkAsync(CancellationToken.None), (await CheckpointAsync()).Position);
    }

    [Fact]
    public async Task An_event_of_a_newer_version_is_counted_by_what_this_one_knows()
    {
        await Store.AppendAsync(
            [Events.Record() with { Data = """{"TenantId":"alice","Color":"blue","Attempts":[{"SpendUsd":0.5,"Mood":1}]}""" }], CancellationToken.None);
        await CatchUpAsync();

        Assert.Contains("500000000000", Assert.Single(await RowsAsync()), StringComparison.Ordinal);
    }

    /// <summary>Dies after the rows are written and before the commit.</summary>
    private sealed class CrashingProjection(IProjection inner) : IProjection
    {
        public string Name => inner.Name;

        public IReadOnlyList<string> AddedColumns => inner.AddedColumns;

        public string CreateTable(string table) => inner.CreateTable(table);

        public WriteRows Fold(IReadOnlyList<StoredEvent> events)
        {
            var write = inner.Fold(events);
            return async (table, transaction, cancellationToken) =>
            {
                await write(table, transaction, cancellationToken);
                throw new IOException("the power went out");
            };
        }
    }
}

public sealed class SqliteSpendProjectionTests() : SpendProjectionContract(Storage.Sqlite);

public sealed class PostgresSpendProjectionTests() : SpendProjectionContract(Storage.Postgres);
