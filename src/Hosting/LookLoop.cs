namespace CCGate.Hosting;

/// <summary>Looks at something again and again until the host stops. After a look that failed the pause doubles, up to the longest.</summary>
internal sealed class LookLoop(TimeSpan period, TimeSpan longestPause, TimeProvider time)
{
    /// <summary>How many times as long as a look took the pause after it is at least: a look that is expensive takes a bounded part of the time.</summary>
    public int RestsPerLook { get; init; }

    /// <param name="late">Told of a look that failed, with the pause after it; the next one makes up for it.</param>
    public async Task RunAsync(Func<CancellationToken, Task> look, Action<Exception, TimeSpan> late, CancellationToken stoppingToken)
    {
        for (var pause = period; ;)
        {
            await Task.Delay(pause, time, stoppingToken);
            var begun = time.GetTimestamp();
            try
            {
                await look(stoppingToken);
                pause = TimeSpan.FromTicks(Math.Max(period.Ticks, time.GetElapsedTime(begun).Ticks * RestsPerLook));
            }
#pragma warning disable CA1031 // Whatever is wrong, it is only late.
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                late(failure, pause);
                pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, longestPause.Ticks));
            }
        }
    }
}
