using CCGate.Hosting.Storage;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Spend;

/// <summary>The grain of the spend table. Every time zone in use is a whole number of quarter hours from UTC, so any tenant's day is a whole number of them.</summary>
internal static class QuarterHour
{
    private const long Microseconds = 15L * 60 * 1_000_000;

    /// <summary>The start of the quarter hour an instant lies in, in microseconds.</summary>
    public static long Of(DateTimeOffset instant)
    {
        var microseconds = Instant.ToMicroseconds(instant);
        var into = microseconds % Microseconds;
        return microseconds - (into < 0 ? into + Microseconds : into);
    }

    public static DateTimeOffset RoundDown(DateTimeOffset instant) => Instant.FromMicroseconds(Of(instant));

    public static DateTimeOffset RoundUp(DateTimeOffset instant)
    {
        var down = RoundDown(instant);
        return down == instant.ToUniversalTime() ? down : down.AddMinutes(15);
    }
}
