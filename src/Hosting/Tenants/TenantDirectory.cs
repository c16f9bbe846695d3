using System.Collections.Frozen;
using CCGate.Hosting.Configuration;

namespace CCGate.Hosting.Tenants;

/// <summary>Finds the tenant that a key names, by the key's hash, in the configuration in force.</summary>
internal sealed class TenantDirectory
{
    private volatile FrozenDictionary<SecretHash, TenantKey> keys;

    public TenantDirectory(ConfigSource config)
    {
        keys = Index(config.Current);
        config.Changed += next => keys = Index(next);
    }

    /// <summary>Null when no tenant has this key. A disabled tenant is found: the caller answers that differently.</summary>
    public TenantKey? Find(string key) => Find(SecretHash.Of(key));

    public TenantKey? Find(SecretHash key) => keys.GetValueOrDefault(key);

    private static FrozenDictionary<SecretHash, TenantKey> Index(GatewayConfig config) =>
        config.Tenants.SelectMany(tenant => tenant.Keys, (tenant, key) => new TenantKey(tenant, key)).ToFrozenDictionary(found => found.Key.Secret);
}

/// <summary>A tenant and the key it was named by.</summary>
internal sealed record TenantKey(TenantConfig Tenant, KeyConfig Key);
