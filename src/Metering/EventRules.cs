using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Metering;

/// <summary>What must hold of an event before it becomes history, which is never edited.</summary>
internal static class EventRules
{
    // Far above anything real, far below what overflows a sum of 64-bit picodollars or tokens.
    private const decimal MaxUsd = 1_000_000;
    private const long MaxTokens = 1_000_000_000_000;

    /// <summary>The first rule an event breaks, in words; null when it is good.</summary>
    public static string? Violation(EventRecord record)
    {
        // What arrives was written by somebody else's serializer, which knows nothing of our nullable annotations.
        if (record.Data is null || record.Stream is null || record.Type is null)
        {
            return "a field is missing";
        }

        try
        {
            return record switch
            {
                { Id: var id } when id == Guid.Empty => "Id is empty",
                { Timestamp.Ticks: 0 } => "Timestamp is missing",
                { Type: EventTypes.RequestCompleted } => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.RequestCompleted)),
                { Type: EventTypes.PriceBookPublished } => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.PriceBookPublished)),
                { Type: EventTypes.SpendAdjusted } => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.SpendAdjusted)),
                { Type: EventTypes.BudgetExtended } => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.BudgetExtended)),
                { Type: EventTypes.BudgetThresholdReached } => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.BudgetThresholdReached)),
                { Type: EventTypes.UpstreamReconciled } => Violation(record, JsonSerializer.Deserialize(record.Data, ContractsJson.Default.UpstreamReconciled)),
                { Type: EventTypes.ApiTokenIssued or EventTypes.ApiTokenRevoked } => ApiTokenRules.Violation(record),
                _ => AdministrationRules.Violation(record),
            };
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return $"Data is not a {record.Type}: {exception.Message}";
        }
    }

    private static string? Violation(EventRecord record, RequestCompleted? request) => request switch
    {
        null => "Data is null",
        { RequestId: var id } when id != record.Id => $"Id {record.Id} is not the RequestId {id}",
        { TenantId: null or "" } => "TenantId is empty",
        { AdmittedAt.Ticks: 0 } => "AdmittedAt is missing",
        _ when EventRecord.UsageStream(request.TenantId, request.AdmittedAt) is var stream && stream != record.Stream =>
            $"Stream '{record.Stream}' is not '{stream}'",
        { Attempts: null } => "Attempts is null",
        _ when Violation("HeldUsd", request.HeldUsd) is { } held => held,
        _ when Violation("HeldTokens", request.HeldTokens) is { } held => held,
        _ when Violation("UnsettledUsd", request.UnsettledUsd ?? 0) is { } unsettled => unsettled,
        _ when Violation("UnsettledTokens", request.UnsettledTokens ?? 0) is { } unsettled => unsettled,
        _ when Violation("", request.Usage, request.SpendUsd) is { } total => total,
        _ => request.Attempts.Select((attempt, i) => attempt is null
            ? $"Attempts[{i}] is null"
            : Violation($"Attempts[{i}].", attempt.Usage, attempt.SpendUsd)).FirstOrDefault(reason => reason is not null),
    };

    private static string? Violation(EventRecord record, PriceBookPublished? published) => published switch
    {
        null => "Data is null",
        { Book: null } => "Book is null",
        _ when record.Stream != "prices" => $"Stream '{record.Stream}' is not 'prices'",
        _ => PriceRules.Violation(published),
    };

    private static string? Violation(EventRecord record, SpendAdjusted? adjusted) => adjusted switch
    {
        null => "Data is null",
        { AdjustmentId: var id } when id != record.Id => $"Id {record.Id} is not the AdjustmentId {id}",
        { Ordinal: < 1 } => $"Ordinal is {adjusted.Ordinal}",
        { TenantId: null or "" } => "TenantId is empty",
        { AdmittedAt.Ticks: 0 } => "AdmittedAt is missing",
        { Reason: null or "" } => "Reason is empty",
        _ when EventRecord.UsageStream(adjusted.TenantId, adjusted.AdmittedAt) is var stream && stream != record.Stream =>
            $"Stream '{record.Stream}' is not '{stream}'",
        { Lines: null or [] } => "Lines is empty",
        _ when Violation("ReleasedUsd", adjusted.ReleasedUsd) is { } released => released,
        _ when Violation("ReleasedTokens", adjusted.ReleasedTokens) is { } released => released,
        _ => adjusted.Lines.Select((line, i) => line is null ? $"Lines[{i}] is null" : Violation($"Lines[{i}].", line)).FirstOrDefault(reason => reason is not null),
    };

    /// <summary>What is added may be negative, but no larger than what an event may say.</summary>
    private static string? Violation(string path, AdjustmentLine line)
    {
        var usage = line.Usage ?? new TokenUsage();
        long[] counts =
        [
            usage.InputTokens, usage.CacheReadTokens, usage.CacheWrite5mTokens, usage.CacheWrite1hTokens, usage.OutputTokens, usage.ReasoningTokens, usage.WebSearches,
        ];
        return Violation(path + "SpendUsd", Math.Abs(line.SpendUsd)) is { } spend
            ? spend
            : counts.Any(count => count is < -MaxTokens or > MaxTokens) ? $"{path}Usage is out of range" : null;
    }

    private static string? Violation(EventRecord record, BudgetExtended? extended) => extended switch
    {
        null => "Data is null",
        { ExtensionId: var id } when id != record.Id => $"Id {record.Id} is not the ExtensionId {id}",
        { TenantId: null or "" } => "TenantId is empty",
        { Reason: null or "" } => "Reason is empty",
        _ when extended.From >= extended.To => "From is not before To",
        _ when EventRecord.TenantStream(extended.TenantId) is var stream && stream != record.Stream => $"Stream '{record.Stream}' is not '{stream}'",
        _ => Violation("ExtraUsd", extended.ExtraUsd) ?? Violation("ExtraTokens", extended.ExtraTokens) ?? Violation("ExtraRequests", extended.ExtraRequests),
    };

    private static string? Violation(EventRecord record, UpstreamReconciled? reconciled) => reconciled switch
    {
        null => "Data is null",
        { EventId: var id } when id != record.Id => $"Id {record.Id} is not the EventId {id}",
        { UpstreamId: null or "" } => "UpstreamId is empty",
        _ when reconciled.From > reconciled.To => "From is after To",
        _ when EventRecord.ReconciliationStream(reconciled.UpstreamId) is var stream && stream != record.Stream => $"Stream '{record.Stream}' is not '{stream}'",
        _ => reconciled.LowestRatio < 0 ? $"LowestRatio is {reconciled.LowestRatio}" : null,
    };

    private static string? Violation(EventRecord record, BudgetThresholdReached? reached) => reached switch
    {
        null => "Data is null",
        { ThresholdId: var id } when id != record.Id => $"Id {record.Id} is not the ThresholdId {id}",
        { TenantId: null or "" } => "TenantId is empty",
        _ when EventRecord.TenantStream(reached.TenantId) is var stream && stream != record.Stream => $"Stream '{record.Stream}' is not '{stream}'",
        _ => null,
    };

    private static string? Violation(string path, TokenUsage? usage, decimal spendUsd)
    {
        if (usage is null)
        {
            return $"{path}Usage is null";
        }

        return Violation(path + nameof(usage.InputTokens), usage.InputTokens)
            ?? Violation(path + nameof(usage.CacheReadTokens), usage.CacheReadTokens)
            ?? Violation(path + nameof(usage.CacheWrite5mTokens), usage.CacheWrite5mTokens)
            ?? Violation(path + nameof(usage.CacheWrite1hTokens), usage.CacheWrite1hTokens)
            ?? Violation(path + nameof(usage.OutputTokens), usage.OutputTokens)
            ?? Violation(path + nameof(usage.ReasoningTokens), usage.ReasoningTokens)
            ?? Violation(path + nameof(usage.WebSearches), usage.WebSearches)
            ?? Violation(path + "SpendUsd", spendUsd);
    }

    private static string? Violation(string name, long count) => count is >= 0 and <= MaxTokens ? null : $"{name} is {count}";

    private static string? Violation(string name, decimal usd) => usd is >= 0 and <= MaxUsd ? null : $"{name} is {usd}";
}
