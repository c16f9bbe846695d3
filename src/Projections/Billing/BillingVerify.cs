using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;

namespace CCGate.Projections.Billing;

/// <summary>Checks the bill against the events: every row, every price, every sum, and the ledger itself. Runs beside a gateway in full traffic.</summary>
internal sealed class BillingVerify(Database database, IEventStore store)
{
    private const int BatchSize = 1000;

    public IProgress<JobProgress>? Progress { get; init; }

    public async Task<BillingReport> RunAsync(BillingPeriod period, CancellationToken cancellationToken)
    {
        // Taken once; events that arrive from now on are beyond its position and do not matter. Price books beyond it do: they may have arrived late.
        var snapshot = await SpendSnapshot.ReadAsync(database, period, cancellationToken);
        var prices = new PublishedPrices();
        var check = new LedgerCheck(period, prices);
        var highWaterMark = await store.HighWaterMarkAsync(cancellationToken);
        var total = highWaterMark + snapshot.Position;
        await ForEachAsync(highWaterMark, stored => check.Prepare(stored, snapshot.Position), new JobProgress(0, total), cancellationToken);
        await ForEachAsync(snapshot.Position, check.Add, new JobProgress(highWaterMark, total), cancellationToken);
        check.Compare(snapshot.Rows);
        return check.Report(snapshot);
    }

    private async Task ForEachAsync(long upTo, Action<StoredEvent> action, JobProgress before, CancellationToken cancellationToken)
    {
        for (long last = 0; last < upTo;)
        {
            var events = await store.ReadAsync(last, upTo, BatchSize, cancellationToken);
            foreach (var stored in events)
            {
                action(stored);
            }

            last = events.Count < BatchSize ? upTo : events[^1].Position;
            Progress?.Report(before with { Done = before.Done + last });
        }
    }
}
