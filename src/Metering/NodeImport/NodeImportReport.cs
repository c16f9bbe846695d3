namespace CCGate.Metering.NodeImport;

/// <summary>A line that was not taken over, and why.</summary>
internal sealed record RefusedLine(string File, long Line, string Reason);

/// <summary>What the files of a tenant hold.</summary>
internal sealed class NodeTenantTotals(string tenant)
{
    private readonly HashSet<DateOnly> days = [];

    public string Tenant => tenant;

    /// <summary>Whether the configuration has this tenant; one that it lacks is imported all the same.</summary>
    public bool Known { get; set; }

    /// <summary>UTC days with at least one request.</summary>
    public int Days => days.Count;

    public long Requests { get; private set; }

    public decimal SpendUsd { get; private set; }

    /// <summary>Requests with output and no input at all.</summary>
    public long UnderCounted { get; private set; }

    public void Add(Contracts.RequestCompleted request)
    {
        days.Add(DateOnly.FromDateTime(request.AdmittedAt.UtcDateTime));
        Requests++;
        SpendUsd += request.SpendUsd;
        UnderCounted += request.Attempts[0].UsageState == Contracts.UsageState.Estimated ? 1 : 0;
    }
}

/// <summary>What was found in the files, and what became of it.</summary>
/// <param name="Files">How many there are.</param>
/// <param name="Tenants">By name.</param>
/// <param name="Stored">Requests that are in the ledger now and were not before.</param>
/// <param name="Duplicates">Requests that were there already; null when nobody looked.</param>
/// <param name="HalfLines">Last lines of files that were not written to their end.</param>
/// <param name="RefusedCount">Lines that cannot be taken over.</param>
/// <param name="Refused">The first of them.</param>
internal sealed record NodeImportReport(
    int Files, IReadOnlyList<NodeTenantTotals> Tenants, long Stored, long? Duplicates, long HalfLines, long RefusedCount, IReadOnlyList<RefusedLine> Refused)
{
    public long Requests => Tenants.Sum(tenant => tenant.Requests);

    public decimal SpendUsd => Tenants.Sum(tenant => tenant.SpendUsd);

    public long UnderCounted => Tenants.Sum(tenant => tenant.UnderCounted);
}
