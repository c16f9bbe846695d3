using System.Text.Json;
using CCGate.Contracts;
using CCGate.Metering.EventStore;

namespace CCGate.Projections.Adjustments;

/// <summary>A request and everything that was changed of it since.</summary>
internal sealed record RequestHistory(RequestCompleted Request, IReadOnlyList<SpendAdjusted> Adjustments)
{
    public int NextOrdinal => Adjustments.Count + 1;

    public decimal TotalUsd => Request.SpendUsd + Adjustments.Sum(adjusted => adjusted.Lines.Sum(line => line.SpendUsd));

    public bool IsUnsettled => UnknownAttempt is not null && Adjustments.All(adjusted => adjusted.Kind != AdjustmentKind.Settlement);

    public decimal UnsettledUsd => (Request.UnsettledUsd ?? 0m) - Adjustments.Sum(adjusted => adjusted.ReleasedUsd);

    public long UnsettledTokens => (Request.UnsettledTokens ?? 0) - Adjustments.Sum(adjusted => adjusted.ReleasedTokens);

    /// <summary>The last attempt whose usage nobody reported.</summary>
    public Attempt? UnknownAttempt => Request.Attempts.LastOrDefault(attempt => attempt.UsageState == UsageState.Unknown);

    /// <summary>Null when there is no such request. Each adjustment's id follows from its number, so they are found one after the other without a search.</summary>
    public static async Task<RequestHistory?> ReadAsync(IEventStore store, Guid requestId, CancellationToken cancellationToken)
    {
        if (await store.FindAsync(requestId, cancellationToken) is not { Type: EventTypes.RequestCompleted } request)
        {
            return null;
        }

        var adjustments = new List<SpendAdjusted>();
        while (await store.FindAsync(SpendAdjusted.IdOf(requestId, adjustments.Count + 1), cancellationToken) is { Type: EventTypes.SpendAdjusted } adjusted)
        {
            adjustments.Add(JsonSerializer.Deserialize(adjusted.Data, ContractsJson.Default.SpendAdjusted)!);
        }

        return new RequestHistory(JsonSerializer.Deserialize(request.Data, ContractsJson.Default.RequestCompleted)!, adjustments);
    }
}
