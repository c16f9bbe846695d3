using System.Data.Common;
using System.Threading.Channels;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Projections.Engine;

/// <summary>Keeps every projection at the high-water mark. Any number of these may run, in any number of processes.</summary>
internal sealed partial class ProjectionRunner(
    Database database, IEventStore store, IEnumerable<IProjection> projections, ProjectionRound round, TimeProvider time, ILogger<ProjectionRunner> logger)
    : BackgroundService
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MaxBackoff = TimeSpan.FromSeconds(10);

    private readonly List<IProjection> running = [.. projections];
    private readonly Channel<bool> wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Looks for events at once instead of at the next poll; call it after an append.</summary>
    public void Wake() => wake.Writer.TryWrite(true);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await RetryAsync(ct => Checkpoints.MigrateAsync(database, running, time, ct), stoppingToken);
        await using var poll = time.CreateTimer(_ => Wake(), null, PollInterval, PollInterval);
        do
        {
            await RetryAsync(CatchUpAsync, stoppingToken);
        }
        while (await wake.Reader.ReadAsync(stoppingToken));
    }

    private async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        bool moved;
        do
        {
            moved = false;
            var upTo = await store.HighWaterMarkAsync(cancellationToken);
            foreach (var projection in running.ToArray())
            {
                moved |= await AdvanceAsync(projection, upTo, cancellationToken);
            }
        }
        while (moved);
    }

    /// <summary>To the position, or a batch of one that gives way; whether there may be more of that.</summary>
    private async Task<bool> AdvanceAsync(IProjection projection, long upTo, CancellationToken cancellationToken)
    {
        try
        {
            while (await round.RunAsync(projection, projection.Name, upTo, ProjectionRound.BatchSize, cancellationToken) != RoundResult.CaughtUp)
            {
                if (projection.GivesWay)
                {
                    return true;
                }
            }
        }
        catch (Exception failure) when (IsPermanent(failure))
        {
            await StopAsync(projection, failure, cancellationToken);
        }

        return false;
    }

    /// <summary>Going round an event would bill too little without a word, so this projection ends here until the process is started again.</summary>
    private async Task StopAsync(IProjection projection, Exception failure, CancellationToken cancellationToken)
    {
        LogStopped(failure, projection.Name);
        await using var connection = await database.OpenAsync(cancellationToken);
        var checkpoint = await Checkpoints.ReadAsync(connection, projection.Name, transaction: null, cancellationToken);
        await Checkpoints.StopAsync(database, projection.Name, checkpoint?.Position ?? 0, failure.Message, cancellationToken);
        running.Remove(projection);
    }

    /// <summary>A store that is down comes back; a projection that cannot go on is stopped elsewhere.</summary>
    private async Task RetryAsync(Func<CancellationToken, Task> action, CancellationToken cancellationToken)
    {
        for (var delay = PollInterval; ; delay = delay * 2 < MaxBackoff ? delay * 2 : MaxBackoff)
        {
            try
            {
                await action(cancellationToken);
                return;
            }
            catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
            {
                LogRetrying(failure, delay);
                await Task.Delay(delay, time, cancellationToken);
            }
        }
    }

    /// <summary>The data is at fault, not the connection: SQLSTATE 22 is a value out of range, 23 a violated constraint; SQLite's 19 is the latter.</summary>
    private static bool IsPermanent(Exception failure) => failure switch
    {
        UnreadableEventException => true,
        Microsoft.Data.Sqlite.SqliteException sqlite => sqlite.SqliteErrorCode == 19,
        DbException database => database.SqlState is { } state
            && (state.StartsWith("22", StringComparison.Ordinal) || state.StartsWith("23", StringComparison.Ordinal)),
        _ => false,
    };

    [LoggerMessage(LogLevel.Critical, "The projection {Projection} stopped in front of an event that it cannot apply; what it shows is complete up to there")]
    private partial void LogStopped(Exception failure, string projection);

    [LoggerMessage(LogLevel.Warning, "The event store or the read models cannot be reached; the projections try again in {Delay}")]
    private partial void LogRetrying(Exception failure, TimeSpan delay);
}
