using System.Text.Json.Serialization;
using CCGate.Contracts;

namespace CCGate.Projections.Adjustments;

/// <summary>What an operator wants changed: the body of <c>POST /api/billing/adjustments</c>.</summary>
internal sealed record AdjustmentRequest
{
    public Guid RequestId { get; init; }

    /// <summary><c>settlement</c> or <c>correction</c>.</summary>
    public string Kind { get; set; } = "";

    /// <summary>What a settled request owes, or what a correction adds.</summary>
    public decimal? Usd { get; init; }

    /// <summary>What a settled request used, in place of what it owes.</summary>
    public AdjustmentTokens? Tokens { get; init; }

    /// <summary>In words, for whoever reads the bill.</summary>
    public string Reason { get; set; } = "";
}

/// <summary>Tokens as a provider's report gives them.</summary>
internal sealed record AdjustmentTokens(long Input, long Output, long CacheRead = 0, long CacheWrite5m = 0, long CacheWrite1h = 0)
{
    [JsonIgnore]
    public TokenUsage Usage => new() { InputTokens = Input, OutputTokens = Output, CacheReadTokens = CacheRead, CacheWrite5mTokens = CacheWrite5m, CacheWrite1hTokens = CacheWrite1h };
}

/// <summary>What was changed.</summary>
/// <param name="Ordinal">Which adjustment of the request it is.</param>
/// <param name="SpendUsd">What it added.</param>
/// <param name="TotalUsd">What the request costs now.</param>
/// <param name="ReleasedUsd">What is held no longer.</param>
/// <param name="Warning">What the operator should look at again.</param>
internal sealed record AdjustmentAnswer(Guid RequestId, int Ordinal, decimal SpendUsd, decimal TotalUsd, decimal ReleasedUsd, string? Warning);

/// <summary>Why an adjustment is not made.</summary>
internal enum AdjustmentRefusal
{
    /// <summary>What is asked for makes no sense.</summary>
    Invalid,

    /// <summary>There is no such request.</summary>
    UnknownRequest,

    /// <summary>The request is not as the operator thinks.</summary>
    Conflict,
}

/// <summary>An adjustment is not made; the message says what to change.</summary>
internal sealed class AdjustmentRefusedException(AdjustmentRefusal refusal, string message) : Exception(message)
{
    public AdjustmentRefusal Refusal { get; } = refusal;
}
