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

    /// <summary>When it came, as the clock's timestamp.</summary>
    public long Began { get; } = time.GetTimestamp();

    public int Attempts { get; private set; }

    public bool IsBroken { get; private set; }

    /// <summary>The one that answered, if one did, else the last; null before the first.</summary>
    public AttemptOutcome? LastAttempt { get; private set; }

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

    /// <summary>The last byte of the body is here.</summary>
    public void BodyRead() => overhead.BodyRead();

    public void Planned(AttemptPlan attempts) => plan = attempts;

    /// <summary>An upstream is about to be asked.</summary>
    public void Asking() => overhead.Asking(plan?.Waited ?? TimeSpan.Zero);

    public void Attempted(AttemptOutcome outcome)
    {
        overhead.AttemptEnded();
        metrics.Attempted(Call!, outcome, LastAttempt);
        Trace?.Attempted(outcome);
        Attempts++;
        LastAttempt = outcome;
    }

    public void Settled(RequestCompleted completed)
    {
        Completed = completed;
        Trace?.Settled(completed);
        metrics.Completed(Call!, completed, LastAttempt);
    }

    public void Refused(Refusal refusal)
    {
        Refusal = refusal;
        metrics.Refused(refusal.Reason);
        Trace?.Refused(refusal);
    }

    /// <summary>The gateway is at fault; the server answers, once nothing here does.</summary>
    public void Broke() => IsBroken = true;

    /// <summary>The client has its answer, or is gone.</summary>
    public void Ended()
    {
        if (plan?.Waited is { } waited)
        {
            metrics.Waited(waited);
        }

        if (LastAttempt is { Answered: true } && overhead.Elapsed() is { } ownTime)
        {
            metrics.Answered(ownTime);
        }

        log.Write(this);
    }
}
