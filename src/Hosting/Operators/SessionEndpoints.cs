using System.Globalization;
using System.Text.Json;
using CCGate.Hosting.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Hosting.Operators;

/// <summary>Name and password of the operator, or a tenant's key.</summary>
internal sealed record SessionRequest(string? Username, string? Password, string? Key);

/// <summary><c>/api/session</c>: signs in, says who is signed in, signs out.</summary>
internal static class SessionEndpoints
{
    private const int MaxBodyBytes = 16 * 1024;

    public static void MapSession(this IEndpointRouteBuilder api)
    {
        api.MapPost("/session", StartAsync).AllowAnonymous()
            .WithSummary("Signs in").WithDescription("With username and password, or with a tenant's key. The answer sets the session's cookie.")
            .WithBody<SessionRequest>().WithRequestExample("""{ "username": "admin", "password": "…" }""")
            .Produces<Caller>().ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status401Unauthorized).ProducesProblem(StatusCodes.Status429TooManyRequests);
        api.MapGet("/session", (HttpContext http) => TypedResults.Json(Caller.Of(http.User), OperatorsJson.Default.Caller)).RequireAuthorization(OperatorPolicies.Anyone)
            .WithSummary("Says who is signed in").Produces<Caller>();
        api.MapDelete("/session", End).RequireAuthorization(OperatorPolicies.Anyone)
            .WithSummary("Signs out").Produces(StatusCodes.Status204NoContent);
    }

    private static async Task<IResult> StartAsync(HttpContext http, SignIn signIn, Sessions sessions, CancellationToken cancellationToken)
    {
        if (await ReadAsync(http, cancellationToken) is not { } request || (request.Key is null) == (request.Username is null || request.Password is null))
        {
            return TypedResults.Problem("Send application/json with 'username' and 'password', or with 'key'.", statusCode: StatusCodes.Status400BadRequest);
        }

        var address = http.Connection.RemoteIpAddress;
        var outcome = request.Key is { } key ? signIn.WithKey(address, key) : signIn.WithPassword(address, request.Username!, request.Password!);
        if (outcome.Wait is { } wait)
        {
            return TooMany(http, wait);
        }

        var caller = outcome.Caller is null ? null : request.Key is null ? sessions.StartOperator(http) : sessions.StartTenant(http, request.Key);
        return caller is null
            ? TypedResults.Problem("The name or the password, or the key, is not known here.", statusCode: StatusCodes.Status401Unauthorized)
            : TypedResults.Json(caller, OperatorsJson.Default.Caller);
    }

    /// <summary>The answer to who has to wait before the next attempt.</summary>
    public static IResult TooMany(HttpContext http, TimeSpan wait)
    {
        http.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return TypedResults.Problem("There were too many failed sign-ins. Wait as long as retry-after says.", statusCode: StatusCodes.Status429TooManyRequests);
    }

    private static NoContent End(HttpContext http)
    {
        Sessions.End(http);
        return TypedResults.NoContent();
    }

    // Only as application/json, which no form of another site can send.
    private static async Task<SessionRequest?> ReadAsync(HttpContext http, CancellationToken cancellationToken)
    {
        try
        {
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bound)
            {
                bound.MaxRequestBodySize = MaxBodyBytes;
            }

            return await http.Request.ReadFromJsonAsync(OperatorsJson.Default.SessionRequest, cancellationToken);
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
