using CCGate.Hosting.Fleet;

namespace CCGate.Projections.Overview;

/// <summary>The answer of <c>GET /api/overview</c>: how the gateway does now and today, which is the day in UTC. What nobody can know is absent.</summary>
internal sealed record OverviewReport
{
    public DateTimeOffset At { get; init; }

    /// <summary>Admitted over the last minute.</summary>
    public double RequestsPerSecond { get; init; }

    public long? InFlight { get; init; }

    public decimal SpendTodayUsd { get; init; }

    public long RequestsToday { get; init; }

    public long ErrorsToday { get; init; }

    /// <summary>Of today's requests, 0 to 1.</summary>
    public double? ErrorShare { get; init; }

    /// <summary>From admission to the end of the answer, over five minutes.</summary>
    public Percentiles? LatencyMs { get; init; }

    /// <summary>From admission to the first byte of the answer, over five minutes.</summary>
    public Percentiles? FirstByteMs { get; init; }

    /// <summary>Of all tokens read today, 0 to 1.</summary>
    public double? CacheHitShare { get; init; }

    public required ProjectionLag ProjectionLag { get; init; }

    public JournalState? Journal { get; init; }

    public OpenHolds? OpenHolds { get; init; }

    public required UnknownUsage UnknownUsage { get; init; }

    public required UpstreamCounts Upstreams { get; init; }

    /// <summary>By minute, the last hour; minutes without a request are left out.</summary>
    public IReadOnlyList<TrafficMinute>? Series { get; init; }
}

/// <summary>The middle one, and the one that 5 of 100 are above.</summary>
internal sealed record Percentiles(long P50, long P95)
{
    /// <summary>Null of nothing.</summary>
    public static Percentiles? Of(List<long> values)
    {
        if (values.Count == 0)
        {
            return null;
        }

        values.Sort();
        long At(double share) => values[Math.Max(0, (int)Math.Ceiling(values.Count * share) - 1)];
        return new Percentiles(At(0.5), At(0.95));
    }
}

/// <summary>How far the spend is behind the ledger.</summary>
internal sealed record ProjectionLag(long Events, double Seconds);

/// <summary>What waits in the journals of all proxies.</summary>
internal sealed record JournalState(long Depth, double OldestSeconds);

/// <summary>Requests of which nobody said what they cost, and what they hold.</summary>
internal sealed record UnknownUsage(long Items, decimal Usd);

/// <summary>How many upstreams there are; which can be used and which have an open circuit only proxies know.</summary>
internal sealed record UpstreamCounts(int Total, int? Usable, int? Open);

/// <summary>What was admitted in a minute.</summary>
internal sealed record TrafficMinute(DateTimeOffset At, long Requests, long Errors, decimal SpendUsd, long OutputTokens);
