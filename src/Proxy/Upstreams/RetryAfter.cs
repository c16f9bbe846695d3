using System.Globalization;
using System.Net.Http.Headers;

namespace CCGate.Proxy.Upstreams;

/// <summary>How long an upstream asks to be left alone: <c>retry-after-ms</c>, or <c>retry-after</c> in seconds or as a date.</summary>
internal static class RetryAfter
{
    /// <summary>Longer waits are cut: a provider that says tomorrow is asked again in an hour.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    public static TimeSpan? Of(HttpResponseHeaders headers, TimeProvider time)
    {
        if (headers.NonValidated.TryGetValues("retry-after-ms", out var written)
            && double.TryParse(written.ToString(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds <= Longest.TotalMilliseconds * 1000)
        {
            return Bounded(TimeSpan.FromMilliseconds(milliseconds));
        }

        return headers.RetryAfter switch
        {
            { Delta: { } delta } => Bounded(delta),
            { Date: { } date } => Bounded(date - time.GetUtcNow()),
            _ => null,
        };
    }

    private static TimeSpan Bounded(TimeSpan wait) => wait < TimeSpan.Zero ? TimeSpan.Zero : wait > Longest ? Longest : wait;
}
