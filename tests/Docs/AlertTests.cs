using System.Text.RegularExpressions;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Docs;

/// <summary>The alerts of <c>deploy/prometheus</c> fire when they should, and somebody has written down what to do then.</summary>
public sealed class AlertTests
{
    private static readonly string Cases = Path.Combine(DocumentFile.Root, "deploy/prometheus/alerts.test.yaml");

    public static TheoryData<string> Alerts => [.. AlertRule.All.Select(alert => alert.Name)];

    [Fact]
    public Task Prometheus_accepts_its_configuration() =>
        ServerProcess.RunAsync("/usr/bin/promtool", "check", "config", Path.Combine(DocumentFile.Root, "deploy/prometheus/prometheus.yaml"));

    [Fact]
    public Task Every_alert_fires_for_its_cause_and_clears_after() => ServerProcess.RunAsync("/usr/bin/promtool", "test", "rules", Cases);

    [Fact]
    public void Every_alert_of_the_file_is_looked_at_here() =>
        Assert.Equal(Regex.Count(File.ReadAllText(AlertRule.File), "- alert:"), AlertRule.All.Count);

    [Theory]
    [MemberData(nameof(Alerts))]
    public void An_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(string alert)
    {
        var cases = File.ReadAllText(Cases).ReplaceLineEndings("\n");

        Assert.Matches($@"alertname: {alert}\n +eval_time: \w+\n +exp_alerts:\n", cases);
        Assert.Matches($@"alertname: {alert}\n +eval_time: \w+\n +exp_alerts: \[\]", cases);
    }

    [Theory]
    [MemberData(nameof(Alerts))]
    public void An_alert_leads_to_what_to_do(string alert)
    {
        Assert.Equal($"docs/operations.md#{alert.ToLowerInvariant()}", AlertRule.All.Single(rule => rule.Name == alert).Runbook);
        Assert.Contains($"\n### {alert}\n", DocumentFile.Read("docs/operations.md").Text, StringComparison.Ordinal);
    }
}
