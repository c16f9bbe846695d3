using System.Diagnostics.Metrics;
using CCGate.Contracts;

namespace CCGate.Metering;

/// <summary>How many messages wait in the queues between the proxies and the event store.</summary>
internal sealed record QueueDepths(long Waiting, long Rejected);

/// <summary>What metering measures of itself.</summary>
internal sealed class MeteringMetrics
{
    public const string MeterName = "CCGate.Metering";

    private readonly TimeProvider time;
    private readonly Counter<long> events;
    private readonly Histogram<double> duration;
    private readonly Histogram<double> delay;
    private volatile QueueDepths? depths;

    public MeteringMetrics(IMeterFactory meters, TimeProvider time)
    {
        this.time = time;
        var meter = meters.Create(MeterName);
        events = meter.CreateCounter<long>("ccgate.append.events", "{event}", "Events that came to the event store's door, by what became of them");
        duration = meter.CreateHistogram(
            "ccgate.append.duration", "s", "How long the event store took to append a batch", tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] });
        delay = meter.CreateHistogram(
            "ccgate.append.delay", "s", "From a request's completion to its append", tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600] });
        meter.CreateObservableGauge("ccgate.consumer.lag", () => Observe(depths?.Waiting), "{message}", "Messages that wait in the queue of usage; absent while the broker does not say");
        meter.CreateObservableGauge("ccgate.error_queue.depth", () => Observe(depths?.Rejected), "{message}", "Messages that wait in the error queue for somebody to look at them; absent while the broker does not say");
    }

    /// <summary>What the broker said last; null when it did not answer, since nobody should trust an old number.</summary>
    public QueueDepths? Depths
    {
        set => depths = value;
    }

    public long Now => time.GetTimestamp();

    /// <summary>A batch is in the store.</summary>
    /// <param name="stored">How many of them were not there before.</param>
    public void Appended(IReadOnlyList<EventRecord> batch, int stored, long begun)
    {
        duration.Record(time.GetElapsedTime(begun).TotalSeconds);
        Count(stored, "stored");
        Count(batch.Count - stored, "duplicate");

        // Which of them are new only the store knows. A batch that came whole a second time was on time the first.
        if (stored > 0)
        {
            var now = time.GetUtcNow();
            foreach (var completed in batch.Where(record => record.Type == EventTypes.RequestCompleted))
            {
                // The moment a request was completed is the event's own.
                delay.Record(Math.Max(0, (now - completed.Timestamp).TotalSeconds));
            }
        }
    }

    public void Rejected(int count) => Count(count, "rejected");

    private void Count(int count, string result)
    {
        if (count > 0)
        {
            events.Add(count, new KeyValuePair<string, object?>("result", result));
        }
    }

    private static Measurement<long>[] Observe(long? value) => value is { } known ? [new(known)] : [];
}
