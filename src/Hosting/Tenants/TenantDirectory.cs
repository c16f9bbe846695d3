using System.Collections.Frozen;
using System.Globalization;
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

    /// <summary>Null when no tenant has this key. One that may not be used is found: see <see cref="TenantKey.Refusal"/>.</summary>
    public TenantKey? Find(string key) => keys.GetValueOrDefault(SecretHash.Of(key));

    /// <summary>Files and operators are kept from giving one secret to two; should it happen all the same, it names the first.</summary>
    private static FrozenDictionary<SecretHash, TenantKey> Index(GatewayConfig config)
    {
        var index = new Dictionary<SecretHash, TenantKey>();
        foreach (var tenant in config.Tenants)
        {
            foreach (var key in tenant.Keys)
            {
                index.TryAdd(key.Secret, new TenantKey(tenant, key));
                foreach (var retired in key.Retired)
                {
                    index.TryAdd(retired.Secret, new TenantKey(tenant, key, retired.ValidUntil));
                }
            }
        }

        return index.ToFrozenDictionary();
    }
}

/// <summary>A tenant and the key it was named by.</summary>
/// <param name="Tenant">Who pays.</param>
/// <param name="Key">The key.</param>
/// <param name="ValidUntil">The instant the secret that was sent is refused from, when it has been replaced.</param>
internal sealed record TenantKey(TenantConfig Tenant, KeyConfig Key, DateTimeOffset? ValidUntil = null)
{
    /// <summary>Why it may not be used now, and whether that is the tenant's matter or the key's; null when it may.</summary>
    public KeyRefusal? Refusal(DateTimeOffset now) =>
        !Tenant.Enabled ? new KeyRefusal(IsTenant: true, $"The tenant {Tenant.Id} is disabled{(Tenant.Origin == ConfigOrigin.File ? " (tenants.json: enabled)" : "")}.")
        : Tenant.ExpiresAt <= now ? new KeyRefusal(IsTenant: true, $"The tenant {Tenant.Id} expired at {Written(Tenant.ExpiresAt)}. Ask the operator of this gateway to extend it.")
        : Key.ExpiresAt <= now ? new KeyRefusal(IsTenant: false, $"The API key {Key.Id} expired at {Written(Key.ExpiresAt)}. Ask the operator of this gateway for another one.")
        : ValidUntil <= now ? new KeyRefusal(IsTenant: false, $"The API key {Key.Id} has a new secret, and this one ended at {Written(ValidUntil)}. Use the new one.")
        : null;

    private static string Written(DateTimeOffset? instant) => instant!.Value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}

/// <summary>Why a key that is known may not be used.</summary>
internal sealed record KeyRefusal(bool IsTenant, string Message);
