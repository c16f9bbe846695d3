using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace CCGate.Proxy.Upstreams;

/// <summary>Tells a client that left from one whose connection was cut here because its answer broke off: both cancel the request's token.</summary>
internal sealed class ClientPresence(IHttpRequestLifetimeFeature inner) : IHttpRequestLifetimeFeature
{
    private volatile bool cutHere;

    public CancellationToken RequestAborted { get => inner.RequestAborted; set => inner.RequestAborted = value; }

    public bool HasLeft => !cutHere && inner.RequestAborted.IsCancellationRequested;

    public static ClientPresence Of(HttpContext http)
    {
        var lifetime = http.Features.GetRequiredFeature<IHttpRequestLifetimeFeature>();
        if (lifetime is not ClientPresence presence)
        {
            presence = new ClientPresence(lifetime);
            http.Features.Set<IHttpRequestLifetimeFeature>(presence);
        }

        return presence;
    }

    public void Abort()
    {
        cutHere |= !inner.RequestAborted.IsCancellationRequested;
        inner.Abort();
    }
}
