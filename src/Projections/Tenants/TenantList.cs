using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;

namespace CCGate.Projections.Tenants;

/// <summary>A tenant as operators see it.</summary>
internal abstract record TenantMembers
{
    protected TenantMembers(TenantConfig tenant)
    {
        Id = tenant.Id;
        Name = tenant.Name;
        Origin = tenant.Origin;
        Version = tenant.Version;
        Enabled = tenant.Enabled;
        Parent = tenant.Parent;
        Groups = tenant.Groups;
        Timezone = tenant.TimeZone.Id;
        Note = tenant.Note;
        ExpiresAt = tenant.ExpiresAt;
        Limits = TenantDocument.Of(tenant.Limits);
        AllowedModels = tenant.AllowedModels;
    }

    public string Id { get; init; }

    public string Name { get; init; }

    public ConfigOrigin Origin { get; init; }

    public long? Version { get; init; }

    /// <summary>Whether it and everybody above it is.</summary>
    public bool Enabled { get; init; }

    public string? Parent { get; init; }

    public IReadOnlyList<string> Groups { get; init; }

    public string Timezone { get; init; }

    public string? Note { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    public JsonObject Limits { get; init; }

    public IReadOnlyList<string> AllowedModels { get; init; }
}

/// <summary>A tenant in a list.</summary>
internal sealed record TenantItem : TenantMembers
{
    private TenantItem(TenantConfig tenant)
        : base(tenant) => Keys = tenant.Keys.Length;

    /// <summary>How many it has.</summary>
    [JsonPropertyOrder(1)]
    public int Keys { get; init; }

    public static TenantItem Of(TenantConfig tenant) => new(tenant);
}

/// <summary>A tenant with its keys and its entry of tenants.json.</summary>
internal sealed record TenantDetail : TenantMembers
{
    private TenantDetail(TenantConfig tenant, IReadOnlyList<KeyItem> keys, JsonObject document)
        : base(tenant)
    {
        Keys = keys;
        Document = document;
    }

    [JsonPropertyOrder(1)]
    public IReadOnlyList<KeyItem> Keys { get; init; }

    [JsonPropertyOrder(2)]
    public JsonObject Document { get; init; }

    public static TenantDetail Of(TenantConfig tenant, IReadOnlyList<KeyItem> keys, JsonObject document) => new(tenant, keys, document);
}

/// <summary>A key as operators see it: never its secret.</summary>
internal sealed record KeyItem
{
    public required string Tenant { get; init; }

    public required string Id { get; init; }

    public string? Label { get; init; }

    public string? Hint { get; init; }

    public required ConfigOrigin Origin { get; init; }

    public DateTimeOffset? CreatedAt { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary><c>active</c>, <c>expired</c>, <c>revoked</c>, or <c>rotating</c> while a secret it had before works as well.</summary>
    [AllowedValues("active", "expired", "revoked", "rotating")]
    public required string State { get; init; }

    public JsonObject? Limits { get; init; }

    /// <summary>Only in the answer to whoever made it.</summary>
    public string? Secret { get; init; }

    /// <summary>The keys of some tenants, those that were revoked last.</summary>
    public static IEnumerable<KeyItem> Of(IEnumerable<TenantConfig> tenants, TenantFacts facts, DateTimeOffset now)
    {
        var revoked = facts.Keys.Values.Where(key => key.RevokedAt is not null).ToLookup(key => key.TenantId, StringComparer.Ordinal);
        return tenants.SelectMany(tenant => tenant.Keys.Select(key => Of(tenant.Id, key, facts.Keys.GetValueOrDefault((tenant.Id, key.Id)), now))
            .Concat(revoked[tenant.Id].OrderBy(key => key.Config.Id, StringComparer.Ordinal).Select(key => Of(tenant.Id, key.Config, key, now))));
    }

    public static KeyItem Of(string tenant, KeyConfig key, IssuedKey? issued, DateTimeOffset now, string? secret = null) => new()
    {
        Tenant = tenant,
        Id = key.Id,
        Label = key.Label,
        Hint = key.Hint,
        Origin = key.Origin,
        CreatedAt = key.Origin == ConfigOrigin.Operator ? issued?.CreatedAt : null,
        ExpiresAt = key.ExpiresAt,
        State = key.Origin == ConfigOrigin.Operator && issued?.RevokedAt is not null ? "revoked"
            : key.ExpiresAt <= now ? "expired"
            : key.Retired.Any(retired => retired.ValidUntil > now) ? "rotating" : "active",
        Limits = key.Limits == LimitsConfig.None ? null : TenantDocument.Of(key.Limits),
        Secret = secret,
    };
}

/// <summary>A piece of the list of tenants.</summary>
internal sealed record TenantPage(IReadOnlyList<TenantItem> Items, string? Next);

/// <summary>A piece of the list of keys.</summary>
internal sealed record KeyPage(IReadOnlyList<KeyItem> Items, string? Next);
