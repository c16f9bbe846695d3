using CCGate.Projections.Reconciliation;
using M = CCGate.Projections.Reconciliation.UsageMetric;

namespace CCGate.Tests.Unit.Projections;

/// <summary>What agrees and what does not.</summary>
public sealed class ReconciliationTests
{
    private static readonly DateOnly Friday = new(2026, 11, 20);

    [Theory]
    [InlineData(1000, 1000, 1.0, null)]
    [InlineData(990, 1000, 0.99, null)]
    [InlineData(989, 1000, 0.989, "metered too little")]
    [InlineData(1010, 1000, 1.01, null)]
    [InlineData(1011, 1000, 1.011, "metered too much")]
    [InlineData(0, 1000, 0.0, "metered too little")]
    [InlineData(0, 0, 1.0, null)]
    [InlineData(5, 0, null, "metered, and the report has none")]
    public void A_day_agrees_within_the_threshold_on_both_sides(int metered, int reported, double? ratio, string? reason)
    {
        var day = Assert.Single(Compare([Row(Friday, "m", reported)], [Row(Friday, "m", metered)]).Days);

        Assert.Equal(((decimal?)ratio, reason), (day.CaptureRatio, day.Reason));
    }

    [Fact]
    public void A_day_on_which_something_was_metered_must_be_in_the_report()
    {
        var report = Compare([Row(Friday, "m", 5), Row(Friday.AddDays(2), "m", 5)], [Row(Friday, "m", 5), Row(Friday.AddDays(1), "m", 7), Row(Friday.AddDays(2), "m", 5)]);

        Assert.False(report.Agrees);
        Assert.Equal([null, "the report does not have this day", null], report.Days.Select(day => day.Reason));
    }

    [Fact]
    public void Models_that_cancel_each_other_out_are_drift_on_a_day_that_agrees()
    {
        var report = Compare([Row(Friday, "a", 600), Row(Friday, "b", 400)], [Row(Friday, "a", 590), Row(Friday, "b", 405), Row(Friday, "c", 5)]);

        Assert.True(report.Agrees);
        Assert.Equal([("a", -10m), ("b", 5m), ("c", 5m)], report.Drift.Select(row => (row.Model!, row.Difference)));
    }

    [Fact]
    public void A_report_without_models_is_compared_by_day()
    {
        var report = Compare([Row(Friday, null, 10)], [Row(Friday, "a", 6), Row(Friday, "b", 3)]);

        Assert.Equal((Friday, null, -1m), (report.Drift[0].Day, report.Drift[0].Model, Assert.Single(report.Drift).Difference));
    }

    [Fact]
    public void What_the_report_does_not_count_is_not_compared()
    {
        var metered = new CountedRow(Friday, "m", new Dictionary<M, decimal> { [M.OutputTokens] = 10, [M.CostUsd] = 99 });

        Assert.Equal("output_tokens", Assert.Single(Compare([Row(Friday, "m", 10)], [metered]).Days).Metric);
    }

    [Fact]
    public void The_largest_share_of_its_metric_comes_first_whatever_the_unit()
    {
        CountedRow Both(string model, decimal tokens, decimal usd) => new(Friday, model, new Dictionary<M, decimal> { [M.OutputTokens] = tokens, [M.CostUsd] = usd });
        var theirs = new ProviderReport(ReportFormat.Csv, new HashSet<M> { M.OutputTokens, M.CostUsd }, new HashSet<DateOnly> { Friday }, [Both("m", 1_000_000, 2)]);

        var report = new Reconciliation(theirs, [Both("m", 999_000, 1)], 0.99m).Compare(["u"], Friday, Friday);

        Assert.Equal(["cost_usd", "output_tokens"], report.Drift.Select(row => row.Metric));
    }

    [Fact]
    public void Days_outside_the_period_are_left_out() =>
        Assert.Equal(Friday, Assert.Single(Compare([Row(Friday, "m", 5), Row(Friday.AddDays(5), "m", 5)], [Row(Friday, "m", 5)]).Days).Day);

    private static CountedRow Row(DateOnly day, string? model, decimal output) => new(day, model, new Dictionary<M, decimal> { [M.OutputTokens] = output });

    private static ReconciliationReport Compare(CountedRow[] reported, CountedRow[] metered)
    {
        var report = new ProviderReport(ReportFormat.Csv, new HashSet<M> { M.OutputTokens }, reported.Select(row => row.Day).ToHashSet(), reported);
        return new Reconciliation(report, metered, 0.99m).Compare(["u1"], Friday, Friday.AddDays(3));
    }
}
