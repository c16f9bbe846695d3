using System.Collections.Immutable;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Hosting.Administration;

/// <summary>The tenants that operators declared at run time and the keys they issued.</summary>
internal sealed record TenantFacts
{
    public static readonly TenantFacts None = new();

    /// <summary>By id, those that were not removed.</summary>
    public ImmutableSortedDictionary<string, DeclaredTenant> Declared { get; private init; } = ImmutableSortedDictionary.Create<string, DeclaredTenant>(StringComparer.Ordinal);

    /// <summary>Every key there ever was, those that were revoked included: an id is not used again.</summary>
    public ImmutableDictionary<(string Tenant, string Key), IssuedKey> Keys { get; private init; } = ImmutableDictionary<(string Tenant, string Key), IssuedKey>.Empty;

    /// <summary>The position of the last change of each tenant, those that were removed included.</summary>
    private ImmutableDictionary<string, long> versions { get; init; } = ImmutableDictionary<string, long>.Empty;

    /// <summary>The position of the last change of a tenant; 0 when no operator ever declared it.</summary>
    public long VersionOf(string tenantId) => versions.GetValueOrDefault(tenantId);

    /// <summary>The facts with one more.</summary>
    /// <exception cref="JsonException">The event cannot be read.</exception>
    public TenantFacts With(long position, string type, string data) => type switch
    {
        EventTypes.TenantChanged => With(position, JsonSerializer.Deserialize(data, ContractsJson.Default.TenantChanged)!),
        EventTypes.KeyIssued => With(position, JsonSerializer.Deserialize(data, ContractsJson.Default.KeyIssued)!),
        EventTypes.KeyRevoked => With(position, JsonSerializer.Deserialize(data, ContractsJson.Default.KeyRevoked)!),
        _ => this,
    };

    /// <summary>The snapshot with these tenants and keys: what is written in a file comes before what operators declared.</summary>
    public GatewayConfig Over(GatewayConfig files)
    {
        if (Declared.IsEmpty && Keys.IsEmpty)
        {
            return files;
        }

        var ignored = files.Ignored.ToBuilder();
        var tenants = files.Tenants.ToBuilder();
        foreach (var declared in Declared.Values)
        {
            if (files.FindTenant(declared.Id) is not null)
            {
                ignored.Add($"the tenant \"{declared.Id}\", because {TenantsFile.Name} has one of that id");
            }
            else if (declared.Tenant is { } tenant)
            {
                tenants.Add(tenant);
            }
            else
            {
                ignored.Add($"the tenant \"{declared.Id}\": {string.Join("; ", declared.Errors)}");
            }
        }

        var all = files with { Tenants = WithKeys(tenants, ignored) };
        return all with { Tenants = [.. all.Tenants.Select(tenant => tenant.Origin == ConfigOrigin.File ? tenant : InPlace(tenant, all, ignored))], Ignored = ignored.ToImmutable() };
    }

    /// <summary>A tenant whose parent has gone, or is below it, would be free of that parent's limits: it is not served.</summary>
    private static TenantConfig InPlace(TenantConfig tenant, GatewayConfig all, ImmutableArray<string>.Builder ignored)
    {
        if (all.PathOf(tenant).Last() is { Parent: { } missing } top)
        {
            ignored.Add(all.FindTenant(missing) is null
                ? $"the tenant \"{tenant.Id}\", which is disabled because the parent \"{missing}\" of \"{top.Id}\" does not exist"
                : $"the tenant \"{tenant.Id}\", which is disabled because its parents lead back to \"{missing}\"");
            tenant = tenant with { Enabled = false };
        }

        return TenantsFile.Inherit(tenant, all) is var inherited && tenant.Enabled ? inherited : inherited with { Enabled = false };
    }

    /// <summary>In the order they were issued in, so that of two with the same secret always the same one counts.</summary>
    private ImmutableArray<TenantConfig> WithKeys(ImmutableArray<TenantConfig>.Builder tenants, ImmutableArray<string>.Builder ignored)
    {
        var secrets = tenants.SelectMany(tenant => tenant.Keys).Select(key => key.Secret).ToHashSet();
        var issued = new Dictionary<string, List<KeyConfig>>(StringComparer.Ordinal);
        var own = tenants.ToDictionary(tenant => tenant.Id, StringComparer.Ordinal);
        foreach (var key in Keys.Values.Where(key => key.RevokedAt is null).OrderBy(key => key.IssuedIn))
        {
            if (!own.TryGetValue(key.TenantId, out var tenant))
            {
                // Its tenant was taken out of the file; put back, it has its keys again.
                continue;
            }

            if (tenant.Keys.Any(known => known.Id == key.Config.Id))
            {
                ignored.Add($"the key \"{key.Config.Id}\" of \"{key.TenantId}\", because {TenantsFile.Name} has one of that id");
            }
            else if (!secrets.Add(key.Config.Secret))
            {
                ignored.Add($"the key \"{key.Config.Id}\" of \"{key.TenantId}\", because another key has the same secret");
            }
            else
            {
                issued.TryAdd(key.TenantId, []);
                issued[key.TenantId].Add(key.Config with { Retired = [.. key.Config.Retired.Where(retired => secrets.Add(retired.Secret))] });
            }
        }

        return [.. tenants.Select(tenant => issued.TryGetValue(tenant.Id, out var keys) ? tenant with { Keys = tenant.Keys.AddRange(keys) } : tenant)];
    }

    private TenantFacts With(long position, TenantChanged changed) => this with
    {
        versions = versions.SetItem(changed.TenantId, position),
        Declared = changed.Document is { } document
            ? Declared.SetItem(changed.TenantId, DeclaredTenant.Read(changed.TenantId, new Declaration(position, document, changed.By, changed.At)))
            : Declared.Remove(changed.TenantId),

        // Who is declared anew under this id gets keys of its own.
        Keys = changed.Document is null
            ? Keys.SetItems(Keys.Where(pair => pair.Key.Tenant == changed.TenantId && pair.Value.RevokedAt is null).Select(pair => KeyValuePair.Create(pair.Key, pair.Value.Revoked(position, changed.At))))
            : Keys,
    };

    private TenantFacts With(long position, KeyIssued issued) =>
        IssuedKey.Of(position, issued, Keys.GetValueOrDefault((issued.TenantId, issued.KeyId))) is { } key
            ? this with { Keys = Keys.SetItem((issued.TenantId, issued.KeyId), key) }
            : this;

    private TenantFacts With(long position, KeyRevoked revoked) => Keys.TryGetValue((revoked.TenantId, revoked.KeyId), out var key)
        ? this with { Keys = Keys.SetItem((revoked.TenantId, revoked.KeyId), key.Revoked(position, revoked.At)) }
        : this;
}

/// <summary>Something as an operator last declared it.</summary>
/// <param name="Version">The position of that change.</param>
/// <param name="Document">As it would be written in a file.</param>
internal sealed record Declaration(long Version, JsonElement Document, string By, DateTimeOffset At);

/// <summary>A tenant that an operator declared, read once for as long as it stays as it is.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Declaration">What the operator wrote.</param>
/// <param name="Tenant">What it means; null when this version cannot tell.</param>
/// <param name="Errors">Why not.</param>
internal sealed record DeclaredTenant(string Id, Declaration Declaration, TenantConfig? Tenant, ImmutableArray<string> Errors)
{
    public static DeclaredTenant Read(string id, Declaration declaration)
    {
        var problems = new List<ConfigProblem>();
        var tenant = TenantsFile.ReadDocument(new ConfigNode(declaration.Document, TenantsFile.Name, "$", problems, isLiteral: true));
        var errors = problems.Where(problem => !problem.IsWarning).Select(problem => $"{problem.Path} {problem.Message}").ToImmutableArray();
        return new DeclaredTenant(
            id, declaration, errors.IsEmpty && tenant?.Id == id ? tenant with { Origin = ConfigOrigin.Operator, Version = declaration.Version } : null, errors);
    }
}

/// <summary>A key that an operator issued.</summary>
internal sealed record IssuedKey
{
    /// <summary>Secrets that work beside the newest; older ones end early.</summary>
    private const int MaxRetired = 4;

    public required string TenantId { get; init; }

    /// <summary>The key as it is in force unless it was revoked.</summary>
    public required KeyConfig Config { get; init; }

    public required KeyIssued Event { get; init; }

    /// <summary>The position of the last change.</summary>
    public long Version { get; init; }

    /// <summary>The position of the event that made it.</summary>
    public long IssuedIn { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>The key after an event, given what it was before; none that may be used when the event's hash or limits mean nothing to this version.</summary>
    public static IssuedKey? Of(long position, KeyIssued issued, IssuedKey? before)
    {
        var known = before;
        before = before is { RevokedAt: null } ? before : null;
        var problems = new List<ConfigProblem>();
        var limits = issued.Limits is { ValueKind: JsonValueKind.Object } written
            ? TenantsFile.ReadLimits(new ConfigNode(written, TenantsFile.Name, "$.limits", problems, isLiteral: true))
            : LimitsConfig.None;
        if (SecretHash.Parse(issued.SecretHash) is not { } secret || problems.Exists(problem => !problem.IsWarning))
        {
            return known?.Revoked(position, issued.At);
        }

        return new IssuedKey
        {
            TenantId = issued.TenantId,
            Event = issued,
            Version = position,
            IssuedIn = before?.IssuedIn ?? position,
            CreatedAt = before?.CreatedAt ?? issued.At,
            Config = new KeyConfig(issued.KeyId, secret)
            {
                Origin = ConfigOrigin.Operator,
                Limits = limits,
                Label = issued.Label,
                Hint = issued.Hint,
                ExpiresAt = issued.ExpiresAt,
                Retired = before is null ? [] : Retired(before.Config, secret, issued.OverlapUntil),
            },
        };
    }

    public IssuedKey Revoked(long position, DateTimeOffset at) => this with { Version = position, RevokedAt = at };

    /// <summary>A secret that is replaced without an overlap takes those before it along: something is wrong with the key.</summary>
    private static ImmutableArray<RetiredSecret> Retired(KeyConfig before, SecretHash secret, DateTimeOffset? overlapUntil) =>
        before.Secret == secret ? before.Retired
        : overlapUntil is { } until ? [new RetiredSecret(before.Secret, until), .. before.Retired.Take(MaxRetired - 1).Select(retired => retired with { ValidUntil = retired.ValidUntil < until ? retired.ValidUntil : until })]
        : [];
}
