using CCGate.Bench.Load;

namespace CCGate.Bench.Report;

/// <summary>What one target did in one round.</summary>
internal sealed record RoundFigures(
    double RequestsPerSecond, double P50Ms, double P99Ms, double FirstByteP50Ms, double FirstByteP99Ms, double ProcessorMsPerRequest, double AllocatedBytesPerRequest, double ResidentMb)
{
    public static RoundFigures Of(RoundTimes times, TimeSpan processorTime, long allocatedBytes, long residentBytes)
    {
        var requests = times.Latencies.Length;
        Array.Sort(times.Latencies);
        Array.Sort(times.FirstBytes);
        return new RoundFigures(
            requests / times.Elapsed.TotalSeconds,
            Percentile(times.Latencies, 0.50),
            Percentile(times.Latencies, 0.99),
            Percentile(times.FirstBytes, 0.50),
            Percentile(times.FirstBytes, 0.99),
            processorTime.TotalMilliseconds / requests,
            (double)allocatedBytes / requests,
            residentBytes / 1_048_576.0);
    }

    private static double Percentile(TimeSpan[] sorted, double share) => sorted[(int)Math.Ceiling(sorted.Length * share) - 1].TotalMilliseconds;
}

/// <summary>What one target did in one scenario: of each figure the median over the rounds.</summary>
internal sealed record TargetFigures(string Target, RoundFigures Median, IReadOnlyList<RoundFigures> Rounds)
{
    public static TargetFigures Of(string target, IReadOnlyList<RoundFigures> rounds) => new(
        target,
        new RoundFigures(
            MedianOf(rounds, round => round.RequestsPerSecond), MedianOf(rounds, round => round.P50Ms), MedianOf(rounds, round => round.P99Ms), MedianOf(rounds, round => round.FirstByteP50Ms),
            MedianOf(rounds, round => round.FirstByteP99Ms), MedianOf(rounds, round => round.ProcessorMsPerRequest), MedianOf(rounds, round => round.AllocatedBytesPerRequest), MedianOf(rounds, round => round.ResidentMb)),
        rounds)
    {
        Spread = rounds.Max(round => round.RequestsPerSecond) / rounds.Min(round => round.RequestsPerSecond),
    };

    /// <summary>The fastest round over the slowest: how far the figures can be trusted.</summary>
    public required double Spread { get; init; }

    private static double MedianOf(IReadOnlyList<RoundFigures> rounds, Func<RoundFigures, double> figure)
    {
        var sorted = rounds.Select(figure).Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}
