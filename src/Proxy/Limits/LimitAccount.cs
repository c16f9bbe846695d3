using CCGate.Hosting.Tenants;

namespace CCGate.Proxy.Limits;

/// <summary>A tenant, or one of its keys.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="Key">Null for the tenant itself, with everything below it.</param>
internal readonly record struct LimitSubject(string Tenant, string? Key)
{
    /// <summary>Unambiguous, because the id of a tenant has no slash.</summary>
    public override string ToString() => Key is null ? Tenant : $"{Tenant}/{Key}";

    public string Description => Key is null ? $"tenant {Tenant}" : $"key {Tenant}/{Key}";
}

/// <summary>What kind of limit it is, which decides when something counts and when it does not any more.</summary>
internal enum LimitKind
{
    /// <summary>What is spent counts for a window, and the read model knows it.</summary>
    Budget,

    /// <summary>What is spent counts for a minute.</summary>
    Minute,

    /// <summary>Only what is in flight counts.</summary>
    Concurrency,
}

/// <summary>What counts against one limit of one subject. Everything here needs the ledger's lock.</summary>
/// <param name="subject">Whose limit it is.</param>
/// <param name="kind">What counts, and how long.</param>
/// <param name="window">The window of a budget.</param>
/// <param name="clock">When the subject's windows start over.</param>
internal sealed class LimitAccount(LimitSubject subject, LimitKind kind, LimitWindow window, WindowClock clock)
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    // A minute rolls on in steps of these: what counts is at no time less than a minute.
    private static readonly TimeSpan MinuteStep = TimeSpan.FromSeconds(5);
    private static readonly WindowSpan Always = new(DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);

    public LimitSubject Subject => subject;

    public LimitKind Kind => kind;

    public LimitWindow Window => window;

    public (LimitSubject Subject, LimitKind Kind, LimitWindow Window, WindowClock Clock) Identity => (subject, kind, window, clock);

    /// <summary>Where something counts at all, from the oldest on. A window that starts over has one at a time; one that rolls has many.</summary>
    public List<LimitPeriod> Periods { get; } = [];

    /// <summary>The periods of the moment that was last asked for.</summary>
    public LimitMoment? Last { get; set; }

    /// <summary>Serializes what is said to the database about this account.</summary>
    public SemaphoreSlim Leasing { get; } = new(1);

    /// <summary>The limit's name in the leases.</summary>
    public string Name => kind switch
    {
        LimitKind.Budget => Hosting.Configuration.WindowLimit.NameOf(window),
        LimitKind.Minute => "minute",
        _ => "concurrent",
    };

    /// <summary>All that counts for what is admitted at an instant.</summary>
    public WindowSpan WindowAt(DateTimeOffset instant) => kind switch
    {
        LimitKind.Budget => clock.Containing(window, instant),
        LimitKind.Minute => new WindowSpan(WindowClock.Floor(instant, MinuteStep) - Minute, WindowClock.Floor(instant, MinuteStep) + MinuteStep),
        _ => Always,
    };

    /// <summary>The part of the window that is charged for what is admitted at an instant.</summary>
    public WindowSpan PeriodAt(DateTimeOffset instant) => (kind, window) switch
    {
        (LimitKind.Budget, LimitWindow.FiveHours) => Step(instant, WindowClock.QuarterHour),
        (LimitKind.Minute, _) => Step(instant, MinuteStep),
        _ => WindowAt(instant),
    };

    private static WindowSpan Step(DateTimeOffset instant, TimeSpan step) => new(WindowClock.Floor(instant, step), WindowClock.Floor(instant, step) + step);
}

/// <summary>What counts in one period of an account, and what of it this proxy has leased where other proxies spend from it too.</summary>
internal sealed class LimitPeriod(WindowSpan span)
{
    public WindowSpan Span => span;

    /// <summary>What the read model counts, of all proxies.</summary>
    public Amounts Counted { get; set; }

    /// <summary>What this proxy settled and the read model does not count yet; what nobody else counts stays here.</summary>
    public Amounts Uncounted { get; set; }

    public Amounts Held { get; set; }

    public Amounts Used => Counted + Uncounted + Held;

    /// <summary>Completes when <see cref="Counted"/> was read for the first time.</summary>
    public TaskCompletionSource Known { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What this proxy may have uncounted and held together.</summary>
    public Amounts Leased { get; set; }

    /// <summary>By how much the database's idea of the lease is still higher.</summary>
    public Amounts Unreturned { get; set; }

    /// <summary>Timestamps: when the lease is void, when it was last confirmed, when a hold was last granted, until when asking for more is useless.</summary>
    public long LeaseEnds { get; set; }

    public long KeptAt { get; set; }

    public long UsedAt { get; set; }

    public long ExhaustedUntil { get; set; }
}

/// <summary>An account at a moment: the period that is charged, and all that count.</summary>
internal sealed record LimitMoment(LimitPeriod Period, WindowSpan Window, LimitPeriod[] Counting)
{
    private bool known;

    public Amounts Used
    {
        get
        {
            var used = default(Amounts);
            foreach (var period in Counting)
            {
                used += period.Used;
            }

            return used;
        }
    }

    /// <summary>Whether the read model was asked for all of it.</summary>
    public bool IsKnown => known = known || Array.TrueForAll(Counting, static period => period.Known.Task.IsCompleted);
}

/// <summary>A request of ours that is paid for and not counted by the read model yet.</summary>
internal readonly record struct SettledSpend(string Tenant, string Key, DateTimeOffset AdmittedAt, Amounts Amounts);
