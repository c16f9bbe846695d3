using System.Globalization;
using System.Text.Json.Nodes;

namespace CCGate.Hosting.Configuration;

/// <summary>Writes a tenant as an entry of tenants.json; what has its default is left out.</summary>
internal static class TenantDocument
{
    private static readonly TenantConfig Default = new() { Id = "" };

    /// <summary>The tenant without keys.</summary>
    public static JsonObject Of(TenantConfig tenant)
    {
        var document = new JsonObject { ["id"] = tenant.Id };
        void Set(string name, JsonNode? value, bool isDefault)
        {
            if (!isDefault)
            {
                document[name] = value;
            }
        }

        Set("name", tenant.Name, tenant.Name == tenant.Id);
        Set("enabled", tenant.Enabled, tenant.Enabled);
        Set("parent", tenant.Parent, tenant.Parent is null);
        Set("groups", Strings(tenant.Groups), tenant.Groups.SequenceEqual(Default.Groups));
        Set("allowedModels", Strings(tenant.AllowedModels), tenant.AllowedModels.SequenceEqual(Default.AllowedModels));
        Set("modelAliases", new JsonObject(tenant.ModelAliases.Entries.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))), !tenant.ModelAliases.Entries.Any());
        Set("timezone", tenant.TimeZone.Id, tenant.TimeZone.Equals(TimeZoneInfo.Utc));
        Set("resetTime", tenant.ResetTime.ToString("HH:mm", CultureInfo.InvariantCulture), tenant.ResetTime == default);
        Set("weekStartsOn", tenant.WeekStartsOn.ToString().ToLowerInvariant(), tenant.WeekStartsOn == Default.WeekStartsOn);
        Set("monthStartsOn", tenant.MonthStartsOn, tenant.MonthStartsOn == Default.MonthStartsOn);
        Set("holdPolicy", tenant.HoldPolicy.ToString().ToLowerInvariant(), tenant.HoldPolicy == Default.HoldPolicy);
        Set("minOutputTokens", tenant.MinOutputTokens, tenant.MinOutputTokens == Default.MinOutputTokens);
        Set("abort", tenant.Abort?.ToString().ToLowerInvariant(), tenant.Abort is null);
        Set("note", tenant.Note, tenant.Note is null);
        Set("expiresAt", Written(tenant.ExpiresAt), tenant.ExpiresAt is null);
        Set("limits", Of(tenant.Limits), tenant.Limits == LimitsConfig.None);
        return document;
    }

    /// <summary>The tenant with its keys, each as the hash of its secret.</summary>
    public static JsonObject WithKeys(TenantConfig tenant)
    {
        var document = Of(tenant);
        document["keys"] = new JsonArray([.. tenant.Keys.Select(Of)]);
        return document;
    }

    public static JsonObject Of(LimitsConfig limits)
    {
        var document = new JsonObject();
        foreach (var window in limits.Windows)
        {
            document[window.Name] = Without(new JsonObject { ["maxUSD"] = window.MaxUsd, ["maxTokens"] = window.MaxTokens, ["maxRequests"] = window.MaxRequests });
        }

        document["requestsPerMinute"] = limits.RequestsPerMinute;
        document["tokensPerMinute"] = limits.TokensPerMinute;
        document["concurrentRequests"] = limits.ConcurrentRequests;
        document["concurrentSessions"] = limits.ConcurrentSessions;
        document["alertAt"] = limits.AlertAt.SequenceEqual(LimitsConfig.None.AlertAt) ? null : new JsonArray([.. limits.AlertAt.Select(part => (JsonNode)part)]);
        return Without(document);
    }

    public static JsonArray Strings(IEnumerable<string> strings) => new([.. strings.Select(text => (JsonNode)text)]);

    private static JsonObject Of(KeyConfig key)
    {
        var document = new JsonObject { ["id"] = key.Id, ["key"] = key.Secret.Written, ["label"] = key.Label, ["expiresAt"] = Written(key.ExpiresAt) };
        document["limits"] = key.Limits == LimitsConfig.None ? null : Of(key.Limits);
        return Without(document);
    }

    private static string? Written(DateTimeOffset? instant) => instant?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);

    /// <summary>The same without members that are null.</summary>
    private static JsonObject Without(JsonObject document)
    {
        foreach (var name in document.Where(member => member.Value is null).Select(member => member.Key).ToList())
        {
            document.Remove(name);
        }

        return document;
    }
}
