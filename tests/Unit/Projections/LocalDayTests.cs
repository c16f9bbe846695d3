using System.Globalization;
using CCGate.Projections.Spend;

namespace CCGate.Tests.Unit.Projections;

public sealed class LocalDayTests
{
    private static readonly string[] Zones =
        ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Chatham", "Asia/Kolkata", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo"];

    [Theory]
    [InlineData("2026-11-21T09:14:59.999999Z", "2026-11-21T09:00:00Z")]
    [InlineData("2026-11-21T09:15:00Z", "2026-11-21T09:15:00Z")]
    [InlineData("2026-11-21T10:20:00+05:45", "2026-11-21T04:30:00Z")]
    [InlineData("1969-12-31T23:59:59Z", "1969-12-31T23:45:00Z")]
    public void An_instant_belongs_to_the_quarter_hour_that_it_lies_in(string instant, string start) =>
        Assert.Equal(At(start), QuarterHour.RoundDown(At(instant)));

    [Fact]
    public void A_period_is_widened_to_whole_quarter_hours_and_not_further()
    {
        Assert.Equal(At("2026-11-21T09:15:00Z"), QuarterHour.RoundUp(At("2026-11-21T09:00:01Z")));
        Assert.Equal(At("2026-11-21T09:15:00Z"), QuarterHour.RoundUp(At("2026-11-21T09:15:00Z")));
    }

    [Theory]
    [InlineData("Europe/Berlin", "2026-03-29", 23)]
    [InlineData("Europe/Berlin", "2026-10-25", 25)]
    [InlineData("Europe/Berlin", "2026-11-21", 24)]
    [InlineData("America/Havana", "2026-03-08", 23)]
    [InlineData("America/Havana", "2026-11-01", 25)]
    [InlineData("Africa/Cairo", "2026-04-24", 23)]
    [InlineData("Australia/Lord_Howe", "2026-04-05", 24.5)]
    [InlineData("Asia/Kathmandu", "2026-11-21", 24)]
    public void A_day_is_as_long_as_the_clocks_make_it(string zone, string day, double hours) =>
        Assert.Equal(hours, (Start(zone, Day(day).AddDays(1)) - Start(zone, Day(day))).TotalHours);

    [Fact]
    public void A_day_begins_at_local_midnight()
    {
        Assert.Equal(At("2026-11-20T18:15:00Z"), Start("Asia/Kathmandu", Day("2026-11-21")));
        Assert.Equal(At("2026-11-20T23:00:00Z"), Start("Europe/Berlin", Day("2026-11-21")));
    }

    [Fact]
    public void Where_midnight_happens_twice_the_day_begins_at_the_first() =>
        Assert.Equal(At("2026-11-01T04:00:00Z"), Start("America/Havana", Day("2026-11-01")));

    [Fact]
    public void Every_quarter_hour_of_a_year_lies_wholly_in_one_local_day_of_every_zone()
    {
        foreach (var zone in Zones.Select(TimeZoneInfo.FindSystemTimeZoneById))
        {
            for (var start = At("2026-01-01T00:00:00Z"); start.Year < 2027; start = start.AddMinutes(15))
            {
                var day = LocalDay.Of(start, zone);
                Assert.Equal(day, LocalDay.Of(start.AddMinutes(15).AddTicks(-1), zone));
                Assert.InRange(start, LocalDay.StartOf(day, zone), LocalDay.StartOf(day.AddDays(1), zone).AddTicks(-1));
            }
        }
    }

    private static DateTimeOffset Start(string zone, DateOnly day) => LocalDay.StartOf(day, TimeZoneInfo.FindSystemTimeZoneById(zone));

    private static DateOnly Day(string written) => DateOnly.Parse(written, CultureInfo.InvariantCulture);

    private static DateTimeOffset At(string written) => DateTimeOffset.Parse(written, CultureInfo.InvariantCulture);
}
