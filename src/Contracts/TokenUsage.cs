using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>What one attempt consumed, in tokens, in the classes that providers price apart.</summary>
/// <remarks>The classes do not overlap, except that <see cref="ReasoningTokens"/> is the part of <see cref="OutputTokens"/> spent on thinking.</remarks>
public sealed record TokenUsage
{
    /// <summary>Input tokens that were neither read from nor written to a prompt cache.</summary>
    public long InputTokens { get; init; }

    public long CacheReadTokens { get; init; }

    public long CacheWrite5mTokens { get; init; }

    public long CacheWrite1hTokens { get; init; }

    public long OutputTokens { get; init; }

    public long ReasoningTokens { get; init; }

    /// <summary>Web searches the provider ran and bills per call.</summary>
    public long WebSearches { get; init; }

    /// <summary>The service tier as served (<c>standard</c>, <c>priority</c>, <c>batch</c>), not as requested.</summary>
    public string? ServiceTier { get; init; }

    public string? InferenceGeo { get; init; }

    /// <summary>The speed as served (<c>standard</c>, <c>fast</c>), not as requested.</summary>
    public string? Speed { get; init; }

    /// <summary>The provider's own usage object, so that a later rule can read what this one did not know.</summary>
    public JsonElement? RawUsage { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>Everything the model read: the length that decides a long-context tier.</summary>
    [JsonIgnore]
    public long PromptTokens => InputTokens + CacheReadTokens + CacheWrite5mTokens + CacheWrite1hTokens;

    [JsonIgnore]
    public long TotalTokens => PromptTokens + OutputTokens;

    /// <summary>Adds the counts; what describes one attempt alone (tier, geo, speed, raw usage) is left out.</summary>
    public static TokenUsage operator +(TokenUsage left, TokenUsage right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        return new TokenUsage
        {
            InputTokens = left.InputTokens + right.InputTokens,
            CacheReadTokens = left.CacheReadTokens + right.CacheReadTokens,
            CacheWrite5mTokens = left.CacheWrite5mTokens + right.CacheWrite5mTokens,
            CacheWrite1hTokens = left.CacheWrite1hTokens + right.CacheWrite1hTokens,
            OutputTokens = left.OutputTokens + right.OutputTokens,
            ReasoningTokens = left.ReasoningTokens + right.ReasoningTokens,
            WebSearches = left.WebSearches + right.WebSearches,
        };
    }

    /// <summary>See the operator.</summary>
    public static TokenUsage Add(TokenUsage left, TokenUsage right) => left + right;
}
