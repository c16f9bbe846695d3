using System.ComponentModel.DataAnnotations;
using CCGate.Contracts;

namespace CCGate.Projections.Explanation;

/// <summary>The answer of <c>GET /api/requests/{id}</c>: what happened, what was charged for it, and how every digit of that came about.</summary>
internal sealed record RequestExplanation
{
    public Guid RequestId { get; init; }

    public string? Tenant { get; init; }

    public string? Key { get; init; }

    public string? Session { get; init; }

    public string? Surface { get; init; }

    public string? RequestedModel { get; init; }

    public bool Streaming { get; init; }

    [EnumDataType(typeof(RequestOutcome))]
    public string? Outcome { get; init; }

    public DateTimeOffset AdmittedAt { get; init; }

    public DateTimeOffset CompletedAt { get; init; }

    public string? ProxyInstance { get; init; }

    public string? ImportedFrom { get; init; }

    public decimal HeldUsd { get; init; }

    public long HeldTokens { get; init; }

    /// <summary>What is still held because nobody reported a usage: as recorded, less what adjustments released.</summary>
    public decimal UnsettledUsd { get; init; }

    public long UnsettledTokens { get; init; }

    public IReadOnlyList<AttemptExplanation> Attempts { get; init; } = [];

    public IReadOnlyList<AdjustmentExplanation> Adjustments { get; init; } = [];

    /// <summary>As first charged.</summary>
    public decimal ChargedUsd { get; init; }

    public decimal AdjustedUsd { get; init; }

    /// <summary>As charged today.</summary>
    public decimal TotalUsd { get; init; }
}

/// <summary>One attempt and its amount.</summary>
internal sealed record AttemptExplanation
{
    public int Number { get; init; }

    public string? Upstream { get; init; }

    public string? UpstreamKeyHint { get; init; }

    public string? ProviderModel { get; init; }

    public DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset? FirstByteAt { get; init; }

    public DateTimeOffset EndedAt { get; init; }

    public int? StatusCode { get; init; }

    public string? Failure { get; init; }

    /// <summary>Why this upstream was asked.</summary>
    public string? Reason { get; init; }

    public TokenUsage Usage { get; init; } = new();

    [EnumDataType(typeof(UsageState))]
    public string? UsageState { get; init; }

    public string? PriceVersion { get; init; }

    /// <summary>Null when the amount is not made of a price; <see cref="Note"/> says why.</summary>
    public PriceExplanation? Price { get; init; }

    public string? Note { get; init; }

    /// <summary>As charged, before adjustments.</summary>
    public decimal SpendUsd { get; init; }
}

/// <summary>What was changed after the fact, by whom and why.</summary>
internal sealed record AdjustmentExplanation
{
    public int Ordinal { get; init; }

    public string? Kind { get; init; }

    public string? Reason { get; init; }

    public string? By { get; init; }

    public DateTimeOffset AdjustedAt { get; init; }

    public IReadOnlyList<AdjustmentLine> Lines { get; init; } = [];

    public decimal SpendUsd { get; init; }

    public decimal ReleasedUsd { get; init; }

    public long ReleasedTokens { get; init; }
}
