using System.Text;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;

namespace CCGate.Hosting.Operators;

/// <summary>Who asks under <c>/api</c>: by Basic, an API token, a tenant's key, or the cookie of a session; made anew for each request.</summary>
internal sealed class CallerAuthentication(SignIn signIn, Sessions sessions, ConfigSource config) : IAuthenticationHandler
{
    /// <summary>The header no page of another site can send, so that the cookie alone changes nothing.</summary>
    public const string CsrfHeader = "x-ccgate-csrf";

    private const string Basic = "Basic ";
    private const string Bearer = "Bearer ";

    private HttpContext http = null!;
    private TimeSpan? wait;
    private bool lacksCsrfHeader;

    public Task InitializeAsync(AuthenticationScheme scheme, HttpContext context)
    {
        http = context;
        return Task.CompletedTask;
    }

    public Task<AuthenticateResult> AuthenticateAsync() => Task.FromResult(Find() is { } caller
        ? AuthenticateResult.Success(new AuthenticationTicket(caller.ToPrincipal(), OperatorPolicies.Scheme))
        : AuthenticateResult.NoResult());

    public Task ChallengeAsync(AuthenticationProperties? properties)
    {
        if (wait is { } left)
        {
            return SessionEndpoints.TooMany(http, left).ExecuteAsync(http);
        }

        if (lacksCsrfHeader)
        {
            return TypedResults.Problem($"A change that comes with the cookie needs the header '{CsrfHeader}: 1'.", statusCode: StatusCodes.Status403Forbidden).ExecuteAsync(http);
        }

        if (!IsPage(http.Request))
        {
            http.Response.Headers.WWWAuthenticate = "Basic realm=\"ccgate\", charset=\"UTF-8\"";
        }

        return TypedResults.Problem(
            config.Current.Admin is null
                ? "There is no operator: set 'admin' with 'username' and 'password' in server.json."
                : "Sign in at /api/session, or send 'Authorization: Basic' with the username and password of 'admin' in server.json, or 'Authorization: Bearer' with an API token.",
            statusCode: StatusCodes.Status401Unauthorized).ExecuteAsync(http);
    }

    public Task ForbidAsync(AuthenticationProperties? properties) => TypedResults.Problem(
        http.User.IsInRole(Caller.TenantRole) ? "This is for operators alone." : "This is not for you: it needs another role, or the scope 'admin'.",
        statusCode: StatusCodes.Status403Forbidden).ExecuteAsync(http);

    /// <summary>A page asks for a password itself: with a challenge the browser would do so before it.</summary>
    private static bool IsPage(HttpRequest request) =>
        request.Headers.ContainsKey(CsrfHeader) || request.Cookies.ContainsKey(Sessions.Cookie)
        || request.Headers.Accept.ToString().Contains("text/event-stream", StringComparison.OrdinalIgnoreCase);

    /// <summary>What is sent on purpose comes before the cookie, which browsers add by themselves.</summary>
    private Caller? Find()
    {
        var header = http.Request.Headers.Authorization.ToString();
        if (header.StartsWith(Basic, StringComparison.OrdinalIgnoreCase))
        {
            return ReadBasic(header) is (var username, var password) ? Take(signIn.WithPassword(http.Connection.RemoteIpAddress, username, password)) : null;
        }

        if (header.StartsWith(Bearer + ApiToken.Prefix, StringComparison.OrdinalIgnoreCase))
        {
            return Take(signIn.WithToken(http.Connection.RemoteIpAddress, header[Bearer.Length..].Trim()));
        }

        var credential = Credential.Read(http.Request, withQuery: false);
        if (credential.Key is null && !credential.Conflicting && !http.Request.Cookies.ContainsKey(Sessions.Cookie) && http.Request.Path.StartsWithSegments("/api/me", StringComparison.Ordinal))
        {
            // Nowhere else: an operator's "?key=" is the name of a key to look for.
            credential = Credential.Read(http.Request);
        }

        return credential.Conflicting ? null : credential.Key is { } key ? Take(signIn.WithKey(http.Connection.RemoteIpAddress, key)) : FromCookie();
    }

    private Caller? FromCookie()
    {
        var caller = sessions.Read(http);
        var method = http.Request.Method;
        lacksCsrfHeader = caller is not null && !HttpMethods.IsGet(method) && !HttpMethods.IsHead(method) && http.Request.Headers[CsrfHeader] != "1";
        return lacksCsrfHeader ? null : caller;
    }

    private Caller? Take(SignInOutcome outcome)
    {
        wait = outcome.Wait;
        return outcome.Caller;
    }

    private static (string Username, string Password)? ReadBasic(string header)
    {
        var decoded = new byte[header.Length];
        if (!Convert.TryFromBase64String(header[Basic.Length..].Trim(), decoded, out var length))
        {
            return null;
        }

        var pair = Encoding.UTF8.GetString(decoded, 0, length);
        var colon = pair.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? null : (pair[..colon], pair[(colon + 1)..]);
    }
}
