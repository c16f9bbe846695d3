using System.Diagnostics.Metrics;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Journal;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Telemetry;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Unit.Proxy.Telemetry;

/// <summary>Labels stay few, and measuring a request costs it next to nothing.</summary>
public sealed class RecordingTests : IDisposable
{
    private readonly ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly Call call = new(CallKind.Generation, "/v1/messages", "", "claude-sonnet-4-5", new RequestBody([], 0)) { Streaming = true };

    public void Dispose()
    {
        call.Body.Dispose();
        services.Dispose();
    }

    [Fact]
    public void Of_ten_thousand_names_the_first_few_are_told_apart_whoever_asks_at_once()
    {
        var names = new BoundedNames(200);

        Parallel.For(0, 10_000, i => names.Of($"tenant-{i}"));

        var told = Enumerable.Range(0, 10_000).Select(i => names.Of($"tenant-{i}")).Distinct().ToList();
        Assert.Equal(201, told.Count);
        Assert.Contains(BoundedNames.Other, told);
        Assert.Equal(BoundedNames.Other, new BoundedNames(0).Of("alice"));
        Assert.Equal(BoundedNames.Other, new BoundedNames(10).Of(new string('m', 300)));
    }

    [Fact]
    public void Tenants_and_models_beyond_the_bounds_are_other()
    {
        using var measured = new MeasuredMetrics(services);
        var metrics = Metrics(new MetricsConfig { Tenants = 3, Models = 3 });

        for (var i = 0; i < 10_000; i++)
        {
            var model = $"model-{i}";
            metrics.Completed(call with { Model = model }, Completed with { TenantId = $"tenant-{i}", RequestedModel = model }, Outcome);
        }

        // One of the three models is the one that the upstream names.
        Assert.Equal(4, Values("ccgate.requests", "tenant").Count);
        Assert.Equal(3, Values("ccgate.spend", "gen_ai.request.model").Count);
        Assert.Equal(9_997, measured.Sum("ccgate.requests", ("tenant", "other")));
        Assert.Equal(3, Values("gen_ai.server.request.duration", "gen_ai.request.model").Count);

        HashSet<object?> Values(string instrument, string label) => [.. measured.Of(instrument).Select(one => one.Labels[label])];
    }

    [Theory]
    [InlineData(nameof(GenAiConventions.Legacy), true, false)]
    [InlineData(nameof(GenAiConventions.Latest), false, true)]
    [InlineData(nameof(GenAiConventions.Both), true, true)]
    public void Token_counts_are_told_in_the_generation_that_was_chosen(string chosen, bool stable, bool latest)
    {
        using var measured = new MeasuredMetrics(services);

        Metrics(new MetricsConfig(), Enum.Parse<GenAiConventions>(chosen)).Completed(call, Completed, Outcome);

        Assert.Equal(stable ? 1000 : 0, measured.Sum("gen_ai.client.token.usage", ("gen_ai.token.type", "input")));
        Assert.Equal(latest ? 1000 : 0, measured.Sum("gen_ai.client.inference.usage.input_tokens", ("gen_ai.token.modality", "unknown"), ("gen_ai.provider.name", "anthropic")));
        Assert.Equal(latest ? 500 : 0, measured.Sum("gen_ai.client.inference.operation.output_tokens"));
    }

    [Fact]
    public void The_time_of_an_output_token_is_that_after_the_first_one_by_the_others()
    {
        using var measured = new MeasuredMetrics(services);
        Metrics(new MetricsConfig()).Completed(call, Completed, Outcome);

        Assert.Equal(0.5, Assert.Single(measured.Of("gen_ai.server.time_to_first_token")).Value, 6);
        Assert.Equal(1.5 / 499, Assert.Single(measured.Of("gen_ai.server.time_per_output_token")).Value, 6);
    }

    [Fact]
    public void The_overhead_leaves_out_the_attempts_and_the_wait_for_a_place()
    {
        var time = new ManualTimeProvider();
        var clock = new OverheadClock(time);
        clock.BodyRead();
        Assert.Null(clock.Elapsed());
        time.Advance(TimeSpan.FromMilliseconds(1_002));
        clock.Asking(TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(5));
        clock.AttemptEnded();
        clock.Asking(TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(5));
        clock.AttemptEnded();
        time.Advance(TimeSpan.FromMilliseconds(3));

        Assert.Equal(TimeSpan.FromMilliseconds(5), clock.Elapsed());
    }

    [Fact]
    public void A_request_is_measured_without_memory_of_its_own()
    {
        var count = 0L;
        using var listener = new MeterListener { InstrumentPublished = (instrument, subscriber) => Subscribe(instrument, subscriber) };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => count++);
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => count++);
        listener.Start();
        var (metrics, completed, outcome) = (Metrics(new MetricsConfig()), Completed, Outcome);
        Record(100);

        count = 0;
        var before = GC.GetAllocatedBytesForCurrentThread();
        Record(1_000);
        var each = (GC.GetAllocatedBytesForCurrentThread() - before) / 1_000.0;

        Assert.True(count >= 15_000, $"{count} measurements");
        Assert.True(each < 1, $"{each} bytes");

        void Record(int times)
        {
            for (var i = 0; i < times; i++)
            {
                metrics.Attempted(call, outcome, before: null);
                metrics.Completed(call, completed, outcome);
                metrics.Answered(TimeSpan.FromMilliseconds(1));
            }
        }

        void Subscribe(Instrument instrument, MeterListener subscriber)
        {
            if (instrument.Meter.Scope == services.GetRequiredService<IMeterFactory>())
            {
                subscriber.EnableMeasurementEvents(instrument);
            }
        }
    }

    [Fact]
    public void The_oldest_fact_is_as_old_as_its_completion_and_a_stream_in_flight_is_none()
    {
        var (index, stream, done) = (new JournalIndex(), Events.Request() with { RequestId = Guid.CreateVersion7(Events.Noon - TimeSpan.FromHours(1)) }, Events.Request());
        index.Committed(1, [JournalRecord.Of(isOpening: true, stream)]);
        Assert.Null(index.OldestFactAt);

        index.Committed(2, [JournalRecord.Of(isOpening: false, stream with { CompletedAt = Events.Noon }), JournalRecord.Of(isOpening: false, done)]);
        Assert.Equal(Events.Noon, index.OldestFactAt);
        index.Counted([stream.RequestId]);
        Assert.Equal(done.CompletedAt, index.OldestFactAt);
        index.Counted([done.RequestId]);
        Assert.Null(index.OldestFactAt);
    }

    [Fact]
    public void A_breaker_counts_the_states_it_came_into()
    {
        var time = new ManualTimeProvider();
        var breaker = new CircuitBreaker(time);
        var config = new CircuitBreakerConfig { Failures = 1, Successes = 1, Open = TimeSpan.FromSeconds(30) };
        breaker.Failed(config, "status 503", wasProbe: false);
        breaker.Bench(TimeSpan.FromSeconds(60), "asked to");
        Assert.Equal(new CircuitTransitions(1, 0, 0), breaker.Transitions);

        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(new CircuitTransitions(1, 1, 0), breaker.Transitions);
        breaker.TryEnter(force: false, out var isProbe);
        breaker.Failed(config, "status 503", isProbe);
        Assert.Equal(new CircuitTransitions(2, 1, 0), breaker.Transitions);

        time.Advance(TimeSpan.FromSeconds(31));
        breaker.TryEnter(force: false, out isProbe);
        breaker.Succeeded(config, isProbe);
        Assert.Equal(new CircuitTransitions(2, 2, 1), breaker.Transitions);
    }

    private static RequestCompleted Completed => Events.Request() with { Streaming = true };

    private static AttemptOutcome Outcome => new(Completed.Attempts[0] with { FirstByteAt = Events.Noon.AddSeconds(0.5) }, AttemptFailure.None, Answered: true) { Kind = UpstreamKind.Anthropic };

    private ProxyMetrics Metrics(MetricsConfig bounds, GenAiConventions generation = GenAiConventions.Legacy) => new(
        services.GetRequiredService<IMeterFactory>(),
        new ConfigSource(new GatewayConfig { Telemetry = new TelemetryConfig { Metrics = bounds } }),
        new SemanticConventions(generation));
}
