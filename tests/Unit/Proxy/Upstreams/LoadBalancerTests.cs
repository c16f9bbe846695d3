using System.Collections.Immutable;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy.Upstreams;

public sealed class LoadBalancerTests
{
    private readonly ManualTimeProvider time = new(new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero));
    private readonly LoadBalancer balancer = new(new Random(7));

    [Fact]
    public void Weighted_round_robin_keeps_the_weights_exactly_and_never_sends_a_heavy_one_a_row_of_its_own()
    {
        var upstreams = Upstreams(5, 1, 1);

        var order = Take(BalancingStrategy.WeightedRoundRobin, upstreams, 14);

        Assert.Equal("u1 u1 u2 u1 u3 u1 u1 u1 u1 u2 u1 u3 u1 u1", string.Join(' ', order));
    }

    [Fact]
    public void Round_robin_takes_no_notice_of_weights()
    {
        Assert.Equal("u1 u2 u3 u1 u2 u3", string.Join(' ', Take(BalancingStrategy.RoundRobin, Upstreams(5, 1, 1), 6)));
    }

    [Fact]
    public void One_that_was_away_does_not_catch_up_when_it_is_back()
    {
        var upstreams = Upstreams(100, 100, 100);
        Take(BalancingStrategy.WeightedRoundRobin, upstreams, 30);
        Take(BalancingStrategy.WeightedRoundRobin, upstreams[..2], 1000);

        var after = Take(BalancingStrategy.WeightedRoundRobin, upstreams, 30).CountBy(id => id).ToDictionary();

        Assert.All(after.Values, count => Assert.InRange(count, 9, 11));
    }

    [Fact]
    public void Chance_keeps_the_weights_within_two_percent()
    {
        var counts = Take(BalancingStrategy.Random, Upstreams(70, 20, 10), 20_000).CountBy(id => id).ToDictionary();

        Assert.InRange(counts["u1"] / 20_000d, 0.68, 0.72);
        Assert.InRange(counts["u2"] / 20_000d, 0.18, 0.22);
        Assert.InRange(counts["u3"] / 20_000d, 0.08, 0.12);
    }

    [Fact]
    public void Least_connections_counts_them_against_the_weight()
    {
        var upstreams = Upstreams(100, 50);
        Enter(upstreams[0], 3);
        Enter(upstreams[1], 1);
        Assert.Equal("u2", Choose(BalancingStrategy.LeastConnections, upstreams).Config.Id);

        Enter(upstreams[1], 1);
        Assert.Equal("u1", Choose(BalancingStrategy.LeastConnections, upstreams).Config.Id);
    }

    [Fact]
    public void Least_latency_prefers_the_quick_one_and_forgets_a_slow_answer_with_time()
    {
        var upstreams = Upstreams(100, 100);
        upstreams[0].State.Observe(TimeSpan.FromMilliseconds(900));
        upstreams[1].State.Observe(TimeSpan.FromMilliseconds(50));
        Assert.Equal(["u2"], Take(BalancingStrategy.LeastLatency, upstreams, 50).Distinct());

        time.Advance(TimeSpan.FromMinutes(10));
        upstreams[1].State.Observe(TimeSpan.FromMilliseconds(50));
        Assert.Equal(["u1"], Take(BalancingStrategy.LeastLatency, upstreams, 50).Distinct());
    }

    [Fact]
    public void Least_latency_leaves_a_quick_one_that_is_busy()
    {
        var upstreams = Upstreams(100, 100);
        upstreams[0].State.Observe(TimeSpan.FromMilliseconds(100));
        upstreams[1].State.Observe(TimeSpan.FromMilliseconds(50));
        Enter(upstreams[1], 5);

        Assert.Equal(["u1"], Take(BalancingStrategy.LeastLatency, upstreams, 50).Distinct());
    }

    [Fact]
    public void Cheapest_takes_the_lowest_price_and_shares_between_equal_ones()
    {
        var upstreams = Upstreams(100, 100, 100);
        var prices = new Dictionary<string, decimal> { ["u1"] = 2, ["u2"] = 1, ["u3"] = 1 };

        var chosen = Enumerable.Range(0, 4).Select(_ => balancer.Choose(BalancingStrategy.Cheapest, upstreams, upstream => prices[upstream.Config.Id]).Config.Id);

        Assert.Equal(["u2", "u3", "u2", "u3"], chosen);
    }

    [Fact]
    public void Priority_takes_the_first_place_and_shares_between_equal_ones()
    {
        var upstreams = Upstreams(100, 100, 100);
        upstreams = [upstreams[0] with { Config = upstreams[0].Config with { Priority = 2 } }, .. upstreams[1..]];

        Assert.Equal(["u2", "u3", "u2", "u3"], Take(BalancingStrategy.Priority, upstreams, 4));
        Assert.Equal(["u1"], Take(BalancingStrategy.Priority, upstreams[..1], 1));
    }

    [Fact]
    public void A_model_has_its_own_strategy_before_a_group_and_a_group_before_all()
    {
        var policy = new LoadBalancerConfig
        {
            Strategy = BalancingStrategy.Random,
            Models = [("claude-*", BalancingStrategy.Cheapest)],
            Groups = ImmutableDictionary<string, BalancingStrategy>.Empty.Add("vip", BalancingStrategy.LeastLatency),
        };

        Assert.Equal(BalancingStrategy.Cheapest, LoadBalancer.StrategyFor(policy, "claude-opus-4-1", ["vip"]));
        Assert.Equal(BalancingStrategy.LeastLatency, LoadBalancer.StrategyFor(policy, "gpt-5", ["default", "vip"]));
        Assert.Equal(BalancingStrategy.Random, LoadBalancer.StrategyFor(policy, "gpt-5", ["default"]));
    }

    private static void Enter(Upstream upstream, int times)
    {
        for (var i = 0; i < times; i++)
        {
            upstream.State.Gate.TryEnter(max: null);
        }
    }

    private List<Upstream> Upstreams(params int[] weights) =>
        [.. weights.Select((weight, index) => new Upstream(new UpstreamConfig { Id = $"u{index + 1}", Weight = weight }, new UpstreamState(time), Connections: null!))];

    private Upstream Choose(BalancingStrategy strategy, List<Upstream> upstreams) => balancer.Choose(strategy, upstreams, _ => 0m);

    private List<string> Take(BalancingStrategy strategy, List<Upstream> upstreams, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => Choose(strategy, upstreams).Config.Id)];
}
