using System.Globalization;
using System.Net.Http.Headers;
using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Translation;

/// <summary>Headers between two protocols: what says how to read a client's request stays with us, and limits and ids get the names the client's SDK looks for.</summary>
internal static class TranslatedHeaders
{
    private const string AnthropicVersion = "2023-06-01"; // platform.claude.com/docs/en/api/versioning: the only one that clients send.

    // Of a protocol or of its SDKs; nothing to another provider, and an unknown beta to a mirror is a 400.
    private static readonly string[] Own = ["anthropic-", "openai-", "x-goog-", "x-stainless-", "x-claude-", "chatgpt-"];

    private static readonly string[] Limited = ["requests", "tokens"];

    public static void WriteRequest(HttpRequestHeaders headers, UpstreamKind kind)
    {
        List<string>? own = null;
        foreach (var (name, _) in headers.NonValidated)
        {
            if (Array.Exists(Own, prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
            {
                (own ??= []).Add(name);
            }
        }

        own?.ForEach(name => headers.Remove(name));
        if (kind == UpstreamKind.Anthropic)
        {
            headers.TryAddWithoutValidation("anthropic-version", AnthropicVersion);
        }
    }

    /// <summary>After the upstream's headers were copied.</summary>
    public static void WriteAnswer(IHeaderDictionary headers, UpstreamKind client, DateTimeOffset now)
    {
        headers.ContentLength = null;
        if (client == UpstreamKind.Anthropic)
        {
            Copy(headers, "x-request-id", "request-id");
            foreach (var what in Limited)
            {
                Copy(headers, $"x-ratelimit-limit-{what}", $"anthropic-ratelimit-{what}-limit");
                Copy(headers, $"x-ratelimit-remaining-{what}", $"anthropic-ratelimit-{what}-remaining");
                if (Duration(headers[$"x-ratelimit-reset-{what}"]) is { } left)
                {
                    headers[$"anthropic-ratelimit-{what}-reset"] = (now + left).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
                }
            }
        }
        else if (client is UpstreamKind.OpenAi or UpstreamKind.OpenAiResponses)
        {
            Copy(headers, "request-id", "x-request-id");
            foreach (var what in Limited)
            {
                Copy(headers, $"anthropic-ratelimit-{what}-limit", $"x-ratelimit-limit-{what}");
                Copy(headers, $"anthropic-ratelimit-{what}-remaining", $"x-ratelimit-remaining-{what}");
                if (DateTimeOffset.TryParse(headers[$"anthropic-ratelimit-{what}-reset"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at))
                {
                    headers[$"x-ratelimit-reset-{what}"] = string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, (long)(at - now).TotalSeconds)}s");
                }
            }
        }
    }

    private static void Copy(IHeaderDictionary headers, string from, string to)
    {
        if (headers[from] is { Count: > 0 } value && !headers.ContainsKey(to))
        {
            headers[to] = value;
        }
    }

    /// <summary>OpenAI writes <c>6m0s</c>, <c>1.5s</c>, <c>20ms</c>.</summary>
    private static TimeSpan? Duration(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        var (seconds, number) = (0.0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsAsciiDigit(text[i]) || text[i] == '.')
            {
                continue;
            }

            var unit = text[i..].StartsWith("ms", StringComparison.Ordinal) ? 0.001 : text[i] switch { 'd' => 86_400, 'h' => 3600, 'm' => 60, 's' => 1, _ => double.NaN };
            if (!double.TryParse(text.AsSpan(number, i - number), CultureInfo.InvariantCulture, out var value) || double.IsNaN(unit))
            {
                return null;
            }

            seconds += value * unit;
            i += unit == 0.001 ? 1 : 0;
            number = i + 1;
        }

        return number == text.Length && seconds is >= 0 and < 1e9 ? TimeSpan.FromSeconds(seconds) : null;
    }
}
