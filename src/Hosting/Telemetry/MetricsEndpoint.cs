using System.Net;
using System.Text;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Operators;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace CCGate.Hosting.Telemetry;

/// <summary><c>/metrics</c>, for Prometheus; the host brings <c>AddOperators</c>.</summary>
internal static class MetricsEndpoint
{
    private const string Setting = "server.json: telemetry.metrics.scrape";

    // Each of them says that somebody else's request was passed on to us, and hides from where.
    private static readonly string[] Forwarding = ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"];

    public static void MapMetrics(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet("/metrics", AnswerAsync).AllowAnonymous().DisableHttpMetrics().ExcludeFromDescription();

    private static async Task AnswerAsync(HttpContext http, ConfigSource config, PrometheusExporter exporter)
    {
        var access = config.Files.Telemetry.Metrics.Scrape;
        if (access == ScrapeAccess.Off || exporter.Collect is null)
        {
            await TypedResults.Problem($"Nobody may read the metrics ({Setting}, telemetry.metrics.enabled).", statusCode: StatusCodes.Status404NotFound).ExecuteAsync(http);
        }
        else if (access == ScrapeAccess.Open || (access == ScrapeAccess.Local && IsLocal(http)) || await IsOperatorAsync(http))
        {
            await WriteAsync(http, exporter);
        }
    }

    /// <summary>Answers for itself when it is not.</summary>
    private static async Task<bool> IsOperatorAsync(HttpContext http)
    {
        var found = await http.AuthenticateAsync(OperatorPolicies.Scheme);
        if (found.Principal?.IsInRole(Caller.OperatorRole) == true)
        {
            return true;
        }

        if (found.Principal is null && http.Request.Headers.Authorization.Count > 0)
        {
            // Wrong, or to be tried again later.
            await http.ChallengeAsync(OperatorPolicies.Scheme);
            return false;
        }

        http.Response.Headers.WWWAuthenticate = "Basic realm=\"ccgate\", charset=\"UTF-8\"";
        await TypedResults.Problem(
            "Metrics name tenants and what they spend. Send 'Authorization: Basic' with the username and password of 'admin' in server.json, or 'Authorization: Bearer' with an API token; "
                + $"or let everybody who reaches the port read them ({Setting}: \"open\").",
            statusCode: found.Principal is null ? StatusCodes.Status401Unauthorized : StatusCodes.Status403Forbidden).ExecuteAsync(http);
        return false;
    }

    private static bool IsLocal(HttpContext http) =>
        http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)
        && !Array.Exists(Forwarding, http.Request.Headers.ContainsKey);

    private static async Task WriteAsync(HttpContext http, PrometheusExporter exporter)
    {
        if (await exporter.ReadAsync(http.RequestAborted) is not { } snapshot)
        {
            http.Response.Headers.RetryAfter = "1";
            await TypedResults.Problem("The metrics could not be read in time.", statusCode: StatusCodes.Status503ServiceUnavailable).ExecuteAsync(http);
            return;
        }

        var openMetrics = WantsOpenMetrics(http.Request);
        http.Response.ContentType = openMetrics ? PrometheusText.OpenMetricsContentType : PrometheusText.ContentType;
        http.Response.Headers.CacheControl = "no-store";
        var text = Encoding.UTF8.GetBytes(PrometheusText.Of(snapshot, openMetrics));
        http.Response.ContentLength = text.Length;
        await http.Response.Body.WriteAsync(text, http.RequestAborted);
    }

    private static bool WantsOpenMetrics(HttpRequest request)
    {
        double openMetrics = 0, text = 0;
        if (MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted))
        {
            foreach (var type in accepted)
            {
                if (type.MediaType.Equals("application/openmetrics-text", StringComparison.OrdinalIgnoreCase))
                {
                    openMetrics = Math.Max(openMetrics, type.Quality ?? 1);
                }
                else if (type.MediaType.Equals("text/plain", StringComparison.OrdinalIgnoreCase))
                {
                    text = Math.Max(text, type.Quality ?? 1);
                }
            }
        }

        return openMetrics > 0 && openMetrics >= text;
    }
}
