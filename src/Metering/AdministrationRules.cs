using System.Buffers;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Metering;

/// <summary>What must hold of an operator's change before it becomes history.</summary>
internal static class AdministrationRules
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>The first rule the event breaks, in words; null when it is good.</summary>
    /// <exception cref="JsonException">Data is not the event that the type says.</exception>
    public static string? Violation(EventRecord record) => record.Type switch
    {
        EventTypes.TenantChanged => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.TenantChanged)),
        EventTypes.KeyIssued => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.KeyIssued)),
        EventTypes.KeyRevoked => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.KeyRevoked)),
        EventTypes.UpstreamChanged => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.UpstreamChanged)),
        EventTypes.UpstreamOrdered => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.UpstreamOrdered)),
        EventTypes.RoutingChanged => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.RoutingChanged)),
        _ => $"Type '{record.Type}' is not known to this version",
    };

    private static string? Violation(EventRecord record, TenantChanged? changed) =>
        changed is null ? "Data is null"
        : Violation(record, changed.EventId, changed.By, EventRecord.TenantStream(changed.TenantId))
            ?? DocumentViolation(changed.Change, changed.Document)
            ?? (changed.Document is { } document && (document.TryGetProperty("key", out _) || document.TryGetProperty("keys", out _)) ? "Document has keys: they are events of their own" : null);

    private static string? Violation(EventRecord record, KeyIssued? issued) => issued switch
    {
        null => "Data is null",
        { KeyId: null or "" } => "KeyId is empty",
        _ when !IsHash(issued.SecretHash) => "SecretHash is not sha256: and 64 hexadecimal digits",
        _ => Violation(record, issued.EventId, issued.By, EventRecord.TenantStream(issued.TenantId)),
    };

    private static string? Violation(EventRecord record, KeyRevoked? revoked) => revoked switch
    {
        null => "Data is null",
        { KeyId: null or "" } => "KeyId is empty",
        _ => Violation(record, revoked.EventId, revoked.By, EventRecord.TenantStream(revoked.TenantId)),
    };

    private static string? Violation(EventRecord record, UpstreamChanged? changed) =>
        changed is null ? "Data is null"
        : Violation(record, changed.EventId, changed.By, EventRecord.UpstreamStream(changed.UpstreamId)) ?? DocumentViolation(changed.Change, changed.Document);

    private static string? Violation(EventRecord record, UpstreamOrdered? ordered) =>
        ordered is null ? "Data is null" : Violation(record, ordered.EventId, ordered.By, EventRecord.UpstreamStream(ordered.UpstreamId));

    private static string? Violation(EventRecord record, RoutingChanged? changed) =>
        changed is null ? "Data is null" : Violation(record, changed.EventId, changed.By, EventRecord.RoutingStream);

    private static string? Violation(EventRecord record, Guid id, string? by, string stream) =>
        id != record.Id ? $"Id {record.Id} is not the EventId {id}"
        : string.IsNullOrEmpty(by) ? "By is empty"
        : stream != record.Stream ? $"Stream '{record.Stream}' is not '{stream}'"
        : stream.EndsWith('/') ? "the id is empty"
        : null;

    private static string? DocumentViolation(DeclarationChange change, JsonElement? document) => (change, document?.ValueKind) switch
    {
        (DeclarationChange.Removed, null) or (DeclarationChange.Created or DeclarationChange.Updated, JsonValueKind.Object) => null,
        _ => $"Document is {document?.ValueKind.ToString() ?? "missing"} in a change of the kind {change}",
    };

    private static bool IsHash(string? written) =>
        written is { Length: 71 } && written.StartsWith("sha256:", StringComparison.Ordinal) && written.AsSpan(7).IndexOfAnyExcept(HexDigits) < 0;
}
