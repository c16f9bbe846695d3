using System.Text.Json.Serialization;

namespace CCGate.Hosting.Health;

/// <summary>How well something is; the worst of a process is the process's own.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<HealthStatus>))]
internal enum HealthStatus
{
    [JsonStringEnumMemberName("healthy")]
    Healthy,

    /// <summary>It works, and somebody should look at it.</summary>
    [JsonStringEnumMemberName("degraded")]
    Degraded,

    /// <summary>Do not send it work.</summary>
    [JsonStringEnumMemberName("unhealthy")]
    Unhealthy,
}

/// <summary>What a check found.</summary>
internal sealed record HealthFinding(HealthStatus Status, string? Detail = null)
{
    public static HealthFinding Healthy { get; } = new(HealthStatus.Healthy);
}

/// <summary>One named thing that can be ill. A host registers each as a singleton; an exception or ten seconds of silence counts as unhealthy.</summary>
internal sealed record HealthCheck(string Name, Func<CancellationToken, Task<HealthFinding>> CheckAsync);
