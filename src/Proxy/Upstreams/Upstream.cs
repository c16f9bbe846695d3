using System.Collections.Immutable;
using System.Runtime.InteropServices;
using CCGate.Hosting.Configuration;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Upstreams;

/// <summary>A provider endpoint as one snapshot of the configuration has it: a request that holds it is not touched by a reload.</summary>
internal sealed record Upstream(UpstreamConfig Config, UpstreamState State, HttpMessageInvoker Connections)
{
    /// <summary>The name the upstream knows a model by.</summary>
    public string ProviderModel(string model) => Config.ModelMapping.Find(model) ?? model;
}

/// <summary>What is known of an upstream, by its id, as long as the process runs.</summary>
internal sealed class UpstreamState(TimeProvider time)
{
    private static readonly TimeSpan LatencyMemory = TimeSpan.FromSeconds(30);

    private double latencyMs;
    private long latencySince;
    private long followed;

    public CircuitBreaker Breaker { get; } = new(time);

    public KeyRing Keys { get; } = new(time);

    public ConcurrencyGate Gate { get; } = new();

    /// <summary>Its account in the smooth weighted round; guarded by <see cref="LoadBalancer"/>.</summary>
    public long Turn { get; set; }

    /// <summary>What the last active check said; null when there was none, which counts as healthy.</summary>
    public string? Unhealthy { get; set; }

    /// <summary>When the last active check ended; null when there was none.</summary>
    public DateTimeOffset? CheckedAt { get; set; }

    /// <summary>What it served today (UTC), in picodollars, as far as this proxy knows.</summary>
    public UpstreamSpend Spend { get; } = new(time);

    /// <summary>Milliseconds to the first byte: jumps up with a slow answer, and comes down with quick ones and with time, so that a slow one is tried again (peak EWMA).</summary>
    public double LatencyMs => Volatile.Read(ref latencyMs) * Math.Exp(-time.GetElapsedTime(Volatile.Read(ref latencySince)) / LatencyMemory);

    /// <summary>What serves is there, whatever its check said; but a stream from before the check says nothing of now.</summary>
    public void Served(DateTimeOffset startedAt) => Unhealthy = startedAt > CheckedAt ? null : Unhealthy;

    /// <summary>Follows an operator's order to forget why it, or a key of it, is left alone.</summary>
    /// <param name="order">The position of the order; one that was followed already does nothing.</param>
    public void Reset(long order)
    {
        if (order <= followed)
        {
            return;
        }

        followed = order;
        Unhealthy = null;
        Breaker.Reset();
        foreach (var key in Keys.Keys)
        {
            key.Breaker.Reset();
        }
    }

    public void Observe(TimeSpan firstByte)
    {
        var (before, next) = (LatencyMs, firstByte.TotalMilliseconds);
        Volatile.Write(ref latencyMs, next > before ? next : (before * 0.7) + (next * 0.3));
        Volatile.Write(ref latencySince, time.GetTimestamp());
    }
}

/// <summary>What an upstream served on one day, in UTC.</summary>
internal sealed class UpstreamSpend(TimeProvider time)
{
    private readonly Lock gate = new();
    private DateOnly day;
    private long here;
    private long everywhere;

    /// <summary>In picodollars: what was settled here, or what the read model has of all proxies, whichever is more.</summary>
    public long Today
    {
        get
        {
            lock (gate)
            {
                Roll();
                return Math.Max(here, everywhere);
            }
        }
    }

    public void Add(long picodollars)
    {
        lock (gate)
        {
            Roll();
            here += picodollars;
        }
    }

    /// <summary>What the read model says.</summary>
    public void Learn(DateOnly of, long picodollars)
    {
        lock (gate)
        {
            Roll();
            everywhere = of == day ? picodollars : everywhere;
        }
    }

    private void Roll()
    {
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        if (today != day)
        {
            (day, here, everywhere) = (today, 0, 0);
        }
    }
}

/// <summary>The enabled upstreams, and what is known of each by its id, which a reload does not touch.</summary>
internal sealed class UpstreamPool
{
    private readonly TimeProvider time;
    private readonly ILogger<UpstreamConnections> logger;
    private readonly UpstreamPropagator propagator;

    // Never shrinks: as many as were ever configured in the life of the process.
    private readonly Dictionary<string, UpstreamState> states = new(StringComparer.Ordinal);
    private volatile Upstream[] current;

    public UpstreamPool(ConfigSource config, TimeProvider time, ILogger<UpstreamConnections> logger)
    {
        (this.time, this.logger, propagator) = (time, logger, new UpstreamPropagator(config));
        current = Build(config.Current, []);
        config.Changed += next => current = Build(next, current);
    }

    public ImmutableArray<Upstream> Current => ImmutableCollectionsMarshal.AsImmutableArray(current);

    private Upstream[] Build(GatewayConfig config, Upstream[] previous) =>
        [.. config.Upstreams.Where(upstream => upstream.Enabled).Select(upstream => new Upstream(upstream, StateOf(upstream), Keep(previous, upstream) ?? UpstreamConnections.Build(upstream, time, logger, propagator)))];

    private UpstreamState StateOf(UpstreamConfig config)
    {
        if (!states.TryGetValue(config.Id, out var state))
        {
            states.Add(config.Id, state = new UpstreamState(time));
        }

        state.Keys.Replace(config.Keys);
        if (!config.HealthCheck.Enabled)
        {
            state.Unhealthy = null;
        }

        state.Reset(config.ResetAt);
        return state;
    }

    private static HttpMessageInvoker? Keep(Upstream[] previous, UpstreamConfig next) =>
        Array.Find(previous, upstream => upstream.Config.Id == next.Id) is { } kept && UpstreamConnections.AreSame(kept.Config, next) ? kept.Connections : null;
}
