using System.Globalization;
using System.Net;
using System.Reflection;
using OpenTelemetry.Resources;

namespace CCGate.Hosting.Telemetry;

/// <summary>Which process it is that says something of itself.</summary>
/// <param name="Role">The command that started it: <c>run</c>, <c>proxy</c>, <c>metering</c> or <c>projections</c>.</param>
/// <param name="Instance">What no other process of its role has.</param>
internal sealed record ProcessIdentity(string Role, string Instance)
{
    /// <summary>Of a process that is known by where it listens.</summary>
    public static ProcessIdentity At(string role, string urls)
    {
        var port = urls.Split(';')[0].Split(':')[^1].TrimEnd('/');

        // A port that the system chooses is not known yet.
        return new ProcessIdentity(role, string.Create(CultureInfo.InvariantCulture, $"{Dns.GetHostName()}:{(port is "0" ? $"{Environment.ProcessId}" : port)}"));
    }
}

/// <summary>What is sent along with every metric, span and log record by OTLP.</summary>
internal static class TelemetryResource
{
    /// <summary>What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes last, and so counts.</summary>
    public static ResourceBuilder Of(ProcessIdentity identity) => ResourceBuilder.CreateEmpty()
        .AddTelemetrySdk()
        .AddService("ccgate", serviceVersion: Version(), autoGenerateServiceInstanceId: false, serviceInstanceId: identity.Instance)
        .AddAttributes([new("ccgate.role", identity.Role)])
        .AddEnvironmentVariableDetector();

    private static string? Version() => typeof(TelemetryResource).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0];
}
