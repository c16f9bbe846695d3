using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>Why an amount was changed after the fact.</summary>
public enum AdjustmentKind
{
    /// <summary>An operator changed it and said why.</summary>
    Correction,

    /// <summary>Other prices were applied to the same usage.</summary>
    ReRating,

    /// <summary>Usage that nobody reported was settled: its hold goes back, and what is owed takes its place.</summary>
    Settlement,
}

/// <summary>What an adjustment changes of one attempt, or of a request that has none.</summary>
public sealed record AdjustmentLine
{
    /// <summary>The attempt's number; 0 for the request itself.</summary>
    public int Attempt { get; init; }

    public string UpstreamId { get; set; } = "";

    public string ProviderModel { get; set; } = "";

    /// <summary>What is added to the spend; negative when money goes back.</summary>
    public decimal SpendUsd { get; init; }

    /// <summary>What is added to the usage; null when only the price changes.</summary>
    public TokenUsage? Usage { get; init; }

    /// <summary>The price book that gives the new amount; null for an amount that somebody named.</summary>
    public string? PriceVersion { get; init; }
}

/// <summary>A charge was corrected. History is not edited: the amounts here are added to those of the request.</summary>
public sealed record SpendAdjusted
{
    /// <summary>See <see cref="IdOf"/>.</summary>
    public Guid AdjustmentId { get; init; }

    public Guid RequestId { get; init; }

    /// <summary>1 for the first adjustment of a request.</summary>
    public int Ordinal { get; init; }

    public string TenantId { get; set; } = "";

    public string KeyId { get; set; } = "";

    /// <summary>When the request was admitted: the window that paid is the window that is corrected.</summary>
    public DateTimeOffset AdmittedAt { get; init; }

    public AdjustmentKind Kind { get; init; }

    /// <summary>In an operator's words.</summary>
    public string Reason { get; set; } = "";

    /// <summary>Who did it.</summary>
    public string By { get; set; } = "";

    public DateTimeOffset AdjustedAt { get; init; }

    public IReadOnlyList<AdjustmentLine> Lines { get; set; } = [];

    /// <summary>The part of the request's <see cref="RequestCompleted.UnsettledUsd"/> that is held no longer.</summary>
    public decimal ReleasedUsd { get; init; }

    /// <summary>The part of the request's <see cref="RequestCompleted.UnsettledTokens"/> that is held no longer.</summary>
    public long ReleasedTokens { get; init; }

    /// <summary>Members written by a newer version.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }

    /// <summary>The same for the same place in a request's history, so that of two that were made at the same time one is stored.</summary>
    public static Guid IdOf(Guid requestId, int ordinal)
    {
        Span<byte> name = stackalloc byte[20];
        requestId.TryWriteBytes(name);
        BinaryPrimitives.WriteInt32LittleEndian(name[16..], ordinal);
        return EventId.Of(name);
    }
}

/// <summary>Ids that follow from what an event says, so that saying it twice makes one event.</summary>
public static class EventId
{
    public static Guid Of(ReadOnlySpan<byte> content)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, digest);
        digest[6] = (byte)((digest[6] & 0x0F) | 0x80); // RFC 9562: version 8, "custom"
        digest[8] = (byte)((digest[8] & 0x3F) | 0x80);
        return new Guid(digest[..16], bigEndian: true);
    }
}
