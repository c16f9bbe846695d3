using CCGate.Proxy.Surfaces;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Telemetry;

/// <summary>Begins the telemetry of a request.</summary>
internal sealed class GatewayTelemetry(ProxyMetrics metrics, AccessLog log, TimeProvider time)
{
    public RequestTelemetry Begin(HttpContext http, ISurface surface, Guid requestId)
    {
        var request = new RequestTelemetry(http, surface, requestId, metrics, log, time);
        http.Features.Set(request);
        return request;
    }
}
