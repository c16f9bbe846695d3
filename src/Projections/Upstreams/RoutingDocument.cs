using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Hosting.Configuration;

namespace CCGate.Projections.Upstreams;

/// <summary>Writes what is in force of the routing as it would be written in the files.</summary>
internal static class RoutingDocument
{
    public static JsonElement Of(LoadBalancerConfig balancer) => JsonElement.Parse(new JsonObject
    {
        ["strategy"] = UpstreamsFile.NameOf(balancer.Strategy),
        ["models"] = Strategies(balancer.Models.Select(model => (model.Pattern, model.Strategy))),
        ["groups"] = Strategies(balancer.Groups.OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => (group.Key, group.Value))),
        ["failoverEnabled"] = balancer.FailoverEnabled,
        ["maxAttempts"] = balancer.MaxAttempts,
        ["backoffMs"] = (decimal)balancer.Backoff.TotalMilliseconds,
        ["hedgeAfterMs"] = (decimal)(balancer.HedgeAfter ?? TimeSpan.Zero).TotalMilliseconds,
        ["healthCheckEnabled"] = balancer.HealthChecks,
        ["stickySessions"] = balancer.StickySessions,
        ["sessionTtlSeconds"] = (long)balancer.SessionTtl.TotalSeconds,
        ["stickyReturn"] = balancer.StickyReturn == StickyReturn.WhenIdle ? "when_idle" : "never",
    }.ToJsonString());

    public static JsonElement Of(OpenAiConfig openAi)
    {
        var document = new JsonObject
        {
            ["enabled"] = openAi.Enabled,
            ["models"] = new JsonObject(openAi.Models.Entries.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
        };
        if (openAi.DefaultModel is { } model)
        {
            document["defaultModel"] = model;
        }

        return JsonElement.Parse(document.ToJsonString());
    }

    private static JsonObject Strategies(IEnumerable<(string Name, BalancingStrategy Strategy)> strategies) =>
        new(strategies.Select(entry => KeyValuePair.Create(entry.Name, (JsonNode?)new JsonObject { ["strategy"] = UpstreamsFile.NameOf(entry.Strategy) })));
}
