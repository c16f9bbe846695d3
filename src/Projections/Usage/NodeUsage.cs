using System.Globalization;
using System.Text.Json.Serialization;
using CCGate.Projections.Spend;

namespace CCGate.Projections.Usage;

/// <summary>The body of <c>POST /usage</c>.</summary>
internal sealed record NodeUsageRequest(string? Type, string? ApiKey, string? Username, string? Password);

/// <summary>An answer of <c>/usage</c>.</summary>
internal sealed record NodeUsageAnswer<TContent>(string Type, TContent Data)
{
    [JsonPropertyOrder(-1)]
    public bool Success { get; } = true;
}

/// <summary>What went wrong.</summary>
internal sealed record NodeUsageError(string Error);

/// <summary>A tenant's own view.</summary>
internal sealed record NodeTenantContent(NodeTenant Tenant, NodeTenantUsage Usage);

/// <summary>Who asked.</summary>
internal sealed record NodeTenant(string Id, string Name);

/// <summary>A tenant's day.</summary>
internal sealed record NodeTenantUsage(string TenantId, string Date, NodeLimits Limits, NodeDay TodayUsage);

/// <summary>The limits that exist; empty without a budget.</summary>
internal sealed record NodeLimits(NodeUsdLimit? Usd);

/// <summary>The daily budget and what is used of it.</summary>
internal sealed record NodeUsdLimit(decimal Used, decimal Limit, decimal Percentage, bool Exceeded)
{
    public static NodeUsdLimit? Of(decimal used, decimal? limit) => limit is { } given
        ? new NodeUsdLimit(used, given, given == 0 ? 100 : Math.Round(used / given * 100, MidpointRounding.AwayFromZero), used >= given)
        : null;
}

/// <summary>The operator's view.</summary>
internal sealed record NodeAdminContent(NodeAdminUsage Usage, NodeSystem System, IReadOnlyList<NodeUpstream> Upstreams);

/// <summary>All tenants together, and each alone.</summary>
internal sealed record NodeAdminUsage(NodeDay TodayUsage, IReadOnlyList<NodeAdminTenant> Tenants);

/// <summary>One tenant in the operator's view.</summary>
internal sealed record NodeAdminTenant(string TenantId, string TenantName, NodeDay Usage, NodeLimits Limits);

/// <summary>The gateway as a whole.</summary>
internal sealed record NodeSystem(long TotalRequests, decimal TotalCost, int ActiveTenants, int TotalUpstreams, int HealthyUpstreams);

/// <summary>One upstream.</summary>
internal sealed record NodeUpstream(string Id, string Name, Uri? Url, bool Healthy);

/// <summary>The numbers of a day, a model or an hour, in the words of the Node project.</summary>
internal record NodeNumbers
{
    public NodeNumbers(SpendTotals totals)
    {
        TotalRequests = totals.Requests;
        TotalTokens = totals.TotalTokens;
        InputTokens = totals.InputTokens;
        OutputTokens = totals.OutputTokens;
        CacheCreationTokens = totals.CacheWrite5mTokens + totals.CacheWrite1hTokens;
        CacheReadTokens = totals.CacheReadTokens;
        TotalCost = totals.SpendUsd;
        ErrorCount = totals.Errors;
        ErrorRate = Ratio(totals.Errors * 100, totals.Requests);
        AvgDuration = Ratio(totals.DurationMs, totals.Requests);
    }

    public long TotalRequests { get; }

    public long TotalTokens { get; }

    public long InputTokens { get; }

    public long OutputTokens { get; }

    public long CacheCreationTokens { get; }

    public long CacheReadTokens { get; }

    public decimal TotalCost { get; }

    public long ErrorCount { get; }

    /// <summary>Whole percent.</summary>
    public long ErrorRate { get; }

    /// <summary>Whole milliseconds.</summary>
    public long AvgDuration { get; }

    private static long Ratio(long part, long whole) => whole == 0 ? 0 : (long)Math.Round((decimal)part / whole, MidpointRounding.AwayFromZero);
}

/// <summary>A day, with its parts by model and by hour of the day (0 to 23, local time).</summary>
internal sealed record NodeDay : NodeNumbers
{
    public NodeDay(SpendReport byModel, SpendReport byHour)
        : base(byModel.Total)
    {
        ByModel = byModel.Rows.ToDictionary(row => row.Model!, row => new NodeNumbers(row));

        // The hour that happens twice when clocks go back is one hour of the day here, as it always was on this address.
        ByHour = byHour.Rows
            .GroupBy(row => DateTimeOffset.Parse(row.Hour!, CultureInfo.InvariantCulture).Hour)
            .ToDictionary(
                hour => hour.Key.ToString(CultureInfo.InvariantCulture),
                hour => new NodeNumbers(hour.Aggregate(new SpendTotals(), (sum, row) => sum + row)));
    }

    public IReadOnlyDictionary<string, NodeNumbers> ByModel { get; }

    public IReadOnlyDictionary<string, NodeNumbers> ByHour { get; }
}
