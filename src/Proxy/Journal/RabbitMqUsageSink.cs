using CCGate.Contracts;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Journal;

/// <summary>Publishes the journal to RabbitMQ; a batch is delivered when the broker has confirmed that a queue keeps it.</summary>
/// <remarks>
/// The bus is made when first needed and thrown away when confirms stall: RabbitMQ.Client 7.1 has publishes that never return. What was sent and not
/// confirmed is sent again; metering ignores the second one.
/// </remarks>
internal sealed partial class RabbitMqUsageSink(Uri broker, string proxyInstance, TimeProvider time, ILogger<RabbitMqUsageSink> logger)
    : IUsageSink, IAsyncDisposable
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    private readonly Lock gate = new();
    private Connection? connection;

    /// <summary>How long a confirm may take before the bus is given up: longer than a broker needs to come back from a restart of its own.</summary>
    public TimeSpan ConfirmTimeout { get; init; } = TimeSpan.FromSeconds(30);

    public async Task DeliverAsync(IReadOnlyList<EventRecord> events, CancellationToken cancellationToken)
    {
        if (events.Count == 0)
        {
            return;
        }

        var current = Connect();
        try
        {
            await PublishAsync(current, new EventBatch(proxyInstance, events)).WaitAsync(ConfirmTimeout, time, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // A confirm that stalls, a queue that is gone: a new bus declares everything again, so it cures both.
            LogGivenUp(exception, events.Count);
            Abandon(current);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref connection, null) is { } last)
        {
            await StopAsync(last);
        }
    }

    // No token reaches the publish: RabbitMQ.Client 7.1 loses count of its confirms when one is cancelled. The caller bounds the wait.
    private static async Task PublishAsync(Connection connection, EventBatch batch)
    {
        await connection.Started;

        // Mandatory: a message that no queue keeps comes back as an exception instead of vanishing with a confirm.
        await connection.Bus.Publish(batch, context => context.Mandatory = true, CancellationToken.None);
    }

    private Connection Connect()
    {
        lock (gate)
        {
            return connection ??= Connection.To(Bus.Factory.CreateUsingRabbitMq(Configure));
        }
    }

    /// <summary>The watchdog's verdict: the next delivery makes a new bus.</summary>
    private void Abandon(Connection stalled)
    {
        lock (gate)
        {
            if (connection != stalled)
            {
                return;
            }

            connection = null;
        }

        // Nobody waits for it: stopping a bus that stalls may stall as well.
        _ = StopAsync(stalled);
    }

    private async Task StopAsync(Connection stopped)
    {
        try
        {
            // One that was never reached would go on trying, and connect some day.
            await stopped.Starting.CancelAsync();
            await stopped.Bus.StopAsync(CancellationToken.None).WaitAsync(StopTimeout, time, CancellationToken.None);
        }
        catch (Exception exception)
        {
            LogStopFailed(exception);
        }
    }

    private void Configure(IRabbitMqBusFactoryConfigurator rabbit)
    {
        rabbit.Host(broker, host => host.Heartbeat(TimeSpan.FromSeconds(10)));

        // Exchange, queue and binding are declared before the first publish: without them it would be confirmed and gone, when no metering ever ran.
        rabbit.Message<EventBatch>(message => message.SetEntityName(UsageTopology.Queue));
        rabbit.Publish<EventBatch>(exchange => exchange.BindQueue(UsageTopology.Queue, UsageTopology.Queue, queue =>
        {
            foreach (var (name, value) in UsageTopology.QueueArguments)
            {
                queue.SetQueueArgument(name, value);
            }
        }));
        rabbit.DeployPublishTopology = true;
    }

    /// <summary>Registers RabbitMQ as the place the journal is drained to.</summary>
    public static void AddTo(IServiceCollection services, Uri broker, string proxyInstance) => services.AddSingleton<IUsageSink>(provider =>
        new RabbitMqUsageSink(broker, proxyInstance, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<RabbitMqUsageSink>>()));

    [LoggerMessage(LogLevel.Warning, "The broker did not confirm {Count} events; they stay in the journal and the connection is made anew")]
    private partial void LogGivenUp(Exception exception, int count);

    [LoggerMessage(LogLevel.Debug, "A given-up connection did not close")]
    private partial void LogStopFailed(Exception exception);

    private sealed record Connection(IBusControl Bus, Task Started, CancellationTokenSource Starting)
    {
        public static Connection To(IBusControl bus)
        {
            var starting = new CancellationTokenSource();
            return new Connection(bus, bus.StartAsync(starting.Token), starting);
        }
    }
}
