using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>A tenant may spend more for a time, and somebody said why.</summary>
public sealed record BudgetExtended
{
    public Guid ExtensionId { get; init; }

    public string TenantId { get; set; } = "";

    /// <summary>The limit it adds to, as configured: <c>fiveHours</c>, <c>daily</c>, <c>weekly</c>, <c>monthly</c> or <c>total</c>.</summary>
    public string Window { get; set; } = "";

    /// <summary>It counts for requests admitted from here…</summary>
    public DateTimeOffset From { get; init; }

    /// <summary>…until here.</summary>
    public DateTimeOffset To { get; init; }

    public decimal ExtraUsd { get; init; }

    public long ExtraTokens { get; init; }

    public long ExtraRequests { get; init; }

    public string Reason { get; set; } = "";

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset ExtendedAt { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>A part of a limit is used up; once for each limit, window and threshold.</summary>
public sealed record BudgetThresholdReached
{
    /// <summary>Derived from limit, window and threshold.</summary>
    public Guid ThresholdId { get; init; }

    public string TenantId { get; set; } = "";

    /// <summary>Null when the limit is the tenant's own.</summary>
    public string? KeyId { get; init; }

    /// <summary>Which limit, such as <c>daily.maxUSD</c>.</summary>
    public string Limit { get; set; } = "";

    public DateTimeOffset WindowStart { get; init; }

    public DateTimeOffset? WindowEnd { get; init; }

    /// <summary>The part of the limit that was reached, such as 0.8.</summary>
    public decimal Threshold { get; init; }

    /// <summary>What was used, in the limit's unit.</summary>
    public decimal Used { get; init; }

    /// <summary>The limit, in its unit.</summary>
    public decimal Max { get; init; }

    public DateTimeOffset ReachedAt { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}
