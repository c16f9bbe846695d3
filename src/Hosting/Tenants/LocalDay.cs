namespace CCGate.Hosting.Tenants;

/// <summary>Days as a tenant lives them.</summary>
internal static class LocalDay
{
    private static readonly TimeSpan Step = TimeSpan.FromMinutes(15);

    public static DateOnly Of(DateTimeOffset instant, TimeZoneInfo zone) => DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(instant, zone).DateTime);

    /// <summary>The first instant of a day that begins at midnight or at another time.</summary>
    /// <remarks>
    /// Where clocks change, a time of day can be skipped or happen twice: then it is the first instant that exists. Only ever asked which offset an instant
    /// has: asked for that of a local time, .NET is wrong where a zone's summer time is its standard one (Africa/Casablanca) or a day was left out (Pacific/Apia).
    /// </remarks>
    public static DateTimeOffset StartOf(DateOnly day, TimeZoneInfo zone, TimeOnly time = default)
    {
        var wall = new DateTimeOffset(day.ToDateTime(time), TimeSpan.Zero);

        // No zone is a day away from UTC, and none changes its clocks twice in two days.
        var one = wall - zone.GetUtcOffset(wall.AddDays(-1));
        var other = wall - zone.GetUtcOffset(wall.AddDays(1));
        var (start, last) = one < other ? (one, other) : (other, one);
        while (start < last && start + zone.GetUtcOffset(start) < wall)
        {
            start += Step;
        }

        return start;
    }
}
