using System.Text.Json.Serialization;
using CCGate.Projections.Adjustments;
using CCGate.Projections.Billing;
using CCGate.Projections.Engine;
using CCGate.Projections.Explanation;
using CCGate.Projections.Ledger;
using CCGate.Projections.Prices;
using CCGate.Projections.Quotas;
using CCGate.Projections.Reconciliation;
using CCGate.Projections.Spend;
using CCGate.Projections.Unsettled;
using CCGate.Projections.Usage;

namespace CCGate.Projections;

/// <summary>The JSON of the query API: camelCase, nothing when null except the bounds of a period.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SpendReport))]
[JsonSerializable(typeof(QuotaReport))]
[JsonSerializable(typeof(ExtensionRequest))]
[JsonSerializable(typeof(ExtensionList))]
[JsonSerializable(typeof(LedgerPage))]
[JsonSerializable(typeof(LedgerEvent))]
[JsonSerializable(typeof(ProjectionList))]
[JsonSerializable(typeof(UnsettledReport))]
[JsonSerializable(typeof(AdjustmentRequest))]
[JsonSerializable(typeof(AdjustmentAnswer))]
[JsonSerializable(typeof(ReconciliationReport))]
[JsonSerializable(typeof(PriceList))]
[JsonSerializable(typeof(PriceChangeDocument))]
[JsonSerializable(typeof(PriceChangeResult))]
[JsonSerializable(typeof(ImportReport))]
[JsonSerializable(typeof(RerateReport))]
[JsonSerializable(typeof(RequestExplanation))]
[JsonSerializable(typeof(NodeUsageRequest))]
[JsonSerializable(typeof(NodeUsageError))]
[JsonSerializable(typeof(NodeUsageAnswer<NodeTenantContent>))]
[JsonSerializable(typeof(NodeUsageAnswer<NodeAdminContent>))]
[JsonSerializable(typeof(string))]
internal sealed partial class ProjectionsJson : JsonSerializerContext;
