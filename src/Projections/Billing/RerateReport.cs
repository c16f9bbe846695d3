namespace CCGate.Projections.Billing;

/// <summary>A tenant's use of a model: what was charged for it, and what another price book makes of it.</summary>
internal sealed record RerateRow(string? Tenant, string? Model)
{
    /// <summary>A request counts where its last re-rated attempt is.</summary>
    public long Requests { get; init; }

    /// <summary>With the adjustments there are.</summary>
    public decimal ChargedUsd { get; init; }

    public decimal ReratedUsd { get; init; }

    public decimal DifferenceUsd => ReratedUsd - ChargedUsd;
}

/// <summary>Attempts that no price can be applied to, by the reason. Their amounts are in no row.</summary>
internal sealed record RerateLeftOut
{
    /// <summary>Nobody knows what they used.</summary>
    public long UnknownUsage { get; init; }

    /// <summary>Another gateway recorded the amount.</summary>
    public long Imported { get; init; }

    /// <summary>The book has no price for the model.</summary>
    public long NoPrice { get; init; }
}

/// <summary>What a period would have cost at other prices, and what was done about it.</summary>
/// <param name="PriceVersion">The version of the book.</param>
/// <param name="From">The first instant counted.</param>
/// <param name="To">The first instant not counted any more.</param>
/// <param name="Rows">By tenant, then by model.</param>
/// <param name="LeftOut">What is not in the rows.</param>
/// <param name="RequestsThatDiffer">Requests of which an attempt has another amount.</param>
/// <param name="Adjusted">How many of them were adjusted; null when it was not asked for.</param>
internal sealed record RerateReport(
    string PriceVersion, DateTimeOffset? From, DateTimeOffset? To, IReadOnlyList<RerateRow> Rows, RerateLeftOut LeftOut, long RequestsThatDiffer, long? Adjusted)
{
    public RerateRow Total { get; } = new(null, null)
    {
        Requests = Rows.Sum(row => row.Requests),
        ChargedUsd = Rows.Sum(row => row.ChargedUsd),
        ReratedUsd = Rows.Sum(row => row.ReratedUsd),
    };
}
