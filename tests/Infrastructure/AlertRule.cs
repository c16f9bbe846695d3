using System.Text.RegularExpressions;
using CCGate.Tests.Docs;

namespace CCGate.Tests.Infrastructure;

/// <summary>One of the alerts that are shipped.</summary>
internal sealed partial record AlertRule(string Name, string Expression, string Runbook)
{
    public static readonly string File = Path.Combine(DocumentFile.Root, "deploy/prometheus/alerts.yaml");

    public static IReadOnlyList<AlertRule> All { get; } = [.. Rule().Matches(System.IO.File.ReadAllText(File).ReplaceLineEndings("\n")).Select(rule => new AlertRule(
        rule.Groups["name"].Value, string.Join(' ', rule.Groups["expression"].Value.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)), rule.Groups["runbook"].Value))];

    [GeneratedRegex(@"- alert: (?<name>\w+)\n +expr: \|\n(?<expression>(?: {10}.*\n)+) +for: \w+\n(?: +(?!runbook|- alert).*\n)+ +runbook: (?<runbook>\S+)")]
    private static partial Regex Rule();
}
