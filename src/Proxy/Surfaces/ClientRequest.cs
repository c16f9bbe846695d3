using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace CCGate.Proxy.Surfaces;

/// <summary>What is read the same way from a request of any surface.</summary>
internal static class ClientRequest
{
    // Of models and sessions: both go into the event, which is kept for ever.
    public const int LongestName = ConfigNode.LongestModel;

    public static Task<RequestBody> ReadBodyAsync(HttpRequest request, long maxBodyBytes, CancellationToken cancellationToken) =>
        request.Headers.ContentEncoding.Count > 0
            ? throw new RefusedException(RefusalReason.InvalidRequest, "content-encoding: send the request body uncompressed, its price must be read from it.")
            : RequestBody.ReadAsync(request, maxBodyBytes, cancellationToken);

    /// <summary>The model's name, if it is one.</summary>
    public static string Model(string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            throw new RefusedException(RefusalReason.InvalidRequest, "model: Field required");
        }

        return name.Length <= LongestName ? name : throw new RefusedException(RefusalReason.InvalidRequest, $"model: must be at most {LongestName} characters.");
    }

    public static RefusedException Missing(string name) => new(RefusalReason.InvalidRequest, $"{name}: Field required");

    public static string QueryWithoutKeys(HttpRequest request)
    {
        if (!request.QueryString.HasValue || !Credential.QueryParameters.Any(request.Query.ContainsKey))
        {
            return request.QueryString.Value ?? "";
        }

        var kept = new List<string>();
        foreach (var pair in new QueryStringEnumerable(request.QueryString.Value))
        {
            if (!Credential.QueryParameters.Contains(pair.DecodeName().ToString(), StringComparer.OrdinalIgnoreCase))
            {
                kept.Add($"{pair.EncodedName}={pair.EncodedValue}");
            }
        }

        return kept.Count == 0 ? "" : "?" + string.Join('&', kept);
    }

    /// <summary>The session that the first of these headers names.</summary>
    public static string? SessionHeader(HttpRequest request, params ReadOnlySpan<string> headers)
    {
        foreach (var name in headers)
        {
            if (request.Headers[name] is [{ Length: > 0 and <= LongestName } header, ..])
            {
                return header;
            }
        }

        return null;
    }

    /// <summary>What tells the conversation: its session, else what it begins with. An agent that works for it in the same session has a prompt, and so a cache, of its own.</summary>
    public static ulong? Affinity(string? session, ulong? prefix, string? agent)
    {
        var result = default(Fingerprint);
        if (session is not null)
        {
            result.Add(session);
        }
        else if (prefix is { } beginning)
        {
            result.Add(beginning);
        }
        else
        {
            return null;
        }

        result.Add(agent);
        return result.Value;
    }

    /// <summary>A session that the body names.</summary>
    public static string? Session(string? named) => named is { Length: > 0 and <= LongestName } ? named : null;
}
