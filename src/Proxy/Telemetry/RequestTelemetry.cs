using CCGate.Contracts;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Upstreams;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Telemetry;

/// <summary>What is counted, traced and logged of one request, told in the order in which it happens.</summary>
internal sealed class RequestTelemetry(HttpContext http, ISurface surface, Guid requestId, ProxyMetrics metrics, AccessLog log, TimeProvider time)
{
    private OverheadClock overhead = new(time);
    private AttemptOutcome? lastAttempt;
    private AttemptPlan? plan;

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

    public void Identified(TenantKey payer) => Payer = payer;

    public void Understood(Call call) => Call = call;

    /// <summary>The last byte of the body is here.</summary>
    public void BodyRead() => overhead.BodyRead();

    public void Planned(AttemptPlan attempts) => plan = attempts;

    /// <summary>An upstream is about to be asked.</summary>
    public void Asking() => overhead.Asking(plan?.Waited ?? TimeSpan.Zero);

    public void Attempted(AttemptOutcome outcome)
    {
        overhead.AttemptEnded();
        metrics.Attempted(Call!, outcome, lastAttempt);
        lastAttempt = outcome;
    }

    public void Settled(RequestCompleted completed)
    {
        Completed = completed;
        metrics.Completed(Call!, completed, lastAttempt);
    }

    public void Refused(Refusal refusal)
    {
        Refusal = refusal;
        metrics.Refused(refusal.Reason);
    }

    /// <summary>The client has its answer, or is gone.</summary>
    public void Ended()
    {
        if (plan?.Waited is { } waited)
        {
            metrics.Waited(waited);
        }

        if (lastAttempt is { Answered: true } && overhead.Elapsed() is { } ownTime)
        {
            metrics.Answered(ownTime);
        }

        log.Write(this);
    }
}
