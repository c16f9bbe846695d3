using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace CCGate.Proxy.Upstreams;

/// <summary>How many answers are read to their end at a time for clients that have left; beyond that they are cancelled.</summary>
internal sealed class Drains(TimeProvider time)
{
    /// <summary>Each keeps a connection and its hold.</summary>
    public const int Most = 64;

    /// <summary>An upstream that always says something never falls silent.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    private int running;

    public TimeProvider Time => time;

    public int Running => Volatile.Read(ref running);

    public bool TryBegin()
    {
        if (Interlocked.Increment(ref running) <= Most)
        {
            return true;
        }

        End();
        return false;
    }

    public void End() => Interlocked.Decrement(ref running);
}

/// <summary>For one attempt under <c>drain</c>: hides that the client has left, so that the upstream's answer is read to its end and its exact usage billed.</summary>
/// <remarks>
/// Nothing else changes: the same copy goes on, past the meter and into a connection that takes no bytes any more. The upstream's silence is bounded as for
/// any client; all of it by <see cref="Drains.Longest"/>.
/// </remarks>
internal sealed class Drain : IHttpRequestLifetimeFeature, IDisposable
{
    private readonly HttpContext http;
    private readonly ClientPresence client;
    private readonly Drains drains;
    private readonly CancellationTokenSource giveUp;
    private readonly CancellationTokenRegistration leaving;
    private bool begun;

    private Drain(HttpContext http, ClientPresence client, Drains drains)
    {
        (this.http, this.client, this.drains) = (http, client, drains);
        giveUp = new CancellationTokenSource(Timeout.InfiniteTimeSpan, drains.Time);
        http.Features.Set<IHttpRequestLifetimeFeature>(this);
        leaving = client.RequestAborted.Register(Begin);
    }

    public CancellationToken RequestAborted { get => giveUp.Token; set => throw new NotSupportedException(); }

    /// <summary>Null when the upstream is to be stopped.</summary>
    public static Drain? For(HttpContext http, AbortPolicy policy, ClientPresence client, Drains drains) =>
        policy == AbortPolicy.Drain ? new Drain(http, client, drains) : null;

    /// <summary>Whether the client has left and the answer was read on all the same.</summary>
    public static bool IsApplied(Drain? drain) => drain is { begun: true, giveUp.IsCancellationRequested: false };

    public void Abort() => client.Abort();

    public void Dispose()
    {
        leaving.Dispose(); // Waits for Begin.
        if (begun)
        {
            drains.End();
        }

        http.Features.Set<IHttpRequestLifetimeFeature>(client);
        giveUp.Dispose();
    }

    private void Begin()
    {
        if (!client.HasLeft)
        {
            return; // It was cut off here, because its answer broke off.
        }

        begun = drains.TryBegin();
        if (begun)
        {
            giveUp.CancelAfter(Drains.Longest);
        }
        else
        {
            giveUp.Cancel();
        }
    }
}
