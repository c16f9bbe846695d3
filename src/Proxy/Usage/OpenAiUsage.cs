using System.Text.Json;
using CCGate.Contracts;
using static CCGate.Proxy.Usage.UsageJson;

namespace CCGate.Proxy.Usage;

/// <summary>The <c>usage</c> object of chat completions, embeddings (<c>prompt_tokens</c>…) and responses (<c>input_tokens</c>…).</summary>
/// <remarks>
/// The prompt includes what was read from the cache and what was written to it, the answer includes the reasoning. Audio has no class of its own yet:
/// its tokens are billed as text and stay readable in the raw usage.
/// </remarks>
internal static class OpenAiUsage
{
    /// <summary>Whether the object counts anything: some relays send an empty one.</summary>
    public static bool HasCounts(JsonElement usage) => Prompt(usage) is not null;

    public static TokenUsage Read(JsonElement usage)
    {
        var prompt = Prompt(usage) ?? 0;
        var input = Child(usage, "prompt_tokens_details") ?? Child(usage, "input_tokens_details");
        var output = Child(usage, "completion_tokens_details") ?? Child(usage, "output_tokens_details");
        var cached = Math.Min(prompt, Count(input, "cached_tokens") ?? 0);
        var written = Math.Min(prompt - cached, Count(input, "cache_write_tokens") ?? 0);

        // Embeddings have no answer and say only the total.
        var answer = Count(usage, "completion_tokens") ?? Count(usage, "output_tokens") ?? Math.Max(0, (Count(usage, "total_tokens") ?? prompt) - prompt);
        return new TokenUsage
        {
            InputTokens = prompt - cached - written,
            CacheReadTokens = cached,
            CacheWrite5mTokens = written, // There is one kind of write; this is the class of the shorter life.
            OutputTokens = answer,
            ReasoningTokens = Math.Min(answer, Count(output, "reasoning_tokens") ?? 0),
            RawUsage = usage,
        };
    }

    private static long? Prompt(JsonElement usage) => Count(usage, "prompt_tokens") ?? Count(usage, "input_tokens");
}
