namespace CCGate.Proxy.Limits;

/// <summary>A day in a tenant's time zone, as instants.</summary>
internal readonly record struct DailyWindow(DateTimeOffset Start, DateTimeOffset End)
{
    public static DailyWindow Containing(DateTimeOffset instant, TimeZoneInfo zone)
    {
        var day = TimeZoneInfo.ConvertTime(instant, zone).Date;
        return new DailyWindow(StartOf(day, zone), StartOf(day.AddDays(1), zone));
    }

    /// <summary>The first instant of a day: not always midnight, since some zones put their clocks forward at midnight.</summary>
    private static DateTimeOffset StartOf(DateTime day, TimeZoneInfo zone)
    {
        var start = day;
        while (zone.IsInvalidTime(start))
        {
            start = start.AddMinutes(15);
        }

        // A midnight that happens twice: the day begins with the first, which has the larger offset.
        var offset = zone.IsAmbiguousTime(start) ? zone.GetAmbiguousTimeOffsets(start).Max() : zone.GetUtcOffset(start);
        return new DateTimeOffset(start, offset).ToUniversalTime();
    }
}
