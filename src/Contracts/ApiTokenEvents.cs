using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>A program may ask the operator's API with a token; the token itself was shown once and is not in here.</summary>
public sealed record ApiTokenIssued
{
    public Guid TokenId { get; init; }

    public string Name { get; set; } = "";

    /// <summary><c>read</c> or <c>admin</c>.</summary>
    public string Scope { get; set; } = "";

    /// <summary><c>sha256:</c> and 64 hexadecimal digits.</summary>
    public string SecretHash { get; set; } = "";

    /// <summary>Its last characters, to tell it from others.</summary>
    public string Hint { get; set; } = "";

    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset At { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>A token is no longer taken.</summary>
public sealed record ApiTokenRevoked
{
    public Guid TokenId { get; init; }

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset At { get; init; }

    public string? Reason { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}
