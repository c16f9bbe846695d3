namespace CCGate.Projections.Reconciliation;

/// <summary>The kinds of reports that are understood.</summary>
internal enum ReportFormat
{
    AnthropicUsage,
    AnthropicCost,
    OpenAIUsage,
    OpenAICosts,
    Csv,
}

/// <summary>What a provider says was used or is owed.</summary>
/// <param name="Format">Where it came from.</param>
/// <param name="Metrics">What it counts; of anything else it says nothing.</param>
/// <param name="Days">The UTC days it speaks of, also those on which nothing was used.</param>
/// <param name="Rows">What it counted.</param>
internal sealed record ProviderReport(ReportFormat Format, IReadOnlySet<UsageMetric> Metrics, IReadOnlySet<DateOnly> Days, IReadOnlyList<CountedRow> Rows);

/// <summary>A page of a report as saved or fetched.</summary>
internal sealed record ReportPage(string Name, byte[] Content);

/// <summary>A report cannot be used; the message says which and why.</summary>
internal sealed class ReportException(string message) : Exception(message);

/// <summary>The names of the formats on the command line.</summary>
internal static class ReportFormats
{
    public static IReadOnlyDictionary<string, ReportFormat> ByName { get; } = new Dictionary<string, ReportFormat>(StringComparer.Ordinal)
    {
        ["anthropic-usage"] = ReportFormat.AnthropicUsage,
        ["anthropic-cost"] = ReportFormat.AnthropicCost,
        ["openai-usage"] = ReportFormat.OpenAIUsage,
        ["openai-costs"] = ReportFormat.OpenAICosts,
        ["csv"] = ReportFormat.Csv,
    };

    public static string Name(ReportFormat format) => ByName.First(named => named.Value == format).Key;
}
