using CCGate.Hosting.Configuration;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Upstreams;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Telemetry;

/// <summary>Begins the telemetry of a request.</summary>
internal sealed class GatewayTelemetry(ProxyMetrics metrics, AccessLog log, ConfigSource config)
{
    private readonly GenAiConventions conventions = SemanticConventions.From(Environment.GetEnvironmentVariable);

    public RequestTelemetry Begin(HttpContext http, ISurface surface, Guid requestId) =>
        new(http, surface, requestId, metrics, log) { Trace = RequestTrace.Of(http, surface.Name, requestId, conventions) };

    /// <summary>Null when nobody wants to know.</summary>
    public AttemptSpan? StartAttempt(AttemptRequest request) => AttemptSpan.Start(request, conventions, config.Current.Telemetry.Traces.Content);
}
