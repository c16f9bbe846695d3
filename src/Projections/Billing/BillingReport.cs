using System.Text.Json.Serialization;

namespace CCGate.Projections.Billing;

/// <summary>The period a verification looks at, by the instant of admission; null is no bound.</summary>
internal sealed record BillingPeriod(DateTimeOffset? From, DateTimeOffset? To)
{
    public bool Contains(DateTimeOffset instant) => !(instant < From) && !(instant >= To);
}

/// <summary>What can be wrong with a bill.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DifferenceKind>))]
internal enum DifferenceKind
{
    /// <summary>The read model and the events disagree about a row.</summary>
    Row,

    /// <summary>The events give a row that the read model lacks.</summary>
    MissingRow,

    /// <summary>The read model has a row that no event gives.</summary>
    ExtraRow,

    /// <summary>An attempt's recorded spend is not its usage times its price.</summary>
    AttemptSpend,

    /// <summary>An attempt was priced by a version that nobody published.</summary>
    UnknownPriceVersion,

    /// <summary>A request's recorded spend is not the sum of its attempts.</summary>
    RequestSpend,

    /// <summary>An adjustment is about a request that is not in the ledger.</summary>
    AdjustmentWithoutRequest,

    /// <summary>An adjustment names another tenant, key or time of admission than its request.</summary>
    AdjustmentMismatch,

    /// <summary>A request's adjustments are not numbered 1, 2, 3 and so on, or an id does not follow from the number.</summary>
    AdjustmentOrdinal,

    /// <summary>Adjustments release more than the request holds.</summary>
    AdjustmentRelease,

    /// <summary>The amount of a re-rating is not the usage times the other price, less what was charged before.</summary>
    AdjustmentSpend,

    /// <summary>Adjustments take more from a request than it was charged.</summary>
    NegativeTotal,

    /// <summary>Two events report the same request.</summary>
    DuplicateRequest,

    /// <summary>A stream's versions are not 1, 2, 3 and so on.</summary>
    VersionGap,

    /// <summary>An event cannot be read.</summary>
    Unreadable,
}

/// <summary>One thing that is wrong.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Subject">Where: a row, a request, a stream.</param>
/// <param name="Expected">What it should be.</param>
/// <param name="Actual">What it is.</param>
internal sealed record BillingDifference(DifferenceKind Kind, string Subject, string Expected, string Actual);

/// <summary>The outcome of a verification.</summary>
/// <param name="Position">The position up to which events and rows were compared.</param>
/// <param name="Events">Events read, of all periods and types.</param>
/// <param name="Requests">Requests of the period.</param>
/// <param name="Attempts">Their attempts.</param>
/// <param name="SpendUsd">What the events of the period add up to.</param>
/// <param name="RowsUsd">What the read model says for the period.</param>
/// <param name="DifferenceCount">How many differences there are.</param>
/// <param name="Differences">The first of them.</param>
internal sealed record BillingReport(
    long Position, long Events, long Requests, long Attempts, decimal SpendUsd, decimal RowsUsd, long DifferenceCount, IReadOnlyList<BillingDifference> Differences)
{
    public bool IsRight => DifferenceCount == 0;
}
