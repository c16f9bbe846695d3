using System.Text;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Health;
using CCGate.Hosting.Logging;
using CCGate.Hosting.Operators;
using CCGate.Hosting.Secrets;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Telemetry;
using CCGate.Hosting.Tenants;
using CCGate.Metering;
using CCGate.Metering.EventStore;
using CCGate.Projections;
using CCGate.Proxy;
using CCGate.Proxy.Journal;
using CCGate.Proxy.Limits;
using CCGate.Proxy.Pipeline;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace CCGate.Cli.Hosts;

/// <summary>What a process is started with.</summary>
/// <param name="Config">The configuration that was read.</param>
/// <param name="Directory">Where it came from, to watch for changes; null for the demo.</param>
/// <param name="Data">Where this process keeps its files.</param>
/// <param name="Urls">Where it listens, separated by semicolons.</param>
internal sealed record HostStart(GatewayConfig Config, ConfigDirectory? Directory, DirectoryInfo Data, string Urls);

/// <summary>The kinds of process, each built from the same AddX and MapX.</summary>
internal static class GatewayHosts
{
    // What belongs to the projections, wherever it is asked for.
    private static readonly string[] ProjectionPaths = ["/api/{**path}", "/usage", "/dashboard/{**path}", "/docs/{**path}", "/openapi/{**path}"];

    /// <summary>Everything in one process, over SQLite and without a broker.</summary>
    public static WebApplication Run(HostStart start)
    {
        var builder = Create(start, new ProcessIdentity("run", ProxyIdentity.Of(start.Data).Instance));
        builder.Services.AddSingleton(_ => new SqliteDatabase(Path.Combine(start.Data.FullName, "store.db")));
        builder.Services.AddSingleton<Database>(provider => provider.GetRequiredService<SqliteDatabase>());
        builder.Services.AddSingleton<IEventStore, SqliteEventStore>();
        builder.Services.AddEventIntake();
        builder.Services.AddSingleton<IUsageSink, StoreUsageSink>();
        builder.Services.AddHostedService<StoreMigration>();
        builder.Services.AddHostedService<AdministrationFeed>();
        builder.Services.AddProjections();
        builder.Services.AddProxy(start.Data);

        var app = builder.Build();
        app.UseOperators();
        app.MapHealth();
        app.MapMetrics();
        app.MapProxy();
        app.MapProjections();
        return app;
    }

    /// <summary>The gateway alone; usage leaves over RabbitMQ, spend comes back from PostgreSQL.</summary>
    public static WebApplication Proxy(HostStart start)
    {
        var identity = new ProcessIdentity("proxy", ProxyIdentity.Of(start.Data).Instance);
        var builder = Create(start, identity);
        builder.Services.AddSingleton(_ => new PostgresDatabase(start.Config.EventStore!.Reveal()));
        builder.Services.AddSingleton<Database>(provider => provider.GetRequiredService<PostgresDatabase>());
        builder.Services.AddSingleton<QuotaLeases>();
        RabbitMqUsageSink.AddTo(builder.Services, new Uri(start.Config.Broker!.Reveal()), identity.Instance);
        builder.Services.AddHostedService<AdministrationFeed>();
        builder.Services.AddProxy(start.Data);

        var app = builder.Build();
        app.UseOperators();
        app.MapHealth();
        app.MapMetrics();
        app.MapProxy();
        if (start.Config.Projections is { } projections)
        {
            // Who may ask is decided there; who it is that asks is passed on.
            app.UseWhen(static http => http.GetEndpoint()?.Metadata.GetMetadata<ForwardedPath>() is not null, static forwarded => forwarded.Use(ClientAddress.WriteAsync));
            foreach (var path in ProjectionPaths)
            {
                app.MapForwarder(path, projections.AbsoluteUri.TrimEnd('/')).AllowAnonymous().WithMetadata(new ForwardedPath());
            }
        }

        return app;
    }

    /// <summary>Takes events from the queue into the store.</summary>
    public static WebApplication Metering(HostStart start)
    {
        var builder = Create(start, ProcessIdentity.At("metering", start.Urls));
        builder.AddMetering(start.Config);

        // Who may read the metrics of the process, and the tokens that were issued for that.
        builder.Services.AddOperators();
        builder.Services.AddHostedService<AdministrationFeed>();

        var app = builder.Build();
        app.MapHealth();
        app.MapMetrics();
        return app;
    }

    /// <summary>Builds the read models and answers questions about them.</summary>
    public static WebApplication Projections(HostStart start)
    {
        var builder = Create(start, ProcessIdentity.At("projections", start.Urls));
        builder.Services.AddPostgresEventStore(start.Config.EventStore!.Reveal());
        builder.Services.AddProjections();
        builder.Services.AddHostedService<AdministrationFeed>();

        var app = builder.Build();
        app.UseOperators();
        app.MapHealth();
        app.MapMetrics();
        app.MapProjections();
        app.MapWithoutProxy();
        return app;
    }

    /// <summary>The operator's API over an open store, for one command: nothing is forwarded, and nothing goes on by itself.</summary>
    public static WebApplication Operator(HostStart start, Database database, IEventStore events)
    {
        var builder = Create(start, identity: null);
        builder.Services.AddSingleton(database);
        builder.Services.AddSingleton(events);
        if (database is SqliteDatabase sqlite)
        {
            builder.Services.AddSingleton(sqlite);
        }

        // Alerts, their delivery and the projections are the gateway's work, which may be running beside this.
        var before = builder.Services.ToHashSet();
        builder.Services.AddProjections();
        foreach (var running in builder.Services.Where(added => added.ServiceType == typeof(IHostedService) && !before.Contains(added)).ToList())
        {
            builder.Services.Remove(running);
        }

        builder.Services.AddHostedService<AdministrationFeed>();
        var app = builder.Build();
        app.UseOperators();
        app.MapProjections();
        app.MapWithoutProxy();
        return app;
    }

    /// <summary>What every process shares.</summary>
    /// <param name="start">What it is started with.</param>
    /// <param name="identity">Null when it says nothing of itself.</param>
    private static WebApplicationBuilder Create(HostStart start, ProcessIdentity? identity)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseUrls(start.Urls);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null; // The pipeline bounds bodies, and says so in the client's protocol.

            // An upstream's header comes as Latin-1, a character for each byte, and leaves as the same bytes; the default is to fail.
            kestrel.ResponseHeaderEncodingSelector = static name => name.StartsWith(GatewayHeaders.Prefix, StringComparison.OrdinalIgnoreCase) ? Encoding.UTF8 : Encoding.Latin1;
        });
        // Streams in flight may finish; service managers and compose give a minute before they kill.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = start.Config.Server.ShutdownTimeout);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(provider => new ConfigSource(start.Config, provider.GetRequiredService<SecretBox>));
        builder.Services.AddSingleton<TenantDirectory>();
        builder.Services.AddSingleton(_ => new SecretBox(start.Config.SecretsKey ?? SecretsKey.Of(start.Data)));
        if (identity is not null)
        {
            builder.Logging.AddGatewayLogging(start.Config.Telemetry, identity);
            builder.Services.AddTelemetry(identity);
        }
        else
        {
            builder.Logging.ClearProviders(); // What goes wrong is what the command says.
        }

        if (start.Directory is { } directory)
        {
            builder.Services.AddSingleton(directory);
            builder.Services.AddHostedService<ConfigReloader>();
        }

        return builder;
    }

    /// <summary>Marks the endpoints whose requests go to the projections.</summary>
    private sealed class ForwardedPath;
}
