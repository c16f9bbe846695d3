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
    /// <summary>Which limit a budget refusal is about, such as <c>tenant alice daily.maxUSD</c>.</summary>
    public string? Limit { get; init; }

    /// <summary>When that limit starts over.</summary>
    public DateTimeOffset? Reset { get; init; }
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
