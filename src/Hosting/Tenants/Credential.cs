using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace CCGate.Hosting.Tenants;

/// <summary>The key a client sent, in any of the forms the clients of all protocols use.</summary>
/// <param name="Key">Null when there is none, or when there are two different ones.</param>
/// <param name="Conflicting">Two different keys came in one request.</param>
internal readonly record struct Credential(string? Key, bool Conflicting)
{
    /// <summary>The headers and query parameters a key can come in; none of them is forwarded.</summary>
    public static readonly string[] Headers = ["Authorization", "x-api-key", "x-goog-api-key"];
    public static readonly string[] QueryParameters = ["key", "api_key"];

    public static Credential Read(HttpRequest request, bool withQuery = true)
    {
        var found = new Credential(null, false);
        foreach (var value in request.Headers.Authorization)
        {
            found = found.With(FromAuthorization(value));
        }

        found = found.With(request.Headers["x-api-key"]).With(request.Headers["x-goog-api-key"]);
        if (withQuery && request.QueryString.HasValue)
        {
            found = found.With(request.Query["key"]).With(request.Query["api_key"]);
        }

        return found.Conflicting ? new Credential(null, true) : found;
    }

    private static string? FromAuthorization(string? value)
    {
        var space = value?.IndexOf(' ', StringComparison.Ordinal) ?? -1;
        if (space < 0)
        {
            return null;
        }

        var scheme = value.AsSpan(0, space);
        return scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase) || scheme.Equals("API-Key", StringComparison.OrdinalIgnoreCase)
            ? value![(space + 1)..].Trim()
            : null;
    }

    private Credential With(StringValues values)
    {
        var found = this;
        foreach (var value in values)
        {
            if (string.IsNullOrEmpty(value) || value == found.Key)
            {
                continue;
            }

            found = found.Key is null ? found with { Key = value } : found with { Conflicting = true };
        }

        return found;
    }
}
