using System.Text.Json;
using CCGate.Contracts;
using static CCGate.Proxy.Usage.UsageJson;

namespace CCGate.Proxy.Usage;

/// <summary>The <c>usageMetadata</c> object of Gemini.</summary>
/// <remarks>The prompt includes what was read from the cache; thoughts are not part of the candidates, nor what tools added of the prompt.</remarks>
internal static class GeminiUsage
{
    /// <summary>Whether the object counts anything: the first chunks of a stream may only name their traffic.</summary>
    public static bool HasCounts(JsonElement usage) => Count(usage, "promptTokenCount") is not null || Count(usage, "totalTokenCount") is not null;

    public static TokenUsage Read(JsonElement usage)
    {
        var prompt = Count(usage, "promptTokenCount") ?? 0;
        var cached = Math.Min(prompt, Count(usage, "cachedContentTokenCount") ?? 0);
        var thoughts = Count(usage, "thoughtsTokenCount") ?? 0;
        return new TokenUsage
        {
            InputTokens = prompt - cached + (Count(usage, "toolUsePromptTokenCount") ?? 0),
            CacheReadTokens = cached,
            OutputTokens = (Count(usage, "candidatesTokenCount") ?? 0) + thoughts,
            ReasoningTokens = thoughts,
            ServiceTier = Tier(Text(usage, "serviceTier") ?? Text(usage, "trafficType")),
            RawUsage = usage,
        };
    }

    /// <summary>The name that prices have for a tier, however it is written: <c>ON_DEMAND_PRIORITY</c> where Vertex serves, <c>priority</c> elsewhere.</summary>
    private static string? Tier(string? served) => served?.ToUpperInvariant() switch
    {
        "ON_DEMAND" or "STANDARD" => "standard",
        "ON_DEMAND_PRIORITY" or "PRIORITY" => "priority",
        "ON_DEMAND_FLEX" or "FLEX" => "flex",
        _ => served,
    };
}
