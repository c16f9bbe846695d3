using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>How an admitted request ended.</summary>
public enum RequestOutcome
{
    Succeeded,
    Failed,
    ClientAborted,
    UpstreamTruncated,

    /// <summary>The gateway died while the request ran; written by the recovery of its journal.</summary>
    Interrupted,
}

/// <summary>How far the token counts of an attempt can be trusted.</summary>
public enum UsageState
{
    /// <summary>Nobody said; the spend is not settled.</summary>
    Unknown,

    /// <summary>The provider reported it.</summary>
    Known,

    /// <summary>The provider bills nothing for it, such as an error before any output.</summary>
    KnownZero,

    /// <summary>Counted or assumed by the gateway.</summary>
    Estimated,
}

/// <summary>One try of one upstream, with what it consumed and what that costs.</summary>
/// <remarks>
/// Here and below, members with a default are set and not init: the generated JSON reader overwrites the default of an init-only member that old JSON lacks.
/// </remarks>
public sealed record Attempt
{
    /// <summary>1 for the first upstream tried.</summary>
    public int Number { get; init; }

    public string UpstreamId { get; set; } = "";

    /// <summary>Why this upstream, such as <c>weighted_round_robin</c> or <c>failover: u1 answered status 503</c>; null in events of older versions.</summary>
    public string? Reason { get; init; }

    /// <summary>The last four characters of the upstream's key.</summary>
    public string UpstreamKeyHint { get; set; } = "";

    /// <summary>The model as the provider served it: the one that is priced.</summary>
    public string ProviderModel { get; set; } = "";

    public DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset? FirstByteAt { get; init; }

    public DateTimeOffset EndedAt { get; init; }

    public int? StatusCode { get; init; }

    /// <summary>Who failed and how, such as <c>upstream: connect refused</c>; null when it did not fail.</summary>
    public string? Failure { get; init; }

    public TokenUsage Usage { get; set; } = new();

    public UsageState UsageState { get; init; }

    /// <summary>The version of the price book that gave <see cref="SpendUsd"/>; null when no price was found.</summary>
    public string? PriceVersion { get; init; }

    /// <summary>What the upstream's price is multiplied by, as configured when the attempt was made.</summary>
    public decimal CostMultiplier { get; set; } = 1m;

    public decimal SpendUsd { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>The fact the bill is made of: one per admitted client request, whatever became of it.</summary>
public sealed record RequestCompleted
{
    /// <summary>Our own UUIDv7: the idempotency key everywhere and the id of the stored event.</summary>
    public Guid RequestId { get; init; }

    public string TenantId { get; set; } = "";

    public string KeyId { get; set; } = "";

    public string? SessionId { get; init; }

    /// <summary>The protocol the client spoke, such as <c>anthropic</c>.</summary>
    public string Surface { get; set; } = "";

    public string RequestedModel { get; set; } = "";

    public bool Streaming { get; init; }

    /// <summary>The window this instant falls into is the window that pays.</summary>
    public DateTimeOffset AdmittedAt { get; init; }

    public DateTimeOffset CompletedAt { get; init; }

    public RequestOutcome Outcome { get; init; }

    /// <summary>What the gateway does with an upstream whose client left, as it applied to this request: <c>cancel</c> or <c>drain</c>.</summary>
    public string? Abort { get; init; }

    public IReadOnlyList<Attempt> Attempts { get; set; } = [];

    /// <summary>What all attempts consumed together.</summary>
    public TokenUsage Usage { get; set; } = new();

    /// <summary>What was reserved before the request was forwarded.</summary>
    public decimal HeldUsd { get; init; }

    /// <summary>The tokens of all classes that were reserved.</summary>
    public long HeldTokens { get; init; }

    /// <summary>The sum of the attempts.</summary>
    public decimal SpendUsd { get; init; }

    /// <summary>What stays held because the usage of an attempt is unknown, until a <see cref="SpendAdjusted"/> releases it; null when nothing does.</summary>
    public decimal? UnsettledUsd { get; init; }

    /// <summary>The tokens that stay held for the same reason.</summary>
    public long? UnsettledTokens { get; init; }

    /// <summary>Where the record came from when this gateway did not serve the request, such as <c>node-ccgate</c>.</summary>
    public string? ImportedFrom { get; init; }

    /// <summary>The span of the request, as W3C writes it, for what is traced of this event later; null unless the request was recorded.</summary>
    public string? TraceParent { get; init; }

    /// <summary>Which proxy wrote this.</summary>
    public string ProxyInstance { get; set; } = "";

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}
