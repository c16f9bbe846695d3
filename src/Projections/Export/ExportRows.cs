using CCGate.Contracts;

namespace CCGate.Projections.Export;

/// <summary>What adjustments add to a request or to an attempt, all of them together.</summary>
internal sealed record AdjustedAmounts(TokenUsage Usage, decimal SpendUsd)
{
    public static readonly AdjustedAmounts None = new(new TokenUsage(), 0);

    public static AdjustedAmounts Of(SpendAdjusted adjusted) =>
        (adjusted.Lines ?? []).Aggregate(None, (sum, line) => sum + new AdjustedAmounts(line.Usage ?? None.Usage, line.SpendUsd));

    public static AdjustedAmounts operator +(AdjustedAmounts left, AdjustedAmounts right) => new(left.Usage + right.Usage, left.SpendUsd + right.SpendUsd);
}

/// <summary>The adjustments of a request.</summary>
/// <param name="Ordinal">That of the last one; 0 when there is none.</param>
/// <param name="Attempts">What they add to each attempt; 0 is the request itself.</param>
internal sealed record Adjustments(int Ordinal, IReadOnlyList<(int Attempt, AdjustedAmounts Amounts)> Attempts)
{
    public static readonly Adjustments None = new(0, []);

    public AdjustedAmounts Total => Attempts.Aggregate(AdjustedAmounts.None, (sum, attempt) => sum + attempt.Amounts);

    public AdjustedAmounts Of(int attempt) => Attempts.FirstOrDefault(adjusted => adjusted.Attempt == attempt).Amounts ?? AdjustedAmounts.None;
}

/// <summary>A request as it was charged, and what was corrected since.</summary>
internal sealed record ExportedRequest(RequestCompleted Request, Adjustments Adjustments)
{
    public AdjustedAmounts Adjusted { get; } = Adjustments.Total;

    /// <summary>Null in events of which the member is missing.</summary>
    public IReadOnlyList<Attempt> Attempts => Request.Attempts ?? [];

    /// <summary>The attempt the request ended with.</summary>
    public Attempt? Last => Attempts is [.., var last] ? last : null;

    /// <summary>As of today: with what adjustments changed. Summed over the attempts, as the bill is.</summary>
    public TokenUsage Usage => Attempts.Aggregate(Adjusted.Usage, (sum, attempt) => attempt.Usage is null ? sum : sum + attempt.Usage);

    /// <summary>As first charged.</summary>
    public decimal SpendUsd => Attempts.Sum(attempt => attempt.SpendUsd);
}

/// <summary>A tenant's day in its time zone.</summary>
internal sealed class ExportedDay(string tenant, DateOnly day, TimeZoneInfo zone)
{
    public string Tenant => tenant;

    public DateOnly Day => day;

    public TimeZoneInfo Zone => zone;

    public long Requests { get; private set; }

    public long Errors { get; private set; }

    public TokenUsage Usage { get; private set; } = new();

    public decimal SpendUsd { get; private set; }

    public decimal AdjustedUsd { get; private set; }

    public void Add(ExportedRequest row)
    {
        Requests++;
        Errors += row.Request.Outcome == RequestOutcome.Succeeded ? 0 : 1;
        Usage += row.Usage;
        SpendUsd += row.SpendUsd;
    }

    public void Add(AdjustedAmounts adjusted)
    {
        Usage += adjusted.Usage;
        AdjustedUsd += adjusted.SpendUsd;
    }
}
