using System.Text.Json;
using CCGate.Contracts;
using static CCGate.Proxy.Usage.UsageJson;

namespace CCGate.Proxy.Usage;

/// <summary>The <c>usage</c> object of the Messages API.</summary>
internal static class AnthropicUsage
{
    // An answer has a few; an upstream that lists more than any must not make a number that no ledger takes.
    private const int MaxIterations = 1000;

    /// <summary>What a usage object says in our classes.</summary>
    /// <remarks>Its own counts leave out what was read and written to compact the conversation, which the same model did.</remarks>
    public static TokenUsage Read(JsonElement usage) => Iterations(usage, "compaction").Aggregate(Counts(usage), (sum, compaction) => sum + Counts(compaction)) with
    {
        ServiceTier = Text(usage, "service_tier"),
        InferenceGeo = Text(usage, "inference_geo"),
        Speed = Text(usage, "speed"),
        RawUsage = usage,
    };

    /// <summary>The advice that was asked of other models, each with its usage, which is not among the answer's own counts.</summary>
    public static IEnumerable<(string? Model, TokenUsage Usage)> Advice(TokenUsage answer) =>
        answer.RawUsage is { ValueKind: JsonValueKind.Object } usage
            ? Iterations(usage, "advisor_message").Select(advice => (
                Text(advice, "model"),
                Counts(advice) with { ServiceTier = answer.ServiceTier, InferenceGeo = answer.InferenceGeo, Speed = Text(advice, "speed"), RawUsage = advice }))
            : [];

    /// <summary>Whether the object says how much was generated.</summary>
    public static bool HasOutput(JsonElement usage) => Count(usage, "output_tokens") is not null;

    private static TokenUsage Counts(JsonElement usage)
    {
        var written = Count(usage, "cache_creation_input_tokens") ?? 0;
        var (written5m, written1h) = Child(usage, "cache_creation") is { } breakdown
            ? (Count(breakdown, "ephemeral_5m_input_tokens") ?? 0, Count(breakdown, "ephemeral_1h_input_tokens") ?? 0)
            : (0, 0);
        return new TokenUsage
        {
            InputTokens = Count(usage, "input_tokens") ?? 0,
            CacheReadTokens = Count(usage, "cache_read_input_tokens") ?? 0,
            // Five minutes is what a cache write is unless a request says otherwise, so it takes what the breakdown leaves unsaid.
            CacheWrite5mTokens = written5m + Math.Max(0, written - written5m - written1h),
            CacheWrite1hTokens = written1h,
            OutputTokens = Count(usage, "output_tokens") ?? 0,
            ReasoningTokens = Child(usage, "output_tokens_details") is { } details ? Count(details, "thinking_tokens") ?? 0 : 0,
            WebSearches = Child(usage, "server_tool_use") is { } tools ? Count(tools, "web_search_requests", MaxWebSearches) ?? 0 : 0,
        };
    }

    private static IEnumerable<JsonElement> Iterations(JsonElement usage, string type) =>
        usage.TryGetProperty("iterations", out var iterations) && iterations.ValueKind == JsonValueKind.Array
            ? iterations.EnumerateArray().Take(MaxIterations).Where(iteration => iteration.ValueKind == JsonValueKind.Object && Text(iteration, "type") == type)
            : [];
}
