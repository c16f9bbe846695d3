using System.Text.Json.Serialization;

namespace CCGate.Projections.Reconciliation;

/// <summary>A metric on a day, as metered here and as the provider reports it.</summary>
/// <param name="CaptureRatio">Metered by reported; null when nothing is reported and something was metered.</param>
/// <param name="Reason">Why it does not agree; null when it does.</param>
internal sealed record ReconciledDay(DateOnly Day, string Metric, decimal Metered, decimal Reported, decimal? CaptureRatio, string? Reason);

/// <summary>A row that differs.</summary>
/// <param name="Model">Null when the report does not tell models apart.</param>
/// <param name="Difference">Metered less reported.</param>
internal sealed record DriftRow(DateOnly Day, string? Model, string Metric, decimal Metered, decimal Reported, decimal Difference);

/// <summary>How far the bill and the provider's agree.</summary>
/// <param name="Days">By day, each metric the report counts.</param>
/// <param name="DriftCount">How many rows differ, by however little.</param>
/// <param name="Drift">The largest of them.</param>
internal sealed record ReconciliationReport(
    IReadOnlyList<string> Upstreams, string Format, DateOnly From, DateOnly To, decimal Threshold,
    IReadOnlyList<ReconciledDay> Days, long DriftCount, IReadOnlyList<DriftRow> Drift)
{
    [JsonPropertyOrder(-1)]
    public bool Agrees => Days.All(day => day.Reason is null);
}

/// <summary>Compares what was metered with what a provider reports, per UTC day.</summary>
/// <param name="threshold">The smallest capture ratio that agrees; the largest is as far on the other side of 1.</param>
internal sealed class Reconciliation(ProviderReport report, IReadOnlyList<CountedRow> metered, decimal threshold)
{
    /// <summary>Nobody reads further.</summary>
    private const int MaxDrift = 1000;

    private readonly List<UsageMetric> metrics = [.. report.Metrics.Order()];
    private readonly bool byModel = report.Rows.Any(row => row.Model is not null);

    public ReconciliationReport Compare(IReadOnlyList<string> upstreams, DateOnly from, DateOnly to)
    {
        var asked = report.Rows.Where(row => row.Day >= from && row.Day <= to).ToList();
        var drift = Drift(asked).ToList();
        var totals = metrics.ToDictionary(UsageMetrics.Name, metric => Math.Max(Sum(asked, metric), Sum(metered, metric)));

        // By their share of the metric's total, since dollars and tokens cannot be compared otherwise.
        var largest = drift.OrderByDescending(row => Math.Abs(row.Difference) / (totals[row.Metric] == 0 ? 1 : totals[row.Metric])).Take(MaxDrift);
        return new ReconciliationReport(
            upstreams, ReportFormats.Name(report.Format), from, to, threshold, [.. Days(asked, from, to)], drift.Count, [.. largest]);
    }

    private IEnumerable<ReconciledDay> Days(List<CountedRow> asked, DateOnly from, DateOnly to)
    {
        var (theirs, ours) = (asked.ToLookup(row => row.Day), metered.ToLookup(row => row.Day));
        foreach (var day in report.Days.Where(day => day >= from && day <= to).Union(metered.Select(row => row.Day)).Order())
        {
            foreach (var metric in metrics)
            {
                yield return Judge(day, metric, Sum(ours[day], metric), Sum(theirs[day], metric));
            }
        }
    }

    private ReconciledDay Judge(DateOnly day, UsageMetric metric, decimal ours, decimal theirs)
    {
        decimal? ratio = theirs != 0 ? ours / theirs : ours == 0 ? 1 : null;
        var reason = ratio switch
        {
            null when !report.Days.Contains(day) => "the report does not have this day",
            null => "metered, and the report has none",
            _ when ratio < threshold => "metered too little",
            _ when ratio > 2 - threshold => "metered too much",
            _ => null,
        };
        return new ReconciledDay(day, UsageMetrics.Name(metric), ours, theirs, ratio is { } exact ? Math.Round(exact, 6) : null, reason);
    }

    private IEnumerable<DriftRow> Drift(List<CountedRow> asked)
    {
        (DateOnly Day, string? Model) Key(CountedRow row) => (row.Day, byModel ? row.Model ?? "" : null);

        var (theirs, ours) = (asked.ToLookup(Key), metered.ToLookup(Key));
        return from key in theirs.Select(found => found.Key).Union(ours.Select(found => found.Key))
               from metric in metrics
               let here = Sum(ours[key], metric)
               let there = Sum(theirs[key], metric)
               where here != there
               select new DriftRow(key.Day, key.Model, UsageMetrics.Name(metric), here, there, here - there);
    }

    private static decimal Sum(IEnumerable<CountedRow> rows, UsageMetric metric) => rows.Sum(row => row.Amounts.GetValueOrDefault(metric));
}
