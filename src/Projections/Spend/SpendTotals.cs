using System.Text.Json.Serialization;

namespace CCGate.Projections.Spend;

/// <summary>What was consumed and what it costs, summed over something.</summary>
internal record SpendTotals
{
    public long Requests { get; init; }

    public long Errors { get; init; }

    public long InputTokens { get; init; }

    public long CacheReadTokens { get; init; }

    public long CacheWrite5mTokens { get; init; }

    public long CacheWrite1hTokens { get; init; }

    public long OutputTokens { get; init; }

    public long ReasoningTokens { get; init; }

    public long WebSearches { get; init; }

    public long TotalTokens => InputTokens + CacheReadTokens + CacheWrite5mTokens + CacheWrite1hTokens + OutputTokens;

    public decimal SpendUsd { get; init; }

    public long DurationMs { get; init; }

    public static SpendTotals operator +(SpendTotals left, SpendTotals right) => new()
    {
        Requests = left.Requests + right.Requests,
        Errors = left.Errors + right.Errors,
        InputTokens = left.InputTokens + right.InputTokens,
        CacheReadTokens = left.CacheReadTokens + right.CacheReadTokens,
        CacheWrite5mTokens = left.CacheWrite5mTokens + right.CacheWrite5mTokens,
        CacheWrite1hTokens = left.CacheWrite1hTokens + right.CacheWrite1hTokens,
        OutputTokens = left.OutputTokens + right.OutputTokens,
        ReasoningTokens = left.ReasoningTokens + right.ReasoningTokens,
        WebSearches = left.WebSearches + right.WebSearches,
        SpendUsd = left.SpendUsd + right.SpendUsd,
        DurationMs = left.DurationMs + right.DurationMs,
    };
}

/// <summary>The totals of one day, hour, model, tenant, key or upstream; exactly the properties that name it are set.</summary>
internal sealed record SpendRow : SpendTotals
{
    public SpendRow()
    {
    }

    public SpendRow(SpendTotals totals)
        : base(totals)
    {
    }

    [JsonPropertyOrder(-1)]
    public string? Day { get; init; }

    [JsonPropertyOrder(-1)]
    public string? Hour { get; init; }

    [JsonPropertyOrder(-1)]
    public string? Tenant { get; init; }

    [JsonPropertyOrder(-1)]
    public string? Key { get; init; }

    [JsonPropertyOrder(-1)]
    public string? Model { get; init; }

    [JsonPropertyOrder(-1)]
    public string? Upstream { get; init; }
}

/// <summary>The answer of <c>GET /api/usage</c>.</summary>
/// <param name="By">What the rows are by.</param>
/// <param name="From">The first instant counted; null when there is no bound.</param>
/// <param name="To">The first instant not counted any more; null when there is no bound.</param>
/// <param name="Timezone">The zone whose days and hours these are.</param>
/// <param name="Rows">In the order of what they are by.</param>
/// <param name="Total">The sum of all rows.</param>
internal sealed record SpendReport(
    string By,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? From,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] DateTimeOffset? To,
    string Timezone,
    IReadOnlyList<SpendRow> Rows,
    SpendTotals Total);
