using CCGate.Proxy.Surfaces;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Telemetry;

/// <summary>Begins the telemetry of a request.</summary>
internal sealed class GatewayTelemetry(ProxyMetrics metrics, AccessLog log)
{
    public RequestTelemetry Begin(HttpContext http, ISurface surface, Guid requestId) => new(http, surface, requestId, metrics, log);
}
