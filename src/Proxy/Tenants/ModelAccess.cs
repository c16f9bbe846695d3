using System.Collections.Immutable;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Upstreams;

namespace CCGate.Proxy.Tenants;

/// <summary>A tenant-visible model name and the upstreams that serve it, one of weight 0 only what it has served before.</summary>
internal sealed record ModelRoute(string Model, ImmutableArray<Upstream> Upstreams);

/// <summary>May they: whether the tenant is allowed the model, and where it is served.</summary>
internal sealed class ModelAccess(UpstreamPool pool)
{
    public ModelRoute Resolve(TenantConfig tenant, string model, params ReadOnlySpan<UpstreamKind> kinds)
    {
        if (!Allows(tenant, model))
        {
            throw new RefusedException(
                RefusalReason.ModelNotAllowed,
                $"The tenant {tenant.Id} may not use the model {model}. Allowed: {string.Join(", ", tenant.AllowedModels)} (tenants.json: allowedModels).");
        }

        var upstreams = Serving(tenant, model, kinds);
        return upstreams.Any(static upstream => upstream.Config.Weight > 0)
            ? new ModelRoute(model, upstreams)
            : throw new RefusedException(
                RefusalReason.ModelNotFound, $"No upstream serves the model {model} for the tenant {tenant.Id} in this protocol (upstreams.json: kind, models, modelMapping, groups, enabled).");
    }

    /// <summary>The names a tenant can call in a protocol: those upstreams name, and of those they name by pattern the ones that have a price.</summary>
    public IReadOnlyList<string> List(TenantConfig tenant, PriceBook prices, params UpstreamKind[] kinds)
    {
        // "name*" stands for the name and its dated ids, "name-20*" for the dated ids alone: those have no name of their own to show.
        var priced = prices.Prices.Where(price => MayBeServed(price.Provider, kinds)).Select(price => price.Model.TrimEnd('*', '-')).Where(name => !ModelPattern.IsWildcard(name) && !name.EndsWith("-20", StringComparison.Ordinal)).ToList();
        return [.. pool.Current
            .Where(upstream => upstream.Config.Weight > 0 && Speaks(upstream.Config.Kind, kinds) && SharesGroup(upstream.Config, tenant))
            .SelectMany(upstream => Names(upstream.Config, priced))
            .Where(name => Allows(tenant, name))
            .Distinct(StringComparer.OrdinalIgnoreCase)
            .Order(StringComparer.Ordinal)];
    }

    /// <summary>An upstream with a pattern says nothing of whose models it serves; those of a provider with a protocol of its own are not offered in another.</summary>
    private static bool MayBeServed(string? provider, UpstreamKind[] kinds) => provider switch
    {
        "anthropic" => kinds.Contains(UpstreamKind.Anthropic),
        "openai" => kinds.Contains(UpstreamKind.OpenAi),
        "gemini" => kinds.Contains(UpstreamKind.Gemini),
        _ => true,
    };

    private static IEnumerable<string> Names(UpstreamConfig upstream, List<string> priced) =>
        upstream.ModelMapping.Keys
            .Concat(upstream.Models.Where(name => !ModelPattern.IsWildcard(name)))
            .Concat(priced.Where(name => ModelPattern.MatchesAny(upstream.Models, name)));

    private static bool Allows(TenantConfig tenant, string model) => ModelPattern.MatchesAny(tenant.AllowedModels, model);

    private ImmutableArray<Upstream> Serving(TenantConfig tenant, string model, ReadOnlySpan<UpstreamKind> kinds)
    {
        var all = pool.Current;
        var serving = ImmutableArray.CreateBuilder<Upstream>(all.Length);
        foreach (var upstream in all)
        {
            if (Speaks(upstream.Config.Kind, kinds) && Serves(upstream.Config, tenant, model))
            {
                serving.Add(upstream);
            }
        }

        return serving.Count == all.Length ? all : serving.DrainToImmutable();
    }

    /// <summary>Nothing is translated: an upstream serves the protocol it speaks. The simulator speaks Anthropic's.</summary>
    private static bool Speaks(UpstreamKind kind, ReadOnlySpan<UpstreamKind> kinds) => kinds.Contains(kind == UpstreamKind.Simulator ? UpstreamKind.Anthropic : kind);

    private static bool Serves(UpstreamConfig upstream, TenantConfig tenant, string model) => SharesGroup(upstream, tenant) && upstream.Serves(model);

    private static bool SharesGroup(UpstreamConfig upstream, TenantConfig tenant)
    {
        foreach (var group in upstream.Groups)
        {
            if (tenant.Groups.Contains(group))
            {
                return true;
            }
        }

        return false;
    }
}
