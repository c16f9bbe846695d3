using CCGate.Hosting.Tenants;

namespace CCGate.Proxy.Limits;

/// <summary>A day in a tenant's time zone, as instants.</summary>
internal readonly record struct DailyWindow(DateTimeOffset Start, DateTimeOffset End)
{
    public static DailyWindow Containing(DateTimeOffset instant, TimeZoneInfo zone)
    {
        var day = LocalDay.Of(instant, zone);
        return new DailyWindow(LocalDay.StartOf(day, zone), LocalDay.StartOf(day.AddDays(1), zone));
    }
}
