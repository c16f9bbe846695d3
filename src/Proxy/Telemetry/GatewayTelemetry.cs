using CCGate.Hosting.Configuration;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Upstreams;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Telemetry;

/// <summary>Begins the telemetry of a request.</summary>
internal sealed class GatewayTelemetry(ProxyMetrics metrics, AccessLog log, SemanticConventions conventions, ConfigSource config, TimeProvider time)
{
    public RequestTelemetry Begin(HttpContext http, ISurface surface, Guid requestId)
    {
        var request = new RequestTelemetry(http, surface, requestId, metrics, log, time) { Trace = RequestTrace.Of(http, surface.Name, requestId, conventions.GenAi) };
        http.Features.Set(request);
        return request;
    }

    /// <summary>Null when nobody wants to know.</summary>
    public AttemptSpan? StartAttempt(AttemptRequest request) => AttemptSpan.Start(request, conventions.GenAi, config.Current.Telemetry.Traces.Content);
}
