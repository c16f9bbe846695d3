namespace CCGate.Hosting.Storage;

/// <summary>Instants as the read models hold them: whole microseconds since 1970 in UTC.</summary>
internal static class Instant
{
    /// <summary>How old a quarter hour of the read model is when a change to it counts as a change of history: see <c>projection_checkpoint.history</c>.</summary>
    public static readonly TimeSpan SettledAfter = TimeSpan.FromHours(24);

    public static long ToMicroseconds(DateTimeOffset instant) => (instant.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond;

    public static DateTimeOffset FromMicroseconds(long microseconds) => DateTimeOffset.UnixEpoch.AddTicks(microseconds * TimeSpan.TicksPerMicrosecond);
}
