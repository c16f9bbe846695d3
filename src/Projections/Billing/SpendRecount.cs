using CCGate.Contracts;

namespace CCGate.Projections.Billing;

/// <summary>What a row of the spend table is about, in this check's own words.</summary>
internal readonly record struct RecountKey(DateTimeOffset QuarterHour, string Tenant, string Key, string Model, string Upstream)
{
    public override string ToString() => $"{QuarterHour.UtcDateTime:yyyy-MM-dd'T'HH:mm'Z'} tenant={Tenant} key={Key} model={Model} upstream={Upstream}";
}

/// <summary>The numbers of a row, with money as the decimal USD the events have.</summary>
internal readonly record struct RecountNumbers(
    long Requests, long Errors, long Input, long CacheRead, long CacheWrite5m, long CacheWrite1h, long Output, long Reasoning, long WebSearches,
    decimal SpendUsd, long DurationMs, decimal UnsettledUsd, long UnsettledTokens)
{
    public static RecountNumbers operator +(RecountNumbers left, RecountNumbers right) => new(
        left.Requests + right.Requests,
        left.Errors + right.Errors,
        left.Input + right.Input,
        left.CacheRead + right.CacheRead,
        left.CacheWrite5m + right.CacheWrite5m,
        left.CacheWrite1h + right.CacheWrite1h,
        left.Output + right.Output,
        left.Reasoning + right.Reasoning,
        left.WebSearches + right.WebSearches,
        left.SpendUsd + right.SpendUsd,
        left.DurationMs + right.DurationMs,
        left.UnsettledUsd + right.UnsettledUsd,
        left.UnsettledTokens + right.UnsettledTokens);
}

/// <summary>The spend table counted again from the events, by other code than the projection's: a mistake would have to be made twice to go unseen.</summary>
internal sealed class SpendRecount
{
    private readonly Dictionary<RecountKey, RecountNumbers> rows = [];

    public IReadOnlyDictionary<RecountKey, RecountNumbers> Rows => rows;

    public void Add(RequestCompleted completed)
    {
        RecountKey KeyOf(string? model, string? upstream) => Key(completed.AdmittedAt, completed.TenantId, completed.KeyId, model, upstream);

        // An old event may lack what is never null in a new one.
        var attempts = completed.Attempts ?? [];

        foreach (var attempt in attempts)
        {
            Add(KeyOf(attempt.ProviderModel, attempt.UpstreamId), Numbers(attempt.Usage, attempt.SpendUsd));
        }

        var where = attempts is [.., var last] ? KeyOf(last.ProviderModel, last.UpstreamId) : KeyOf(completed.RequestedModel, "");
        Add(where, new RecountNumbers
        {
            Requests = 1,
            Errors = completed.Outcome is RequestOutcome.Succeeded ? 0 : 1,
            DurationMs = (long)decimal.Truncate((decimal)(completed.CompletedAt - completed.AdmittedAt).Ticks / TimeSpan.TicksPerMillisecond),
            UnsettledUsd = completed.UnsettledUsd ?? 0m,
            UnsettledTokens = completed.UnsettledTokens ?? 0,
        });
    }

    public void Add(SpendAdjusted adjusted)
    {
        var lines = adjusted.Lines ?? [];
        for (var i = 0; i < lines.Count; i++)
        {
            var numbers = Numbers(lines[i].Usage, lines[i].SpendUsd);
            Add(
                Key(adjusted.AdmittedAt, adjusted.TenantId, adjusted.KeyId, lines[i].ProviderModel, lines[i].UpstreamId),
                i < lines.Count - 1 ? numbers : numbers with { UnsettledUsd = -adjusted.ReleasedUsd, UnsettledTokens = -adjusted.ReleasedTokens });
        }
    }

    private static RecountKey Key(DateTimeOffset admittedAt, string? tenant, string? key, string? model, string? upstream)
    {
        var instant = admittedAt.ToUniversalTime();
        var quarterHour = new DateTimeOffset(instant.Year, instant.Month, instant.Day, instant.Hour, instant.Minute / 15 * 15, 0, TimeSpan.Zero);
        return new RecountKey(quarterHour, tenant ?? "", key ?? "", model ?? "", upstream ?? "");
    }

    private static RecountNumbers Numbers(TokenUsage? usage, decimal spendUsd) => usage is null ? new() { SpendUsd = spendUsd } : new()
    {
        Input = usage.InputTokens,
        CacheRead = usage.CacheReadTokens,
        CacheWrite5m = usage.CacheWrite5mTokens,
        CacheWrite1h = usage.CacheWrite1hTokens,
        Output = usage.OutputTokens,
        Reasoning = usage.ReasoningTokens,
        WebSearches = usage.WebSearches,
        SpendUsd = spendUsd,
    };

    private void Add(RecountKey key, RecountNumbers numbers) => rows[key] = rows.GetValueOrDefault(key) + numbers;
}
