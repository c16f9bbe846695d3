using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using CCGate.Projections.Export;
using CCGate.Projections.Spend;

namespace CCGate.Projections.Billing;

/// <summary>What a rebuild of several read models found.</summary>
internal sealed record RebuildResult(IReadOnlyList<RebuildReport> Projections)
{
    public bool Identical => Projections.All(report => report.Identical);
}

/// <summary>What each kind of job does.</summary>
internal sealed class BillingWork(
    Database database, IEventStore store, IEnumerable<IProjection> projections, ProjectionRebuild rebuild, ProjectionRunner runner, TimeProvider time)
{
    public IReadOnlyList<string> Projections => [.. projections.Select(projection => projection.Name)];

    public async Task<JsonElement> VerifyAsync(BillingPeriod period, IProgress<JobProgress> progress, CancellationToken cancellationToken)
    {
        var report = await new BillingVerify(database, store) { Progress = progress }.RunAsync(period, cancellationToken);
        return JsonSerializer.SerializeToElement(report, ProjectionsJson.Default.BillingReport);
    }

    /// <param name="name">Null for all of them.</param>
    public async Task<JsonElement> RebuildAsync(string? name, IProgress<JobProgress> progress, CancellationToken cancellationToken)
    {
        var chosen = projections.Where(projection => name is null || projection.Name == name).ToList();
        var reports = new List<RebuildReport>();
        foreach (var projection in chosen)
        {
            reports.Add(await rebuild.RunAsync(projection, new RebuildShare(progress, reports.Count, chosen.Count), cancellationToken));
        }

        return JsonSerializer.SerializeToElement(new RebuildResult(reports), ProjectionsJson.Default.RebuildResult);
    }

    /// <param name="reason">Why, when the requests that differ are to be adjusted; null to look only.</param>
    public async Task<JsonElement> RerateAsync(Rerating rerating, SpendQuestion question, string? reason, string by, IProgress<JobProgress> progress, CancellationToken cancellationToken)
    {
        var ledger = new LedgerExport(store, question, new LedgerShare(progress));
        var report = reason is null
            ? await rerating.LookAsync(ledger, cancellationToken)
            : await rerating.ApplyAsync(ledger, new EventIntake(store), new RerateOrder(reason, by, time.GetUtcNow()), cancellationToken);
        runner.Wake();
        return JsonSerializer.SerializeToElement(report, ProjectionsJson.Default.RerateReport);
    }

    /// <summary>Each of the read models counts as much as any other.</summary>
    private sealed class RebuildShare(IProgress<JobProgress> progress, int before, int count) : IProgress<RebuildProgress>
    {
        public void Report(RebuildProgress value) => progress.Report(new JobProgress((before * value.Fence) + Math.Min(value.Position, value.Fence), count * value.Fence));
    }

    private sealed class LedgerShare(IProgress<JobProgress> progress) : IProgress<double>
    {
        private const int Whole = 1000;

        public void Report(double value) => progress.Report(new JobProgress((long)(value * Whole), Whole));
    }
}
