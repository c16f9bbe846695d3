using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Pipeline;

/// <summary>Why the gateway answers by itself. Each surface gives every one of these a status of its own protocol.</summary>
internal enum RefusalReason
{
    /// <summary>No key, an unknown one, or two different ones.</summary>
    Unauthenticated,
    TenantDisabled,
    ModelNotAllowed,
    ModelNotFound,

    /// <summary>The model has no price while a budget applies.</summary>
    Unpriced,
    InvalidRequest,
    BodyTooLarge,
    BudgetExhausted,

    /// <summary>Too many requests or tokens in a minute, or too much at the same time: it passes.</summary>
    RateLimited,

    /// <summary>No upstream answered.</summary>
    NoUpstream,

    /// <summary>No upstream answered, and all of them said that they are overloaded.</summary>
    Overloaded,

    /// <summary>The gateway cannot keep its promise now: the journal is full or cannot be written, or the spend is not known.</summary>
    Unavailable,
    NotFound,
}

/// <summary>An answer the gateway gives by itself; the message says what to change.</summary>
internal sealed record Refusal(RefusalReason Reason, string Message)
{
    /// <summary>Which limit a refusal is about, such as <c>tenant alice daily.maxUSD</c>.</summary>
    public string? Limit { get; init; }

    /// <summary>When that limit starts over.</summary>
    public DateTimeOffset? Reset { get; init; }

    /// <summary>When to try again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The headers that every protocol's refusal has when it passes, or is about a limit.</summary>
    public void WriteLimit(IHeaderDictionary headers)
    {
        if (RetryAfter is { } wait)
        {
            headers.RetryAfter = ((long)Math.Max(1, Math.Ceiling(wait.TotalSeconds))).ToString(CultureInfo.InvariantCulture);
        }

        if (Limit is null)
        {
            return;
        }

        headers["x-ccgate-limit"] = Limit;
        if (RetryAfter is not null)
        {
            return;
        }

        // The SDKs obey retry-after without an upper bound and would sleep until the budget starts over, but they obey this first:
        // anthropic-sdk-typescript, src/client.ts, shouldRetry.
        headers["x-should-retry"] = "false";
        headers["x-ccgate-reset"] = Reset?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }
}

/// <summary>Carries a refusal up to the one place that words it; see <c>GatewayPipeline.HandleAsync</c>.</summary>
internal sealed class RefusedException(Refusal refusal) : Exception(refusal.Message)
{
    public RefusedException(RefusalReason reason, string message)
        : this(new Refusal(reason, message))
    {
    }

    public Refusal Refusal => refusal;
}
