using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Simulator;
using CCGate.Proxy.Telemetry;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Upstreams;

/// <summary>How an upstream is reached: by its proxy when it has one, and once more when an idle connection turns out to be dead.</summary>
internal sealed partial class UpstreamConnections : HttpMessageHandler
{
    /// <summary>The bytes of a request's body, which can be sent more than once.</summary>
    public static readonly HttpRequestOptionsKey<ReadOnlyMemoryStream> Body = new("body");

    /// <summary>A dead connection says so within a round trip; what is silent for longer may have been at work on the request.</summary>
    public static readonly TimeSpan DiesWithin = TimeSpan.FromSeconds(1);

    /// <summary>How long a proxy that could not be reached is passed by: else each request would wait for it anew.</summary>
    public static readonly TimeSpan PassesByFor = TimeSpan.FromSeconds(30);

    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private readonly UpstreamConfig config;
    private readonly TimeProvider time;
    private readonly ILogger<UpstreamConnections> logger;
    private readonly UpstreamPropagator? propagator;
    private readonly Way usual;
    private readonly Way? direct;
    private long passesByUntil = long.MinValue;

    private UpstreamConnections(UpstreamConfig config, TimeProvider time, ILogger<UpstreamConnections> logger, UpstreamPropagator? propagator)
    {
        (this.config, this.time, this.logger, this.propagator) = (config, time, logger, propagator);
        usual = WayBy(config.Proxy);
        direct = config is { Proxy: not null, ProxyFallback: true } ? WayBy(proxy: null) : null;
    }

    /// <summary>Never disposed: requests of the snapshot before a reload still use it; its idle connections close by themselves.</summary>
    /// <param name="propagator">Null where connections are not traced.</param>
    public static HttpMessageInvoker Build(UpstreamConfig config, TimeProvider time, ILogger<UpstreamConnections> logger, UpstreamPropagator? propagator = null) =>
        new(config.Kind == UpstreamKind.Simulator ? new SimulatorHandler(config.Simulator, time) : new UpstreamConnections(config, time, logger, propagator));

    /// <summary>Whether the connections made for one serve the other as well.</summary>
    public static bool AreSame(UpstreamConfig a, UpstreamConfig b) =>
        a.Kind == b.Kind && a.Url == b.Url && a.Simulator == b.Simulator && a.ConnectTimeout == b.ConnectTimeout && a.CaPem == b.CaPem
        && a.ProxyFallback == b.ProxyFallback && a.Proxy?.AbsoluteUri == b.Proxy?.AbsoluteUri; // Addresses that differ in the password alone are equal.

    /// <summary>What connects by this proxy, or directly; never by one that the environment names.</summary>
    public static SocketsHttpHandler Sockets(UpstreamConfig config, Uri? proxy, TimeProvider time)
    {
        var sockets = new SocketsHttpHandler
        {
            UseProxy = proxy is not null,
            Proxy = proxy is null ? null : ProxyAt(proxy),
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            EnableMultipleHttp2Connections = true,
            KeepAlivePingDelay = TimeSpan.FromSeconds(15), // HTTP/2 only: else all the streams of a connection that is gone wait for their timeouts.
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            ActivityHeadersPropagator = null,
            RequestHeaderEncodingSelector = static (_, _) => Encoding.UTF8, // As they were read; the default is to fail.
            ConnectTimeout = config.ConnectTimeout,
            PlaintextStreamFilter = static (context, _) => ValueTask.FromResult(IsRequestStream(context) ? new UsedConnection(context.PlaintextStream) : context.PlaintextStream),
            PooledConnectionLifetime = TimeSpan.FromMinutes(15), // A mirror that moves is found again.
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        };
        if (config.CaPem is { } pem)
        {
            sockets.SslOptions.RemoteCertificateValidationCallback = TrustAlso(pem);
        }

        if (proxy is not null)
        {
            sockets.ConnectTimeout = 2 * config.ConnectTimeout; // To the proxy, and from there.
            sockets.ConnectCallback = (context, cancellationToken) => ConnectToProxyAsync(context.DnsEndPoint, config.ConnectTimeout, time, cancellationToken);
        }

        return sockets;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Content is { } content && request.Options.TryGetValue(Body, out var body))
        {
            request.Content = new RepeatableContent(body, content); // YARP's own can be sent once only.
        }

        if (direct is null)
        {
            return await SendAsync(usual, request, cancellationToken);
        }

        if (time.GetTimestamp() < Volatile.Read(ref passesByUntil))
        {
            return await SendAsync(direct, request, cancellationToken);
        }

        try
        {
            return await SendAsync(usual, request, cancellationToken);
        }
        catch (Exception error) when (!cancellationToken.IsCancellationRequested && FindUnreachable(error) is { } unreachable)
        {
            Volatile.Write(ref passesByUntil, time.GetTimestamp() + (long)(PassesByFor.TotalSeconds * time.TimestampFrequency));
            LogPassedBy(config.Id, config.Proxy!.Host, config.Proxy.Port, unreachable.Message, PassesByFor.TotalSeconds);
            return await SendAsync(direct, request, cancellationToken);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(Way way, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var use = new ConnectionUse();
        ConnectionUse.Current = use;
        if (!RequestTrace.Source.HasListeners() && propagator?.IsOn != true)
        {
            Activity.Current = null; // Else a span is made for the one the server's log has, which nobody reads.
        }

        var sentAt = time.GetTimestamp();
        try
        {
            return await way.Pooled.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException) when (use.HeardNothingOnAnOldConnection && time.GetElapsedTime(sentAt) <= DiesWithin && !cancellationToken.IsCancellationRequested)
        {
            // The upstream had closed the connection while it was idle, before it could read this request.
            LogSentAgain(config.Id);
            return await way.Fresh.SendAsync(request, cancellationToken);
        }
    }

    private Way WayBy(Uri? proxy)
    {
        var (pooled, fresh) = (Sockets(config, proxy, time), Sockets(config, proxy, time));
        fresh.PooledConnectionLifetime = TimeSpan.Zero;
        pooled.ActivityHeadersPropagator = fresh.ActivityHeadersPropagator = propagator;
        return new Way(new HttpMessageInvoker(pooled), new HttpMessageInvoker(fresh));
    }

    // A proxy's CONNECT is not a request, and the streams of HTTP/2 share a connection that tells by itself what it has not read.
    private static bool IsRequestStream(SocketsHttpPlaintextStreamFilterContext context) =>
        context.NegotiatedHttpVersion.Major == 1 && context.InitialRequestMessage.Method != HttpMethod.Connect;

    private static WebProxy ProxyAt(Uri address)
    {
        var bare = new UriBuilder(address) { UserName = "", Password = "" };
        var proxy = new WebProxy(bare.Uri);
        if (address.UserInfo is { Length: > 0 } login)
        {
            var colon = login.IndexOf(':', StringComparison.Ordinal);
            var (user, password) = colon < 0 ? (login, "") : (login[..colon], login[(colon + 1)..]);
            proxy.Credentials = new NetworkCredential(Uri.UnescapeDataString(user), Uri.UnescapeDataString(password));
        }

        return proxy;
    }

    private static async ValueTask<Stream> ConnectToProxyAsync(DnsEndPoint proxy, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(proxy, either.Token);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (Exception error)
        {
            socket.Dispose();
            if (cancellationToken.IsCancellationRequested || error is not (SocketException or OperationCanceledException))
            {
                throw;
            }

            throw new ProxyUnreachableException(error is SocketException ? error.Message : "no connection in time (timeouts.connectSeconds)", error);
        }
    }

    private static ProxyUnreachableException? FindUnreachable(Exception? error)
    {
        while (error is not (null or ProxyUnreachableException))
        {
            error = error.InnerException;
        }

        return (ProxyUnreachableException?)error;
    }

    /// <summary>Trusts what the system trusts and what these authorities signed; a certificate for another name stays wrong.</summary>
    private static RemoteCertificateValidationCallback TrustAlso(string pem)
    {
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPem(pem);
        return (_, certificate, systemChain, errors) =>
        {
            if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is not X509Certificate2 presented)
            {
                return errors == SslPolicyErrors.None;
            }

            using var chain = new X509Chain();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
            chain.ChainPolicy.ExtraStore.AddRange(systemChain!.ChainPolicy.ExtraStore); // The intermediates that the upstream sent.
            chain.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid(ServerAuthentication));
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // As for the system's.
            chain.ChainPolicy.DisableCertificateDownloads = true;
            return chain.Build(presented);
        };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Upstream {Upstream}: its proxy {Host}:{Port} cannot be connected to ({Reason}); for {Seconds} s it is connected to directly (proxyFallback)")]
    private partial void LogPassedBy(string upstream, string host, int port, string reason, double seconds);

    [LoggerMessage(Level = LogLevel.Information, Message = "Upstream {Upstream} had closed an idle connection; the request is sent again on a fresh one")]
    private partial void LogSentAgain(string upstream);

    /// <summary>Connections that are kept, and ones that never are.</summary>
    private sealed record Way(HttpMessageInvoker Pooled, HttpMessageInvoker Fresh);

    /// <summary>The proxy did not take a connection, so nothing can have been sent by it.</summary>
    private sealed class ProxyUnreachableException(string message, Exception inner) : IOException(message, inner);

    /// <summary>A request's body with the headers it had, sent from its beginning each time.</summary>
    private sealed class RepeatableContent : HttpContent
    {
        private readonly ReadOnlyMemoryStream body;

        public RepeatableContent(ReadOnlyMemoryStream body, HttpContent original)
        {
            this.body = body;
            foreach (var (name, values) in original.Headers.NonValidated)
            {
                Headers.TryAddWithoutValidation(name, values.ToString());
            }
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => body.CopyAllToAsync(stream, cancellationToken);

        protected override bool TryComputeLength(out long length)
        {
            length = body.Size;
            return true;
        }
    }
}
