using System.Collections.Immutable;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Tenants;

namespace CCGate.Proxy.Upstreams;

/// <summary>Which upstreams to try for a call, in which order, and how many of them.</summary>
internal sealed class AttemptPlanner(LoadBalancer balancer, ConfigSource config)
{
    public ImmutableArray<Upstream> Plan(ModelRoute route)
    {
        var policy = config.Current.LoadBalancer;
        var order = balancer.Order(route.Upstreams, weighted: policy.Strategy != "round_robin");
        var attempts = policy.FailoverEnabled ? Math.Min(policy.MaxAttempts, order.Length) : 1;
        return attempts == order.Length ? order : order[..attempts];
    }
}
