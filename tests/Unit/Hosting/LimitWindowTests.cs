using System.Globalization;
using CCGate.Hosting.Tenants;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>Windows of limits, over the days that are not 24 hours long and the months that are not alike.</summary>
public sealed class LimitWindowTests
{
    private static readonly string[] Zones =
        ["UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Santiago", "America/Havana", "Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Africa/Casablanca"];

    private static readonly LimitWindow[] Fixed = [LimitWindow.Daily, LimitWindow.Weekly, LimitWindow.Monthly];

    [Fact]
    public void Windows_divide_time_every_instant_is_in_one_and_the_next_begins_where_it_ends()
    {
        var random = new Random(16);
        for (var i = 0; i < 20_000; i++)
        {
            var clock = Clock(random);
            var window = Fixed[random.Next(Fixed.Length)];
            var instant = Instant(random, clock.Zone);

            var span = clock.Containing(window, instant);

            Assert.True(span.Contains(instant), $"{clock} {window} {instant:O} {span}");
            Assert.Equal(span, clock.Containing(window, span.Start));
            Assert.Equal(span, clock.Containing(window, span.End.AddTicks(-1)));
            Assert.Equal(span.End, clock.Containing(window, span.End).Start);
            Assert.Equal(span.Start, clock.Containing(window, span.Start.AddTicks(-1)).End);
            Assert.Equal((0, 0), (span.Start.UtcTicks % WindowClock.QuarterHour.Ticks, span.End.UtcTicks % WindowClock.QuarterHour.Ticks));
        }
    }

    [Fact]
    public void A_window_begins_on_its_day_at_its_time_wherever_that_time_exists()
    {
        var random = new Random(17);
        for (var i = 0; i < 20_000; i++)
        {
            var clock = Clock(random);
            var window = Fixed[random.Next(Fixed.Length)];
            var start = clock.Containing(window, Instant(random, clock.Zone)).Start;

            var local = TimeZoneInfo.ConvertTime(start, clock.Zone);
            var before = TimeZoneInfo.ConvertTime(start.AddTicks(-1), clock.Zone);
            var isSkipped = local.Offset > before.Offset;
            Assert.True(isSkipped || TimeOnly.FromDateTime(local.DateTime) == clock.ResetTime, $"{clock} {window} {start:O}");
            Assert.True(isSkipped || window != LimitWindow.Weekly || local.DayOfWeek == clock.WeekStartsOn, $"{clock} {start:O}");
            Assert.True(isSkipped || window != LimitWindow.Monthly || local.Day == clock.MonthStartsOn, $"{clock} {start:O}");
        }
    }

    [Fact]
    public void Windows_are_as_long_as_their_names_say_but_for_the_change_of_clocks()
    {
        var random = new Random(18);
        for (var i = 0; i < 5_000; i++)
        {
            var clock = Clock(random);
            var instant = Instant(random, clock.Zone);
            var slack = TimeSpan.FromHours(clock.Zone.Id == "Pacific/Apia" ? 25 : 1);

            Assert.InRange(Length(LimitWindow.Daily), TimeSpan.FromDays(1) - slack, TimeSpan.FromDays(1) + slack);
            Assert.InRange(Length(LimitWindow.Weekly), TimeSpan.FromDays(7) - slack, TimeSpan.FromDays(7) + slack);
            Assert.InRange(Length(LimitWindow.Monthly), TimeSpan.FromDays(28) - slack, TimeSpan.FromDays(31) + slack);

            TimeSpan Length(LimitWindow window) => clock.Containing(window, instant) is var span ? span.End - span.Start : default;
        }
    }

    [Theory]
    [InlineData("Europe/Berlin", "02:30", "2026-03-29T12:00:00Z", "2026-03-29T01:00:00Z", 23.5)] // 02:30 is skipped: the day begins at 03:00, which is there.
    [InlineData("Europe/Berlin", "02:30", "2026-03-29T00:59:59Z", "2026-03-28T01:30:00Z", 23.5)]
    [InlineData("Europe/Berlin", "02:30", "2026-10-25T12:00:00Z", "2026-10-25T00:30:00Z", 25)] // 02:30 comes twice: the first begins the day, the second does not.
    [InlineData("Europe/Berlin", "02:30", "2026-10-25T01:29:59Z", "2026-10-25T00:30:00Z", 25)]
    [InlineData("Europe/Berlin", "02:30", "2026-10-25T01:10:00Z", "2026-10-25T00:30:00Z", 25)] // 02:10 again, from before the reset time by the clock alone.
    [InlineData("Europe/Berlin", "02:30", "2026-10-25T00:29:59Z", "2026-10-24T00:30:00Z", 24)]
    [InlineData("Europe/Berlin", "00:00", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", 23)]
    [InlineData("America/New_York", "02:30", "2026-03-08T12:00:00Z", "2026-03-08T07:00:00Z", 23.5)]
    [InlineData("America/New_York", "01:30", "2026-11-01T12:00:00Z", "2026-11-01T05:30:00Z", 25)]
    [InlineData("America/Sao_Paulo", "00:00", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", 23)] // Midnight was skipped.
    [InlineData("America/Sao_Paulo", "00:00", "2018-02-17T12:00:00Z", "2018-02-17T02:00:00Z", 25)] // 23:00 came twice.
    [InlineData("Asia/Kathmandu", "06:15", "2026-11-21T00:30:00Z", "2026-11-21T00:30:00Z", 24)]
    [InlineData("Australia/Lord_Howe", "02:15", "2026-10-04T12:00:00Z", "2026-10-03T15:30:00Z", 23.75)] // Half an hour is skipped.
    [InlineData("Australia/Lord_Howe", "01:45", "2026-04-05T12:00:00Z", "2026-04-04T14:45:00Z", 24.5)] // And comes twice.
    [InlineData("Pacific/Apia", "00:00", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", 24)] // The 30th of December 2011 was left out.
    [InlineData("Africa/Casablanca", "02:30", "2018-03-25T12:00:00Z", "2018-03-25T02:00:00Z", 23.5)]
    [InlineData("Pacific/Apia", "00:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", 24)]
    public void A_day_begins_at_the_first_instant_that_has_its_time(string zone, string reset, string instant, string start, double hours)
    {
        var clock = new WindowClock(TimeZoneInfo.FindSystemTimeZoneById(zone), TimeOnly.Parse(reset, CultureInfo.InvariantCulture), DayOfWeek.Monday, 1);

        var span = clock.Containing(LimitWindow.Daily, Parse(instant));

        Assert.Equal((Parse(start), TimeSpan.FromHours(hours)), (span.Start, span.End - span.Start));
    }

    [Theory]
    [InlineData(28, "2028-02-28T05:59:59Z", "2028-01-28T06:00:00Z", "2028-02-28T06:00:00Z")]
    [InlineData(28, "2028-02-29T12:00:00Z", "2028-02-28T06:00:00Z", "2028-03-28T06:00:00Z")]
    [InlineData(28, "2027-03-01T00:00:00Z", "2027-02-28T06:00:00Z", "2027-03-28T06:00:00Z")]
    [InlineData(1, "2028-03-01T05:00:00Z", "2028-02-01T06:00:00Z", "2028-03-01T06:00:00Z")]
    [InlineData(1, "2027-01-01T05:00:00Z", "2026-12-01T06:00:00Z", "2027-01-01T06:00:00Z")]
    [InlineData(15, "2026-12-31T23:59:59Z", "2026-12-15T06:00:00Z", "2027-01-15T06:00:00Z")]
    public void A_month_begins_on_its_day_whatever_the_month_and_the_year(int day, string instant, string start, string end)
    {
        var clock = new WindowClock(TimeZoneInfo.Utc, new TimeOnly(6, 0), DayOfWeek.Monday, day);

        Assert.Equal(new WindowSpan(Parse(start), Parse(end)), clock.Containing(LimitWindow.Monthly, Parse(instant)));
    }

    [Theory]
    [InlineData(DayOfWeek.Monday, "2026-11-16")]
    [InlineData(DayOfWeek.Saturday, "2026-11-21")]
    [InlineData(DayOfWeek.Sunday, "2026-11-15")]
    public void A_week_begins_on_its_day(DayOfWeek day, string start)
    {
        var span = new WindowClock(TimeZoneInfo.Utc, TimeOnly.MinValue, day, 1).Containing(LimitWindow.Weekly, Parse("2026-11-21T12:00:00Z"));

        Assert.Equal(new WindowSpan(Parse(start + "T00:00:00Z"), Parse(start + "T00:00:00Z").AddDays(7)), span);
    }

    [Fact]
    public void Five_hours_are_never_less_and_at_most_a_quarter_of_an_hour_more()
    {
        var random = new Random(19);
        for (var i = 0; i < 5_000; i++)
        {
            var clock = Clock(random);
            var instant = Instant(random, clock.Zone);

            var span = clock.Containing(LimitWindow.FiveHours, instant);

            Assert.True(span.Contains(instant));
            Assert.InRange(instant - span.Start, TimeSpan.FromHours(5), TimeSpan.FromHours(5.25) - TimeSpan.FromTicks(1));
            Assert.Equal((0, 0), (span.Start.UtcTicks % WindowClock.QuarterHour.Ticks, span.End.UtcTicks % WindowClock.QuarterHour.Ticks));
        }
    }

    [Fact]
    public void A_total_counts_from_ever_for_ever()
    {
        var span = Clock(new Random(20)).Containing(LimitWindow.Total, Parse("2026-11-21T12:00:00Z"));

        Assert.Equal(new WindowSpan(DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue), span);
    }

    private static WindowClock Clock(Random random) => new(
        TimeZoneInfo.FindSystemTimeZoneById(Zones[random.Next(Zones.Length)]),
        random.Next(3) == 0 ? TimeOnly.MinValue : TimeOnly.MinValue.AddMinutes(15 * random.Next(96)),
        (DayOfWeek)random.Next(7),
        random.Next(1, 29));

    /// <summary>Somewhere in thirty years, and every other time within a day of a change of the zone's clocks.</summary>
    private static DateTimeOffset Instant(Random random, TimeZoneInfo zone)
    {
        var instant = new DateTimeOffset(2005, 1, 1, 0, 0, 0, TimeSpan.Zero).AddSeconds(random.NextInt64(30L * 365 * 86_400)).AddTicks(random.Next(10_000_000));
        for (var day = random.Next(2) * 366; day < 366; day++)
        {
            if (zone.GetUtcOffset(instant) != zone.GetUtcOffset(instant.AddDays(1)))
            {
                return instant.AddMinutes(random.Next(-1440, 2880));
            }

            instant = instant.AddDays(1);
        }

        return instant;
    }

    private static DateTimeOffset Parse(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
