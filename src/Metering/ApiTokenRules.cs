using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Metering;

/// <summary>What must hold of the events of API tokens.</summary>
internal static class ApiTokenRules
{
    /// <summary>The first rule an event breaks, in words; null when it is good.</summary>
    public static string? Violation(EventRecord record) => record switch
    {
        { Stream: not EventRecord.OperatorsStream } => $"Stream '{record.Stream}' is not '{EventRecord.OperatorsStream}'",
        { Type: EventTypes.ApiTokenIssued } => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.ApiTokenIssued)),
        _ => Violation(JsonSerializer.Deserialize(record.Data, ContractsJson.Default.ApiTokenRevoked)),
    };

    private static string? Violation(EventRecord record, ApiTokenIssued? issued) => issued switch
    {
        null => "Data is null",
        { TokenId: var id } when id != record.Id => $"Id {record.Id} is not the TokenId {id}",
        { Name: null or "" } => "Name is empty",
        { Scope: not ("read" or "admin") } => $"Scope is '{issued.Scope}'",
        { SecretHash: var hash } when hash is null || !hash.StartsWith("sha256:", StringComparison.Ordinal) || SecretHash.Parse(hash) is null => "SecretHash is not a hash",
        _ => null,
    };

    private static string? Violation(ApiTokenRevoked? revoked) => revoked switch
    {
        null => "Data is null",
        { TokenId: var id } when id == Guid.Empty => "TokenId is empty",
        _ => null,
    };
}
