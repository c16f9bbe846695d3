using CCGate.Contracts;
using CCGate.Hosting.Storage;

namespace CCGate.Projections.Requests;

/// <summary>A row of the requests table on its way there: its texts and its numbers, in the order of <see cref="RequestRow.Columns"/>.</summary>
internal sealed record RequestRecord(string?[] Texts, long?[] Numbers)
{
    public const int TextColumns = 10;

    /// <summary>Clients choose sessions and models, and PostgreSQL's indexes hold no text of more than some 2,700 bytes.</summary>
    public const int LongestText = 256;

    public static RequestRecord Of(RequestCompleted completed)
    {
        // What an old event lacks is null, whatever the property's initial value.
        var attempts = completed.Attempts ?? [];
        foreach (var attempt in attempts)
        {
            ArgumentNullException.ThrowIfNull(attempt);
        }

        return new RequestRecord(Names(completed, attempts), Amounts(completed, attempts));
    }

    private static string?[] Names(RequestCompleted completed, IReadOnlyList<Attempt> attempts)
    {
        var last = attempts is [.., var ended] ? ended : null;
        var state = attempts.Any(attempt => attempt.UsageState == UsageState.Unknown) ? UsageState.Unknown : last?.UsageState ?? UsageState.KnownZero;
        return
        [
            completed.RequestId.ToString(), completed.TenantId ?? "", completed.KeyId ?? "", Bounded(completed.SessionId), Bounded(completed.Surface ?? ""),
            Bounded(completed.RequestedModel ?? ""), Bounded(last?.ProviderModel), Bounded(last?.UpstreamId), completed.Outcome.ToString(), state.ToString(),
        ];
    }

    private static long?[] Amounts(RequestCompleted completed, IReadOnlyList<Attempt> attempts)
    {
        var last = attempts is [.., var ended] ? ended : null;
        var usage = attempts.Aggregate(new TokenUsage(), (sum, attempt) => attempt.Usage is null ? sum : Add(sum, attempt.Usage));
        var admitted = completed.AdmittedAt;
        return
        [
            Instant.ToMicroseconds(admitted), Instant.ToMicroseconds(completed.CompletedAt), completed.Streaming ? 1 : 0, last?.StatusCode, attempts.Count,
            Milliseconds(completed.CompletedAt - admitted), last?.FirstByteAt is { } first ? Milliseconds(first - admitted) : null,
            usage.InputTokens, usage.CacheReadTokens, usage.CacheWrite5mTokens, usage.OutputTokens, usage.ReasoningTokens, usage.WebSearches,
            attempts.Aggregate(0L, (sum, attempt) => checked(sum + Picodollars.FromUsd(attempt.SpendUsd))), Picodollars.FromUsd(completed.HeldUsd),
        ];
    }

    /// <summary>At most <see cref="LongestText"/>, and no half of a character.</summary>
    public static string? Bounded(string? text) =>
        text is null || text.Length <= LongestText ? text : text[..(char.IsHighSurrogate(text[LongestText - 1]) ? LongestText - 1 : LongestText)];

    private static long Milliseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMillisecond;

    /// <summary>Checked, and with both classes of cache writes in the first.</summary>
    private static TokenUsage Add(TokenUsage sum, TokenUsage usage)
    {
        checked
        {
            return new TokenUsage
            {
                InputTokens = sum.InputTokens + usage.InputTokens,
                CacheReadTokens = sum.CacheReadTokens + usage.CacheReadTokens,
                CacheWrite5mTokens = sum.CacheWrite5mTokens + usage.CacheWrite5mTokens + usage.CacheWrite1hTokens,
                OutputTokens = sum.OutputTokens + usage.OutputTokens,
                ReasoningTokens = sum.ReasoningTokens + usage.ReasoningTokens,
                WebSearches = sum.WebSearches + usage.WebSearches,
            };
        }
    }
}
