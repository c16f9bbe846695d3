namespace CCGate.Proxy.Limits;

/// <summary>One tenant's day.</summary>
internal sealed class QuotaAccount(string tenant, DailyWindow window)
{
    public string Tenant => tenant;

    public DailyWindow Window => window;

    /// <summary>What the read model counts, of all proxies.</summary>
    public long CountedPico { get; set; }

    /// <summary>What this proxy settled and the read model does not count yet.</summary>
    public long UncountedPico { get; set; }

    public long HeldPico { get; set; }

    public long CommittedPico => CountedPico + UncountedPico;

    /// <summary>Serializes what is said to the database about this account.</summary>
    public SemaphoreSlim Leasing { get; } = new(1);

    /// <summary>What this proxy may have uncounted and held together.</summary>
    public long LeasedPico { get; set; }

    /// <summary>By how much the database's idea of the lease is still higher.</summary>
    public long UnreturnedPico { get; set; }

    /// <summary>Timestamps: when the lease is void, when it was last confirmed, when a hold was last granted, until when asking for more is useless.</summary>
    public long LeaseEnds { get; set; }

    public long KeptAt { get; set; }

    public long UsedAt { get; set; }

    public long ExhaustedUntil { get; set; }

    /// <summary>Completes when <see cref="CountedPico"/> was read for the first time.</summary>
    public TaskCompletionSource Known { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool Pays(SettledSpend spend) => spend.Tenant == tenant && spend.AdmittedAt >= window.Start && spend.AdmittedAt < window.End;
}

/// <summary>A request of ours that is paid for and not counted by the read model yet.</summary>
internal readonly record struct SettledSpend(string Tenant, DateTimeOffset AdmittedAt, long Pico);
