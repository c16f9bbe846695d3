using CCGate.Projections.Engine;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>What a rebuild promises on both databases.</summary>
public abstract class ProjectionRebuildContract(Storage storage) : ProjectionTest(storage)
{
    [Fact]
    public async Task A_rebuild_under_traffic_is_identical_and_the_live_projection_goes_on()
    {
        var traffic = new RandomTraffic(10);
        var requests = traffic.Requests(3000).ToList();
        await AppendAsync(requests);
        await CatchUpAsync();

        var other = Open();
        var live = new ProjectionRound(other.Database, other.Store, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var running = RunLiveAsync();
        var reports = new List<RebuildReport>();
        for (var i = 0; i < 3; i++)
        {
            reports.Add(await Rebuild.RunAsync(Spend, new Reported(_ => AppendSome()), CancellationToken.None));
        }

        await stop.CancelAsync();
        await running;
        await CatchUpAsync();

        Assert.All(reports, report => Assert.True(report.Identical, report.ToString()));
        Assert.True(reports[^1].Position > reports[0].Position, "the live projection stood still");
        Assert.Equal(Oracle(requests), await RowsAsync());

        void AppendSome()
        {
            var batch = traffic.Requests(50);
            AppendAsync(batch).GetAwaiter().GetResult();
            requests.AddRange(batch);
        }

        async Task RunLiveAsync()
        {
            await Elsewhere();
            while (!stop.IsCancellationRequested)
            {
                await live.CatchUpAsync(Spend, CancellationToken.None);
            }
        }
    }

    [Fact]
    public async Task A_row_that_was_tampered_with_is_reported_and_put_right()
    {
        var requests = new RandomTraffic(11).Requests(200);
        await AppendAsync(requests);
        await CatchUpAsync();
        await ExecuteAsync("update spend set spend_pico = spend_pico + 1 where bucket_start = (select min(bucket_start) from spend where spend_pico > 0)"
            + " and spend_pico = (select max(spend_pico) from spend s where s.bucket_start = spend.bucket_start)");

        var report = await Rebuild.RunAsync(Spend, progress: null, CancellationToken.None);

        Assert.Equal((1, 1, false), (report.OnlyLive, report.OnlyRebuilt, report.Identical));
        Assert.Equal(Oracle(requests), await RowsAsync());
        Assert.Equal(report.LiveRows, await CountAsync(ProjectionRebuild.RetiredTable(Spend)));

        Assert.True((await Rebuild.RunAsync(Spend, progress: null, CancellationToken.None)).Identical);
    }

    [Fact]
    public async Task What_a_crashed_rebuild_left_behind_is_cleared_away_by_the_next()
    {
        var requests = new RandomTraffic(12).Requests(2500);
        await AppendAsync(requests);
        await CatchUpAsync();

        await Assert.ThrowsAsync<IOException>(() => Rebuild.RunAsync(Spend, new Reported(_ => throw new IOException("killed")), CancellationToken.None));
        Assert.True(await CountAsync("spend_rebuild") > 0);

        Assert.True((await Rebuild.RunAsync(Spend, progress: null, CancellationToken.None)).Identical);
        Assert.Equal(Oracle(requests), await RowsAsync());
    }

    [Fact]
    public async Task A_rebuild_that_another_one_takes_over_from_stops_and_spoils_nothing()
    {
        var requests = new RandomTraffic(13).Requests(2500);
        await AppendAsync(requests);
        await CatchUpAsync();
        RebuildReport? other = null;

        await Assert.ThrowsAsync<InvalidOperationException>(() => Rebuild.RunAsync(
            Spend,
            new Reported(_ => other ??= Rebuild.RunAsync(Spend, progress: null, CancellationToken.None).GetAwaiter().GetResult()),
            CancellationToken.None));

        Assert.True(other!.Identical);
        Assert.Equal(Oracle(requests), await RowsAsync());
    }

    [Fact]
    public async Task Progress_goes_up_to_the_fence()
    {
        await AppendAsync(new RandomTraffic(14).Requests(500));
        await CatchUpAsync();
        var seen = new List<RebuildProgress>();

        await Rebuild.RunAsync(Spend, new Reported(seen.Add), CancellationToken.None);

        Assert.Equal(seen.Select(step => step.Position).Order(), seen.Select(step => step.Position));
        Assert.Equal(seen[^1].Fence, seen[^1].Position);
        Assert.True(seen.Count >= 2);
    }

    private async Task<long> CountAsync(string table)
    {
        await using var connection = await Database.OpenAsync(CancellationToken.None);
        await using var command = connection.CreateCommand();
        command.CommandText = $"select count(*) from {table}";
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Unlike <see cref="Progress{T}"/>, calls at once and on the same thread.</summary>
    private sealed class Reported(Action<RebuildProgress> report) : IProgress<RebuildProgress>
    {
        public void Report(RebuildProgress value) => report(value);
    }
}

public sealed class SqliteProjectionRebuildTests() : ProjectionRebuildContract(Storage.Sqlite);

public sealed class PostgresProjectionRebuildTests() : ProjectionRebuildContract(Storage.Postgres);
