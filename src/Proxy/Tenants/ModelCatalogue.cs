using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Upstreams;

namespace CCGate.Proxy.Tenants;

/// <summary>The names of models that a tenant can ask for in a protocol.</summary>
internal sealed class ModelCatalogue(UpstreamPool pool, ModelAccess access, ConfigSource source, TimeProvider time)
{
    /// <summary>Names that somebody configured, and those with a price where an upstream can be expected to serve them.</summary>
    /// <param name="kinds">That speak the protocol; two of OpenAI's.</param>
    public IReadOnlyList<string> List(TenantConfig tenant, UpstreamKind[] kinds)
    {
        var (config, now) = (source.Current, time.GetUtcNow());
        var upstreams = pool.Current.Select(upstream => upstream.Config).Where(upstream => upstream.TakesNew && ModelAccess.SharesGroup(upstream, tenant));
        var configured = tenant.ModelAliases.Names
            .Concat(kinds.Contains(UpstreamKind.OpenAi) ? config.OpenAi.Models.Names : [])
            .Concat(upstreams.SelectMany(upstream => upstream.ModelMapping.Names.Concat(upstream.Models)))
            .Where(name => !ModelPattern.IsWildcard(name) && kinds.Any(kind => Fits(name, tenant, kind, config, now).Fits != ModelFit.None));

        // "name*" stands for the name and its dated ids, "name-20*" for the dated ids alone: those have no name of their own to show.
        var priced = config.Prices.Prices
            .Select(price => price.Model.TrimEnd('*', '-'))
            .Where(name => !ModelPattern.IsWildcard(name) && !name.EndsWith("-20", StringComparison.Ordinal))
            .Where(name => kinds.Any(kind => IsOffered(Fits(name, tenant, kind, config, now))));

        return [.. configured.Concat(priced).Distinct(StringComparer.OrdinalIgnoreCase).Order(StringComparer.Ordinal)];
    }

    /// <exception cref="Pipeline.RefusedException">The tenant cannot ask for it.</exception>
    public void Check(string name, TenantConfig tenant, UpstreamKind kind)
    {
        var (config, now) = (source.Current, time.GetUtcNow());
        var generates = !IsEmbedding(name, tenant);
        var model = access.Rename(name, tenant, kind, generates, config, now);
        access.Resolve(new ModelQuestion(tenant, model, kind, generates, ModelHome.Of(model, config.Prices, now)));
    }

    /// <summary>Who takes what comes serves a model too that only its maker's kind can be expected to serve.</summary>
    private static bool IsOffered((UpstreamKind? Home, ModelFit Fits) found) =>
        ModelAccess.IsExpected(found.Fits) && (found.Home is null || !found.Fits.HasFlag(ModelFit.Own));

    private (UpstreamKind? Home, ModelFit Fits) Fits(string name, TenantConfig tenant, UpstreamKind kind, GatewayConfig config, DateTimeOffset now)
    {
        var generates = !IsEmbedding(name, tenant);
        var model = ModelAccess.Target(name, tenant, kind, generates, config);
        var home = ModelHome.Of(model, config.Prices, now);
        return (home, ModelAccess.Allows(tenant, model) && (generates || kind == UpstreamKind.OpenAi) ? access.Fits(new ModelQuestion(tenant, model, kind, generates, home)) : ModelFit.None);
    }

    /// <summary>Embeddings are asked for in OpenAI's protocol alone, and only the names of their models tell them from others.</summary>
    private static bool IsEmbedding(string name, TenantConfig tenant) => (tenant.ModelAliases.Find(name) ?? name).Contains("embedding", StringComparison.OrdinalIgnoreCase);
}
