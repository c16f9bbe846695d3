using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace CCGate.Hosting.Telemetry;

/// <summary>Reads all instruments when it is asked to, for scrapes; several at once share a reading.</summary>
[ExportModes(ExportModes.Pull)]
internal sealed class PrometheusExporter(TimeProvider time) : BaseExporter<Metric>, IPullMetricExporter
{
    private static readonly TimeSpan CollectTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim collecting = new(1);
    private PrometheusSnapshot snapshot = PrometheusSnapshot.Empty;
    private long collectedFrom = long.MinValue;

    public Func<int, bool>? Collect { get; set; }

    /// <summary>The values of now; null when they could not be read in time.</summary>
    public async Task<PrometheusSnapshot?> ReadAsync(CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        if (!await collecting.WaitAsync(WaitTimeout, cancellationToken))
        {
            return null;
        }

        try
        {
            // What another scrape began to read after this one came is as new as it can be.
            if (collectedFrom < asked)
            {
                var from = time.GetTimestamp();
                if (Collect is not { } collect || !collect((int)CollectTimeout.TotalMilliseconds))
                {
                    return null;
                }

                collectedFrom = from;
            }

            return snapshot;
        }
        finally
        {
            collecting.Release();
        }
    }

    public override ExportResult Export(in Batch<Metric> batch)
    {
        var metrics = new List<Metric>((int)batch.Count);
        foreach (var metric in batch)
        {
            metrics.Add(metric);
        }

        snapshot = PrometheusSnapshot.Of(metrics, ParentProvider.GetResource());
        return ExportResult.Success;
    }

    protected override void Dispose(bool disposing)
    {
        // A scrape may still wait for the semaphore; it holds nothing that must be given back.
        Collect = null;
        base.Dispose(disposing);
    }
}
