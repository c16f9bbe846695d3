using System.Text;
using CCGate.Projections.Reconciliation;
using M = CCGate.Projections.Reconciliation.UsageMetric;

namespace CCGate.Tests.Unit.Projections;

/// <summary>The reports of the providers, as saved to files.</summary>
public sealed class ProviderReportTests
{
    private static readonly DateOnly Friday = new(2026, 11, 20);

    [Fact]
    public void Anthropics_usage_report_tells_classes_and_models_apart_and_has_empty_days()
    {
        var report = Read("anthropic-usage.json");

        Assert.Equal(ReportFormat.AnthropicUsage, report.Format);
        Assert.Equal([Friday, Friday.AddDays(1)], report.Days.Order());
        Assert.Equal([(Friday, "claude-sonnet-4-5"), (Friday, "claude-haiku-4-5")], report.Rows.Select(row => (row.Day, row.Model!)));
        Assert.Equal(
            [(M.InputTokens, 1500), (M.CacheReadTokens, 200), (M.CacheWrite5mTokens, 500), (M.CacheWrite1hTokens, 1000), (M.OutputTokens, 500), (M.WebSearches, 10)],
            Amounts(report.Rows[0]));
    }

    [Fact]
    public void Anthropics_cost_report_is_in_cents()
    {
        var report = Read("anthropic-cost.json");

        Assert.Equal(ReportFormat.AnthropicCost, report.Format);
        Assert.Equal([("claude-sonnet-4-5", 1.2378912m), (null, 0.1m)], report.Rows.Select(row => (row.Model, row.Amounts[M.CostUsd])));
    }

    [Fact]
    public void OpenAIs_input_includes_what_was_read_from_and_written_to_the_cache()
    {
        var report = Read("openai-usage.json");

        Assert.Equal((ReportFormat.OpenAIUsage, Friday, "gpt-5.5"), (report.Format, report.Rows[0].Day, report.Rows[0].Model));
        Assert.Equal([(M.InputTokens, 150), (M.CacheReadTokens, 800), (M.CacheWriteTokens, 50), (M.OutputTokens, 500)], Amounts(report.Rows[0]));
    }

    [Fact]
    public void OpenAIs_costs_are_in_dollars_as_numbers_or_texts()
    {
        var report = Read("openai-costs.json");

        Assert.Equal(ReportFormat.OpenAICosts, report.Format);
        Assert.Equal([0.06m, 0.0011m], report.Rows.Select(row => row.Amounts[M.CostUsd]));
    }

    [Fact]
    public void A_csv_has_the_columns_it_names()
    {
        var report = Read("usage.csv");

        Assert.Equal([M.InputTokens, M.CacheWriteTokens, M.OutputTokens, M.CostUsd], report.Metrics.Order());
        Assert.Equal([(Friday, "mirror, large"), (Friday.AddDays(1), null)], report.Rows.Select(row => (row.Day, row.Model)));
        Assert.Equal([1000, 0, 500, 0.0105m], report.Rows[0].Amounts.OrderBy(amount => amount.Key).Select(amount => amount.Value));
    }

    [Theory]
    [InlineData("[{0},{1}]")]
    [InlineData("{0}\n{1}\n")]
    public void Pages_may_be_in_one_file_as_an_array_or_one_after_the_other(string form)
    {
        var first = Page("2026-11-20", 1, more: true);
        var second = Page("2026-11-21", 2, more: false);

        var report = ProviderReportReader.Read([Text(form.Replace("{0}", first, StringComparison.Ordinal).Replace("{1}", second, StringComparison.Ordinal))], format: null);

        Assert.Equal([1m, 2m], report.Rows.Select(row => row.Amounts[M.OutputTokens]));
        Assert.Equal(report.Rows.Select(row => row.Day), ProviderReportReader.Read([Text(first), Text(second)], format: null).Rows.Select(row => row.Day));
    }

    [Fact]
    public void Hours_add_up_to_the_utc_day_they_are_in()
    {
        var report = ProviderReportReader.Read([Text("""{"data":[{"starting_at":"2026-11-21T01:00:00+02:00","results":[{"uncached_input_tokens":1,"output_tokens":1}]}],"has_more":false}""")], format: null);

        Assert.Equal(Friday, Assert.Single(report.Rows).Day);
    }

    [Theory]
    [InlineData("has_more", """{"data":[],"has_more":true,"next_page":"p"}""")]
    [InlineData("--format", """{"data":[{"starting_at":"2026-11-20T00:00:00Z","results":[]}],"has_more":false}""")]
    [InlineData("'data'", """{"type":"error","error":{"type":"authentication_error"}}""")]
    [InlineData("'output_tokens'", """{"data":[{"starting_at":"2026-11-20T00:00:00Z","results":[{"uncached_input_tokens":1}]}]}""")]
    [InlineData("EUR", """{"data":[{"starting_at":"2026-11-20T00:00:00Z","results":[{"amount":"5","currency":"EUR"}]}]}""")]
    [InlineData("'starting_at'", """{"data":[{"results":[]}]}""")]
    [InlineData("not JSON", """{"data":[""")]
    [InlineData("input_tokns", "date,input_tokns\n2026-11-20,5\n")]
    [InlineData("row 2", "date,input_tokens\n20.11.2026,5\n")]
    [InlineData("row 3", "date,input_tokens\n2026-11-20,5\n2026-11-21,many\n")]
    [InlineData("name the columns", "date,model\n2026-11-20,x\n")]
    public void What_is_no_report_or_not_all_of_it_is_refused(string named, string text)
    {
        var refused = Assert.Throws<ReportException>(() => ProviderReportReader.Read([Text(text)], format: null));

        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_that_is_given_twice_is_not_counted_twice()
    {
        var refused = Assert.Throws<ReportException>(() => ProviderReportReader.Read([Text(Page("2026-11-20", 1, more: false)), Text(Page("2026-11-20", 1, more: false))], format: null));

        Assert.Contains("twice", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_format_that_is_named_is_insisted_on() =>
        Assert.Throws<ReportException>(() => ProviderReportReader.Read([File("anthropic-usage.json")], ReportFormat.OpenAIUsage));

    private static IEnumerable<(M, decimal)> Amounts(CountedRow row) => row.Amounts.Select(amount => (amount.Key, amount.Value));

    private static ProviderReport Read(string file) => ProviderReportReader.Read([File(file)], format: null);

    private static ReportPage File(string name) => new(name, System.IO.File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", "reports", name)));

    private static ReportPage Text(string text) => new("report", Encoding.UTF8.GetBytes(text));

    private static string Page(string day, int output, bool more) => $$"""
        {"data":[{"starting_at":"{{day}}T00:00:00Z","results":[{"uncached_input_tokens":0,"output_tokens":{{output}}}]}],"has_more":{{(more ? "true" : "false")}},"next_page":null}
        """;
}
