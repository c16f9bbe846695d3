using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Unsettled;

/// <summary>Which requests wait for somebody to say what they cost, and which did.</summary>
internal sealed class UnsettledProjection : IProjection
{
    /// <summary>As either database gives the JSON back; nearly no event has it, and searching text costs a thousandth of reading JSON.</summary>
    private const string Mark = "\"Unknown\"";

    private static readonly string Ddl = SqlFile.Read("Unsettled.UnsettledTable.sql");

    public string Name => "unsettled";

    public IReadOnlyList<string> AddedColumns => [];

    public string CreateTable(string table) => Ddl.Replace("$table", table, StringComparison.Ordinal);

    public WriteRows Fold(IReadOnlyList<StoredEvent> events)
    {
        var changes = events.Select(Change).OfType<object>().ToList();
        return async (table, transaction, cancellationToken) =>
        {
            foreach (var change in changes)
            {
                await Checkpoints.ExecuteAsync(transaction, change is Opened ? OpenSql(table) : ReleaseSql(table), change, cancellationToken);
            }
        };
    }

    private static object? Change(StoredEvent stored)
    {
        try
        {
            return stored.Type switch
            {
                EventTypes.RequestCompleted when stored.Data.Contains(Mark, StringComparison.Ordinal) =>
                    Change(JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.RequestCompleted) ?? throw new JsonException("it is null.")),
                EventTypes.SpendAdjusted => Change(JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.SpendAdjusted) ?? throw new JsonException("it is null.")),
                _ => null,
            };
        }
        catch (Exception malformed) when (malformed is JsonException or ArgumentException or OverflowException)
        {
            throw new UnreadableEventException(stored, malformed.Message, malformed);
        }
    }

    private static Opened? Change(RequestCompleted completed) =>
        (completed.Attempts ?? []).LastOrDefault(attempt => attempt?.UsageState == UsageState.Unknown) is not { } attempt ? null : new Opened(
            completed.RequestId.ToString(),
            completed.TenantId ?? "",
            completed.KeyId ?? "",
            Instant.ToMicroseconds(completed.AdmittedAt),
            attempt.UpstreamId ?? "",
            attempt.ProviderModel ?? "",
            attempt.Failure ?? "the answer has no usage",
            Picodollars.FromUsd(completed.UnsettledUsd ?? 0m),
            completed.UnsettledTokens ?? 0);

    private static Released? Change(SpendAdjusted adjusted) =>
        adjusted is { Kind: not AdjustmentKind.Settlement, ReleasedUsd: 0, ReleasedTokens: 0 } ? null : new Released(
            adjusted.RequestId.ToString(),
            Picodollars.FromUsd(adjusted.ReleasedUsd),
            adjusted.ReleasedTokens,
            adjusted.Kind == AdjustmentKind.Settlement ? Instant.ToMicroseconds(adjusted.AdjustedAt) : null);

    private static string OpenSql(string table) => $"""
        insert into {table} (request_id, tenant_id, key_id, admitted_at, upstream_id, model, why, held_pico, held_tokens)
        values (@RequestId, @TenantId, @KeyId, @AdmittedAt, @UpstreamId, @Model, @Why, @HeldPico, @HeldTokens)
        on conflict (request_id) do nothing
        """;

    private static string ReleaseSql(string table) => $"""
        update {table} set held_pico = held_pico - @Pico, held_tokens = held_tokens - @Tokens, settled_at = coalesce(settled_at, @SettledAt)
        where request_id = @RequestId
        """;

    private sealed record Opened(
        string RequestId, string TenantId, string KeyId, long AdmittedAt, string UpstreamId, string Model, string Why, long HeldPico, long HeldTokens);

    private sealed record Released(string RequestId, long Pico, long Tokens, long? SettledAt);
}
