using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>What became of something that operators declare.</summary>
public enum DeclarationChange
{
    Created,
    Updated,
    Removed,
}

/// <summary>An operator declared, changed or removed a tenant at run time.</summary>
public sealed record TenantChanged
{
    public Guid EventId { get; init; }

    public string TenantId { get; set; } = "";

    public DeclarationChange Change { get; set; }

    /// <summary>The tenant from now on, as an entry of tenants.json without keys; null when it was removed.</summary>
    public JsonElement? Document { get; init; }

    public string? Reason { get; init; }

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset At { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>A tenant got a key, a new secret for one it has, or other limits of it.</summary>
public sealed record KeyIssued
{
    public Guid EventId { get; init; }

    public string TenantId { get; set; } = "";

    public string KeyId { get; set; } = "";

    /// <summary><c>sha256:HEX</c>: all that is kept of the secret. The same as before when only what is said about the key changed.</summary>
    public string SecretHash { get; set; } = "";

    /// <summary>The end of the secret, for people to tell keys apart.</summary>
    public string Hint { get; set; } = "";

    public string? Label { get; init; }

    /// <summary>As in tenants.json; null for none.</summary>
    public JsonElement? Limits { get; init; }

    /// <summary>From when on it is refused; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Until when the secret before this one works as well; null when it stops at once, or there was none.</summary>
    public DateTimeOffset? OverlapUntil { get; init; }

    public string? Reason { get; init; }

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset At { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}

/// <summary>A key is refused from now on, whatever secret of it is sent.</summary>
public sealed record KeyRevoked
{
    public Guid EventId { get; init; }

    public string TenantId { get; set; } = "";

    public string KeyId { get; set; } = "";

    public string? Reason { get; init; }

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset At { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }
}
