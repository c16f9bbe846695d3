using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Metering;
using CCGate.Metering.EventStore;
using CCGate.Proxy.Journal;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using RabbitMQ.Client;

namespace CCGate.Tests.Integration;

/// <summary>From the proxy's sink over a real broker into a real event store.</summary>
public sealed class MeteringTests : IAsyncLifetime
{
    private readonly Stack<IAsyncDisposable> opened = [];
    private Uri broker = null!;
    private string database = "";

    public async Task InitializeAsync()
    {
        broker = await (await RabbitMqServer.SharedAsync()).CreateVirtualHostAsync();
        database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
    }

    public async Task DisposeAsync()
    {
        while (opened.TryPop(out var one))
        {
            await one.DisposeAsync();
        }
    }

    [Fact]
    public async Task Published_events_are_stored_as_they_were_written()
    {
        var metering = await StartMetering();
        var record = EventRecord.From(Events.Request() with
        {
            SessionId = "Grüße 🎉",
            Usage = new TokenUsage { OutputTokens = 500, RawUsage = JsonDocument.Parse("""{"output_tokens":500,"cost":0.10,"deep":[{"a":null}]}""").RootElement },
        });
        await Sink().DeliverAsync([record, .. Events.Records(99)], CancellationToken.None);

        await EventuallyStored(metering, 100);
        var stored = (await Stored(metering)).Single(stored => stored.Id == record.Id);
        Assert.Equal((record.Stream, record.Type, record.Timestamp), (stored.Stream, stored.Type, stored.Timestamp));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(record.Data), JsonNode.Parse(stored.Data)));
    }

    [Fact]
    public async Task A_batch_delivered_twice_is_stored_once()
    {
        var metering = await StartMetering();
        var (sink, batch) = (Sink(), Events.Records(10));
        await sink.DeliverAsync(batch, CancellationToken.None);
        await sink.DeliverAsync([.. batch, Events.Record()], CancellationToken.None);
        await sink.DeliverAsync(batch, CancellationToken.None);

        await EventuallyStored(metering, 11);
        await Eventually.HoldsAsync(async () => await Depth(UsageTopology.Queue) == 0, "the queue is empty");
        Assert.Equal(11, (await Stored(metering)).Count);
    }

    [Fact]
    public async Task A_poison_event_goes_to_the_error_queue_alone_and_its_neighbours_are_stored()
    {
        var metering = await StartMetering();
        var poison = Events.Record() with { Data = """{"TenantId":7}""" };
        await Sink().DeliverAsync([Events.Record(), poison, Events.Record()], CancellationToken.None);

        await EventuallyStored(metering, 2);
        await Eventually.HoldsAsync(async () => await Depth(UsageTopology.ErrorQueue) == 1, "the poison event is in the error queue");
        var (body, reason) = await TakeFromErrorQueue();
        var moved = Assert.Single(body["message"]!["events"]!.AsArray())!;
        Assert.Equal(poison.Id.ToString(), (string?)moved["id"]);
        Assert.Equal(7, (int?)moved["data"]!["TenantId"]);
        Assert.Contains("Data is not a request_completed", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Text_that_is_not_JSON_is_poison_for_itself_only()
    {
        var metering = await StartMetering();
        await Sink().DeliverAsync([Events.Record() with { Data = "{\"torn" }, Events.Record()], CancellationToken.None);

        await EventuallyStored(metering, 1);
        await Eventually.HoldsAsync(async () => await Depth(UsageTopology.ErrorQueue) == 1, "the torn event is in the error queue");
    }

    [Fact]
    public async Task A_message_that_cannot_be_read_at_all_is_moved_as_it_is()
    {
        var metering = await StartMetering();
        await Sink().DeliverAsync([Events.Record() with { Data = "[]" }, Events.Record()], CancellationToken.None);
        await OnBroker(async channel =>
        {
            var properties = new BasicProperties { ContentType = "application/vnd.masstransit+json" };
            await channel.BasicPublishAsync(UsageTopology.Queue, "", mandatory: true, properties, "not a message"u8.ToArray());
            return true;
        });

        await EventuallyStored(metering, 1);
        await Eventually.HoldsAsync(async () => await Depth(UsageTopology.ErrorQueue) == 2, "both the event and the message are in the error queue");
    }

    [Fact]
    public async Task Events_published_before_metering_ever_ran_are_kept()
    {
        await Sink().DeliverAsync(Events.Records(5), CancellationToken.None);
        Assert.Equal(1u, await Depth(UsageTopology.Queue));
        await EventuallyStored(await StartMetering(), 5);
    }

    [Fact]
    public async Task Events_that_no_queue_keeps_are_not_delivered_and_the_next_attempt_declares_the_queue_again()
    {
        var sink = Sink();
        await sink.DeliverAsync(Events.Records(1), CancellationToken.None);
        await OnBroker(channel => channel.QueueDeleteAsync(UsageTopology.Queue));

        await Assert.ThrowsAnyAsync<Exception>(() => sink.DeliverAsync(Events.Records(1), CancellationToken.None));
        await sink.DeliverAsync(Events.Records(1), CancellationToken.None);
        Assert.Equal(1u, await Depth(UsageTopology.Queue));
    }

    [Fact]
    public async Task While_the_database_is_down_events_wait_and_none_is_lost()
    {
        using var postgres = await PostgresServer.StartAsync();
        database = await postgres.CreateDatabaseAsync();
        var metering = await StartMetering();
        var sink = Sink();
        await sink.DeliverAsync(Events.Records(5), CancellationToken.None);
        await EventuallyStored(metering, 5);

        postgres.Kill();
        for (var batch = 0; batch < 20; batch++)
        {
            await sink.DeliverAsync(Events.Records(5), CancellationToken.None);
        }

        await postgres.ResumeAsync();
        await EventuallyStored(metering, 105);
        Assert.Equal(0u, await Depth(UsageTopology.ErrorQueue));
    }

    [Fact]
    public async Task Metering_starts_without_a_database_and_stops_at_once_giving_its_messages_back()
    {
        using var postgres = await PostgresServer.StartAsync();
        database = await postgres.CreateDatabaseAsync();
        postgres.Kill();

        // RabbitMQ 3.10 on a busy machine now and then keeps a message for a consumer that left while it was being given to it; whoever sent it sends it again
        // some minutes later. A queue of its own for each try, so that one such loss is not taken for ours.
        var isBack = false;
        for (var tries = 0; tries < 3 && !isBack; tries++)
        {
            broker = await (await RabbitMqServer.SharedAsync()).CreateVirtualHostAsync();
            await Sink().DeliverAsync(Events.Records(5), CancellationToken.None);
            var metering = await StartMetering();
            await Eventually.HoldsAsync(async () => await Depth(UsageTopology.Queue) == 0, "metering has taken the message");
            await metering.StopAsync(CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(10));
            isBack = await IsBackAsync();
        }

        Assert.True(isBack, "the message is back on the queue");
        await postgres.ResumeAsync();
        await EventuallyStored(await StartMetering(), 5);
    }

    [Fact]
    public async Task A_broker_killed_in_the_middle_loses_nothing()
    {
        using var rabbit = await RabbitMqServer.StartAsync();
        broker = await rabbit.CreateVirtualHostAsync();
        var metering = await StartMetering();
        var sink = Sink(TimeSpan.FromSeconds(5));
        await sink.DeliverAsync(Events.Records(1), CancellationToken.None);
        await EventuallyStored(metering, 1);

        // RabbitMQ 3.10 writes its register of quorum queues to disk some seconds after a queue was declared, or when it is stopped; a kill before that
        // leaves a queue that never answers again. That is the broker's affair; the messages of a queue that exists are ours.
        await rabbit.RestartAsync();
        var batches = Enumerable.Range(0, 60).Select(_ => Events.Records(5)).ToList();
        var killed = Task.CompletedTask;
        for (var i = 0; i < batches.Count; i++)
        {
            if (i == 20)
            {
                killed = rabbit.KillAndResumeAsync();
            }

            await Eventually.PassesAsync(() => sink.DeliverAsync(batches[i], CancellationToken.None));
        }

        await killed;
        await EventuallyStored(metering, 301);
        Assert.Superset(batches.SelectMany(batch => batch).Select(record => record.Id).ToHashSet(), (await Stored(metering)).Select(stored => stored.Id).ToHashSet());
    }

    [Fact]
    public async Task What_waits_in_the_queues_is_measured_left_out_while_the_broker_is_away_and_measured_again()
    {
        using var rabbit = await RabbitMqServer.StartAsync();
        broker = await rabbit.CreateVirtualHostAsync();
        var metering = await StartMetering();
        await Sink().DeliverAsync([Events.Record() with { Data = "{\"torn" }], CancellationToken.None);
        await Eventually.HoldsAsync(async () => await Depth(UsageTopology.ErrorQueue) == 1, "the torn event is in the error queue");
        await metering.StopAsync(CancellationToken.None);
        await rabbit.RestartAsync();
        await using (var sink = Sink(TimeSpan.FromSeconds(5)))
        {
            await Eventually.PassesAsync(() => sink.DeliverAsync(Events.Records(5), CancellationToken.None));
        }

        var metrics = metering.Services.GetRequiredService<MeteringMetrics>();
        using var readings = new MeasuredMetrics(metering.Services, MeteringMetrics.MeterName);
        using var watch = new QueueDepthWatch(broker, metrics, TimeProvider.System, NullLogger<QueueDepthWatch>.Instance);
        await Eventually.PassesAsync(LookAsync);

        rabbit.Kill();
        await Assert.ThrowsAnyAsync<Exception>(() => watch.LookAsync(CancellationToken.None));
        Assert.Equal((null, null), (readings.Gauge("ccgate.consumer.lag"), readings.Gauge("ccgate.error_queue.depth")));

        await rabbit.ResumeAsync();
        await Eventually.PassesAsync(LookAsync);

        async Task LookAsync()
        {
            await watch.LookAsync(CancellationToken.None);
            Assert.True(readings.Gauge("ccgate.consumer.lag") >= 1);
            Assert.Equal(1, readings.Gauge("ccgate.error_queue.depth"));
        }
    }

    [Fact]
    public async Task A_broker_that_stops_confirming_fails_the_delivery_and_the_next_one_gets_through()
    {
        using var rabbit = await RabbitMqServer.StartAsync();
        broker = await rabbit.CreateVirtualHostAsync();
        var sink = Sink(TimeSpan.FromSeconds(2));
        await sink.DeliverAsync(Events.Records(1), CancellationToken.None);

        await rabbit.FreezeAsync();
        await Assert.ThrowsAsync<TimeoutException>(() => sink.DeliverAsync(Events.Records(1), CancellationToken.None));
        await rabbit.ThawAsync();

        await Eventually.PassesAsync(() => sink.DeliverAsync(Events.Records(1), CancellationToken.None));
    }

    private RabbitMqUsageSink Sink(TimeSpan? confirmTimeout = null)
    {
        var sink = new RabbitMqUsageSink(broker, "proxy-1", TimeProvider.System, NullLogger<RabbitMqUsageSink>.Instance)
        {
            ConfirmTimeout = confirmTimeout ?? TimeSpan.FromSeconds(30),
        };
        opened.Push(sink);
        return sink;
    }

    private async Task<IHost> StartMetering()
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.AddMetering(new GatewayConfig { EventStore = database, Broker = broker.ToString() });
        var host = builder.Build();
        opened.Push((IAsyncDisposable)host);
        await host.StartAsync();
        return host;
    }

    private static Task<IReadOnlyList<StoredEvent>> Stored(IHost metering) =>
        metering.Services.GetRequiredService<IEventStore>().ReadAsync(0, long.MaxValue, int.MaxValue, CancellationToken.None);

    private static Task EventuallyStored(IHost metering, int count) =>
        Eventually.PassesAsync(async () => Assert.Equal(count, (await Stored(metering)).Count));

    private async Task<bool> IsBackAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!patience.IsCancellationRequested)
        {
            if (await Depth(UsageTopology.Queue) == 1)
            {
                return true;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, CancellationToken.None);
        }

        return false;
    }

    private Task<uint> Depth(string queue) => OnBroker(async channel =>
    {
        try
        {
            return (await channel.QueueDeclarePassiveAsync(queue)).MessageCount;
        }
        catch (RabbitMQ.Client.Exceptions.OperationInterruptedException)
        {
            return 0u;
        }
    });

    private Task<(JsonNode Body, string Reason)> TakeFromErrorQueue() => OnBroker(async channel =>
    {
        var message = (await channel.BasicGetAsync(UsageTopology.ErrorQueue, autoAck: true))!;
        return (JsonNode.Parse(message.Body.Span)!, Encoding.UTF8.GetString((byte[])message.BasicProperties.Headers![UsageTopology.ReasonHeader]!));
    });

    private async Task<T> OnBroker<T>(Func<IChannel, Task<T>> work)
    {
        await using var connection = await new ConnectionFactory { Uri = broker }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        return await work(channel);
    }
}
