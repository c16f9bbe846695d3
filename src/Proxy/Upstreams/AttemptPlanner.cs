using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Tenants;

namespace CCGate.Proxy.Upstreams;

/// <summary>Whose turn it is: an upstream, and which of its keys.</summary>
/// <param name="Upstream">The upstream.</param>
/// <param name="Key">Null when it has none.</param>
/// <param name="Number">1 for the first attempt of the call.</param>
/// <param name="IsLast">There is nobody to ask if this one fails: its answer, whatever it is, is the client's.</param>
/// <param name="Reason">Why this one, for the record.</param>
internal sealed record AttemptTurn(Upstream Upstream, UpstreamKey? Key, int Number, bool IsLast, string Reason)
{
    public string KeyHint => Key?.Hint ?? "";

    /// <summary>It decides whether the upstream is back.</summary>
    public bool IsProbe { get; init; }

    /// <summary>It decides whether the key may be used again.</summary>
    public bool IsKeyProbe { get; init; }
}

/// <summary>Plans the attempts of calls.</summary>
internal sealed class AttemptPlanner(LoadBalancer balancer, SessionAffinity affinity, TimeProvider time)
{
    public AttemptPlan Start(ModelRoute route, Call call, TenantConfig tenant, GatewayConfig snapshot, DateTimeOffset admittedAt) =>
        new(route, call, tenant, snapshot, admittedAt, balancer, affinity, time);

    /// <summary>How many attempts a call may come to: what its hold has to cover.</summary>
    public static int MaxAttempts(ModelRoute route, LoadBalancerConfig policy)
    {
        if (!policy.FailoverEnabled)
        {
            return 1;
        }

        var possible = 0;
        foreach (var upstream in route.Upstreams)
        {
            possible += Math.Max(1, upstream.Config.Keys.Length);
        }

        return Math.Min(policy.MaxAttempts, possible);
    }
}
