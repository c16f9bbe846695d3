using System.Globalization;
using System.Text;

namespace CCGate.Hosting.Telemetry;

/// <summary>Writes what a scrape is answered: the text format 0.0.4, or OpenMetrics 1.0.</summary>
/// <remarks>https://prometheus.io/docs/instrumenting/exposition_formats/ and https://prometheus.io/docs/specs/om/open_metrics_spec/</remarks>
internal static class PrometheusText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";
    public const string OpenMetricsContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    public static string Of(PrometheusSnapshot snapshot, bool openMetrics)
    {
        var text = new StringBuilder(64 * 1024);
        WriteHead(text, openMetrics ? "target" : "target_info", openMetrics ? "info" : "gauge", "Which process this is", openMetrics);
        WriteLine(text, "target_info", snapshot.Target, "1");
        foreach (var family in snapshot.Families)
        {
            var sample = family.Kind == PrometheusKind.Counter ? family.Name + "_total" : family.Name;
            WriteHead(text, openMetrics ? family.Name : sample, family.Kind.ToString().ToLowerInvariant(), family.Help, openMetrics);
            foreach (var series in family.Series)
            {
                if (family.Kind == PrometheusKind.Histogram)
                {
                    WriteHistogram(text, family.Name, series);
                }
                else
                {
                    WriteLine(text, sample, series.Labels, series.Value);
                }
            }
        }

        return (openMetrics ? text.Append("# EOF\n") : text).ToString();
    }

    private static void WriteHistogram(StringBuilder text, string name, PrometheusSeries series)
    {
        foreach (var (bound, count) in series.Buckets)
        {
            WriteLine(text, name + "_bucket", $"{series.Labels}{(series.Labels.Length > 0 ? "," : "")}le=\"{bound}\"", count.ToString(CultureInfo.InvariantCulture));
        }

        WriteLine(text, name + "_sum", series.Labels, series.Value);
        WriteLine(text, name + "_count", series.Labels, series.Buckets[^1].Count.ToString(CultureInfo.InvariantCulture));
    }

    private static void WriteHead(StringBuilder text, string name, string type, string help, bool openMetrics)
    {
        var escaped = help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        text.Append("# HELP ").Append(name).Append(' ').Append(openMetrics ? escaped.Replace("\"", "\\\"", StringComparison.Ordinal) : escaped).Append('\n');
        text.Append("# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
    }

    private static void WriteLine(StringBuilder text, string name, string labels, string value)
    {
        text.Append(name);
        if (labels.Length > 0)
        {
            text.Append('{').Append(labels).Append('}');
        }

        text.Append(' ').Append(value).Append('\n');
    }
}
