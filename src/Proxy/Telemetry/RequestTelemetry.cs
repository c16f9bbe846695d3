using System.Diagnostics;
using CCGate.Contracts;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Upstreams;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Telemetry;

/// <summary>What is counted, traced and logged of one request, told in the order in which it happens.</summary>
internal sealed class RequestTelemetry(HttpContext http, ISurface surface, Guid requestId, ProxyMetrics metrics, AccessLog log)
{
    public Guid RequestId => requestId;

    public HttpContext Http => http;

    public ISurface Surface => surface;

    /// <summary>Null until the key is known.</summary>
    public TenantKey? Payer { get; private set; }

    /// <summary>Null until the body was read.</summary>
    public Call? Call { get; private set; }

    /// <summary>Null unless the gateway answered by itself.</summary>
    public Refusal? Refusal { get; private set; }

    /// <summary>Null for what is not billed.</summary>
    public RequestCompleted? Completed { get; private set; }

    /// <summary>When it came, as a stopwatch's reading.</summary>
    public long Began { get; } = Stopwatch.GetTimestamp();

    public int Attempts { get; private set; }

    /// <summary>The one that answered, if one did; null before the first.</summary>
    public Attempt? LastAttempt { get; private set; }

    /// <summary>Null when nobody wants to know.</summary>
    public RequestTrace? Trace { get; init; }

    public void Identified(TenantKey payer)
    {
        Payer = payer;
        Trace?.Identified(payer);
    }

    public void Understood(Call call)
    {
        Call = call;
        Trace?.Understood(call);
    }

    public void Attempted(AttemptOutcome outcome)
    {
        Attempts++;
        LastAttempt = outcome.Attempt;
        metrics.Attempted(outcome);
        Trace?.Attempted(outcome);
    }

    public void Settled(RequestCompleted completed)
    {
        Completed = completed;
        Trace?.Settled(completed);
        metrics.Completed(completed);
    }

    public void Refused(Refusal refusal)
    {
        Refusal = refusal;
        metrics.Refused(refusal.Reason);
        Trace?.Refused(refusal);
    }

    /// <summary>The client has its answer, or is gone.</summary>
    public void Ended() => log.Write(this);
}
