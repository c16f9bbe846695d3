using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Tenants;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Pipeline;

/// <summary>A call with its tenant, its route, and the money held for it: nothing can be forwarded without one.</summary>
internal sealed record Exchange(
    HttpContext Http, ISurface Surface, Guid RequestId, DateTimeOffset AdmittedAt, TenantKey Payer, Call Call, ModelRoute Route, PriceBook Prices, Reservation Reservation)
{
    /// <summary>The request's span as W3C writes it; null unless it is recorded.</summary>
    public string? TraceParent { get; init; }

    public TenantConfig Tenant => Payer.Tenant;

    public bool ClientLeft => Http.RequestAborted.IsCancellationRequested;
}
