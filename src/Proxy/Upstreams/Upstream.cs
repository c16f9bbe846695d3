using System.Collections.Immutable;
using System.Net;
using System.Runtime.InteropServices;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Simulator;

namespace CCGate.Proxy.Upstreams;

/// <summary>A provider endpoint at run time: its configuration, its connections and its turn in the round; kept across reloads.</summary>
internal sealed class Upstream(UpstreamConfig config, HttpMessageInvoker connections)
{
    private volatile UpstreamConfig current = config;

    public UpstreamConfig Config => current;

    public HttpMessageInvoker Connections => connections;

    /// <summary>Its account in the smooth weighted round; guarded by <see cref="LoadBalancer"/>.</summary>
    public long Turn { get; set; }

    public void Update(UpstreamConfig next) => current = next;

    /// <summary>The name the upstream knows a model by.</summary>
    public string ProviderModel(string model) => Config.ModelMapping.GetValueOrDefault(model, model);
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
        [.. config.Upstreams.Where(upstream => upstream.Enabled).Select(upstream => Keep(previous, upstream) ?? new Upstream(upstream, Connect(upstream)))];

    private static Upstream? Keep(Upstream[] previous, UpstreamConfig next)
    {
        var kept = Array.Find(previous, upstream => upstream.Config.Id == next.Id);
        if (kept is null || !SameConnections(kept.Config, next))
        {
            return null;
        }

        kept.Update(next);
        return kept;
    }

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
            ConnectTimeout = config.ConnectTimeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(15), // A mirror that moves is found again.
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        });
    }
}
