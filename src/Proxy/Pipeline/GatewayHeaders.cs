using System.Globalization;
using CCGate.Contracts;
using CCGate.Proxy.Limits;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Pipeline;

/// <summary>The response headers the gateway adds.</summary>
internal static class GatewayHeaders
{
    public const string Prefix = "x-ccgate-";
    public const string RequestId = "x-ccgate-request-id";
    public const string Upstream = "x-ccgate-upstream";

    /// <summary>What the request said and its translation for the upstream leaves out, since the answer means the same without.</summary>
    public const string Dropped = "x-ccgate-dropped";

    /// <summary>The answer is what the gateway reckons, since no upstream could be asked.</summary>
    public const string Estimated = "x-ccgate-estimated";

    /// <summary>The token limit the request was lowered to so that its hold fits.</summary>
    public const string MaxTokens = "x-ccgate-max-tokens";

    /// <summary>What the tightest budget on the request's path leaves beside everything spent and held, this request's hold included.</summary>
    public const string RemainingUsd = "x-ccgate-remaining-usd";
    public const string RemainingTokens = "x-ccgate-remaining-tokens";
    public const string RemainingRequests = "x-ccgate-remaining-requests";

    public static void Write(IHeaderDictionary headers, Reservation reservation)
    {
        if (reservation.IsClamped)
        {
            headers[MaxTokens] = reservation.MaxOutputTokens.ToString(CultureInfo.InvariantCulture);
        }

        var remaining = reservation.Remaining;
        if (remaining.Pico != Amounts.Unlimited)
        {
            headers[RemainingUsd] = decimal.Round(Picodollars.ToUsd(Math.Max(0, remaining.Pico)), 6, MidpointRounding.ToZero).ToString(CultureInfo.InvariantCulture);
        }

        if (remaining.Tokens != Amounts.Unlimited)
        {
            headers[RemainingTokens] = Math.Max(0, remaining.Tokens).ToString(CultureInfo.InvariantCulture);
        }

        if (remaining.Requests != Amounts.Unlimited)
        {
            headers[RemainingRequests] = Math.Max(0, remaining.Requests).ToString(CultureInfo.InvariantCulture);
        }
    }
}
