using System.Text.Json.Serialization;
using CCGate.Projections.Adjustments;
using CCGate.Projections.Administration;
using CCGate.Projections.Billing;
using CCGate.Projections.Engine;
using CCGate.Projections.Explanation;
using CCGate.Projections.Leaderboard;
using CCGate.Projections.Ledger;
using CCGate.Projections.Notifications;
using CCGate.Projections.Me;
using CCGate.Projections.Overview;
using CCGate.Projections.Prices;
using CCGate.Projections.Quotas;
using CCGate.Projections.Reconciliation;
using CCGate.Projections.Requests;
using CCGate.Projections.Sessions;
using CCGate.Projections.Settings;
using CCGate.Projections.Spend;
using CCGate.Projections.Tokens;
using CCGate.Projections.Tenants;
using CCGate.Projections.Unsettled;
using CCGate.Projections.Upstreams;
using CCGate.Projections.Usage;

namespace CCGate.Projections;

/// <summary>The JSON of the query API: camelCase, nothing when null except the bounds of a period.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SpendReport))]
[JsonSerializable(typeof(QuotaReport))]
[JsonSerializable(typeof(ExtensionRequest))]
[JsonSerializable(typeof(ExtensionList))]
[JsonSerializable(typeof(ApiTokenRequest))]
[JsonSerializable(typeof(ApiTokenItem))]
[JsonSerializable(typeof(ApiTokenList))]
[JsonSerializable(typeof(LedgerPage))]
[JsonSerializable(typeof(LedgerEvent))]
[JsonSerializable(typeof(ProjectionList))]
[JsonSerializable(typeof(UnsettledReport))]
[JsonSerializable(typeof(AdjustmentRequest))]
[JsonSerializable(typeof(AdjustmentAnswer))]
[JsonSerializable(typeof(ReconciliationReport))]
[JsonSerializable(typeof(BillingJob))]
[JsonSerializable(typeof(BillingJobList))]
[JsonSerializable(typeof(BillingReport))]
[JsonSerializable(typeof(RebuildResult))]
[JsonSerializable(typeof(VerifyRequest))]
[JsonSerializable(typeof(RebuildRequest))]
[JsonSerializable(typeof(RerateRequest))]
[JsonSerializable(typeof(ReconcileRequest))]
[JsonSerializable(typeof(NotificationList))]
[JsonSerializable(typeof(NotificationDelivery))]
[JsonSerializable(typeof(NotificationPost))]
[JsonSerializable(typeof(NotificationTestRequest))]
[JsonSerializable(typeof(PriceList))]
[JsonSerializable(typeof(PriceChangeDocument))]
[JsonSerializable(typeof(PriceChangeResult))]
[JsonSerializable(typeof(ImportReport))]
[JsonSerializable(typeof(RerateReport))]
[JsonSerializable(typeof(DeclaredUpstream))]
[JsonSerializable(typeof(RoutingDeclaration))]
[JsonSerializable(typeof(RequestExplanation))]
[JsonSerializable(typeof(NodeUsageRequest))]
[JsonSerializable(typeof(NodeUsageError))]
[JsonSerializable(typeof(NodeUsageAnswer<NodeTenantContent>))]
[JsonSerializable(typeof(NodeUsageAnswer<NodeAdminContent>))]
[JsonSerializable(typeof(RequestPage))]
[JsonSerializable(typeof(SessionPage))]
[JsonSerializable(typeof(LeaderboardReport))]
[JsonSerializable(typeof(OverviewReport))]
[JsonSerializable(typeof(MeReport))]
[JsonSerializable(typeof(SettingsReport))]
[JsonSerializable(typeof(ConfigurationExport))]
[JsonSerializable(typeof(AuditPage))]
[JsonSerializable(typeof(TenantRequest))]
[JsonSerializable(typeof(KeyRequest))]
[JsonSerializable(typeof(RotateRequest))]
[JsonSerializable(typeof(UpstreamRequest))]
[JsonSerializable(typeof(OrderRequest))]
[JsonSerializable(typeof(RoutingRequest))]
[JsonSerializable(typeof(TenantPage))]
[JsonSerializable(typeof(KeyPage))]
[JsonSerializable(typeof(TenantDetail))]
[JsonSerializable(typeof(string))]
internal sealed partial class ProjectionsJson : JsonSerializerContext;
