using System.Globalization;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Administration;

namespace CCGate.Projections.Tenants;

/// <summary>Issues, changes, rotates and revokes the keys of tenants at run time.</summary>
internal sealed class KeyChanges(OperatorChanges changes, TenantChanges tenants, ConfigSource config, TimeProvider time)
{
    private const int HintLength = 4;
    private const int MaxLabel = 200;
    private const int MaxOverlapMinutes = 30 * 24 * 60;

    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<KeyItem> IssueAsync(string tenantId, JsonElement body, string by, CancellationToken cancellationToken)
    {
        var facts = await changes.ReadAsync(cancellationToken);
        var tenant = tenants.InForce(tenantId);
        var secret = OperatorChanges.NewSecret();
        var problems = new List<ConfigProblem>();
        var node = new ConfigNode(body, "", "$", problems, isLiteral: true);
        var id = node.String("id") ?? "key-" + SecretHash.Of(secret).Written[7..15];
        TenantsFile.CheckId(node, id);
        if (id.Length == 0)
        {
            node.Error("id", "is empty", "1 to 128 characters, or nothing to have one made");
        }

        var issued = Finish(node, problems, new KeyIssued { TenantId = tenantId, KeyId = id, SecretHash = SecretHash.Of(secret).Written, Hint = secret[^HintLength..] });
        if (tenant.Keys.Any(key => key.Id == id) || facts.Tenants.Keys.ContainsKey((tenantId, id)))
        {
            throw ChangeRefusedException.Conflict($"The tenant '{tenantId}' has, or had, a key '{id}'. Give it another id: what was used with that one stays with it.");
        }

        return await AppendAsync(issued, version: 0, by, secret, cancellationToken);
    }

    /// <summary>Changes what is said about a key; a member that is left out stays, null takes it away.</summary>
    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<KeyItem> UpdateAsync(string tenantId, string id, JsonElement body, string by, CancellationToken cancellationToken)
    {
        var key = Find(tenantId, id, await changes.ReadAsync(cancellationToken));
        var problems = new List<ConfigProblem>();
        var issued = Finish(new ConfigNode(body, "", "$", problems, isLiteral: true), problems, key.Event with { OverlapUntil = null, Reason = null });
        return await AppendAsync(issued, key.Version, by, secret: null, cancellationToken);
    }

    /// <summary>A new secret for a key; the one before it works until the overlap ends.</summary>
    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<KeyItem> RotateAsync(string tenantId, string id, JsonElement body, string by, CancellationToken cancellationToken)
    {
        var key = Find(tenantId, id, await changes.ReadAsync(cancellationToken));
        var problems = new List<ConfigProblem>();
        var node = new ConfigNode(body, "", "$", problems, isLiteral: true);
        var overlap = node.Integer("overlapMinutes", 0, 0, MaxOverlapMinutes);
        var reason = node.String("reason");
        TenantChanges.CheckReason(reason, problems);
        node.Finish(unknownIsError: true);
        ChangeRefusedException.ThrowIfAny(problems);
        var secret = OperatorChanges.NewSecret();
        return await AppendAsync(
            key.Event with
            {
                SecretHash = SecretHash.Of(secret).Written,
                Hint = secret[^HintLength..],
                OverlapUntil = overlap > 0 ? time.GetUtcNow().AddMinutes(overlap) : null,
                Reason = reason,
            },
            key.Version, by, secret, cancellationToken);
    }

    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task RevokeAsync(string tenantId, string id, string? reason, string by, CancellationToken cancellationToken)
    {
        var key = Find(tenantId, id, await changes.ReadAsync(cancellationToken));
        var problems = new List<ConfigProblem>();
        TenantChanges.CheckReason(reason, problems);
        ChangeRefusedException.ThrowIfAny(problems);
        var revoked = new KeyRevoked { EventId = IdOf(tenantId, id, key.Version), TenantId = tenantId, KeyId = id, Reason = reason, By = by, At = time.GetUtcNow() };
        if (!await changes.AppendAsync(EventRecord.From(revoked), cancellationToken))
        {
            throw ChangeRefusedException.Overtaken(wasConditional: false);
        }
    }

    private IssuedKey Find(string tenantId, string id, AdministrationFacts facts)
    {
        var inForce = tenants.InForce(tenantId).Keys.FirstOrDefault(key => key.Id == id);
        if (inForce is { Origin: ConfigOrigin.File })
        {
            throw ChangeRefusedException.Conflict($"The key '{id}' of '{tenantId}' is written in {TenantsFile.Name}: change it there.");
        }

        return facts.Tenants.Keys.GetValueOrDefault((tenantId, id)) switch
        {
            null => throw ChangeRefusedException.NotFound($"The tenant '{tenantId}' has no key '{id}'."),
            { RevokedAt: not null } => throw ChangeRefusedException.NotFound($"The key '{id}' of '{tenantId}' was revoked."),
            var key => key,
        };
    }

    private KeyIssued Finish(ConfigNode node, List<ConfigProblem> problems, KeyIssued issued)
    {
        bool IsNamed(string name) => node.Element.TryGetProperty(name, out _);
        var label = node.String("label");
        if (label is { Length: > MaxLabel })
        {
            node.Error("label", "is too long", string.Create(CultureInfo.InvariantCulture, $"at most {MaxLabel} characters"));
        }

        var expiresAt = node.Instant("expiresAt");
        if (expiresAt <= time.GetUtcNow())
        {
            node.Error("expiresAt", "is in the past", "an instant to come");
        }

        var limits = node.Object("limits");
        TenantsFile.ReadLimits(limits);
        var reason = node.String("reason");
        TenantChanges.CheckReason(reason, problems);
        node.Finish(unknownIsError: true);
        ChangeRefusedException.ThrowIfAny(problems);
        return issued with
        {
            Label = IsNamed("label") ? label : issued.Label,
            ExpiresAt = IsNamed("expiresAt") ? expiresAt : issued.ExpiresAt,
            Limits = IsNamed("limits") ? limits?.Element : issued.Limits,
            Reason = reason,
        };
    }

    private async Task<KeyItem> AppendAsync(KeyIssued issued, long version, string by, string? secret, CancellationToken cancellationToken)
    {
        issued = issued with { EventId = IdOf(issued.TenantId, issued.KeyId, version), By = by, At = time.GetUtcNow() };
        if (!await changes.AppendAsync(EventRecord.From(issued), cancellationToken))
        {
            throw ChangeRefusedException.Overtaken(wasConditional: false);
        }

        var key = config.Facts.Tenants.Keys.GetValueOrDefault((issued.TenantId, issued.KeyId)) ?? IssuedKey.Of(0, issued, before: null)!;
        return KeyItem.Of(issued.TenantId, key.Config, key, time.GetUtcNow(), secret);
    }

    private static Guid IdOf(string tenantId, string id, long version) => OperatorChanges.IdOf($"tenant/{tenantId}/{id}", version);
}
