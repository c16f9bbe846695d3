namespace CCGate.Proxy.Usage;

/// <summary>The most a call can cost, in picodollars, on the dearest upstream it may go to.</summary>
/// <param name="InputPico">Everything that does not depend on the length of the answer.</param>
/// <param name="OutputPicoPerToken">One token of the answer.</param>
/// <param name="MaxOutputTokens">What the client asks for.</param>
/// <param name="FloorOutputTokens">Below this the call is worth nothing to its client: never clamped lower.</param>
internal readonly record struct HoldEstimate(long InputPico, long OutputPicoPerToken, long MaxOutputTokens, long FloorOutputTokens)
{
    public long Pico => At(MaxOutputTokens);

    /// <summary>The hold with another token limit; saturates far above any budget instead of overflowing.</summary>
    public long At(long outputTokens) => (long)Int128.Min((Int128)InputPico + ((Int128)OutputPicoPerToken * outputTokens), long.MaxValue / 4);

    /// <summary>The highest token limit whose hold is at most <paramref name="availablePico"/>; null when that is below the floor.</summary>
    public long? LargestThatFits(long availablePico)
    {
        if (OutputPicoPerToken == 0 || InputPico > availablePico)
        {
            return null;
        }

        var tokens = (availablePico - InputPico) / OutputPicoPerToken;
        return tokens >= FloorOutputTokens && tokens < MaxOutputTokens ? tokens : null;
    }
}
