using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace CCGate.Proxy.Upstreams;

/// <summary>Two attempts for one answer: the first that is seen to answer gets the client, the other one is stopped.</summary>
/// <remarks>Each runs on a context of its own, since YARP writes the status of an answer before anybody can say whether it is the client's.</remarks>
internal sealed class AttemptRace(HttpContext client) : IDisposable
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource decided = new();
    private HttpContext? winner;
    private bool isHedged;

    /// <summary>Cancelled when the client belongs to one of them.</summary>
    public CancellationToken Decided => decided.Token;

    /// <summary>Whether there are, or were, two.</summary>
    public bool IsHedged
    {
        get
        {
            lock (gate)
            {
                return isHedged;
            }
        }
    }

    public bool IsLostBy(HttpContext http)
    {
        lock (gate)
        {
            return winner is not null && winner != http;
        }
    }

    /// <summary>A second one is to start; false when it is too late for that.</summary>
    public bool TryHedge()
    {
        lock (gate)
        {
            return isHedged |= winner is null;
        }
    }

    /// <summary>The client's request with an answer of its own, which reaches nobody before <see cref="TryWin"/>.</summary>
    public HttpContext Enter()
    {
        var features = new FeatureCollection(client.Features);
        features.Set<IHttpRequestFeature>(Copy(client.Features.GetRequiredFeature<IHttpRequestFeature>()));
        features.Set<IHttpResponseFeature>(new HttpResponseFeature { Headers = { [GatewayHeaders.RequestId] = client.Response.Headers[GatewayHeaders.RequestId] } });
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(Stream.Null));
        return new DefaultHttpContext(features);
    }

    /// <summary>Gives the client to the first that asks: from here on, what is written to its answer is the client's.</summary>
    public bool TryWin(HttpContext http)
    {
        lock (gate)
        {
            if (winner is not null)
            {
                return winner == http;
            }

            winner = http;
        }

        var own = http.Features.GetRequiredFeature<IHttpResponseFeature>();
        http.Features.Set<IHttpResponseFeature>(null); // What is not set here is the client's own.
        http.Features.Set<IHttpResponseBodyFeature>(null);
        (http.Response.StatusCode, http.Features.GetRequiredFeature<IHttpResponseFeature>().ReasonPhrase) = (own.StatusCode, own.ReasonPhrase);
        decided.Cancel();
        return true;
    }

    public void Dispose() => decided.Dispose();

    private static HttpRequestFeature Copy(IHttpRequestFeature request)
    {
        var headers = new HeaderDictionary(request.Headers.Count);
        foreach (var (name, values) in request.Headers)
        {
            headers[name] = values;
        }

        return new HttpRequestFeature
        {
            Protocol = request.Protocol,
            Scheme = request.Scheme,
            Method = request.Method,
            PathBase = request.PathBase,
            Path = request.Path,
            QueryString = request.QueryString,
            RawTarget = request.RawTarget,
            Headers = headers,
        };
    }
}
