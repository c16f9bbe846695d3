using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Upstreams;

/// <summary>Which of the upstreams that could take a request does.</summary>
internal sealed class LoadBalancer(Random random)
{
    private readonly Lock turns = new();

    public static BalancingStrategy StrategyFor(LoadBalancerConfig policy, string model, IReadOnlyList<string> groups)
    {
        foreach (var (pattern, strategy) in policy.Models)
        {
            if (ModelPattern.Matches(pattern, model))
            {
                return strategy;
            }
        }

        if (policy.Groups.Count > 0)
        {
            foreach (var group in groups)
            {
                if (policy.Groups.TryGetValue(group, out var strategy))
                {
                    return strategy;
                }
            }
        }

        return policy.Strategy;
    }

    /// <param name="strategy">How to choose.</param>
    /// <param name="candidates">At least one.</param>
    /// <param name="price">What a request would cost there, in any unit; asked only by <c>cheapest</c>.</param>
    public Upstream Choose(BalancingStrategy strategy, IReadOnlyList<Upstream> candidates, Func<Upstream, decimal> price)
    {
        if (candidates.Count == 1)
        {
            return candidates[0];
        }

        lock (turns)
        {
            return strategy switch
            {
                BalancingStrategy.RoundRobin => NextTurn(candidates, weighted: false),
                BalancingStrategy.Random => AtRandom(candidates),
                BalancingStrategy.LeastConnections => NextTurn(Least(candidates, static upstream => upstream.State.Gate.InFlight / (decimal)Math.Max(1, upstream.Config.Weight))),
                BalancingStrategy.LeastLatency => BetterOfTwo(candidates),
                BalancingStrategy.Cheapest => NextTurn(Least(candidates, price)),
                BalancingStrategy.Priority => NextTurn(Least(candidates, static upstream => upstream.Config.Priority)),
                _ => NextTurn(candidates),
            };
        }
    }

    /// <summary>Smooth weighted round robin: heavy upstreams come often but not in a row.</summary>
    private static Upstream NextTurn(IReadOnlyList<Upstream> candidates, bool weighted = true)
    {
        var total = 0L;
        var next = candidates[0];
        foreach (var upstream in candidates)
        {
            var weight = weighted ? upstream.Config.Weight : 1;
            upstream.State.Turn += weight;
            total += weight;
            if (upstream.State.Turn > next.State.Turn)
            {
                next = upstream;
            }
        }

        next.State.Turn -= total;
        return next;
    }

    /// <summary>A factor from 0.5 to 1.</summary>
    public double Jitter()
    {
        lock (turns)
        {
            return 0.5 + (random.NextDouble() / 2);
        }
    }

    private Upstream AtRandom(IReadOnlyList<Upstream> candidates)
    {
        var total = 0L;
        foreach (var upstream in candidates)
        {
            total += upstream.Config.Weight;
        }

        var ticket = random.NextInt64(Math.Max(1, total));
        foreach (var upstream in candidates)
        {
            ticket -= upstream.Config.Weight;
            if (ticket < 0)
            {
                return upstream;
            }
        }

        return candidates[^1];
    }

    /// <summary>Power of two choices: always taking the best one would send everybody there at once.</summary>
    private Upstream BetterOfTwo(IReadOnlyList<Upstream> candidates)
    {
        var first = random.Next(candidates.Count);
        var second = random.Next(candidates.Count - 1);
        var (a, b) = (candidates[first], candidates[second >= first ? second + 1 : second]);
        return Load(b) < Load(a) ? b : a;

        // One that nobody has tried yet counts as quick, so that it is tried.
        static double Load(Upstream upstream) => (upstream.State.LatencyMs + 1) * (upstream.State.Gate.InFlight + 1) / Math.Max(1, upstream.Config.Weight);
    }

    private static List<Upstream> Least(IReadOnlyList<Upstream> candidates, Func<Upstream, decimal> measure)
    {
        var least = new List<Upstream>(candidates.Count);
        var lowest = decimal.MaxValue;
        foreach (var upstream in candidates)
        {
            var value = measure(upstream);
            if (value < lowest)
            {
                lowest = value;
                least.Clear();
            }

            if (value == lowest)
            {
                least.Add(upstream);
            }
        }

        return least;
    }
}
