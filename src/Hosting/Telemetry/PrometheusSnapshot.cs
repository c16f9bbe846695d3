using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace CCGate.Hosting.Telemetry;

/// <summary>What Prometheus takes a metric for.</summary>
internal enum PrometheusKind
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>One line, or the lines of one histogram.</summary>
/// <param name="Labels">As they are written between the braces, in order.</param>
/// <param name="Value">Of a histogram, the sum.</param>
/// <param name="Buckets">Upper bounds and how many are below them; empty unless it is a histogram.</param>
internal sealed record PrometheusSeries(string Labels, string Value, IReadOnlyList<(string Bound, long Count)> Buckets);

/// <summary>Everything of one name.</summary>
internal sealed record PrometheusFamily(string Name, PrometheusKind Kind, string Help, IReadOnlyList<PrometheusSeries> Series);

/// <summary>All values at one moment.</summary>
/// <param name="Families">By name.</param>
/// <param name="Target">The labels of <c>target_info</c>.</param>
internal sealed record PrometheusSnapshot(IReadOnlyList<PrometheusFamily> Families, string Target)
{
    public static readonly PrometheusSnapshot Empty = new([], "");

    public static PrometheusSnapshot Of(IEnumerable<Metric> metrics, Resource resource) => new(
        [.. metrics
            .Where(metric => metric.MetricType != MetricType.ExponentialHistogram)
            .GroupBy(metric => PrometheusNames.Family(metric.Name, metric.Unit ?? "", KindOf(metric)), StringComparer.Ordinal)
            .OrderBy(family => family.Key, StringComparer.Ordinal)
            .Select(family => FamilyOf(family.Key, [.. family.OrderBy(metric => metric.MeterName, StringComparer.Ordinal).ThenBy(metric => metric.Name, StringComparer.Ordinal)]))
            .Where(family => family.Series.Count > 0)],
        LabelsOf(resource.Attributes));

    /// <summary>Metrics that share a name are one family: those of another kind than the first are left out, and the scope tells equal ones apart.</summary>
    private static PrometheusFamily FamilyOf(string name, List<Metric> metrics)
    {
        var kind = KindOf(metrics[0]);
        var clashes = metrics.DistinctBy(metric => (metric.MeterName, metric.MeterVersion)).Count() > 1;
        var series = new SortedDictionary<string, PrometheusSeries>(StringComparer.Ordinal);
        foreach (var metric in metrics.Where(metric => KindOf(metric) == kind))
        {
            var scale = PrometheusNames.Scale(metric.Unit ?? "");
            foreach (ref readonly var point in metric.GetMetricPoints())
            {
                var labels = LabelsOf(Tags(point.Tags), clashes ? metric : null);

                // A line that comes twice would make the whole scrape fail.
                series.TryAdd(labels, SeriesOf(labels, metric.MetricType, point, scale));
            }
        }

        var help = metrics.Find(metric => metric.Description is { Length: > 0 })?.Description ?? $"{metrics[0].Name} of {metrics[0].MeterName}";
        return new PrometheusFamily(name, kind, help, [.. series.Values]);
    }

    private static PrometheusSeries SeriesOf(string labels, MetricType type, in MetricPoint point, double scale) => type switch
    {
        MetricType.LongSum or MetricType.LongSumNonMonotonic when scale is 1 => new(labels, point.GetSumLong().ToString(CultureInfo.InvariantCulture), []),
        MetricType.LongSum or MetricType.LongSumNonMonotonic => new(labels, Number(point.GetSumLong() * scale), []),
        MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic => new(labels, Number(point.GetSumDouble() * scale), []),
        MetricType.LongGauge => new(labels, Number(point.GetGaugeLastValueLong() * scale), []),
        MetricType.DoubleGauge => new(labels, Number(point.GetGaugeLastValueDouble() * scale), []),
        _ => new(labels, Number(point.GetHistogramSum() * scale), BucketsOf(point, scale)),
    };

    private static List<(string Bound, long Count)> BucketsOf(in MetricPoint point, double scale)
    {
        var buckets = new List<(string, long)>();
        long below = 0;
        foreach (var bucket in point.GetHistogramBuckets())
        {
            below += bucket.BucketCount;
            buckets.Add((Bound(bucket.ExplicitBound * scale), below));
        }

        // A histogram that is told to have no buckets still has the one that holds everything.
        return buckets.Count > 0 ? buckets : [("+Inf", point.GetHistogramCount())];
    }

    private static PrometheusKind KindOf(Metric metric) => metric.MetricType switch
    {
        MetricType.LongSum or MetricType.DoubleSum => PrometheusKind.Counter,
        MetricType.Histogram => PrometheusKind.Histogram,
        _ => PrometheusKind.Gauge,
    };

    private static List<KeyValuePair<string, object?>> Tags(ReadOnlyTagCollection tags)
    {
        var list = new List<KeyValuePair<string, object?>>(tags.Count);
        foreach (var tag in tags)
        {
            list.Add(tag!);
        }

        return list;
    }

    private static string LabelsOf(IEnumerable<KeyValuePair<string, object?>> tags, Metric? scope)
    {
        var all = scope is null ? tags : tags.Concat([new("otel_scope_name", scope.MeterName), new("otel_scope_version", scope.MeterVersion)]);
        return LabelsOf(all!);
    }

    /// <summary>Tags whose names become the same label are one, their values joined, as the specification says.</summary>
    private static string LabelsOf(IEnumerable<KeyValuePair<string, object>> tags)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in tags.OrderBy(tag => tag.Key, StringComparer.Ordinal))
        {
            if (Text(value) is { Length: > 0 } text)
            {
                var label = PrometheusNames.Label(name);
                labels[label] = labels.TryGetValue(label, out var before) ? $"{before};{text}" : text;
            }
        }

        var written = new StringBuilder();
        foreach (var (label, value) in labels)
        {
            written.Append(written.Length > 0 ? "," : "").Append(label).Append("=\"").Append(Escape(value)).Append('"');
        }

        return written.ToString();
    }

    private static string Text(object? value) => value switch
    {
        bool isTrue => isTrue ? "true" : "false",
        Array several => string.Join(',', several.Cast<object?>().Select(Text)),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static string Escape(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);

    private static string Number(double value) => double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');

    /// <summary>Always with a point or an exponent, so that the same bucket has the same label in both formats and all versions of Prometheus.</summary>
    private static string Bound(double bound)
    {
        // Scaling by a thousandth must not make 0.30000000000000004 of 300.
        var written = Number(double.IsFinite(bound) && bound != 0 ? double.Parse(bound.ToString("G15", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : bound);
        return double.IsFinite(bound) && !written.Contains('.', StringComparison.Ordinal) && !written.Contains('e', StringComparison.Ordinal) ? written + ".0" : written;
    }
}
