using CCGate.Contracts;
using CCGate.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;

namespace CCGate.Metering;

/// <summary>Asks the broker again and again how much waits in its queues, over a connection of its own: the bus has no question for that.</summary>
internal sealed partial class QueueDepthWatch(Uri broker, MeteringMetrics metrics, TimeProvider time, ILogger<QueueDepthWatch> logger) : BackgroundService
{
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    /// <summary>For an answer, and for a connection to be there.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // Nothing is recovered by itself: after any failure the next look begins with a new connection.
    private readonly ConnectionFactory factory = new()
    {
        Uri = broker,
        ClientProvidedName = "ccgate queue depths",
        AutomaticRecoveryEnabled = false,
        RequestedConnectionTimeout = Patience,
        HandshakeContinuationTimeout = Patience,
        ContinuationTimeout = Patience,
    };

    private IConnection? connection;

    /// <summary>Looks once.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var patience = new CancellationTokenSource(2 * Patience, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
            metrics.Depths = await AskAsync(either.Token);
        }
        catch
        {
            metrics.Depths = null;
            await LeaveAsync();
            throw;
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await new LookLoop(Period, 3 * Period, time).RunAsync(LookAsync, LogUnknown, stoppingToken);
        }
        finally
        {
            metrics.Depths = null;
            await LeaveAsync();
        }
    }

    private async Task<QueueDepths> AskAsync(CancellationToken cancellationToken)
    {
        connection ??= await factory.CreateConnectionAsync(cancellationToken);

        // A channel for each look: a queue that is not there closes it.
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        var waiting = await channel.QueueDeclarePassiveAsync(UsageTopology.Queue, cancellationToken);
        var rejected = await channel.QueueDeclarePassiveAsync(UsageTopology.ErrorQueue, cancellationToken);
        return new QueueDepths(waiting.MessageCount, rejected.MessageCount);
    }

    private async Task LeaveAsync()
    {
        if (connection is { } left)
        {
            connection = null;
            await left.AbortAsync(TimeSpan.FromSeconds(1));
            await left.DisposeAsync();
        }
    }

    [LoggerMessage(LogLevel.Warning, "The broker does not say how much waits in its queues; the next try is in {Pause}")]
    private partial void LogUnknown(Exception failure, TimeSpan pause);
}
