namespace CCGate.Projections.Telemetry;

/// <summary>Something read in the background for gauges to show, until it is too old to be trusted or could not be read again.</summary>
internal sealed class Reading<T>(TimeSpan period, TimeProvider time)
    where T : class
{
    /// <summary>A read that takes longer has failed, so the next one begins, and until then the value is not too old.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>A timer may be a little early.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(1);

    private volatile Read? last;
    private long? dueSince;

    /// <summary>Null when it is not known now.</summary>
    public T? Value => last is { } read && time.GetElapsedTime(read.At) <= (3 * period) + Patience ? read.Value : null;

    /// <summary>Reads it, unless that was done within the period.</summary>
    public async Task RefreshAsync(Func<CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        if (dueSince is { } before && last is not null && time.GetElapsedTime(before) < period - Slack)
        {
            return;
        }

        dueSince = begun;
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            last = new Read(await read(either.Token), time.GetTimestamp());
        }
        catch
        {
            last = null;
            throw;
        }
    }

    private sealed record Read(T Value, long At);
}
