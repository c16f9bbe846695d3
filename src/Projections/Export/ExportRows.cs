using CCGate.Contracts;

namespace CCGate.Projections.Export;

/// <summary>What adjustments add to a request, all of them together.</summary>
internal sealed record AdjustedAmounts(TokenUsage Usage, decimal SpendUsd)
{
    public static readonly AdjustedAmounts None = new(new TokenUsage(), 0);

    public static AdjustedAmounts Of(SpendAdjusted adjusted)
    {
        var lines = adjusted.Lines ?? [];
        return new AdjustedAmounts(lines.Aggregate(new TokenUsage(), (sum, line) => line.Usage is null ? sum : sum + line.Usage), lines.Sum(line => line.SpendUsd));
    }
}

/// <summary>A request as it was charged, and what was corrected since.</summary>
internal sealed record ExportedRequest(RequestCompleted Request, AdjustedAmounts Adjusted)
{
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
