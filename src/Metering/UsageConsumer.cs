using CCGate.Contracts;
using MassTransit;
using MassTransit.Middleware;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Metering;

/// <summary>Takes batches of events off the queue and acknowledges them once they are committed.</summary>
internal sealed partial class UsageConsumer(
    EventIntake intake, IBus bus, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<UsageConsumer> logger) : IConsumer<EventBatch>
{
    private const int ConcurrentBatches = 4;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ConfirmTimeout = TimeSpan.FromSeconds(30);

    // RabbitMQ closes the channel of a consumer that keeps a message for half an hour.
    private static readonly TimeSpan LongestHold = TimeSpan.FromMinutes(10);

    /// <summary>Stores a batch. While the database is down it waits with the message in hand, so that nothing moves to an error queue that is good.</summary>
    public async Task Consume(ConsumeContext<EventBatch> context)
    {
        // A message without events is none of ours: it goes to the error queue whole.
        ArgumentNullException.ThrowIfNull(context.Message.Events);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var begun = time.GetTimestamp();
        for (var pause = FirstPause; ; pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, LongestPause.Ticks)))
        {
            try
            {
                await StoreAsync(context.Message, stop.Token);
                return;
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                // Given back below.
            }
            catch (Exception exception)
            {
                LogStoreUnavailable(exception, context.Message.Events.Count, pause);
            }

            await Task.Delay(pause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested || time.GetElapsedTime(begun) > LongestHold)
            {
                throw new StoreUnavailableException("The event store is unavailable; the batch goes back to the queue.");
            }
        }
    }

    private async Task StoreAsync(EventBatch batch, CancellationToken cancellationToken)
    {
        // A null among the events says nothing that could be kept.
        var rejected = await intake.AcceptAsync([.. batch.Events.OfType<EventRecord>()], cancellationToken);
        foreach (var (record, reason) in rejected)
        {
            LogRejected(record.Id, record.Type, batch.ProxyInstance, reason);
            await MoveToErrorQueueAsync(new EventBatch(batch.ProxyInstance, [record]), reason).WaitAsync(ConfirmTimeout, time, cancellationToken);
        }
    }

    // No token: RabbitMQ.Client 7.1 loses count of its confirms when a publish is cancelled. The caller bounds the wait.
    private Task MoveToErrorQueueAsync(EventBatch poison, string reason) => bus.Publish(
        poison,
        context =>
        {
            context.Mandatory = true;
            context.Headers.Set(UsageTopology.ReasonHeader, reason);
        },
        CancellationToken.None);

    /// <summary>Registers the bus with this consumer as its only one.</summary>
    public static void AddTo(IServiceCollection services, Uri broker) => services.AddMassTransit(registration =>
    {
        registration.DisableUsageTelemetry();
        registration.AddConsumer<UsageConsumer>();
        registration.UsingRabbitMq((context, rabbit) =>
        {
            rabbit.Host(broker, host => host.Heartbeat(TimeSpan.FromSeconds(10)));

            // A provider's own usage object may be nested deeper than the default of 64; the reader of a single event decides, not that of the message.
            rabbit.ConfigureJsonSerializerOptions(options => new(options) { MaxDepth = 1000 });

            // The only batches this bus publishes are those for the error queue; it is declared at the start, with the arguments MassTransit's own
            // error transport gives it, which moves messages that cannot be read at all.
            rabbit.Message<EventBatch>(message => message.SetEntityName(UsageTopology.ErrorQueue));
            rabbit.Publish<EventBatch>(exchange => exchange.BindQueue(UsageTopology.ErrorQueue, UsageTopology.ErrorQueue, Declare));
            rabbit.DeployPublishTopology = true;

            rabbit.ReceiveEndpoint(UsageTopology.Queue, endpoint =>
            {
                Declare(endpoint);
                endpoint.ConfigureConsumeTopology = false;
                endpoint.PrefetchCount = 2 * ConcurrentBatches;
                endpoint.ConcurrentMessageLimit = ConcurrentBatches;
                endpoint.ConfigureError(error =>
                {
                    error.UseFilter(new GiveBackToQueue());
                    error.UseFilter(new ErrorTransportFilter());
                });
                endpoint.ConfigureConsumer<UsageConsumer>(context);
            });
        });
    });

    private static void Declare(IRabbitMqQueueConfigurator queue)
    {
        foreach (var (name, value) in UsageTopology.QueueArguments)
        {
            queue.SetQueueArgument(name, value);
        }
    }

    [LoggerMessage(LogLevel.Error, "The event store is unavailable; {Count} events wait on the queue, next attempt in {Pause}")]
    private partial void LogStoreUnavailable(Exception exception, int count, TimeSpan pause);

    [LoggerMessage(LogLevel.Error, "Event {EventId} ({Type}) of {ProxyInstance} goes to the error queue: {Reason}")]
    private partial void LogRejected(Guid eventId, string type, string proxyInstance, string reason);

    /// <summary>The event store did not answer for as long as a message may be held.</summary>
    private sealed class StoreUnavailableException(string message) : Exception(message);

    /// <summary>Stands before the error transport: what is wrong with the store is not wrong with the message. An exception here makes it ready again.</summary>
    private sealed class GiveBackToQueue : IFilter<ExceptionReceiveContext>
    {
        public Task Send(ExceptionReceiveContext context, IPipe<ExceptionReceiveContext> next) =>
            context.Exception.GetBaseException() is StoreUnavailableException unavailable ? Task.FromException(unavailable) : next.Send(context);

        public void Probe(ProbeContext context) => context.CreateFilterScope("giveBackToQueue");
    }
}
