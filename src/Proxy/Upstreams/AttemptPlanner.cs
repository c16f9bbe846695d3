using System.Collections.Immutable;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Tenants;

namespace CCGate.Proxy.Upstreams;

/// <summary>Which upstreams to try for a call, in which order, and how many of them.</summary>
internal sealed class AttemptPlanner(LoadBalancer balancer)
{
    public ImmutableArray<Upstream> Plan(ModelRoute route, LoadBalancerConfig policy)
    {
        var order = balancer.Order(route.Upstreams, weighted: policy.Strategy != "round_robin");
        var attempts = MaxAttempts(route, policy);
        return attempts == order.Length ? order : order[..attempts];
    }

    /// <summary>How many upstreams a call may be sent to: what its hold has to cover.</summary>
    public static int MaxAttempts(ModelRoute route, LoadBalancerConfig policy) => policy.FailoverEnabled ? Math.Min(policy.MaxAttempts, route.Upstreams.Length) : 1;
}
