namespace CCGate.Tests.Infrastructure;

public sealed class ManualTimeProviderTests
{
    private readonly ManualTimeProvider time = new();

    [Fact]
    public void Nothing_fires_until_the_clock_is_moved_far_enough()
    {
        var fired = new List<DateTimeOffset>();
        var start = time.GetUtcNow();
        using var timer = time.CreateTimer(_ => fired.Add(time.GetUtcNow()), null, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(3));

        time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Empty(fired);
        time.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal([start.AddSeconds(2), start.AddSeconds(5), start.AddSeconds(8)], fired);
        Assert.Equal(start.AddSeconds(8.9), time.GetUtcNow());
    }

    [Fact]
    public async Task Delays_and_elapsed_times_follow_it()
    {
        var begun = time.GetTimestamp();
        var delay = Task.Delay(TimeSpan.FromHours(1), time, CancellationToken.None);
        Assert.Equal(1, time.Waiting);

        time.Advance(TimeSpan.FromHours(1));
        await delay;
        Assert.Equal(TimeSpan.FromHours(1), time.GetElapsedTime(begun));
        Assert.Equal(0, time.Waiting);
    }

    [Fact]
    public void A_disposed_timer_fires_no_more()
    {
        var fired = 0;
        time.CreateTimer(_ => fired++, null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)).Dispose();
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(0, fired);
    }
}
