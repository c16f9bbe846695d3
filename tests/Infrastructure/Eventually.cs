using System.Diagnostics;

namespace CCGate.Tests.Infrastructure;

/// <summary>Waits for what another thread or process is about to make true; one timeout for all tests, long enough for a busy machine.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    /// <summary>Returns once the condition holds.</summary>
    public static Task HoldsAsync(Func<Task<bool>> condition, string what) =>
        PassesAsync(async () => Assert.True(await condition(), what));

    /// <summary>Returns once the condition holds.</summary>
    public static Task HoldsAsync(Func<bool> condition, string what) =>
        HoldsAsync(() => Task.FromResult(condition()), what);

    /// <summary>Returns once the assertions pass; fails with the last failure.</summary>
    public static async Task PassesAsync(Func<Task> assertions)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await assertions();
                return;
            }
            catch (Exception) when (Stopwatch.GetElapsedTime(start) < Timeout)
            {
                await Task.Delay(Interval, TimeProvider.System, CancellationToken.None);
            }
        }
    }
}
