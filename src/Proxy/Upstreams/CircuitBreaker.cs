using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Upstreams;

/// <summary>Whether an upstream, or one of its keys, may be used.</summary>
internal enum CircuitState
{
    Closed,

    /// <summary>It failed, or asked to be left alone.</summary>
    Open,

    /// <summary>The time is over: one request at a time tries whether it is back.</summary>
    HalfOpen,
}

/// <summary>How often a breaker came into each state.</summary>
internal readonly record struct CircuitTransitions(long Opened, long HalfOpened, long Closed);

/// <summary>Keeps requests away from what fails, and lets one at a time try whether it is back. Thread-safe.</summary>
internal sealed class CircuitBreaker(TimeProvider time)
{
    /// <summary>A probe whose request never ends must not keep everybody else away for ever.</summary>
    private static readonly TimeSpan LongestProbe = TimeSpan.FromMinutes(2);

    private readonly Lock gate = new();
    private int failuresInRow;
    private int successesInRow;
    private bool isOpen;
    private bool isHalfOpen;
    private CircuitTransitions transitions;
    private long openUntil;
    private long? probeSince;
    private string? reason;
    private long windowStart;
    private (int Requests, int Failures) current;
    private (int Requests, int Failures) before;

    /// <summary>Why it is not closed, such as <c>5 failures in a row, the last: status 503</c>.</summary>
    public string? Reason
    {
        get
        {
            lock (gate)
            {
                return isOpen ? reason : null;
            }
        }
    }

    public CircuitState State
    {
        get
        {
            lock (gate)
            {
                return StateNow();
            }
        }
    }

    public CircuitTransitions Transitions
    {
        get
        {
            lock (gate)
            {
                StateNow(); // Time alone makes it half open, and nobody may have looked since.
                return transitions;
            }
        }
    }

    /// <summary>How long it stays open; zero when it is not.</summary>
    public TimeSpan OpenFor
    {
        get
        {
            lock (gate)
            {
                return StateNow() == CircuitState.Open ? time.GetElapsedTime(time.GetTimestamp(), openUntil) : TimeSpan.Zero;
            }
        }
    }

    /// <summary>Whether a request may be sent; taking it is <see cref="TryEnter"/>.</summary>
    public bool Allows
    {
        get
        {
            lock (gate)
            {
                return StateNow() switch { CircuitState.Closed => true, CircuitState.HalfOpen => !IsProbing(), _ => false };
            }
        }
    }

    /// <summary>Takes the leave to send a request, the end of which must be told.</summary>
    /// <param name="force">Also while it is open, when there is nothing else to try; but never two at a time.</param>
    /// <param name="isProbe">The request decides whether it is back.</param>
    public bool TryEnter(bool force, out bool isProbe)
    {
        lock (gate)
        {
            var state = StateNow();
            isProbe = state != CircuitState.Closed;
            if (!isProbe)
            {
                return true;
            }

            if (IsProbing() || (state == CircuitState.Open && !force))
            {
                return false;
            }

            probeSince = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>It served a request.</summary>
    /// <param name="config">When to close.</param>
    /// <param name="wasProbe">What <see cref="TryEnter"/> said. A stream from before it opened says nothing of now: it must not end a rest that was asked for since.</param>
    public void Succeeded(CircuitBreakerConfig config, bool wasProbe)
    {
        lock (gate)
        {
            Count(config, failed: false);
            EndProbe(wasProbe);
            if (!isOpen)
            {
                failuresInRow = 0;
            }
            else if (wasProbe && ++successesInRow >= config.Successes)
            {
                Close();
            }
        }
    }

    /// <summary>It failed at its own fault.</summary>
    public void Failed(CircuitBreakerConfig config, string why, bool wasProbe)
    {
        lock (gate)
        {
            Count(config, failed: true);
            EndProbe(wasProbe);
            if (!config.Enabled || (isOpen && !wasProbe))
            {
                return;
            }

            failuresInRow++;
            if (isOpen)
            {
                OpenUntil(config.Open, reason ?? why);
            }
            else if (failuresInRow >= config.Failures)
            {
                OpenUntil(config.Open, $"{failuresInRow} failures in a row, the last: {why}");
            }
            else if (config.FailureRate is { } rate && Both() is var all && all.Requests >= config.MinimumRequests && all.Failures >= rate * all.Requests)
            {
                OpenUntil(config.Open, $"{all.Failures} of {all.Requests} requests failed, the last: {why}");
            }
        }
    }

    /// <summary>The request came to nothing that says anything of it: the client left, or was itself at fault.</summary>
    public void Left(bool wasProbe)
    {
        lock (gate)
        {
            EndProbe(wasProbe);
        }
    }

    /// <summary>It asked to be left alone for a while; one success afterwards closes it. It does not end a longer rest.</summary>
    public void Bench(TimeSpan duration, string why)
    {
        lock (gate)
        {
            probeSince = null;
            if (!isOpen || time.GetElapsedTime(time.GetTimestamp(), openUntil) < duration)
            {
                OpenUntil(duration, why);
                successesInRow = int.MaxValue / 2; // The first success is enough: it never failed, it was full.
            }
        }
    }

    public void Reset()
    {
        lock (gate)
        {
            Close();
        }
    }

    private CircuitState StateNow()
    {
        if (!isOpen)
        {
            return CircuitState.Closed;
        }

        if (time.GetTimestamp() < openUntil)
        {
            return CircuitState.Open;
        }

        if (!isHalfOpen)
        {
            isHalfOpen = true;
            transitions = transitions with { HalfOpened = transitions.HalfOpened + 1 };
        }

        return CircuitState.HalfOpen;
    }

    private void EndProbe(bool wasProbe) => probeSince = wasProbe ? null : probeSince;

    private bool IsProbing() => probeSince is { } since && time.GetElapsedTime(since) < LongestProbe;

    private void OpenUntil(TimeSpan duration, string why)
    {
        if (StateNow() != CircuitState.Open)
        {
            transitions = transitions with { Opened = transitions.Opened + 1 };
        }

        (isOpen, isHalfOpen) = (true, false);
        reason = why;
        successesInRow = 0;
        openUntil = time.GetTimestamp() + (long)(duration.TotalSeconds * time.TimestampFrequency);
    }

    private void Close()
    {
        if (isOpen)
        {
            transitions = transitions with { Closed = transitions.Closed + 1 };
        }

        isHalfOpen = false;
        (isOpen, reason, failuresInRow, successesInRow, probeSince) = (false, null, 0, 0, null);
        (current, before) = (default, default);
    }

    /// <summary>Two halves of the window, of which the older one is forgotten at once.</summary>
    private void Count(CircuitBreakerConfig config, bool failed)
    {
        var halves = (int)Math.Min(2, time.GetElapsedTime(windowStart) / (config.Window / 2));
        if (halves > 0)
        {
            (before, current) = (halves == 1 ? current : default, default);
            windowStart = time.GetTimestamp();
        }

        current = (current.Requests + 1, current.Failures + (failed ? 1 : 0));
    }

    private (int Requests, int Failures) Both() => (current.Requests + before.Requests, current.Failures + before.Failures);
}
