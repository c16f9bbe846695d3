using CCGate.Proxy.Limits;

namespace CCGate.Proxy.Usage;

/// <summary>The most a call can take, on the dearest upstream it may go to.</summary>
/// <param name="InputPico">What it can cost, in picodollars, apart from the length of the answer.</param>
/// <param name="OutputPicoPerToken">What one token of the limit can cost, in all answers together.</param>
/// <param name="InputTokens">The tokens it can make models read.</param>
/// <param name="MaxOutputTokens">What the client asks for.</param>
/// <param name="FloorOutputTokens">Below this the call is worth nothing to its client: never clamped lower.</param>
/// <param name="Choices">How many answers, each of which may be as long as the limit.</param>
internal readonly record struct HoldEstimate(long InputPico, long OutputPicoPerToken, long InputTokens, long MaxOutputTokens, long FloorOutputTokens, long Choices = 1)
{
    /// <summary>The hold with another token limit; saturates far above any budget instead of overflowing.</summary>
    public Amounts At(long outputTokens) =>
        new((long)Int128.Min((Int128)InputPico + ((Int128)OutputPicoPerToken * outputTokens), long.MaxValue / 4), InputTokens + (outputTokens * Choices), Requests: 1);

    /// <summary>The highest token limit whose hold fits; null when that is below the floor.</summary>
    public long? LargestThatFits(Amounts available)
    {
        if (available.Requests < 1 || InputPico > available.Pico || InputTokens > available.Tokens)
        {
            return null;
        }

        var affordable = OutputPicoPerToken == 0 ? long.MaxValue : (available.Pico - InputPico) / OutputPicoPerToken;
        var tokens = Math.Min(affordable, (available.Tokens - InputTokens) / Choices);
        return tokens >= FloorOutputTokens && tokens < MaxOutputTokens ? tokens : null;
    }
}
