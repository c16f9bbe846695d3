using System.Runtime.InteropServices;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Spend;

/// <summary>What events add to the spend table: the definition of it, in the plainest code. What is faster must give the same.</summary>
internal sealed class SpendRows
{
    private readonly Dictionary<SpendKey, SpendAmounts> rows = [];

    public IReadOnlyCollection<SpendAmounts> Rows => rows.Values;

    /// <exception cref="UnreadableEventException">It cannot be applied; nothing of it was.</exception>
    public void Add(StoredEvent stored)
    {
        try
        {
            if (stored.Type == EventTypes.RequestCompleted)
            {
                Add(JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.RequestCompleted) ?? throw new JsonException("it is null."));
            }
            else if (stored.Type == EventTypes.SpendAdjusted)
            {
                Add(JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.SpendAdjusted) ?? throw new JsonException("it is null."));
            }
        }
        catch (Exception malformed) when (malformed is JsonException or ArgumentException or OverflowException)
        {
            throw new UnreadableEventException(stored, malformed.Message, malformed);
        }
    }

    public void Add(SpendRows other)
    {
        foreach (var row in other.Rows)
        {
            Row(row.Key).Add(row);
        }
    }

    public SpendAmounts Row(SpendKey key)
    {
        ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(rows, key, out _);
        return row ??= new SpendAmounts(key);
    }

    private void Add(RequestCompleted completed)
    {
        // What an old event lacks is null here, whatever the property's initial value: the generated reader sets every property.
        var attempts = completed.Attempts ?? [];
        var last = attempts.Count == 0 ? Row(completed.AdmittedAt, completed.TenantId, completed.KeyId, completed.RequestedModel, upstream: "") : null;
        foreach (var attempt in attempts)
        {
            ArgumentNullException.ThrowIfNull(attempt);
            last = Row(completed.AdmittedAt, completed.TenantId, completed.KeyId, attempt.ProviderModel, attempt.UpstreamId);
            last.Add(attempt);
        }

        // An attempt that a failover replaced consumed tokens all the same, but the client made one request: it counts where it ended.
        last!.Add(completed);
    }

    /// <summary>An adjustment belongs where the request is: the same quarter hour, tenant and key, and the models and upstreams of its attempts, of which the last one holds.</summary>
    private void Add(SpendAdjusted adjusted)
    {
        SpendAmounts? last = null;
        foreach (var line in adjusted.Lines ?? [])
        {
            ArgumentNullException.ThrowIfNull(line);
            last = Row(adjusted.AdmittedAt, adjusted.TenantId, adjusted.KeyId, line.ProviderModel, line.UpstreamId);
            last.Add(line);
        }

        last?.Release(adjusted);
    }

    private SpendAmounts Row(DateTimeOffset admittedAt, string? tenant, string? key, string? model, string? upstream) =>
        Row(new SpendKey(QuarterHour.Of(admittedAt), tenant ?? "", key ?? "", model ?? "", upstream ?? ""));
}
