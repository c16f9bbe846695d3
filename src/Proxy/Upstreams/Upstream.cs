using System.Collections.Immutable;
using System.Runtime.InteropServices;
using CCGate.Hosting.Configuration;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Upstreams;

/// <summary>A provider endpoint as one snapshot of the configuration has it: a request that holds it is not touched by a reload.</summary>
internal sealed record Upstream(UpstreamConfig Config, UpstreamState State)
{
    /// <summary>The name the upstream knows a model by.</summary>
    public string ProviderModel(string model) => Config.ModelMapping.GetValueOrDefault(model, model);
}

/// <summary>What an upstream keeps across reloads.</summary>
internal sealed class UpstreamState(HttpMessageInvoker connections)
{
    public HttpMessageInvoker Connections => connections;

    /// <summary>Its account in the smooth weighted round; guarded by <see cref="LoadBalancer"/>.</summary>
    public long Turn { get; set; }
}

/// <summary>The enabled upstreams, by id, so that a reload keeps their state.</summary>
internal sealed class UpstreamPool
{
    private readonly TimeProvider time;
    private readonly ILogger<UpstreamConnections> logger;
    private volatile Upstream[] current;

    public UpstreamPool(ConfigSource config, TimeProvider time, ILogger<UpstreamConnections> logger)
    {
        (this.time, this.logger) = (time, logger);
        current = Build(config.Current, []);
        config.Changed += next => current = Build(next, current);
    }

    public ImmutableArray<Upstream> Current => ImmutableCollectionsMarshal.AsImmutableArray(current);

    private Upstream[] Build(GatewayConfig config, Upstream[] previous) =>
        [.. config.Upstreams.Where(upstream => upstream.Enabled).Select(upstream => new Upstream(upstream, Keep(previous, upstream) ?? new UpstreamState(UpstreamConnections.Build(upstream, time, logger))))];

    private static UpstreamState? Keep(Upstream[] previous, UpstreamConfig next) =>
        Array.Find(previous, upstream => upstream.Config.Id == next.Id) is { } kept && UpstreamConnections.AreSame(kept.Config, next) ? kept.State : null;
}
