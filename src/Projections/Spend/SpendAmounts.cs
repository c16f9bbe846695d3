using CCGate.Contracts;

namespace CCGate.Projections.Spend;

/// <summary>What one row of the spend table is about.</summary>
internal readonly record struct SpendKey(long BucketStart, string TenantId, string KeyId, string Model, string UpstreamId);

/// <summary>What a batch of events adds to one row. Checked: a sum that does not fit stops the projection instead of wrapping round.</summary>
internal sealed class SpendAmounts(SpendKey key)
{
    public SpendKey Key => key;

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

    public void Add(RequestCompleted completed) => AddRequest(
        1,
        completed.Outcome == RequestOutcome.Succeeded ? 0 : 1,
        (completed.CompletedAt - completed.AdmittedAt).Ticks / TimeSpan.TicksPerMillisecond,
        Picodollars.FromUsd(completed.UnsettledUsd ?? 0),
        completed.UnsettledTokens ?? 0);

    public void Release(SpendAdjusted adjusted) => AddRequest(0, 0, 0, -Picodollars.FromUsd(adjusted.ReleasedUsd), -adjusted.ReleasedTokens);

    public void Add(SpendAmounts other)
    {
        AddUsage(
            other.InputTokens, other.CacheReadTokens, other.CacheWrite5mTokens, other.CacheWrite1hTokens, other.OutputTokens, other.ReasoningTokens, other.WebSearches,
            other.SpendPico);
        AddRequest(other.Requests, other.Errors, other.DurationMs, other.UnsettledPico, other.UnsettledTokens);
    }

    public void AddUsage(
        long input, long cacheRead, long cacheWrite5m, long cacheWrite1h, long output, long reasoning, long webSearches, long spendPico)
    {
        checked
        {
            InputTokens += input;
            CacheReadTokens += cacheRead;
            CacheWrite5mTokens += cacheWrite5m;
            CacheWrite1hTokens += cacheWrite1h;
            OutputTokens += output;
            ReasoningTokens += reasoning;
            WebSearches += webSearches;
            SpendPico += spendPico;
        }
    }

    public void AddRequest(long requests, long errors, long durationMs, long unsettledPico, long unsettledTokens)
    {
        checked
        {
            Requests += requests;
            Errors += errors;
            DurationMs += durationMs;
            UnsettledPico += unsettledPico;
            UnsettledTokens += unsettledTokens;
        }
    }

    private void Add(TokenUsage? usage, decimal spendUsd) => AddUsage(
        usage?.InputTokens ?? 0,
        usage?.CacheReadTokens ?? 0,
        usage?.CacheWrite5mTokens ?? 0,
        usage?.CacheWrite1hTokens ?? 0,
        usage?.OutputTokens ?? 0,
        usage?.ReasoningTokens ?? 0,
        usage?.WebSearches ?? 0,
        Picodollars.FromUsd(spendUsd));
}
