using System.Diagnostics.Metrics;

namespace CCGate.Proxy.Telemetry;

/// <summary>How long the journal takes to write, and what becomes of what it delivers.</summary>
internal sealed class JournalMetrics
{
    private static readonly InstrumentAdvice<double> Commits = new() { HistogramBucketBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };
    private static readonly InstrumentAdvice<double> Deliveries = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] };

    private readonly TimeProvider time;
    private readonly Histogram<double> commit;
    private readonly Counter<long> events;
    private readonly Histogram<double> delivery;

    public JournalMetrics(IMeterFactory meters, TimeProvider time)
    {
        var meter = meters.Create(ProxyMetrics.MeterName);
        this.time = time;
        commit = meter.CreateHistogram("ccgate.journal.commit.duration", "s", "A commit of the journal, its fsync included", tags: null, Commits);
        events = meter.CreateCounter<long>("ccgate.publish.events", "{event}", "Events handed to the broker or the store, again whenever that fails");
        delivery = meter.CreateHistogram("ccgate.publish.duration", "s", "A delivery, until the broker has confirmed or the store committed it", tags: null, Deliveries);
    }

    public long Begin() => time.GetTimestamp();

    public void Committed(long begun) => commit.Record(time.GetElapsedTime(begun).TotalSeconds);

    public void Confirmed(long begun, int count)
    {
        events.Add(count, new KeyValuePair<string, object?>("result", "confirmed"));
        delivery.Record(time.GetElapsedTime(begun).TotalSeconds);
    }

    public void Failed(int count) => events.Add(count, new KeyValuePair<string, object?>("result", "failed"));
}
