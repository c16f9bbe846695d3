namespace CCGate.Hosting.Concurrency;

/// <summary>Wakes a background loop before its period is over; many signals before it looks are one.</summary>
internal sealed class Signal : IDisposable
{
    private readonly SemaphoreSlim raised = new(0);

    public void Raise()
    {
        if (raised.CurrentCount == 0)
        {
            raised.Release();
        }
    }

    /// <summary>Returns when it was raised, or after the period.</summary>
    public Task WaitAsync(TimeSpan period, CancellationToken cancellationToken) => raised.WaitAsync(period, cancellationToken);

    public void Dispose() => raised.Dispose();
}
