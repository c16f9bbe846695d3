using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>What was metered at an upstream was compared with the provider's own report, and so far they agreed.</summary>
public sealed record UpstreamReconciled
{
    public Guid EventId { get; init; }

    public string UpstreamId { get; set; } = "";

    /// <summary>All upstreams of the account, whose sum was compared; this one among them.</summary>
    public IReadOnlyList<string> AccountUpstreamIds { get; set; } = [];

    public string Format { get; set; } = "";

    /// <summary>The first UTC date compared.</summary>
    public DateOnly From { get; init; }

    /// <summary>The last UTC date compared.</summary>
    public DateOnly To { get; init; }

    /// <summary>The smallest ratio that was taken for agreement.</summary>
    public decimal Threshold { get; init; }

    public bool Agrees { get; init; }

    /// <summary>How many rows differed, by however little.</summary>
    public long DriftCount { get; init; }

    /// <summary>The smallest ratio of metered to reported, of anything counted on any day that was over; null when there is none.</summary>
    public decimal? LowestRatio { get; init; }

    /// <summary>The day of the smallest ratio.</summary>
    public DateOnly? LowestDay { get; init; }

    /// <summary>What has the smallest ratio, such as <c>output_tokens</c>.</summary>
    public string? LowestMetric { get; init; }

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset ReconciledAt { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>The id by which a reconciliation that is written down twice is kept once.</summary>
    public static Guid IdOf(string upstreamId, DateOnly from, DateOnly to, DateTimeOffset reconciledAt) => Contracts.EventId.Of(Encoding.UTF8.GetBytes(
        string.Create(CultureInfo.InvariantCulture, $"upstream_reconciled\n{upstreamId}\n{from:yyyy-MM-dd}\n{to:yyyy-MM-dd}\n{reconciledAt.UtcDateTime:O}")));
}
