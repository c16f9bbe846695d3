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

/// <summary>Days as a tenant lives them.</summary>
internal static class LocalDay
{
    public static DateOnly Of(DateTimeOffset instant, TimeZoneInfo zone) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(instant, zone).DateTime);

    /// <summary>The first instant of a day. Midnight can be skipped or happen twice where clocks change at midnight: then it is the first instant that exists.</summary>
    public static DateTimeOffset StartOf(DateOnly day, TimeZoneInfo zone)
    {
        var midnight = day.ToDateTime(TimeOnly.MinValue);
        while (zone.IsInvalidTime(midnight))
        {
            midnight = midnight.AddMinutes(15);
        }

        var offset = zone.IsAmbiguousTime(midnight) ? zone.GetAmbiguousTimeOffsets(midnight).Max() : zone.GetUtcOffset(midnight);
        return new DateTimeOffset(midnight, offset).ToUniversalTime();
    }
}
