using System.Net;
using System.Net.Http.Headers;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;

namespace CCGate.Proxy.Upstreams;

/// <summary>What every request to an upstream has, whoever asks: where it goes, with which credential, and the headers that are configured.</summary>
internal static class UpstreamRequest
{
    /// <summary>A request of the gateway's own, over the connections that attempts use.</summary>
    /// <param name="key">Null where none is to be sent.</param>
    public static HttpRequestMessage Create(HttpMethod method, UpstreamConfig upstream, string path, Secret? key)
    {
        var request = new HttpRequestMessage(method, Address(upstream, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        if (upstream.Kind is UpstreamKind.Anthropic)
        {
            request.Headers.TryAddWithoutValidation("anthropic-version", "2023-06-01");
        }

        if (key is not null)
        {
            Authorize(request.Headers, upstream, key);
        }

        AddConfigured(request.Headers, upstream);
        return request;
    }

    /// <summary>
    /// An address that ends in a version, such as <c>https://api.openai.com/v1</c>, takes the place of ours; for OpenAI's protocol it may also stand further in front,
    /// as in <c>…/v1beta/openai</c>.
    /// </summary>
    public static string Address(UpstreamConfig upstream, string path)
    {
        var prefix = upstream.Address.TrimEnd('/');
        if (upstream.Url is not { AbsolutePath.Length: > 1 } url)
        {
            return prefix + path;
        }

        var segments = url.AbsolutePath.Trim('/').Split('/');
        var isVersioned = upstream.Kind is UpstreamKind.OpenAi or UpstreamKind.OpenAiResponses ? Array.Exists(segments, IsVersion) : IsVersion(segments[^1]);
        return prefix + (isVersioned && path.IndexOf('/', 1) is > 0 and var rest && IsVersion(path[1..rest]) ? path[rest..] : path);
    }

    /// <summary>
    /// As configured; else as the protocol has it. <c>x-api-key</c> for Anthropic itself, which refuses a Bearer key, and both for mirrors, which want either.
    /// </summary>
    public static void Authorize(HttpRequestHeaders headers, UpstreamConfig upstream, Secret secret)
    {
        var key = secret.Reveal();
        switch (upstream.AuthHeader?.ToLowerInvariant())
        {
            case null when upstream.Kind == UpstreamKind.Gemini:
                headers.TryAddWithoutValidation("x-goog-api-key", key);
                break;
            case null when upstream.Kind is UpstreamKind.OpenAi or UpstreamKind.OpenAiResponses:
                headers.TryAddWithoutValidation("Authorization", $"Bearer {key}");
                break;
            case null when IsAnthropic(upstream.Url):
            case "x-api-key":
                headers.TryAddWithoutValidation("x-api-key", key);
                break;
            case null:
                headers.TryAddWithoutValidation("x-api-key", key);
                headers.TryAddWithoutValidation("Authorization", $"Bearer {key}");
                break;
            case "authorization" or "bearer":
                headers.TryAddWithoutValidation("Authorization", $"Bearer {key}");
                break;
            default:
                headers.TryAddWithoutValidation(upstream.AuthHeader, key);
                break;
        }
    }

    /// <summary>They take the place of whatever has their name.</summary>
    public static void AddConfigured(HttpRequestHeaders headers, UpstreamConfig upstream)
    {
        foreach (var (name, value) in upstream.Headers)
        {
            headers.Remove(name);
            headers.TryAddWithoutValidation(name, value.Reveal());
        }
    }

    private static bool IsVersion(string segment) => segment is ['v', >= '0' and <= '9', ..];

    private static bool IsAnthropic(Uri? url) =>
        url is not null && (url.Host.Equals("anthropic.com", StringComparison.OrdinalIgnoreCase) || url.Host.EndsWith(".anthropic.com", StringComparison.OrdinalIgnoreCase));
}
