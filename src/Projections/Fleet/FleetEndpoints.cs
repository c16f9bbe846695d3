using System.Text.Json.Nodes;
using CCGate.Hosting.Fleet;
using CCGate.Hosting.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Fleet;

/// <summary><c>GET /api/upstreams</c> where there is no proxy: what all proxies report of them, taken together.</summary>
internal static class FleetEndpoints
{
    public static void MapFleet(this IEndpointRouteBuilder api) => api.MapGet("/upstreams", AnswerAsync)
        .WithSummary("Lists upstreams as all proxies see them")
        .WithDescription("Requests in flight and waiting are those of all proxies, and the circuit is the worst of them.");

    private static async Task<IResult> AnswerAsync(Database database, TimeProvider time, CancellationToken cancellationToken)
    {
        var reports = await ProxyReportTable.ReadAsync(database, time.GetUtcNow(), cancellationToken);
        var upstreams = FleetUpstreams.Merge(reports);
        var answer = new JsonObject { ["proxies"] = reports.Count, ["upstreams"] = new JsonArray([.. upstreams]) };
        return TypedResults.Text(answer.ToJsonString(), "application/json");
    }
}

/// <summary>The upstreams of all reports: in the order of the newest, one of each id.</summary>
internal static class FleetUpstreams
{
    private static readonly string[] Circuits = ["closed", "half_open", "open"];

    public static IReadOnlyList<JsonObject> Merge(IReadOnlyList<ProxyReport> reports)
    {
        var merged = new OrderedDictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var told in reports.SelectMany(report => report.Upstreams).Where(element => element.ValueKind == System.Text.Json.JsonValueKind.Object).Select(element => JsonObject.Create(element)))
        {
            if (Text(told, "id") is not { } id)
            {
                continue;
            }

            if (merged.TryGetValue(id, out var upstream))
            {
                Add(upstream, told!);
            }
            else
            {
                merged.Add(id, told!);
            }
        }

        return [.. merged.Values];
    }

    /// <summary>Closed, half open or open, in this order from 0; an upstream that is not enabled has none.</summary>
    public static int CircuitOf(JsonObject upstream) => Math.Max(0, Array.IndexOf(Circuits, Text(upstream["circuit"] as JsonObject, "state")));

    public static bool IsUsable(JsonObject upstream) =>
        upstream["enabled"]?.GetValueKind() == System.Text.Json.JsonValueKind.True && CircuitOf(upstream) < 2 && Text(upstream["health"] as JsonObject, "state") != "unhealthy";

    private static void Add(JsonObject upstream, JsonObject other)
    {
        foreach (var count in (string[])["inFlight", "waiting"])
        {
            if (Number(upstream, count) + Number(other, count) is { } sum)
            {
                upstream[count] = sum;
            }
        }

        if (CircuitOf(other) > CircuitOf(upstream))
        {
            upstream["circuit"] = other["circuit"]!.DeepClone();
        }

        if (Text(other["health"] as JsonObject, "state") == "unhealthy")
        {
            upstream["health"] = other["health"]!.DeepClone();
        }
    }

    private static string? Text(JsonObject? of, string name) => of?[name] is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private static long? Number(JsonObject of, string name) => of[name] is JsonValue value && value.TryGetValue(out long number) ? number : null;
}
