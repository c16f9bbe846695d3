using System.Globalization;
using System.Threading.RateLimiting;
using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CCGate.Hosting.Operators;

/// <summary>Who may ask what, for every process that answers under <c>/api</c>. The host brings <c>ConfigSource</c>, <c>TenantDirectory</c> and <c>SecretBox</c>.</summary>
internal static class OperatorsHost
{
    // A page may load what comes from here and nothing else, and stands in nobody's frame.
    private const string ContentPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    private static readonly string[] Closed = ["/api", "/docs", "/openapi"];
    private static readonly string[] Pages = ["/dashboard", .. Closed];

    public static IServiceCollection AddOperators(this IServiceCollection services)
    {
        if (services.Any(known => known.ServiceType == typeof(SignIn)))
        {
            return services;
        }

        services.AddSingleton<OperatorAuthentication>();
        services.AddSingleton<SignInLockout>();
        services.AddSingleton<ApiFailures>();
        services.AddSingleton<ApiTokens>();
        services.AddSingleton<SignIn>();
        services.AddSingleton<Sessions>();
        services.AddTransient<CallerAuthentication>();

        // A scheme that were the default would be asked at every request of the surfaces too. AddAuthentication would keep a ring of keys on the disk.
        AppContext.SetSwitch("Microsoft.AspNetCore.Authentication.SuppressAutoDefaultScheme", true);
        services.AddAuthenticationCore(authentication => authentication.AddScheme<CallerAuthentication>(OperatorPolicies.Scheme, displayName: null));
        services.AddAuthorization(OperatorPolicies.AddTo);
        services.AddRateLimiter(static _ => { });
        services.AddOptions<RateLimiterOptions>().Configure<ConfigSource>((limiter, config) => LimitRate(limiter, config.Current.Api));
        return services;
    }

    /// <summary>What stands before the endpoints, in the order a request meets it; the surfaces pass with a look at their path.</summary>
    public static void UseOperators(this WebApplication app)
    {
        app.Use(ClientAddress.ReadAsync);
        app.Use(SurfaceOrigins.AnswerAsync);
        app.UseWhen(static http => IsUnder(Pages, http.Request.Path), static pages => pages.Use(ProtectPageAsync));
        app.UseAuthorization();
        app.UseWhen(static http => IsUnder(Closed, http.Request.Path), closed =>
        {
            closed.Use(RefuseUnlessAllowedAsync);
            closed.UseRateLimiter();
            closed.Use(app.Services.GetRequiredService<ApiFailures>().AnswerAsync);
        });
    }

    /// <summary>An endpoint that names no policy answers nobody, so that forgetting one opens nothing.</summary>
    private static Task RefuseUnlessAllowedAsync(HttpContext http, RequestDelegate next)
    {
        var metadata = http.GetEndpoint()?.Metadata;
        return metadata is null || metadata.GetMetadata<IAuthorizeData>() is not null || metadata.GetMetadata<IAllowAnonymous>() is not null
            ? next(http)
            : http.ChallengeAsync(OperatorPolicies.Scheme);
    }

    private static Task ProtectPageAsync(HttpContext http, RequestDelegate next)
    {
        http.Response.OnStarting(static state =>
        {
            var (request, headers) = (((HttpContext)state).Request, ((HttpContext)state).Response.Headers);
            headers.TryAdd("Content-Security-Policy", ContentPolicy);
            headers.TryAdd("X-Content-Type-Options", "nosniff");
            headers.TryAdd("X-Frame-Options", "DENY");
            headers.TryAdd("Referrer-Policy", "no-referrer");
            if (request.Path.StartsWithSegments("/api"))
            {
                headers.TryAdd("Cache-Control", "no-store");
            }

            return Task.CompletedTask;
        }, http);
        return next(http);
    }

    private static void LimitRate(RateLimiterOptions limiter, ApiConfig api)
    {
        limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(http => RateLimitPartition.GetTokenBucketLimiter(
            http.User.Identity?.Name is { } name ? $"{http.User.FindFirst(Caller.TenantClaim)?.Value}:{name}" : http.Connection.RemoteIpAddress?.ToString() ?? "",
            _ => new TokenBucketRateLimiterOptions
            {
                TokenLimit = api.Burst,
                TokensPerPeriod = api.RequestsPerSecond,
                ReplenishmentPeriod = TimeSpan.FromSeconds(1),
                QueueLimit = 0,
            }));
        limiter.OnRejected = static async (rejected, _) =>
        {
            rejected.HttpContext.Response.Headers.RetryAfter = 1.ToString(CultureInfo.InvariantCulture);
            await TypedResults.Problem("There are too many requests (server.json: api.requestsPerSecond, api.burst).", statusCode: StatusCodes.Status429TooManyRequests).ExecuteAsync(rejected.HttpContext);
        };
    }

    private static bool IsUnder(string[] prefixes, PathString path)
    {
        foreach (var prefix in prefixes)
        {
            if (path.StartsWithSegments(prefix))
            {
                return true;
            }
        }

        return false;
    }
}
