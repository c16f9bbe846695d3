using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Hosting.Fleet;

/// <summary>What only a proxy knows of itself, as it tells whoever shows it.</summary>
internal sealed record ProxyReport
{
    public string Instance { get; set; } = "";

    public DateTimeOffset StartedAt { get; init; }

    /// <summary>Since the start.</summary>
    public long RequestsAdmitted { get; init; }

    public int InFlight { get; init; }

    /// <summary>Requests in flight and facts that the read model does not count yet.</summary>
    public int JournalDepth { get; init; }

    /// <summary>Age of the oldest fact that the read model does not count yet; null when there is none.</summary>
    public double? JournalOldestSeconds { get; init; }

    public OpenHolds OpenHolds { get; set; } = new(0, 0);

    /// <summary>As <c>GET /api/upstreams</c> of that proxy has them.</summary>
    public IReadOnlyList<JsonElement> Upstreams { get; set; } = [];
}

/// <summary>What is held against limits for requests in flight.</summary>
internal sealed record OpenHolds(int Count, decimal Usd);

/// <summary>The JSON of the reports.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProxyReport))]
internal sealed partial class ProxyReportJson : JsonSerializerContext;
