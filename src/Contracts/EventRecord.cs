using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>A fact on its way into the event store: what the journal ships and the bus carries.</summary>
/// <param name="Id">The event's identity for ever: a fact that arrives twice is stored once.</param>
/// <param name="Stream">The stream it belongs to, such as <c>usage/alice/2026-11-21</c>.</param>
/// <param name="Type">The stored type, one of <see cref="EventTypes"/>.</param>
/// <param name="Timestamp">When it became true.</param>
/// <param name="Data">The event as JSON; kept as text so that one unreadable event cannot spoil the message it travels in.</param>
public sealed record EventRecord(
    Guid Id, string Stream, string Type, DateTimeOffset Timestamp, [property: JsonConverter(typeof(RawJsonConverter))] string Data)
{
    public static EventRecord From(RequestCompleted completed)
    {
        ArgumentNullException.ThrowIfNull(completed);
        return new EventRecord(
            completed.RequestId,
            UsageStream(completed.TenantId, completed.AdmittedAt),
            EventTypes.RequestCompleted,
            completed.CompletedAt,
            JsonSerializer.Serialize(completed, ContractsJson.Default.RequestCompleted));
    }

    public static EventRecord From(PriceBookPublished published)
    {
        ArgumentNullException.ThrowIfNull(published);
        return new EventRecord(
            published.EventId,
            "prices",
            EventTypes.PriceBookPublished,
            published.PublishedAt,
            JsonSerializer.Serialize(published, ContractsJson.Default.PriceBookPublished));
    }

    public static EventRecord From(SpendAdjusted adjusted)
    {
        ArgumentNullException.ThrowIfNull(adjusted);
        return new EventRecord(
            adjusted.AdjustmentId,
            UsageStream(adjusted.TenantId, adjusted.AdmittedAt),
            EventTypes.SpendAdjusted,
            adjusted.AdjustedAt,
            JsonSerializer.Serialize(adjusted, ContractsJson.Default.SpendAdjusted));
    }

    public static EventRecord From(BudgetExtended extended)
    {
        ArgumentNullException.ThrowIfNull(extended);
        return new EventRecord(
            extended.ExtensionId,
            TenantStream(extended.TenantId),
            EventTypes.BudgetExtended,
            extended.ExtendedAt,
            JsonSerializer.Serialize(extended, ContractsJson.Default.BudgetExtended));
    }

    public static EventRecord From(BudgetThresholdReached reached)
    {
        ArgumentNullException.ThrowIfNull(reached);
        return new EventRecord(
            reached.ThresholdId,
            TenantStream(reached.TenantId),
            EventTypes.BudgetThresholdReached,
            reached.ReachedAt,
            JsonSerializer.Serialize(reached, ContractsJson.Default.BudgetThresholdReached));
    }

    /// <summary>The stream of who may ask the operator's API.</summary>
    public const string OperatorsStream = "operators";

    public static EventRecord From(ApiTokenIssued issued)
    {
        ArgumentNullException.ThrowIfNull(issued);
        return new EventRecord(issued.TokenId, OperatorsStream, EventTypes.ApiTokenIssued, issued.At, JsonSerializer.Serialize(issued, ContractsJson.Default.ApiTokenIssued));
    }

    public static EventRecord From(ApiTokenRevoked revoked)
    {
        ArgumentNullException.ThrowIfNull(revoked);
        return new EventRecord(
            Guid.CreateVersion7(revoked.At), OperatorsStream, EventTypes.ApiTokenRevoked, revoked.At, JsonSerializer.Serialize(revoked, ContractsJson.Default.ApiTokenRevoked));
    }

    public static EventRecord From(TenantChanged changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        return new EventRecord(
            changed.EventId, TenantStream(changed.TenantId), EventTypes.TenantChanged, changed.At, JsonSerializer.Serialize(changed, ContractsJson.Default.TenantChanged));
    }

    public static EventRecord From(KeyIssued issued)
    {
        ArgumentNullException.ThrowIfNull(issued);
        return new EventRecord(issued.EventId, TenantStream(issued.TenantId), EventTypes.KeyIssued, issued.At, JsonSerializer.Serialize(issued, ContractsJson.Default.KeyIssued));
    }

    public static EventRecord From(KeyRevoked revoked)
    {
        ArgumentNullException.ThrowIfNull(revoked);
        return new EventRecord(revoked.EventId, TenantStream(revoked.TenantId), EventTypes.KeyRevoked, revoked.At, JsonSerializer.Serialize(revoked, ContractsJson.Default.KeyRevoked));
    }

    public static EventRecord From(UpstreamChanged changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        return new EventRecord(
            changed.EventId, UpstreamStream(changed.UpstreamId), EventTypes.UpstreamChanged, changed.At, JsonSerializer.Serialize(changed, ContractsJson.Default.UpstreamChanged));
    }

    public static EventRecord From(UpstreamOrdered ordered)
    {
        ArgumentNullException.ThrowIfNull(ordered);
        return new EventRecord(
            ordered.EventId, UpstreamStream(ordered.UpstreamId), EventTypes.UpstreamOrdered, ordered.At, JsonSerializer.Serialize(ordered, ContractsJson.Default.UpstreamOrdered));
    }

    public static EventRecord From(RoutingChanged changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        return new EventRecord(changed.EventId, RoutingStream, EventTypes.RoutingChanged, changed.At, JsonSerializer.Serialize(changed, ContractsJson.Default.RoutingChanged));
    }

    public static EventRecord From(UpstreamReconciled reconciled)
    {
        ArgumentNullException.ThrowIfNull(reconciled);
        return new EventRecord(
            reconciled.EventId,
            ReconciliationStream(reconciled.UpstreamId),
            EventTypes.UpstreamReconciled,
            reconciled.ReconciledAt,
            JsonSerializer.Serialize(reconciled, ContractsJson.Default.UpstreamReconciled));
    }

    /// <summary>The stream of what came out when an upstream's bill was compared with the provider's.</summary>
    public static string ReconciliationStream(string upstreamId) => "reconciliation/" + upstreamId;

    /// <summary>The stream of how requests are spread.</summary>
    public const string RoutingStream = "routing";

    /// <summary>The stream of what is decided about an upstream.</summary>
    public static string UpstreamStream(string upstreamId) => "upstream/" + upstreamId;

    /// <summary>The stream of what is decided about a tenant.</summary>
    public static string TenantStream(string tenantId) => "tenant/" + tenantId;

    /// <summary>The stream of a tenant's requests: one per tenant and UTC date of admission.</summary>
    public static string UsageStream(string tenantId, DateTimeOffset admittedAt) =>
        string.Create(CultureInfo.InvariantCulture, $"usage/{tenantId}/{admittedAt.UtcDateTime:yyyy-MM-dd}");
}

/// <summary>What travels over the queue in one message: many events, because a publisher confirm costs a round trip.</summary>
/// <param name="ProxyInstance">Who sent it.</param>
/// <param name="Events">In the order of the sender's journal.</param>
public sealed record EventBatch(string ProxyInstance, IReadOnlyList<EventRecord> Events);

/// <summary>The stored names of the events; never renamed, since history is never edited.</summary>
public static class EventTypes
{
    public const string RequestCompleted = "request_completed";
    public const string SpendAdjusted = "spend_adjusted";
    public const string PriceBookPublished = "price_book_published";
    public const string BudgetExtended = "budget_extended";
    public const string BudgetThresholdReached = "budget_threshold_reached";
    public const string ApiTokenIssued = "api_token_issued";
    public const string ApiTokenRevoked = "api_token_revoked";
    public const string TenantChanged = "tenant_changed";
    public const string KeyIssued = "key_issued";
    public const string KeyRevoked = "key_revoked";
    public const string UpstreamChanged = "upstream_changed";
    public const string UpstreamOrdered = "upstream_ordered";
    public const string RoutingChanged = "routing_changed";
    public const string UpstreamReconciled = "upstream_reconciled";

    /// <summary>The .NET type stored beside the name, so that a Marten reader finds it; null for a name this version does not know.</summary>
    public static string? DotnetType(string type) => type switch
    {
        RequestCompleted => "CCGate.Contracts.RequestCompleted, CCGate.Contracts",
        SpendAdjusted => "CCGate.Contracts.SpendAdjusted, CCGate.Contracts",
        PriceBookPublished => "CCGate.Contracts.PriceBookPublished, CCGate.Contracts",
        BudgetExtended => "CCGate.Contracts.BudgetExtended, CCGate.Contracts",
        BudgetThresholdReached => "CCGate.Contracts.BudgetThresholdReached, CCGate.Contracts",
        ApiTokenIssued => "CCGate.Contracts.ApiTokenIssued, CCGate.Contracts",
        ApiTokenRevoked => "CCGate.Contracts.ApiTokenRevoked, CCGate.Contracts",
        TenantChanged => "CCGate.Contracts.TenantChanged, CCGate.Contracts",
        KeyIssued => "CCGate.Contracts.KeyIssued, CCGate.Contracts",
        KeyRevoked => "CCGate.Contracts.KeyRevoked, CCGate.Contracts",
        UpstreamChanged => "CCGate.Contracts.UpstreamChanged, CCGate.Contracts",
        UpstreamOrdered => "CCGate.Contracts.UpstreamOrdered, CCGate.Contracts",
        RoutingChanged => "CCGate.Contracts.RoutingChanged, CCGate.Contracts",
        UpstreamReconciled => "CCGate.Contracts.UpstreamReconciled, CCGate.Contracts",
        _ => null,
    };
}

/// <summary>Writes a string that is JSON already as the JSON it is, and reads any JSON value back as text.</summary>
internal sealed class RawJsonConverter : JsonConverter<string>
{
    public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using var document = JsonDocument.ParseValue(ref reader);
        return document.RootElement.GetRawText();
    }

    /// <summary>Text that is not JSON travels as a string, which no event is: the reader rejects it alone instead of the message it is in.</summary>
    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options)
    {
        if (IsJson(value))
        {
            writer.WriteRawValue(value, skipInputValidation: true);
        }
        else
        {
            writer.WriteStringValue(value);
        }
    }

    private static bool IsJson(string value)
    {
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(value), new JsonReaderOptions { MaxDepth = 900 });
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
