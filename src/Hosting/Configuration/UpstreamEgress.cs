using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CCGate.Hosting.Configuration;

/// <summary>Reads how an upstream is connected to: by which proxy, trusting whom.</summary>
internal static class UpstreamEgress
{
    private const int MaxCaBytes = 1024 * 1024;
    private const int SocksPort = 1080;

    public static UpstreamConfig Read(ConfigNode node, UpstreamConfig upstream, DirectoryInfo? directory)
    {
        var isSecure = upstream.Url?.Scheme == Uri.UriSchemeHttps;
        upstream = upstream with
        {
            Proxy = ReadProxy(node),
            ProxyFallback = node.Boolean("proxyFallback", false),
            CaPem = node.Object("tls") is { } tls ? ReadAuthorities(tls, isSecure, directory) : null,
        };
        if (upstream.ProxyFallback && !node.Has("proxy"))
        {
            node.Ignored("there is no proxy to do without", "proxyFallback");
        }

        return upstream;
    }

    private static Uri? ReadProxy(ConfigNode node)
    {
        if (node.Url("proxy", "http", "https", "socks4", "socks4a", "socks5") is not { } proxy)
        {
            return null;
        }

        if (proxy is { AbsolutePath: not ("" or "/") } or { Query.Length: > 0 } or { Fragment.Length: > 0 })
        {
            node.Error("proxy", "has a path or a query", "scheme://[user:password@]host[:port]");
        }

        if (proxy.Scheme.StartsWith("socks4", StringComparison.Ordinal) && proxy.UserInfo.Contains(':', StringComparison.Ordinal))
        {
            node.Error("proxy", $"has a password, which {proxy.Scheme} cannot carry", "socks5, or a user name alone");
        }

        return proxy.Port > 0 ? proxy : new UriBuilder(proxy) { Port = SocksPort }.Uri;
    }

    private static string? ReadAuthorities(ConfigNode tls, bool isSecure, DirectoryInfo? directory)
    {
        var pem = tls.RequiredString("caFile") is { } name && directory is not null ? ReadPem(tls, name, directory) : null;
        if (directory is null)
        {
            tls.Error("caFile", "names a local file, which is for upstreams.json alone: not every process has it");
        }

        if (!isSecure)
        {
            tls.Ignored("the upstream's url is not https", "caFile");
        }

        tls.Finish();
        return pem;
    }

    private static string? ReadPem(ConfigNode tls, string name, DirectoryInfo directory)
    {
        var path = Path.Combine(directory.FullName, name);
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists || file.Length > MaxCaBytes)
            {
                tls.Error("caFile", file.Exists ? $"{path} is longer than {MaxCaBytes} bytes" : $"there is no file {path}", "a PEM file, its path relative to this directory");
                return null;
            }

            var pem = File.ReadAllText(file.FullName);
            var authorities = new X509Certificate2Collection();
            authorities.ImportFromPem(pem);
            if (authorities.Count > 0)
            {
                return pem;
            }

            tls.Error("caFile", $"{path} has no certificate", "a PEM file with -----BEGIN CERTIFICATE-----");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or CryptographicException)
        {
            tls.Error("caFile", $"{path} cannot be read: {error.Message}", "a PEM file with -----BEGIN CERTIFICATE-----");
        }

        return null;
    }
}
