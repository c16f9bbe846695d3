using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Simulator;

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
    private volatile Upstream[] current;

    public UpstreamPool(ConfigSource config, TimeProvider time)
    {
        this.time = time;
        current = Build(config.Current, []);
        config.Changed += next => current = Build(next, current);
    }

    public ImmutableArray<Upstream> Current => ImmutableCollectionsMarshal.AsImmutableArray(current);

    private Upstream[] Build(GatewayConfig config, Upstream[] previous) =>
        [.. config.Upstreams.Where(upstream => upstream.Enabled).Select(upstream => new Upstream(upstream, Keep(previous, upstream) ?? new UpstreamState(Connect(upstream))))];

    private static UpstreamState? Keep(Upstream[] previous, UpstreamConfig next) =>
        Array.Find(previous, upstream => upstream.Config.Id == next.Id) is { } kept && SameConnections(kept.Config, next) ? kept.State : null;

    private static bool SameConnections(UpstreamConfig a, UpstreamConfig b) =>
        a.Kind == b.Kind && a.Url == b.Url && a.Proxy == b.Proxy && a.ConnectTimeout == b.ConnectTimeout && a.Simulator == b.Simulator;

    private HttpMessageInvoker Connect(UpstreamConfig config)
    {
        if (config.Kind == UpstreamKind.Simulator)
        {
            return new HttpMessageInvoker(new SimulatorHandler(config.Simulator, time));
        }

        // Never disposed: requests of the snapshot before a reload still use it; its idle connections close by themselves.
        return new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = config.Proxy is not null,
            Proxy = config.Proxy is null ? null : new WebProxy(config.Proxy),
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            EnableMultipleHttp2Connections = true,
            ActivityHeadersPropagator = null,
            RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8, // As they were read; the default is to fail.
            ConnectTimeout = config.ConnectTimeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(15), // A mirror that moves is found again.
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        });
    }
}
