using System.Diagnostics;
using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Upstreams;

/// <summary>Tells upstreams the trace they are asked in, where <c>telemetry.traces.propagateToUpstreams</c> wants that; they are other people's, so the default is not to.</summary>
internal sealed class UpstreamPropagator(ConfigSource config) : DistributedContextPropagator
{
    /// <summary>What a client may send of its own trace: an upstream gets the gateway's or nothing.</summary>
    public static readonly string[] Headers = ["traceparent", "tracestate", "baggage"];

    public bool IsOn => config.Current.Telemetry.Traces.PropagateToUpstreams;

    public override IReadOnlyCollection<string> Fields => Headers;

    public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
    {
        if (setter is null || !IsOn || activity is not { IdFormat: ActivityIdFormat.W3C, Id: { } id })
        {
            return;
        }

        setter(carrier, "traceparent", id);
        if (activity.TraceStateString is { Length: > 0 } state)
        {
            setter(carrier, "tracestate", state);
        }
    }

    public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) => (traceId, traceState) = (null, null);

    public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
}
