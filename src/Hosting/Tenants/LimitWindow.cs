namespace CCGate.Hosting.Tenants;

/// <summary>How long a limit counts before it starts over.</summary>
internal enum LimitWindow
{
    /// <summary>The last five hours and the quarter hour that runs: it rolls on by quarter hours, so what counts is at no time less than five hours.</summary>
    FiveHours,
    Daily,
    Weekly,
    Monthly,
    Total,
}

/// <summary>A window as instants: from its start up to, not including, its end.</summary>
internal readonly record struct WindowSpan(DateTimeOffset Start, DateTimeOffset End)
{
    public bool Contains(DateTimeOffset instant) => instant >= Start && instant < End;

    public bool Overlaps(WindowSpan other) => Start < other.End && other.Start < End;
}

/// <summary>When a tenant's windows start over. Boundaries are on quarter hours, as the rows of the read model are.</summary>
/// <param name="Zone">The tenant's time zone.</param>
/// <param name="ResetTime">The time of day at which days, weeks and months begin.</param>
/// <param name="WeekStartsOn">The day a week begins on.</param>
/// <param name="MonthStartsOn">The day a month begins on, 1 to 28: every month has it.</param>
internal sealed record WindowClock(TimeZoneInfo Zone, TimeOnly ResetTime, DayOfWeek WeekStartsOn, int MonthStartsOn)
{
    public static readonly TimeSpan QuarterHour = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan FiveHours = TimeSpan.FromHours(5);

    /// <summary>The window that an instant falls into, and that pays for what is admitted then.</summary>
    public WindowSpan Containing(LimitWindow window, DateTimeOffset instant) => window switch
    {
        LimitWindow.FiveHours => new WindowSpan(Floor(instant, QuarterHour) - FiveHours, Floor(instant, QuarterHour) + QuarterHour),
        LimitWindow.Daily => Days(DayOf(instant), 1),
        LimitWindow.Weekly => Days(WeekOf(DayOf(instant)), 7),
        LimitWindow.Monthly => Month(MonthOf(DayOf(instant))),
        _ => new WindowSpan(DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue),
    };

    /// <summary>The last multiple of a period since 1970.</summary>
    public static DateTimeOffset Floor(DateTimeOffset instant, TimeSpan period) =>
        instant.ToUniversalTime().AddTicks(-((instant.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) % period.Ticks));

    /// <summary>The day that runs, which before the reset time is the calendar's day before.</summary>
    private DateOnly DayOf(DateTimeOffset instant)
    {
        var day = DateOnly.FromDateTime(TimeZoneInfo.ConvertTime(instant, Zone).DateTime - ResetTime.ToTimeSpan());

        // Where clocks go back over the reset time, the wall clock shows times from before it once more.
        return instant < Start(day) ? day.AddDays(-1) : instant >= Start(day.AddDays(1)) ? day.AddDays(1) : day;
    }

    private DateOnly WeekOf(DateOnly day) => day.AddDays(-((day.DayOfWeek - WeekStartsOn + 7) % 7));

    private DateOnly MonthOf(DateOnly day)
    {
        var start = new DateOnly(day.Year, day.Month, MonthStartsOn);
        return start > day ? start.AddMonths(-1) : start;
    }

    private WindowSpan Month(DateOnly first) => new(Start(first), Start(first.AddMonths(1)));

    private WindowSpan Days(DateOnly first, int count) => new(Start(first), Start(first.AddDays(count)));

    private DateTimeOffset Start(DateOnly day) => LocalDay.StartOf(day, Zone, ResetTime);
}
