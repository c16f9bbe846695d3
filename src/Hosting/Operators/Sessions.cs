using System.Text.Json;
using System.Text.Json.Serialization;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Hosting.Tenants;
using Microsoft.AspNetCore.Http;

namespace CCGate.Hosting.Operators;

/// <summary>What the cookie says: who signed in, by which secret, until when.</summary>
/// <param name="IsOperator">Else a tenant.</param>
/// <param name="Fingerprint">The hash of the secret; with another one the session is over.</param>
/// <param name="ExpiresAt">Moved on while it is used.</param>
internal sealed record SessionTicket(bool IsOperator, string Fingerprint, DateTimeOffset ExpiresAt);

/// <summary>Sessions in a sealed cookie: no process keeps any, so they survive restarts and hold on every process with the same key.</summary>
internal sealed class Sessions(SecretBox box, ConfigSource config, TenantDirectory tenants, TimeProvider time)
{
    public const string Cookie = "ccgate_session";

    private const string Purpose = "session";
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    /// <summary>Not at every request: each renewal is a header of some hundred bytes.</summary>
    private static readonly TimeSpan RenewEvery = TimeSpan.FromMinutes(10);

    /// <summary>Begins the session of the operator; the caller has checked the password.</summary>
    public Caller? StartOperator(HttpContext http) => config.Current.Admin is { } admin
        ? Write(http, Caller.Operator(admin.Username), new SessionTicket(true, FingerprintOf(admin), default))
        : null;

    /// <summary>Begins the session of a key's tenant; null when there is no such key any more.</summary>
    public Caller? StartTenant(HttpContext http, string key) => tenants.Find(key) is { } found && found.Refusal(time.GetUtcNow()) is null
        ? Write(http, Caller.Of(found), new SessionTicket(false, SecretHash.Of(key).Written, default))
        : null;

    /// <summary>Whose session the request carries; null when it is none, or over. Looked up each time: a revoked key or another password ends it at once.</summary>
    public Caller? Read(HttpContext http)
    {
        if (http.Request.Cookies[Cookie] is not { Length: > 0 and < 4096 } cookie || Open(cookie) is not { } ticket || ticket.ExpiresAt <= time.GetUtcNow() || Find(ticket) is not { } caller)
        {
            return null;
        }

        return time.GetUtcNow() > ticket.ExpiresAt - Lifetime + RenewEvery && !http.Response.HasStarted
            ? Write(http, caller, ticket)
            : caller with { ExpiresAt = ticket.ExpiresAt };
    }

    public static void End(HttpContext http) => http.Response.Cookies.Delete(Cookie, Options(http, null));

    private SessionTicket? Open(string cookie) =>
        box.Unseal(Purpose, cookie) is { } json ? JsonSerializer.Deserialize(json, OperatorsJson.Default.SessionTicket) : null;

    private Caller? Find(SessionTicket ticket)
    {
        if (ticket.IsOperator)
        {
            return config.Current.Admin is { } admin && SecretHash.Of(FingerprintOf(admin)) == SecretHash.Of(ticket.Fingerprint) ? Caller.Operator(admin.Username) : null;
        }

        return SecretHash.Parse(ticket.Fingerprint) is { } hash && tenants.Find(hash) is { } found && found.Refusal(time.GetUtcNow()) is null ? Caller.Of(found) : null;
    }

    private Caller Write(HttpContext http, Caller caller, SessionTicket ticket)
    {
        var expires = time.GetUtcNow() + Lifetime;
        http.Response.Cookies.Append(Cookie, box.Seal(Purpose, JsonSerializer.Serialize(ticket with { ExpiresAt = expires }, OperatorsJson.Default.SessionTicket)), Options(http, expires));
        return caller with { ExpiresAt = expires };
    }

    private static string FingerprintOf(AdminConfig admin) => SecretHash.Of($"{admin.Username}\n{admin.Password.Written}").Written;

    private static CookieOptions Options(HttpContext http, DateTimeOffset? expires) =>
        new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = http.Request.IsHttps, Path = "/", Expires = expires, IsEssential = true };
}

/// <summary>The JSON of sessions.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SessionTicket))]
[JsonSerializable(typeof(SessionRequest))]
[JsonSerializable(typeof(Caller))]
internal sealed partial class OperatorsJson : JsonSerializerContext;
