namespace CCGate.Contracts;

/// <summary>Money as whole 10⁻¹² USD: every list price times every multiplier is a whole number of them, so sums are exact in any order.</summary>
public static class Picodollars
{
    public const long PerUsd = 1_000_000_000_000;

    /// <summary>Exact; throws when the amount is not a whole number of picodollars or does not fit (about ±9.2 million USD).</summary>
    public static long FromUsd(decimal usd)
    {
        var pico = usd * PerUsd;
        return pico == decimal.Truncate(pico)
            ? decimal.ToInt64(pico)
            : throw new ArgumentOutOfRangeException(nameof(usd), usd, "not a whole number of picodollars");
    }

    /// <summary>The next whole picodollar up, and the largest there is when it does not fit: for holds, which may be too high but never too low.</summary>
    public static long CeilingFromUsd(decimal usd) => usd >= long.MaxValue / PerUsd ? long.MaxValue / 4 : decimal.ToInt64(decimal.Ceiling(usd * PerUsd));

    /// <summary>Exact, without trailing zeros, so that equal amounts are written alike.</summary>
    public static decimal ToUsd(long pico) => Normalize(new decimal(pico) / PerUsd);

    private static decimal Normalize(decimal value) => value / 1.000000000000000000000000000000m;
}
