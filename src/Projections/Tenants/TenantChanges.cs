using System.Globalization;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Administration;

namespace CCGate.Projections.Tenants;

/// <summary>Declares, changes and removes tenants at run time.</summary>
internal sealed class TenantChanges(OperatorChanges changes, ConfigSource config, TimeProvider time)
{
    private const int MaxReason = 1000;

    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<TenantConfig> CreateAsync(JsonElement body, string by, CancellationToken cancellationToken)
    {
        var facts = await changes.ReadAsync(cancellationToken);
        var (tenant, document, reason) = Read(body, facts);
        if (config.Current.FindTenant(tenant.Id) is not null || facts.Tenants.Declared.ContainsKey(tenant.Id))
        {
            throw ChangeRefusedException.Conflict($"There is a tenant '{tenant.Id}' already.");
        }

        return await AppendAsync(facts, tenant.Id, DeclarationChange.Created, document, reason, by, ifMatch: null, cancellationToken);
    }

    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<TenantConfig> UpdateAsync(string id, JsonElement body, string by, string? ifMatch, CancellationToken cancellationToken)
    {
        var facts = await changes.ReadAsync(cancellationToken);
        var declared = Find(id, facts, ifMatch);
        var (tenant, document, reason) = Read(body, facts);
        if (tenant.Id != id)
        {
            ChangeRefusedException.ThrowIfAny([new ConfigProblem("", "$.document.id", $"is not '{id}'", "the id of the tenant, which never changes", IsWarning: false)]);
        }

        return JsonElement.DeepEquals(declared.Declaration.Document, document)
            ? config.Current.FindTenant(id)!
            : await AppendAsync(facts, id, DeclarationChange.Updated, document, reason, by, ifMatch, cancellationToken);
    }

    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task RemoveAsync(string id, string? reason, string by, string? ifMatch, CancellationToken cancellationToken)
    {
        var facts = await changes.ReadAsync(cancellationToken);
        Find(id, facts, ifMatch);
        if (config.Current.Tenants.FirstOrDefault(other => other.Parent == id) is { } child)
        {
            throw ChangeRefusedException.Conflict($"The tenant '{child.Id}' has it as its parent: change or remove that one first.");
        }

        var problems = new List<ConfigProblem>();
        CheckReason(reason, problems);
        ChangeRefusedException.ThrowIfAny(problems);
        await AppendAsync(facts, id, DeclarationChange.Removed, document: null, reason, by, ifMatch, cancellationToken);
    }

    /// <summary>The tenant in force, of either origin.</summary>
    /// <exception cref="ChangeRefusedException">There is none.</exception>
    public TenantConfig InForce(string id) => config.Current.FindTenant(id) ?? throw ChangeRefusedException.NotFound($"There is no tenant '{id}'.");

    public static void CheckReason(string? reason, List<ConfigProblem> problems)
    {
        if (reason is { Length: > MaxReason })
        {
            problems.Add(new ConfigProblem("", "$.reason", "is too long", string.Create(CultureInfo.InvariantCulture, $"at most {MaxReason} characters"), IsWarning: false));
        }
    }

    private DeclaredTenant Find(string id, AdministrationFacts facts, string? ifMatch)
    {
        if (config.Files.FindTenant(id) is not null)
        {
            throw ChangeRefusedException.Conflict($"The tenant '{id}' is written in {TenantsFile.Name}: change it there.");
        }

        var declared = facts.Tenants.Declared.GetValueOrDefault(id) ?? throw ChangeRefusedException.NotFound($"There is no tenant '{id}'.");
        return ifMatch is null or "*" || ifMatch.Trim('"') == declared.Declaration.Version.ToString(CultureInfo.InvariantCulture)
            ? declared
            : throw ChangeRefusedException.Overtaken(wasConditional: true);
    }

    private (TenantConfig Tenant, JsonElement Document, string? Reason) Read(JsonElement body, AdministrationFacts facts)
    {
        var problems = new List<ConfigProblem>();
        var root = new ConfigNode(body, "", "$", problems, isLiteral: true);
        var reason = root.String("reason");
        CheckReason(reason, problems);
        TenantConfig? tenant = null;
        if (root.Object("document") is not { } node)
        {
            root.Error("document", "is missing", "an entry of tenants.json without keys");
            node = root;
        }
        else
        {
            tenant = TenantsFile.ReadDocument(node);
            CheckTree(tenant, node, facts);
        }

        // In a file a misspelt member is a warning that somebody reads; here it would be gone with the answer.
        root.Finish(unknownIsError: true);
        ChangeRefusedException.ThrowIfAny(problems);
        return (tenant!, node.Element, reason);
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
        AdministrationFacts facts, string id, DeclarationChange change, JsonElement? document, string? reason, string by, string? ifMatch, CancellationToken cancellationToken)
    {
        var record = EventRecord.From(new TenantChanged
        {
            EventId = OperatorChanges.IdOf($"tenant/{id}", facts.Tenants.VersionOf(id)),
            TenantId = id,
            Change = change,
            Document = document,
            Reason = reason,
            By = by,
            At = time.GetUtcNow(),
        });
        return await changes.AppendAsync(record, cancellationToken)
            ? config.Current.FindTenant(id) ?? new TenantConfig { Id = id }
            : throw ChangeRefusedException.Overtaken(ifMatch is not null);
    }
}
