namespace CCGate.Contracts;

/// <summary>Money as whole 10⁻¹² USD: every list price times every multiplier is a whole number of them, so sums are exact in any order.</summary>
public static class Picodollars
{
    public const long PerUsd = 1_000_000_000_000;

    /// <summary>Exact; throws when the amount is not a whole number of picodollars or does not fit (about ±9.2 million USD).</summary>
    public static long FromUsd(decimal usd)
    {
        var pico = Math.Abs(usd) < long.MaxValue / PerUsd ? usd * PerUsd : 0.5m;
        return pico == decimal.Truncate(pico)
            ? decimal.ToInt64(pico)
            : throw new ArgumentOutOfRangeException(nameof(usd), usd, "The amount is not a whole number of picodollars below 9.2 million USD.");
    }

    /// <summary>The next whole picodollar up, and the largest there is when it does not fit: for holds, which may be too high but never too low.</summary>
    public static long CeilingFromUsd(decimal usd) => usd >= long.MaxValue / PerUsd ? long.MaxValue / 4 : decimal.ToInt64(decimal.Ceiling(usd * PerUsd));

    /// <summary>Exact, without trailing zeros, so that equal amounts are written alike.</summary>
    public static decimal ToUsd(long pico) => new decimal(pico) / PerUsd;

    /// <summary>For sums that a database gives as a decimal.</summary>
    public static decimal ToUsd(decimal pico) => pico / PerUsd;
}
