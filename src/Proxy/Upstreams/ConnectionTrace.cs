using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace CCGate.Proxy.Upstreams;

/// <summary>Watches one connection being made, step by step.</summary>
internal sealed class ConnectionTrace(Uri? proxy, TimeProvider time)
{
    private readonly List<UpstreamTestStep> steps = [];
    private long connectedAt;

    public IReadOnlyList<UpstreamTestStep> Steps => steps;

    /// <summary>What must be right for it to be found: the proxy's address where there is one, since only the proxy is connected to.</summary>
    private string Setting => proxy is null ? "url" : "proxy";

    public void Watch(SocketsHttpHandler handler)
    {
        handler.ConnectCallback = ConnectAsync;
        handler.PlaintextStreamFilter = FilterAsync;
    }

    /// <summary>Why a connection that was begun came to nothing; null when it is not the connection's fault.</summary>
    public UpstreamTestStep? FailureOf(HttpRequestException error)
    {
        if (steps.Exists(step => !step.Passed))
        {
            return null;
        }

        var ms = time.GetElapsedTime(connectedAt).TotalMilliseconds;
        return error.HttpRequestError switch
        {
            HttpRequestError.ProxyTunnelError => new UpstreamTestStep("proxy", false, ms, error.Message, "proxy"),
            HttpRequestError.SecureConnectionError => new UpstreamTestStep("tls", false, ms, error.InnerException is AuthenticationException refused ? refused.Message : error.Message, "url"),
            _ => null,
        };
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = await TimedAsync(
            "dns", () => Dns.GetHostAddressesAsync(host, cancellationToken), found => $"{host}: {string.Join(", ", found.Select(address => address.ToString()))}", host);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await TimedAsync(
                "connect",
                async () =>
                {
                    await socket.ConnectAsync(addresses, port, cancellationToken);
                    return socket.RemoteEndPoint;
                },
                peer => $"{peer}{(proxy is null ? "" : ", the proxy")}",
                $"{host}:{port}");
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        connectedAt = time.GetTimestamp();
        return new NetworkStream(socket, ownsSocket: true);
    }

    private ValueTask<Stream> FilterAsync(SocketsHttpPlaintextStreamFilterContext context, CancellationToken cancellationToken)
    {
        // The connection to an HTTP proxy comes by here too, before there is any TLS.
        if (context.PlaintextStream is SslStream tls)
        {
            var result = $"{Name(tls.SslProtocol)}{(tls.RemoteCertificate is X509Certificate2 certificate ? Describe(certificate) : "")}";
            steps.Add(new UpstreamTestStep("tls", true, time.GetElapsedTime(connectedAt).TotalMilliseconds, result + (proxy is null ? "" : ", through the proxy")));
        }

        return ValueTask.FromResult(context.PlaintextStream);
    }

    private async Task<T> TimedAsync<T>(string name, Func<Task<T>> run, Func<T, string> describe, string target)
    {
        var start = time.GetTimestamp();
        try
        {
            var result = await run();
            steps.Add(new UpstreamTestStep(name, true, time.GetElapsedTime(start).TotalMilliseconds, describe(result)));
            return result;
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            var (why, change) = error is SocketException ? (error.Message, Setting) : ("no answer in time", $"{Setting}, timeouts.connectSeconds");
            steps.Add(new UpstreamTestStep(name, false, time.GetElapsedTime(start).TotalMilliseconds, $"{target}: {why}", change));
            throw;
        }
    }

    private string Describe(X509Certificate2 certificate) => string.Create(
        CultureInfo.InvariantCulture, $", {certificate.Subject}, expires in {(certificate.NotAfter.ToUniversalTime() - time.GetUtcNow().UtcDateTime).TotalDays:0} days");

    private static string Name(SslProtocols protocol) => protocol switch
    {
        SslProtocols.Tls13 => "TLS 1.3",
        SslProtocols.Tls12 => "TLS 1.2",
        _ => protocol.ToString(),
    };
}
