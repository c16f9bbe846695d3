namespace CCGate.Proxy.Telemetry;

/// <summary>How much of an answered request's time was the gateway's own: before the first upstream was asked, and after the last one had ended.</summary>
internal struct OverheadClock(TimeProvider time)
{
    private long read;
    private long asked;
    private long ended;
    private TimeSpan waited;

    /// <summary>The last byte of the body is here.</summary>
    public void BodyRead() => read = time.GetTimestamp();

    /// <param name="waitedSoFar">For a place at an upstream, which is not the gateway's doing.</param>
    public void Asking(TimeSpan waitedSoFar)
    {
        if (asked == 0)
        {
            (asked, waited) = (time.GetTimestamp(), waitedSoFar);
        }
    }

    public void AttemptEnded() => ended = time.GetTimestamp();

    /// <summary>Up to now; null when no upstream was asked.</summary>
    public readonly TimeSpan? Elapsed()
    {
        if (read == 0 || asked == 0 || ended == 0)
        {
            return null;
        }

        var elapsed = time.GetElapsedTime(read, asked) - waited + time.GetElapsedTime(ended);
        return elapsed < TimeSpan.Zero ? TimeSpan.Zero : elapsed;
    }
}
