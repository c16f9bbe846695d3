using System.Collections.Immutable;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;

namespace CCGate.Proxy.Upstreams;

/// <summary>One of an upstream's keys, and whether it may be used.</summary>
internal sealed class UpstreamKey(Secret secret, TimeProvider time)
{
    public Secret Secret => secret;

    public CircuitBreaker Breaker { get; } = new(time);

    /// <summary>The end of the key, which tells it from others and nobody anything.</summary>
    public string Hint => secret.Reveal() is { Length: > 8 } text ? text[^4..] : "";
}

/// <summary>The keys of an upstream, used in turn; one that fails is benched alone. An upstream without a key has none.</summary>
internal sealed class KeyRing(TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly Random random = new();
    private ImmutableArray<UpstreamKey> keys = [];
    private uint turn;

    public ImmutableArray<UpstreamKey> Keys => keys;

    /// <summary>How long it is until one of them may be used.</summary>
    public TimeSpan OpenFor => keys.IsEmpty ? TimeSpan.Zero : keys.Min(key => key.Breaker.OpenFor);

    /// <summary>Keys that stay keep their state.</summary>
    public void Replace(ImmutableArray<Secret> secrets)
    {
        lock (gate)
        {
            keys = [.. secrets.Distinct().Select(secret => keys.FirstOrDefault(key => key.Secret.Equals(secret)) ?? new UpstreamKey(secret, time))];
        }
    }

    /// <summary>Whether a key that is not among those may be used, or none is needed.</summary>
    public bool HasOther(IReadOnlyCollection<UpstreamKey> tried)
    {
        foreach (var key in keys)
        {
            if (key.Breaker.Allows && !tried.Contains(key))
            {
                return true;
            }
        }

        return keys.IsEmpty;
    }

    /// <summary>The key whose turn it is; null when none may be used.</summary>
    public UpstreamKey? Take(KeyRotation rotation, IReadOnlyCollection<UpstreamKey> tried, bool force, out bool isProbe)
    {
        isProbe = false;
        var all = keys;
        if (all.IsEmpty)
        {
            return null;
        }

        var first = rotation switch
        {
            KeyRotation.RoundRobin => (int)(Interlocked.Increment(ref turn) % (uint)all.Length),
            KeyRotation.Random => Next(all.Length),
            _ => 0,
        };
        for (var step = 0; step < all.Length; step++)
        {
            var key = all[(first + step) % all.Length];
            if (!tried.Contains(key) && key.Breaker.TryEnter(force: false, out isProbe))
            {
                return key;
            }
        }

        // Nothing else is left to try: the one that is benched for the shortest time.
        var soonest = force ? all.Where(key => !tried.Contains(key)).MinBy(key => key.Breaker.OpenFor) : null;
        return soonest?.Breaker.TryEnter(force: true, out isProbe) == true ? soonest : null;
    }

    private int Next(int count)
    {
        lock (gate)
        {
            return random.Next(count);
        }
    }
}
