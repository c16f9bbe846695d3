using System.Collections.Immutable;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Upstreams;

namespace CCGate.Proxy.Tenants;

/// <summary>A tenant-visible model name and the upstreams that serve it, one of weight 0 only what it has served before.</summary>
internal sealed record ModelRoute(string Model, ImmutableArray<Upstream> Upstreams)
{
    /// <summary>The part of it that needs no translation.</summary>
    public ModelRoute In(UpstreamKind client) => this with { Upstreams = Upstreams.RemoveAll(upstream => !Speaks(upstream.Config.Kind, client)) };

    /// <summary>Whether an upstream of this kind speaks the client's protocol. The simulator speaks Anthropic's.</summary>
    public static bool Speaks(UpstreamKind kind, UpstreamKind client) => (kind == UpstreamKind.Simulator ? UpstreamKind.Anthropic : kind) == client;
}

/// <summary>A model that a tenant asks for, in a protocol.</summary>
/// <param name="Model">What the client's name for it stands for.</param>
/// <param name="Client">The kind of upstream that speaks the client's protocol.</param>
/// <param name="AnyKind">Whether those that speak another may serve it too.</param>
/// <param name="Home">The kind of the model's maker; null when nobody knows.</param>
internal readonly record struct ModelQuestion(TenantConfig Tenant, string Model, UpstreamKind Client, bool AnyKind, UpstreamKind? Home);

/// <summary>What makes an upstream a candidate for a model, the best reason first.</summary>
[Flags]
internal enum ModelFit : byte
{
    None = 0,

    /// <summary>Its models or modelMapping name it.</summary>
    Named = 1,

    /// <summary>It serves all there is, is of the kind of the model's maker, and speaks the client's protocol.</summary>
    OwnHome = 2,

    /// <summary>The same in another protocol.</summary>
    Home = 4,

    /// <summary>It serves all there is, and speaks the client's protocol.</summary>
    Own = 8,

    /// <summary>It serves all there is.</summary>
    CatchAll = 16,
}

/// <summary>May they: which model the client's name stands for, whether the tenant is allowed it, and where it is served.</summary>
internal sealed class ModelAccess(UpstreamPool pool)
{
    private const int FewUpstreams = 64;

    /// <summary>The call with the model that its client's name for it stands for: an alias of the tenant, then what the OpenAI surfaces take it for.</summary>
    public Call Rename(Call call, TenantConfig tenant, GatewayConfig config, DateTimeOffset admittedAt)
    {
        var model = Rename(call.Model, tenant, call.Upstreams, call.AnyKind, config, admittedAt);
        return model == call.Model ? call : call with { Model = model };
    }

    public string Rename(string named, TenantConfig tenant, UpstreamKind client, bool anyKind, GatewayConfig config, DateTimeOffset admittedAt)
    {
        var model = Target(named, tenant, client, anyKind, config);
        return config.OpenAi.DefaultModel is { } otherwise && IsOpenAi(client, anyKind) && !IsExpected(Fits(new ModelQuestion(tenant, model, client, anyKind, ModelHome.Of(model, config.Prices, admittedAt))))
            ? otherwise
            : model;
    }

    /// <summary>What the name stands for, whether or not anybody serves that.</summary>
    public static string Target(string named, TenantConfig tenant, UpstreamKind client, bool anyKind, GatewayConfig config)
    {
        var model = tenant.ModelAliases.Find(named) ?? named;
        return (IsOpenAi(client, anyKind) ? config.OpenAi.Models.Find(model) : null) ?? model;
    }

    public ModelRoute Resolve(Call call, TenantConfig tenant, PriceBook prices, DateTimeOffset admittedAt) =>
        Resolve(new ModelQuestion(tenant, call.Model, call.Upstreams, call.AnyKind, ModelHome.Of(call.Model, prices, admittedAt)));

    public ModelRoute Resolve(in ModelQuestion question)
    {
        var tenant = question.Tenant;
        if (!Allows(tenant, question.Model))
        {
            throw new RefusedException(
                RefusalReason.ModelNotAllowed,
                $"The tenant {tenant.Id} may not use the model {question.Model}. Allowed: {string.Join(", ", tenant.AllowedModels)} (tenants.json: allowedModels).");
        }

        return Serving(question) is { IsEmpty: false } upstreams
            ? new ModelRoute(question.Model, upstreams)
            : throw new RefusedException(
                RefusalReason.ModelNotFound, $"No upstream serves the model {question.Model} for the tenant {tenant.Id}{(question.AnyKind ? "" : " in this protocol, and what is asked is not translated")} (upstreams.json: {(question.AnyKind ? "" : "kind, ")}models, modelMapping, groups, weight, enabled; or it is drained).");
    }

    public static bool Allows(TenantConfig tenant, string model) => ModelPattern.MatchesAny(tenant.AllowedModels, model);

    /// <summary>Whether these are more than upstreams that take whatever comes.</summary>
    public static bool IsExpected(ModelFit fits) => fits != ModelFit.None && !fits.HasFlag(ModelFit.CatchAll);

    /// <summary>What of upstreams makes them serve it now; those that take nothing new do not count.</summary>
    public ModelFit Fits(in ModelQuestion question)
    {
        var found = ModelFit.None;
        foreach (var upstream in pool.Current)
        {
            found |= upstream.Config.TakesNew ? FitOf(upstream.Config, question) : ModelFit.None;
        }

        return Admitted(found);
    }

    /// <summary>Chat completions and responses; not embeddings.</summary>
    private static bool IsOpenAi(UpstreamKind client, bool anyKind) => anyKind && ModelHome.Of(client) == UpstreamKind.OpenAi;

    private ImmutableArray<Upstream> Serving(in ModelQuestion question)
    {
        var all = pool.Current;
        Span<ModelFit> fits = all.Length <= FewUpstreams ? stackalloc ModelFit[FewUpstreams] : new ModelFit[all.Length];
        var found = ModelFit.None;
        for (var i = 0; i < all.Length; i++)
        {
            fits[i] = FitOf(all[i].Config, question);
            found |= all[i].Config.TakesNew ? fits[i] : ModelFit.None;
        }

        var admitted = Admitted(found);
        var count = 0;
        foreach (var fit in fits[..all.Length])
        {
            count += (fit & admitted) != 0 ? 1 : 0;
        }

        return count == all.Length ? all : Pick(all, fits, admitted, count);
    }

    private static ImmutableArray<Upstream> Pick(ImmutableArray<Upstream> all, Span<ModelFit> fits, ModelFit admitted, int count)
    {
        var serving = ImmutableArray.CreateBuilder<Upstream>(count);
        for (var i = 0; i < all.Length; i++)
        {
            if ((fits[i] & admitted) != 0)
            {
                serving.Add(all[i]);
            }
        }

        return serving.MoveToImmutable();
    }

    /// <summary>Which fits serve, given those there are: one that is worse than another is left out, but for those that are named.</summary>
    private static ModelFit Admitted(ModelFit found)
    {
        const ModelFit Home = ModelFit.Named | ModelFit.OwnHome | ModelFit.Home;
        return (found & ModelFit.OwnHome) != 0 ? ModelFit.Named | ModelFit.OwnHome
            : (found & Home) != 0 ? Home
            : (found & ModelFit.Own) != 0 ? Home | ModelFit.Own
            : (found & ModelFit.CatchAll) != 0 ? Home | ModelFit.Own | ModelFit.CatchAll
            : ModelFit.None;
    }

    private static ModelFit FitOf(UpstreamConfig upstream, in ModelQuestion question)
    {
        var speaksIt = ModelRoute.Speaks(upstream.Kind, question.Client);
        if (!(speaksIt || question.AnyKind) || !SharesGroup(upstream, question.Tenant))
        {
            return ModelFit.None;
        }

        if (upstream.Names(question.Model))
        {
            return ModelFit.Named;
        }

        return (upstream.IsCatchAll, ModelHome.Of(upstream.Kind) == question.Home, speaksIt) switch
        {
            (false, _, _) => ModelFit.None,
            (_, true, true) => ModelFit.OwnHome,
            (_, true, false) => ModelFit.Home,
            (_, false, true) => ModelFit.Own,
            _ => ModelFit.CatchAll,
        };
    }

    public static bool SharesGroup(UpstreamConfig upstream, TenantConfig tenant)
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
