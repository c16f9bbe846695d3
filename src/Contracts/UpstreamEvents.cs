using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>An operator declared, changed or removed an upstream at run time.</summary>
public sealed record UpstreamChanged
{
    public Guid EventId { get; init; }

    public string UpstreamId { get; set; } = "";

    public DeclarationChange Change { get; set; }

    /// <summary>The upstream from now on, as an entry of upstreams.json in which <c>sealed:HINT:CIPHERTEXT</c> stands for each secret; null when it was removed.</summary>
    public JsonElement? Document { get; init; }

    public string? Reason { get; init; }

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset At { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>What an operator tells every proxy to do with an upstream, one from the files included.</summary>
public enum UpstreamOrder
{
    /// <summary>It gets no new requests; those in flight end.</summary>
    Drain,

    /// <summary>It gets requests again.</summary>
    Resume,

    /// <summary>Its circuits close, and a failed health check is forgotten.</summary>
    Reset,
}

/// <summary>An operator gave an order about an upstream.</summary>
public sealed record UpstreamOrdered
{
    public Guid EventId { get; init; }

    public string UpstreamId { get; set; } = "";

    public UpstreamOrder Order { get; set; }

    public string? Reason { get; init; }

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset At { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>An operator changed how requests are spread over the upstreams, or what model names mean.</summary>
public sealed record RoutingChanged
{
    public Guid EventId { get; init; }

    /// <summary>From now on, as <c>loadBalancer</c> of upstreams.json; null goes back to the file's.</summary>
    public JsonElement? LoadBalancer { get; init; }

    /// <summary>From now on, as <c>openai</c> of server.json; null goes back to the file's.</summary>
    public JsonElement? OpenAi { get; init; }

    public string? Reason { get; init; }

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset At { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}
