using System.Diagnostics.Metrics;
using CCGate.Contracts;
using CCGate.Proxy.Telemetry;

namespace CCGate.Proxy.Upstreams;

/// <summary>What became of a conversation's place when a request of it was answered.</summary>
internal enum AffinityOutcome
{
    /// <summary>It has none: nothing tells the conversation, or sessions are not sticky.</summary>
    None,

    /// <summary>It had none before.</summary>
    New,

    /// <summary>The upstream that has its cache answered.</summary>
    Kept,

    /// <summary>Another one did.</summary>
    Moved,
}

/// <summary>The requests of one outcome, and how much of what their models read came out of a prompt cache.</summary>
internal sealed record AffinityShare(AffinityOutcome Outcome, long Requests, long PromptTokens, long CacheReadTokens)
{
    /// <summary>Of all tokens read, 0 to 1; null while nothing was read.</summary>
    public double? CacheHitShare => PromptTokens == 0 ? null : (double)CacheReadTokens / PromptTokens;
}

/// <summary>What affinity gains, since the process began: the share of kept requests beside that of moved ones, which are alike but for their place.</summary>
/// <remarks>New conversations have read little before, wherever they go, so their share says nothing of affinity.</remarks>
internal sealed class AffinityStatistics
{
    private static readonly AffinityOutcome[] Outcomes = Enum.GetValues<AffinityOutcome>();

    private readonly Lock gate = new();
    private readonly (long Requests, long PromptTokens, long CacheReadTokens)[] totals = new (long, long, long)[Outcomes.Length];
    private readonly Counter<long> requests;
    private readonly Counter<long> promptTokens;
    private readonly Counter<long> cacheReadTokens;

    public AffinityStatistics(IMeterFactory meters)
    {
        var meter = meters.Create(ProxyMetrics.MeterName);
        requests = meter.CreateCounter<long>("ccgate.affinity.requests", "{request}", "Requests answered, by what became of their conversation's place");
        promptTokens = meter.CreateCounter<long>("ccgate.affinity.prompt_tokens", "{token}", "Tokens their models read");
        cacheReadTokens = meter.CreateCounter<long>("ccgate.affinity.cache_read_tokens", "{token}", "Those of them that came out of a prompt cache");
    }

    public void Record(AffinityOutcome outcome, TokenUsage usage)
    {
        // Of all three at once, or a share could be above 1.
        lock (gate)
        {
            ref var total = ref totals[(int)outcome];
            total = (total.Requests + 1, total.PromptTokens + usage.PromptTokens, total.CacheReadTokens + usage.CacheReadTokens);
        }

        var tag = new KeyValuePair<string, object?>("outcome", NameOf(outcome));
        requests.Add(1, tag);
        promptTokens.Add(usage.PromptTokens, tag);
        cacheReadTokens.Add(usage.CacheReadTokens, tag);
    }

    /// <summary>One for each outcome.</summary>
    public AffinityShare[] Snapshot()
    {
        lock (gate)
        {
            return Array.ConvertAll(Outcomes, outcome => new AffinityShare(outcome, totals[(int)outcome].Requests, totals[(int)outcome].PromptTokens, totals[(int)outcome].CacheReadTokens));
        }
    }

    public static string NameOf(AffinityOutcome outcome) => outcome switch
    {
        AffinityOutcome.New => "new",
        AffinityOutcome.Kept => "kept",
        AffinityOutcome.Moved => "moved",
        _ => "none",
    };
}
