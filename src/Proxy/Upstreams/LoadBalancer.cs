using System.Collections.Immutable;

namespace CCGate.Proxy.Upstreams;

/// <summary>Whose turn it is, by smooth weighted round robin: heavy upstreams come often but not in a row.</summary>
internal sealed class LoadBalancer
{
    private readonly Lock turns = new();

    /// <summary>The upstreams to try, in order: the one whose turn it is, then the others by how near theirs is.</summary>
    public ImmutableArray<Upstream> Order(ImmutableArray<Upstream> candidates, bool weighted)
    {
        if (candidates.Length == 1)
        {
            return candidates;
        }

        lock (turns)
        {
            var total = 0L;
            foreach (var upstream in candidates)
            {
                var weight = weighted ? upstream.Config.Weight : 1;
                upstream.State.Turn += weight;
                total += weight;
            }

            var order = candidates.Sort(static (left, right) => right.State.Turn.CompareTo(left.State.Turn));
            order[0].State.Turn -= total;
            return order;
        }
    }
}
