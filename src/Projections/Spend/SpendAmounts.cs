using CCGate.Contracts;

namespace CCGate.Projections.Spend;

/// <summary>What one row of the spend table is about.</summary>
internal readonly record struct SpendKey(long BucketStart, string TenantId, string KeyId, string Model, string UpstreamId);

/// <summary>What a batch of events adds to one row. Checked: a sum that does not fit stops the projection instead of wrapping round.</summary>
/// <remarks>The property names are the parameters of the upsert.</remarks>
internal sealed class SpendAmounts(SpendKey key)
{
    public long BucketStart => key.BucketStart;

    public string TenantId => key.TenantId;

    public string KeyId => key.KeyId;

    public string Model => key.Model;

    public string UpstreamId => key.UpstreamId;

    public long Requests { get; private set; }

    public long Errors { get; private set; }

    public long InputTokens { get; private set; }

    public long CacheReadTokens { get; private set; }

    public long CacheWrite5mTokens { get; private set; }

    public long CacheWrite1hTokens { get; private set; }

    public long OutputTokens { get; private set; }

    public long ReasoningTokens { get; private set; }

    public long WebSearches { get; private set; }

    public long SpendPico { get; private set; }

    public long DurationMs { get; private set; }

    public long UnsettledPico { get; private set; }

    public long UnsettledTokens { get; private set; }

    public void Add(Attempt attempt) => Add(attempt.Usage, attempt.SpendUsd);

    public void Add(AdjustmentLine line) => Add(line.Usage, line.SpendUsd);

    public void Add(RequestCompleted completed)
    {
        checked
        {
            Requests++;
            Errors += completed.Outcome == RequestOutcome.Succeeded ? 0 : 1;
            DurationMs += (completed.CompletedAt - completed.AdmittedAt).Ticks / TimeSpan.TicksPerMillisecond;
            UnsettledPico += Picodollars.FromUsd(completed.UnsettledUsd ?? 0);
            UnsettledTokens += completed.UnsettledTokens ?? 0;
        }
    }

    public void Release(SpendAdjusted adjusted)
    {
        checked
        {
            UnsettledPico -= Picodollars.FromUsd(adjusted.ReleasedUsd);
            UnsettledTokens -= adjusted.ReleasedTokens;
        }
    }

    private void Add(TokenUsage? usage, decimal spendUsd)
    {
        checked
        {
            InputTokens += usage?.InputTokens ?? 0;
            CacheReadTokens += usage?.CacheReadTokens ?? 0;
            CacheWrite5mTokens += usage?.CacheWrite5mTokens ?? 0;
            CacheWrite1hTokens += usage?.CacheWrite1hTokens ?? 0;
            OutputTokens += usage?.OutputTokens ?? 0;
            ReasoningTokens += usage?.ReasoningTokens ?? 0;
            WebSearches += usage?.WebSearches ?? 0;
            SpendPico += Picodollars.FromUsd(spendUsd);
        }
    }
}
