using System.Globalization;
using System.Text;
using CCGate.Bench.Load;

namespace CCGate.Bench.Report;

/// <summary>The figures of a scenario as a Markdown table, and what they say of each gateway beside the bare forwarder.</summary>
internal static class ReportTable
{
    private static readonly string[] Columns =
        ["target", "requests/s", "p50 ms", "p99 ms", "first byte p50", "first byte p99", "CPU ms/request", "KB allocated/request", "RSS MB", "max/min"];

    public static string Of(ScenarioFigures scenario)
    {
        var text = new StringBuilder();
        text.AppendLine(Invariant($"### {scenario.Scenario}: {scenario.Connections} connections, {scenario.BodyBytes} bytes of body, {scenario.RequestsPerRound} requests a round"));
        text.AppendLine();
        text.AppendLine($"| {string.Join(" | ", Columns)} |");
        text.AppendLine($"|---|{string.Concat(Columns.Skip(1).Select(_ => "--:|"))}");
        foreach (var target in scenario.Targets)
        {
            text.AppendLine(Row(target));
        }

        text.AppendLine();
        var direct = scenario.Targets.Single(target => target.Target == LoadComparison.Direct).Median;
        var yarp = scenario.Targets.Single(target => target.Target == LoadComparison.Forwarder).Median;
        foreach (var target in scenario.Targets.Where(target => target.Target != LoadComparison.Direct))
        {
            text.AppendLine(Comparison(target.Target, target.Median, direct, yarp));
        }

        return text.ToString();
    }

    private static string Row(TargetFigures target)
    {
        var figures = target.Median;
        var latency = Invariant($"{figures.RequestsPerSecond:0} | {figures.P50Ms:0.00} | {figures.P99Ms:0.00} | {figures.FirstByteP50Ms:0.00} | {figures.FirstByteP99Ms:0.00}");
        return Invariant($"| {target.Target} | {latency} | {figures.ProcessorMsPerRequest:0.000} | {figures.AllocatedBytesPerRequest / 1024:0.0} | {figures.ResidentMb:0} | {target.Spread:0.00} |");
    }

    private static string Comparison(string name, RoundFigures figures, RoundFigures direct, RoundFigures yarp)
    {
        var added = Invariant($"p50 +{figures.P50Ms - direct.P50Ms:0.00} ms, p99 +{figures.P99Ms - direct.P99Ms:0.00} ms, first byte +{figures.FirstByteP50Ms - direct.FirstByteP50Ms:0.00} ms over direct");
        return name == LoadComparison.Forwarder
            ? $"{name}: {added}"
            : Invariant($"{name} / yarp: requests/s {figures.RequestsPerSecond / yarp.RequestsPerSecond:0.00}, CPU {figures.ProcessorMsPerRequest / yarp.ProcessorMsPerRequest:0.00}, allocated {figures.AllocatedBytesPerRequest / yarp.AllocatedBytesPerRequest:0.00}; {added}");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
