using System.Globalization;
using CCGate.Proxy.Limits;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>A day in a time zone, through the days that are not 24 hours long.</summary>
public sealed class DailyWindowTests
{
    [Theory]
    [InlineData("Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", 23)]
    [InlineData("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", 25)]
    [InlineData("Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-24T22:00:00Z", 25)]
    [InlineData("Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-25T23:00:00Z", 24)]
    [InlineData("Asia/Kathmandu", "2026-11-21T18:20:00Z", "2026-11-21T18:15:00Z", 24)]
    [InlineData("Asia/Kathmandu", "2026-11-21T18:10:00Z", "2026-11-20T18:15:00Z", 24)]
    [InlineData("America/Santiago", "2026-09-06T12:00:00Z", "2026-09-06T04:00:00Z", 23)] // Midnight does not exist: the clocks go from 00:00 to 01:00.
    [InlineData("America/Havana", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", 25)] // Midnight happens once and 00:30 twice.
    [InlineData("UTC", "2026-02-28T23:59:59Z", "2026-02-28T00:00:00Z", 24)]
    public void A_day_begins_and_ends_where_the_zone_says(string zone, string instant, string start, int hours)
    {
        var window = DailyWindow.Containing(Parse(instant), TimeZoneInfo.FindSystemTimeZoneById(zone));

        Assert.Equal(Parse(start), window.Start);
        Assert.Equal(TimeSpan.FromHours(hours), window.End - window.Start);
    }

    private static DateTimeOffset Parse(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
