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

    public void Add(Attempt attempt)
    {
        var usage = attempt.Usage ?? new TokenUsage();
        checked
        {
            InputTokens += usage.InputTokens;
            CacheReadTokens += usage.CacheReadTokens;
            CacheWrite5mTokens += usage.CacheWrite5mTokens;
            CacheWrite1hTokens += usage.CacheWrite1hTokens;
            OutputTokens += usage.OutputTokens;
            ReasoningTokens += usage.ReasoningTokens;
            WebSearches += usage.WebSearches;
            SpendPico += Picodollars.FromUsd(attempt.SpendUsd);
        }
    }

    public void Add(RequestCompleted completed)
    {
        Requests++;
        Errors += completed.Outcome == RequestOutcome.Succeeded ? 0 : 1;
        DurationMs += (completed.CompletedAt - completed.AdmittedAt).Ticks / TimeSpan.TicksPerMillisecond;
    }
}
