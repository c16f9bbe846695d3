using System.Diagnostics;
using CCGate.Contracts;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Telemetry;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Journal;

/// <summary>Delivers the journal's facts in order, one batch at a time, and again until somebody else keeps them.</summary>
internal sealed partial class JournalShipper(UsageJournal journal, IUsageSink sink, JournalMetrics metrics, TimeProvider time, ILogger<JournalShipper> logger) : BackgroundService
{
    // A message of some hundred events is far below RabbitMQ's limits and costs one confirm.
    private const int CommitsPerBatch = 256;
    private const int LargestBatch = 500;

    // Every delivery ends in fsyncs of the store and of the read models, on the disk that requests wait for: what comes within this time goes together.
    private static readonly TimeSpan ShortestPeriod = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan IdlePeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(10);

    // What was delivered long ago and is still not counted may have been lost on the way, with a queue or a disk: it is sent again.
    private static readonly TimeSpan RedeliveryPeriod = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        metrics.Failed(0); // So that the first failure is an increase of something.
        long position = 0;
        var backoff = TimeSpan.Zero;
        var redeliverAt = time.GetUtcNow() + RedeliveryPeriod;
        while (!stoppingToken.IsCancellationRequested)
        {
            var (facts, upTo) = journal.ReadFacts(position, CommitsPerBatch);
            try
            {
                foreach (var batch in facts.Chunk(LargestBatch))
                {
                    await DeliverAsync(batch, stoppingToken);
                    journal.Index.Delivered(batch.Select(fact => fact.Id));
                }

                backoff = TimeSpan.Zero;
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                backoff = TimeSpan.FromMilliseconds(Math.Clamp(backoff.TotalMilliseconds * 2, 200, LongestBackoff.TotalMilliseconds));
                LogFailed(error, journal.Index.Undelivered, backoff);
                await Task.Delay(backoff, time, stoppingToken);
                continue;
            }

            if (upTo != position)
            {
                position = upTo;
                await Task.Delay(ShortestPeriod, time, stoppingToken);
                continue;
            }

            if (time.GetUtcNow() >= redeliverAt)
            {
                redeliverAt = time.GetUtcNow() + RedeliveryPeriod;
                position = 0;
                continue;
            }

            await journal.FactsWritten.WaitAsync(IdlePeriod, stoppingToken);
        }
    }

    private async Task DeliverAsync(EventRecord[] batch, CancellationToken stoppingToken)
    {
        var begun = metrics.Begin();
        var spans = EventSpans.Start(RequestTrace.Source, "publish", ActivityKind.Producer, batch.Select(fact => (fact.Id, fact.Data, fact.Timestamp)));
        try
        {
            await sink.DeliverAsync(batch, stoppingToken);
        }
        catch when (!stoppingToken.IsCancellationRequested)
        {
            metrics.Failed(batch.Length);
            throw;
        }

        spans?.End();
        metrics.Confirmed(begun, batch.Length);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Undelivered} events wait in the journal: they could not be delivered; next try in {Backoff}")]
    private partial void LogFailed(Exception error, int undelivered, TimeSpan backoff);
}
