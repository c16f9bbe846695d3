using CCGate.Hosting.Configuration;
using CCGate.Hosting.Health;
using CCGate.Hosting.OpenApi;
using CCGate.Hosting.Operators;
using CCGate.Hosting.Telemetry;
using CCGate.Hosting.Tenants;
using CCGate.Proxy.Journal;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Reports;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Telemetry;
using CCGate.Proxy.Tenants;
using CCGate.Proxy.Upstreams;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy;

/// <summary>Everything the proxy consists of, in the order a request meets it. The host adds the seams: <c>ConfigSource</c>, <c>Database</c>, <c>IUsageSink</c>.</summary>
internal static class ProxyHost
{
    public static IServiceCollection AddProxy(this IServiceCollection services, DirectoryInfo data)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddOperators();
        services.AddApiSchemas(UpstreamsJson.Default);
        services.AddSingleton<ModelsEndpoint>();
        services.AddSingleton<SurfaceEndpoints>();
        services.AddSingleton(_ => ProxyIdentity.Of(data));
        services.AddSingleton(_ => SemanticConventions.From(Environment.GetEnvironmentVariable));
        services.AddSingleton<ProxyMetrics>();
        services.AddSingleton<JournalMetrics>();
        services.AddHostedService<ProxyGauges>();
        services.AddSingleton<AccessLog>();
        services.AddSingleton<GatewayTelemetry>();
        services.AddSingleton<GatewayPipeline>();
        AddTenants(services);
        AddLimits(services);
        AddUpstreams(services);
        AddJournal(services, data);
        services.AddHostedService<ProxyReporter>();
        return services;
    }

    public static void MapProxy(this IEndpointRouteBuilder routes)
    {
        routes.ServiceProvider.GetRequiredService<SurfaceEndpoints>().Map(routes);
        routes.MapUpstreams();
    }

    private static void AddTenants(IServiceCollection services)
    {
        services.TryAddSingleton<TenantDirectory>();
        services.AddSingleton<ApiKeyAuthenticator>();
        services.AddSingleton<ModelAccess>();
        services.AddSingleton<ModelCatalogue>();
    }

    private static void AddLimits(IServiceCollection services) => services.AddSingleton<QuotaLedger>();

    private static void AddUpstreams(IServiceCollection services)
    {
        services.AddHttpForwarder();
        services.AddSingleton<UpstreamPool>();
        services.AddSingleton(_ => new LoadBalancer(new Random()));
        services.AddSingleton(provider => new SessionAffinity(provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<AffinityStatistics>();
        services.AddSingleton<AttemptPlanner>();
        services.AddSingleton<Drains>();
        services.AddSingleton<UpstreamForwarder>();
        services.AddHostedService<UpstreamSpendFeed>();
        services.AddHostedService(provider => new HealthChecker(
            provider.GetRequiredService<UpstreamPool>(), provider.GetRequiredService<ConfigSource>(), new Random(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<HealthChecker>>()));
    }

    // Hosted services start in this order and stop in the reverse one: the server, which comes last, stops taking requests first.
    private static void AddJournal(IServiceCollection services, DirectoryInfo data)
    {
        services.AddSingleton(_ => new JournalFile(data));
        services.AddSingleton<UsageJournal>();
        services.AddSingleton<JournalShipper>();
        services.AddSingleton<SpendFeed>();
        services.AddSingleton(provider => new HealthCheck("journal", provider.GetRequiredService<UsageJournal>().CheckAsync));
        services.AddSingleton(provider => new HealthCheck("spend", provider.GetRequiredService<SpendFeed>().CheckAsync));
        services.AddHostedService<JournalStart>();
        services.AddHostedService(provider => provider.GetRequiredService<UsageJournal>());
        services.AddHostedService<PriceBookPublisher>();
        services.AddHostedService(provider => provider.GetRequiredService<JournalShipper>());
        services.AddHostedService(provider => provider.GetRequiredService<SpendFeed>());
    }
}
