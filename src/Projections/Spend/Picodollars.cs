namespace CCGate.Projections.Spend;

/// <summary>Money as the read models hold it: whole picodollars (10⁻¹² USD), so that a sum is exact in every database.</summary>
internal static class Picodollars
{
    private const decimal PerUsd = 1_000_000_000_000m;

    /// <exception cref="ArgumentOutOfRangeException">The amount is not a whole number of picodollars, or too large: rounding it would change the bill.</exception>
    public static long FromUsd(decimal usd)
    {
        var picodollars = Math.Abs(usd) < long.MaxValue / PerUsd ? usd * PerUsd : throw NotWhole(usd);
        return picodollars == decimal.Truncate(picodollars) ? (long)picodollars : throw NotWhole(usd);
    }

    public static decimal ToUsd(decimal picodollars) => picodollars / PerUsd;

    private static ArgumentOutOfRangeException NotWhole(decimal usd) =>
        new(nameof(usd), usd, "The amount is not a whole number of picodollars below 9.2 million USD.");
}
