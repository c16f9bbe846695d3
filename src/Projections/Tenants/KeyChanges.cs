using System.Globalization;
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
    public async Task<KeyItem> IssueAsync(string tenantId, ChangeRequest change, CancellationToken cancellationToken)
    {
        var facts = await changes.ReadAsync(cancellationToken);
        var tenant = tenants.InForce(tenantId);
        var secret = OperatorChanges.NewSecret();
        var node = change.Body;
        var id = node.String("id") ?? "key-" + SecretHash.Of(secret).Written[7..15];
        TenantsFile.CheckId(node, id);
        if (id.Length == 0)
        {
            node.Error("id", "is empty", "1 to 128 characters, or nothing to have one made");
        }

        var issued = Finish(change, new KeyIssued { TenantId = tenantId, KeyId = id, SecretHash = SecretHash.Of(secret).Written, Hint = secret[^HintLength..] });
        if (tenant.Keys.Any(key => key.Id == id) || facts.Tenants.Keys.ContainsKey((tenantId, id)))
        {
            throw ChangeRefusedException.Conflict($"The tenant '{tenantId}' has, or had, a key '{id}'. Give it another id: what was used with that one stays with it.");
        }

        return await AppendAsync(issued, version: 0, change, secret, cancellationToken);
    }

    /// <summary>Changes what is said about a key; a member that is left out stays, null takes it away.</summary>
    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<KeyItem> UpdateAsync(string tenantId, string id, ChangeRequest change, CancellationToken cancellationToken)
    {
        var key = Find(tenantId, id, await changes.ReadAsync(cancellationToken));
        var issued = Finish(change, key.Event with { OverlapUntil = null });
        return await AppendAsync(issued, key.Version, change, secret: null, cancellationToken);
    }

    /// <summary>A new secret for a key; the one before it works until the overlap ends.</summary>
    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<KeyItem> RotateAsync(string tenantId, string id, ChangeRequest change, CancellationToken cancellationToken)
    {
        var key = Find(tenantId, id, await changes.ReadAsync(cancellationToken));
        var overlap = change.Body.Integer("overlapMinutes", 0, 0, MaxOverlapMinutes);
        change.Check();
        var secret = OperatorChanges.NewSecret();
        return await AppendAsync(
            key.Event with
            {
                SecretHash = SecretHash.Of(secret).Written,
                Hint = secret[^HintLength..],
                OverlapUntil = overlap > 0 ? time.GetUtcNow().AddMinutes(overlap) : null,
            },
            key.Version, change, secret, cancellationToken);
    }

    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task RevokeAsync(string tenantId, string id, ChangeRequest change, CancellationToken cancellationToken)
    {
        var key = Find(tenantId, id, await changes.ReadAsync(cancellationToken));
        change.Check();
        var revoked = new KeyRevoked { EventId = IdOf(tenantId, id, key.Version), TenantId = tenantId, KeyId = id, Reason = change.Reason, By = change.By, At = time.GetUtcNow() };
        await changes.AppendAsync(EventRecord.From(revoked), change, cancellationToken);
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

    private KeyIssued Finish(ChangeRequest change, KeyIssued issued)
    {
        var node = change.Body;
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
        change.Check();
        return issued with
        {
            Label = IsNamed("label") ? label : issued.Label,
            ExpiresAt = IsNamed("expiresAt") ? expiresAt : issued.ExpiresAt,
            Limits = IsNamed("limits") ? limits?.Element : issued.Limits,
        };
    }

    private async Task<KeyItem> AppendAsync(KeyIssued issued, long version, ChangeRequest change, string? secret, CancellationToken cancellationToken)
    {
        issued = issued with { EventId = IdOf(issued.TenantId, issued.KeyId, version), Reason = change.Reason, By = change.By, At = time.GetUtcNow() };
        await changes.AppendAsync(EventRecord.From(issued), change, cancellationToken);
        var key = config.Facts.Tenants.Keys.GetValueOrDefault((issued.TenantId, issued.KeyId)) ?? IssuedKey.Of(0, issued, before: null)!;
        return KeyItem.Of(issued.TenantId, key.Config, key, time.GetUtcNow(), secret);
    }

    private static Guid IdOf(string tenantId, string id, long version) => OperatorChanges.IdOf($"tenant/{tenantId}/{id}", version);
}
