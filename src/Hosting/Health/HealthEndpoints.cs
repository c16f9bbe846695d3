using System.Reflection;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Hosting.Health;

/// <summary><c>/health</c>, <c>/health/live</c> and <c>/health/ready</c>.</summary>
internal static class HealthEndpoints
{
    private static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(10);

    private static readonly string Version =
        typeof(HealthEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public static void MapHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/health", AnswerAsync);
        endpoints.MapGet("/health/ready", AnswerAsync);

        // Alive is whoever answers: restarting a process because its database is down helps nobody, so no check runs here.
        endpoints.MapGet("/health/live", () => Json(new HealthDocument(HealthStatus.Healthy, Version, [])));
    }

    private static async Task<IResult> AnswerAsync(IEnumerable<HealthCheck> checks, TimeProvider time, CancellationToken cancellationToken)
    {
        var results = await Task.WhenAll(checks.Select(check => RunAsync(check, time, cancellationToken)));
        var status = results.Length == 0 ? HealthStatus.Healthy : results.Max(result => result.Status);
        return Json(new HealthDocument(status, Version, results));
    }

    private static async Task<HealthResult> RunAsync(HealthCheck check, TimeProvider time, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        HealthFinding finding;
        try
        {
            finding = await check.CheckAsync(cancellationToken).WaitAsync(CheckTimeout, time, cancellationToken);
        }
#pragma warning disable CA1031 // whatever a check throws is what it has to say
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            finding = new HealthFinding(HealthStatus.Unhealthy, failure is TimeoutException ? "No answer in time." : failure.Message);
        }

        return new HealthResult(check.Name, finding.Status, finding.Detail, (long)time.GetElapsedTime(started).TotalMilliseconds);
    }

    private static JsonHttpResult<HealthDocument> Json(HealthDocument document) => TypedResults.Json(
        document,
        HealthJson.Default.HealthDocument,
        statusCode: document.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
}

/// <summary>What the health addresses answer.</summary>
internal sealed record HealthDocument(HealthStatus Status, string Version, IReadOnlyList<HealthResult> Checks);

/// <summary>One check in the health document.</summary>
internal sealed record HealthResult(string Name, HealthStatus Status, string? Detail, long DurationMs);

/// <summary>The health document's JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
[JsonSerializable(typeof(HealthDocument))]
internal sealed partial class HealthJson : JsonSerializerContext;
