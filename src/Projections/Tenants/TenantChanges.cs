using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Administration;

namespace CCGate.Projections.Tenants;

/// <summary>Declares, changes and removes tenants at run time.</summary>
internal sealed class TenantChanges(OperatorChanges changes, ConfigSource config, TimeProvider time)
{
    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<TenantConfig> CreateAsync(ChangeRequest change, CancellationToken cancellationToken)
    {
        var facts = await changes.ReadAsync(cancellationToken);
        var (tenant, document) = Read(change, facts);
        if (config.Current.FindTenant(tenant.Id) is not null || facts.Tenants.Declared.ContainsKey(tenant.Id))
        {
            throw ChangeRefusedException.Conflict($"There is a tenant '{tenant.Id}' already.");
        }

        return await AppendAsync(facts, tenant.Id, DeclarationChange.Created, document, change, cancellationToken);
    }

    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<TenantConfig> UpdateAsync(string id, ChangeRequest change, CancellationToken cancellationToken)
    {
        var facts = await changes.ReadAsync(cancellationToken);
        var declared = Find(id, facts, change);
        var (tenant, document) = Read(change, facts);
        if (tenant.Id != id)
        {
            throw ChangeRefusedException.Invalid("$.document.id", $"is not '{id}'", "the id of the tenant, which never changes");
        }

        return JsonElement.DeepEquals(declared.Declaration.Document, document)
            ? config.Current.FindTenant(id)!
            : await AppendAsync(facts, id, DeclarationChange.Updated, document, change, cancellationToken);
    }

    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task RemoveAsync(string id, ChangeRequest change, CancellationToken cancellationToken)
    {
        var facts = await changes.ReadAsync(cancellationToken);
        Find(id, facts, change);
        if (config.Current.Tenants.FirstOrDefault(other => other.Parent == id) is { } child)
        {
            throw ChangeRefusedException.Conflict($"The tenant '{child.Id}' has it as its parent: change or remove that one first.");
        }

        change.Check();
        await AppendAsync(facts, id, DeclarationChange.Removed, document: null, change, cancellationToken);
    }

    /// <summary>The tenant in force, of either origin.</summary>
    /// <exception cref="ChangeRefusedException">There is none.</exception>
    public TenantConfig InForce(string id) => config.Current.FindTenant(id) ?? throw ChangeRefusedException.NotFound($"There is no tenant '{id}'.");

    private DeclaredTenant Find(string id, AdministrationFacts facts, ChangeRequest change)
    {
        if (config.Files.FindTenant(id) is not null)
        {
            throw ChangeRefusedException.Conflict($"The tenant '{id}' is written in {TenantsFile.Name}: change it there.");
        }

        var declared = facts.Tenants.Declared.GetValueOrDefault(id) ?? throw ChangeRefusedException.NotFound($"There is no tenant '{id}'.");
        change.CheckVersion(declared.Declaration.Version);
        return declared;
    }

    private (TenantConfig Tenant, JsonElement Document) Read(ChangeRequest change, AdministrationFacts facts)
    {
        var node = change.Document("an entry of tenants.json without keys");
        var tenant = TenantsFile.ReadDocument(node);
        CheckTree(tenant, node, facts);
        change.Check();
        return (tenant!, node.Element);
    }

    private void CheckTree(TenantConfig? tenant, ConfigNode node, AdministrationFacts facts)
    {
        if (tenant?.Parent is not { } parent)
        {
            return;
        }

        var all = facts.Over(config.Files);
        if (all.FindTenant(parent) is not { } above)
        {
            node.Error("parent", $"\"{parent}\" does not exist", "the id of another tenant");
        }
        else if (all.PathOf(above).Any(other => other.Id == tenant.Id))
        {
            node.Error("parent", $"\"{parent}\" is \"{tenant.Id}\" or below it", "a tenant that is not below this one");
        }
        else
        {
            TenantsFile.CheckAliases(node, "", tenant with { ModelAliases = tenant.ModelAliases.Over(above.ModelAliases) });
        }
    }

    private async Task<TenantConfig> AppendAsync(
        AdministrationFacts facts, string id, DeclarationChange kind, JsonElement? document, ChangeRequest change, CancellationToken cancellationToken)
    {
        var record = EventRecord.From(new TenantChanged
        {
            EventId = OperatorChanges.IdOf($"tenant/{id}", facts.Tenants.VersionOf(id)),
            TenantId = id,
            Change = kind,
            Document = document,
            Reason = change.Reason,
            By = change.By,
            At = time.GetUtcNow(),
        });
        await changes.AppendAsync(record, change, cancellationToken);
        return config.Current.FindTenant(id) ?? new TenantConfig { Id = id };
    }
}
