using CCGate.Hosting.Health;
using CCGate.Hosting.OpenApi;
using CCGate.Hosting.Operators;
using CCGate.Hosting.Secrets;
using CCGate.Metering;
using CCGate.Projections.Adjustments;
using CCGate.Projections.Administration;
using CCGate.Projections.Billing;
using CCGate.Projections.Docs;
using CCGate.Projections.Dashboard;
using CCGate.Projections.Engine;
using CCGate.Projections.Explanation;
using CCGate.Projections.Fleet;
using CCGate.Projections.Leaderboard;
using CCGate.Projections.Ledger;
using CCGate.Projections.Notifications;
using CCGate.Projections.Live;
using CCGate.Projections.Me;
using CCGate.Projections.Overview;
using CCGate.Projections.Prices;
using CCGate.Projections.Quotas;
using CCGate.Projections.Requests;
using CCGate.Projections.Sessions;
using CCGate.Projections.Settings;
using CCGate.Projections.Reconciliation;
using CCGate.Projections.Spend;
using CCGate.Projections.Telemetry;
using CCGate.Projections.Tokens;
using CCGate.Projections.Traffic;
using CCGate.Projections.Tenants;
using CCGate.Projections.Unsettled;
using CCGate.Projections.Upstreams;
using CCGate.Projections.Usage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace CCGate.Projections;

/// <summary>Everything the projections consist of. The host brings the <c>Database</c>, <c>IEventStore</c>, <c>ConfigSource</c> and <c>TenantDirectory</c>.</summary>
internal static class ProjectionsHost
{
    public static IServiceCollection AddProjections(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddOperators();
        services.TryAddSingleton<EventIntake>();
        services.AddApiDocument();
        services.AddApiSchemas(OperatorsJson.Default);
        services.AddApiSchemas(ProjectionsJson.Default);
        AddReadModels(services);
        AddEngine(services);
        AddQuotas(services);
        AddBilling(services);
        AddNotifications(services);
        AddMetrics(services);
        return services;
    }

    public static void MapProjections(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapNodeUsage();
        endpoints.MapGroup("/api/me").RequireAuthorization(OperatorPolicies.Tenant).MapMe();
        endpoints.MapDashboard();

        var api = endpoints.MapOperatorGroup("/api");
        api.MapSession();
        api.MapTokens();
        api.MapSpend();
        api.MapBudgets();
        api.MapPrices();
        api.MapQuotas();
        api.MapLedger();
        api.MapAdjustments();
        api.MapBilling();
        api.MapNotifications();
        api.MapExplanation();
        api.MapRequests();
        api.MapSessions();
        api.MapLeaderboard();
        api.MapOverview();
        api.MapLive();
        api.MapProjectionStates();
        api.MapTenants();
        api.MapAudit();
        api.MapUpstreamChanges();
        api.MapSettings();

        endpoints.MapOperatorGroup("").MapDocs();
    }

    /// <summary>What a proxy in the same process answers by itself.</summary>
    public static void MapWithoutProxy(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapOperatorGroup("/api").MapFleet();
    }

    private static void AddReadModels(IServiceCollection services)
    {
        services.AddSingleton<IProjection, SpendProjection>();
        services.AddSingleton<IProjection, AdministrationProjection>();
        services.AddSingleton<IProjection, UnsettledProjection>();
        services.AddSingleton<IProjection, TrafficProjection>();
        services.AddSingleton<IProjection, RequestsProjection>();
        services.AddSingleton<RequestReader>();
        services.AddSingleton<SessionReader>();
        services.AddSingleton<OverviewReader>();
        services.AddSingleton<LiveFeed>();
        services.AddHostedService(provider => provider.GetRequiredService<LiveFeed>());
        services.AddSingleton<SpendReader>();
        services.AddHostedService<SpendRollUp>();
        services.AddSingleton<UnsettledReader>();
        services.AddSingleton<SpendAdjuster>();
        services.AddSingleton<NodeUsageReader>();
        services.AddSingleton<PriceChanges>();
        services.AddSingleton<OperatorChanges>();
        services.AddSingleton<TenantChanges>();
        services.AddSingleton<KeyChanges>();
        services.AddSingleton<AuditLog>();
        services.AddSingleton<UpstreamChanges>();
        services.TryAddSingleton<Func<SecretBox>>(provider => provider.GetRequiredService<SecretBox>);
    }

    private static void AddQuotas(IServiceCollection services)
    {
        services.AddSingleton<QuotaReader>();
        services.AddSingleton<TenantEvents>();
        services.AddSingleton<BudgetExtensions>();
        services.AddHostedService<BudgetWatch>();
        services.AddHostedService<AlertWebhook>();
    }

    private static void AddBilling(IServiceCollection services)
    {
        services.AddSingleton<BillingWork>();
        services.AddSingleton<ReconciliationLog>();
        services.AddSingleton<BillingJobs>();
        services.AddHostedService(provider => provider.GetRequiredService<BillingJobs>());
    }

    private static void AddNotifications(IServiceCollection services)
    {
        services.AddSingleton<DeliveryLog>();
        services.AddSingleton<Notifier>();
        services.AddHostedService(provider => provider.GetRequiredService<Notifier>());
        services.AddSingleton<Conditions>();
        services.AddSingleton<ConditionWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<ConditionWatch>());
    }

    private static void AddMetrics(IServiceCollection services)
    {
        services.AddMetrics();
        services.AddSingleton<ProjectionMetrics>();
        services.AddSingleton<ProjectionMetricsWatch>();
        services.AddHostedService(provider => provider.GetRequiredService<ProjectionMetricsWatch>());
    }

    private static void AddEngine(IServiceCollection services)
    {
        services.AddSingleton<ProjectionRound>();
        services.AddSingleton<ProjectionRebuild>();
        services.AddSingleton<ProjectionStates>();
        services.AddSingleton<ProjectionRunner>();
        services.AddHostedService(provider => provider.GetRequiredService<ProjectionRunner>());
        services.AddSingleton(provider => new HealthCheck("projections", provider.GetRequiredService<ProjectionStates>().CheckAsync));
    }
}
