using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Upstreams;

/// <summary>How long one attempt may wait for its first byte, for any later one, and take in all; when one of these is over, its token is cancelled.</summary>
/// <remarks>A read costs a timestamp and no timer: the one there is looks when it is due whether it was meant, and else waits for the rest.</remarks>
internal sealed class AttemptClock : IDisposable
{
    public const string TotalSetting = "timeouts.totalSeconds";

    private const long NotReading = -1;

    private readonly UpstreamConfig limits;
    private readonly TimeProvider time;
    private readonly long startedAt;
    private readonly ITimer timer;
#pragma warning disable CA2213 // It has no timer and no handle of its own, and the timer's last callback may still come.
    private readonly CancellationTokenSource source = new();
#pragma warning restore CA2213
    private long readingSince = NotReading;
    private volatile bool hasBegun;
    private volatile string? exceeded;
    private volatile StreamEnding? ending;

    public AttemptClock(UpstreamConfig limits, TimeProvider time)
    {
        (this.limits, this.time) = (limits, time);
        startedAt = time.GetTimestamp();
        timer = time.CreateTimer(static state => ((AttemptClock)state!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Wait(Left().Time);
    }

    public CancellationToken Token => source.Token;

    /// <summary>From here on what is over ends the reads of the upstream, not the answer: it gets an end that the client understands.</summary>
    public void LeaveEndingTo(StreamEnding next) => ending = next;

    public bool IsStopped { get; private set; }

    /// <summary>The setting that ended the attempt; null as long as none has.</summary>
    public string? Exceeded => exceeded;

    /// <summary>Nobody wants the answer any more.</summary>
    public void Stop()
    {
        IsStopped = true;
        source.Cancel();
    }

    /// <summary>The answer has begun: from here on it may be silent for as long as <c>timeouts.idleSeconds</c> says.</summary>
    public void Begin()
    {
        if (!hasBegun)
        {
            hasBegun = true;
            Wait(Left().Time); // May be due much sooner than the first byte was.
        }
    }

    /// <summary>Only waiting for the upstream is silence; while the client takes its time, nobody asks the upstream.</summary>
    public void BeginRead() => Volatile.Write(ref readingSince, time.GetTimestamp());

    public void EndRead() => Volatile.Write(ref readingSince, NotReading);

    public void Dispose() => timer.Dispose();

    private void Look()
    {
        var (left, setting) = Left();
        if (left > TimeSpan.Zero)
        {
            Wait(left);
            return;
        }

        exceeded = setting;
        if (ending is { } inOrder)
        {
            inOrder.StopReading();
            return;
        }

        source.Cancel();
    }

    private (TimeSpan Time, string Setting) Left()
    {
        var taken = time.GetElapsedTime(startedAt);
        var left = hasBegun ? (limits.IdleTimeout - Silence(), "timeouts.idleSeconds") : (limits.FirstByteTimeout - taken, "timeouts.firstByteSeconds");
        return limits.TotalTimeout - taken is { } total && total < left.Item1 ? (total, TotalSetting) : left;
    }

    private TimeSpan Silence() => Volatile.Read(ref readingSince) is var since and not NotReading ? time.GetElapsedTime(since) : TimeSpan.Zero;

    // A timer may be early by less than its own grain.
    private void Wait(TimeSpan left) => timer.Change(left < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : left, Timeout.InfiniteTimeSpan);
}
