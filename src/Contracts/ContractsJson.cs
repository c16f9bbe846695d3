using System.Text.Json.Serialization;

namespace CCGate.Contracts;

/// <summary>How events are written: names as declared, enums as strings, nothing when null.</summary>
[JsonSourceGenerationOptions(UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RequestCompleted))]
[JsonSerializable(typeof(PriceBookPublished))]
[JsonSerializable(typeof(SpendAdjusted))]
[JsonSerializable(typeof(BudgetExtended))]
[JsonSerializable(typeof(BudgetThresholdReached))]
[JsonSerializable(typeof(ApiTokenIssued))]
[JsonSerializable(typeof(ApiTokenRevoked))]
[JsonSerializable(typeof(TenantChanged))]
[JsonSerializable(typeof(KeyIssued))]
[JsonSerializable(typeof(KeyRevoked))]
[JsonSerializable(typeof(UpstreamChanged))]
[JsonSerializable(typeof(UpstreamOrdered))]
[JsonSerializable(typeof(RoutingChanged))]
[JsonSerializable(typeof(UpstreamReconciled))]
[JsonSerializable(typeof(EventBatch))]
public sealed partial class ContractsJson : JsonSerializerContext;
