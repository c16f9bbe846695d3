using System.Diagnostics.Metrics;
using CCGate.Contracts;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>The numbers that show whether affinity saves its users money.</summary>
public sealed class AffinityStatisticsTests : IDisposable
{
    private readonly ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly AffinityStatistics statistics;

    public AffinityStatisticsTests() => statistics = new AffinityStatistics(services.GetRequiredService<IMeterFactory>());

    public void Dispose() => services.Dispose();

    [Fact]
    public void The_share_of_each_outcome_is_what_was_read_out_of_a_cache_of_all_that_was_read()
    {
        statistics.Record(AffinityOutcome.Kept, new TokenUsage { InputTokens = 10, CacheReadTokens = 60, CacheWrite5mTokens = 20, CacheWrite1hTokens = 10, OutputTokens = 1_000 });
        statistics.Record(AffinityOutcome.Kept, new TokenUsage { CacheReadTokens = 100 });
        statistics.Record(AffinityOutcome.Moved, new TokenUsage { InputTokens = 50 });

        Assert.Equal(
            [
                (AffinityOutcome.None, 0, 0, 0, null), (AffinityOutcome.New, 0, 0, 0, null),
                (AffinityOutcome.Kept, 2, 200, 160, 0.8), (AffinityOutcome.Moved, 1, 50, 0, 0.0),
            ],
            statistics.Snapshot().Select(share => (share.Outcome, share.Requests, share.PromptTokens, share.CacheReadTokens, share.CacheHitShare)));
    }

    [Fact]
    public void The_same_numbers_are_metrics()
    {
        using var measured = new MeasuredMetrics(services);

        statistics.Record(AffinityOutcome.Kept, new TokenUsage { InputTokens = 10, CacheReadTokens = 90 });

        Assert.Equal(
            [("ccgate.affinity.requests{outcome=kept}", 1), ("ccgate.affinity.prompt_tokens{outcome=kept}", 100), ("ccgate.affinity.cache_read_tokens{outcome=kept}", 90)],
            measured.All.Select(one => (one.Line, one.Value)));
    }
}
