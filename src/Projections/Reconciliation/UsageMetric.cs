namespace CCGate.Projections.Reconciliation;

/// <summary>What a provider's report can count.</summary>
internal enum UsageMetric
{
    InputTokens,
    CacheReadTokens,
    CacheWrite5mTokens,
    CacheWrite1hTokens,

    /// <summary>Cache writes of any lifetime, for reports that do not tell them apart.</summary>
    CacheWriteTokens,
    OutputTokens,
    WebSearches,
    CostUsd,
}

/// <summary>The names of the metrics, as columns of a CSV report and in the output.</summary>
internal static class UsageMetrics
{
    public static IReadOnlyDictionary<string, UsageMetric> ByName { get; } = new Dictionary<string, UsageMetric>(StringComparer.Ordinal)
    {
        ["input_tokens"] = UsageMetric.InputTokens,
        ["cache_read_tokens"] = UsageMetric.CacheReadTokens,
        ["cache_write_5m_tokens"] = UsageMetric.CacheWrite5mTokens,
        ["cache_write_1h_tokens"] = UsageMetric.CacheWrite1hTokens,
        ["cache_write_tokens"] = UsageMetric.CacheWriteTokens,
        ["output_tokens"] = UsageMetric.OutputTokens,
        ["web_searches"] = UsageMetric.WebSearches,
        ["cost_usd"] = UsageMetric.CostUsd,
    };

    public static string Name(UsageMetric metric) => ByName.First(named => named.Value == metric).Key;
}

/// <summary>What somebody counted on a UTC day, for one model when that is known.</summary>
internal sealed record CountedRow(DateOnly Day, string? Model, IReadOnlyDictionary<UsageMetric, decimal> Amounts);
