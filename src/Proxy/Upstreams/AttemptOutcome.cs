using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Upstreams;

/// <summary>Who failed, and when.</summary>
internal enum AttemptFailure
{
    None,

    /// <summary>No connection, or it broke before the answer began.</summary>
    UpstreamUnreachable,

    /// <summary>No answer within the upstream's first-byte timeout.</summary>
    UpstreamTimeout,

    /// <summary>It answered with an error status.</summary>
    UpstreamError,

    /// <summary>It was cut off, or fell silent, after the answer had begun.</summary>
    UpstreamTruncated,

    /// <summary>The answer had begun and then said that it failed.</summary>
    UpstreamStreamError,

    /// <summary>Another upstream, asked as well, answered first.</summary>
    Outrun,

    /// <summary>The client left, or could not be written to.</summary>
    ClientAborted,
}

/// <summary>What became of one try of one upstream: a value, never an exception.</summary>
/// <param name="Attempt">What the event says of it.</param>
/// <param name="Failure">Why it did not succeed.</param>
/// <param name="Answered">The client has, or is being sent, this upstream's answer.</param>
internal sealed record AttemptOutcome(Attempt Attempt, AttemptFailure Failure, bool Answered)
{
    /// <summary>What the upstream is.</summary>
    public UpstreamKind Kind { get; init; }

    /// <summary>How long the upstream asks to be left alone; null when it does not.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>What was done with the upstream when the client left; null when it stayed.</summary>
    public AbortPolicy? Abort { get; init; }
}
