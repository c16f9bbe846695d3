namespace CCGate.Hosting.Tenants;

/// <summary>Days as a tenant lives them.</summary>
internal static class LocalDay
{
    public static DateOnly Of(DateTimeOffset instant, TimeZoneInfo zone) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(instant, zone).DateTime);

    /// <summary>The first instant of a day that begins at midnight or at another time.</summary>
    /// <remarks>Where clocks change, a time of day can be skipped or happen twice: then it is the first instant that exists.</remarks>
    public static DateTimeOffset StartOf(DateOnly day, TimeZoneInfo zone, TimeOnly time = default)
    {
        var start = day.ToDateTime(time);
        while (zone.IsInvalidTime(start))
        {
            start = start.AddMinutes(15);
        }

        var offset = zone.IsAmbiguousTime(start) ? zone.GetAmbiguousTimeOffsets(start).Max() : zone.GetUtcOffset(start);
        return new DateTimeOffset(start, offset).ToUniversalTime();
    }
}
