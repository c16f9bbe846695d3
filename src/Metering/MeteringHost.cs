using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace CCGate.Metering;

/// <summary>The metering role: events come off the queue, are checked, and become history.</summary>
internal static class MeteringHost
{
    /// <summary>Registers everything the role runs; <c>broker</c> and <c>eventStore</c> must be configured.</summary>
    public static void AddMetering(this IHostApplicationBuilder builder, GatewayConfig config)
    {
        AddPostgresEventStore(builder.Services, Required(config.EventStore, "eventStore", "Host=127.0.0.1;Database=ccgate"));
        builder.Services.AddEventIntake();
        var broker = new Uri(Required(config.Broker, "broker", "amqp://guest:guest@127.0.0.1:5672"));
        UsageConsumer.AddTo(builder.Services, broker);
        builder.Services.AddHostedService(provider => ActivatorUtilities.CreateInstance<QueueDepthWatch>(provider, broker));
    }

    /// <summary>The door into the event store, where it is measured.</summary>
    public static void AddEventIntake(this IServiceCollection services)
    {
        services.AddMetrics();
        services.AddSingleton<MeteringMetrics>();
        services.AddSingleton<EventIntake>();
    }

    /// <summary>The ledger on PostgreSQL, brought up to date in the background once it can be reached.</summary>
    public static void AddPostgresEventStore(this IServiceCollection services, string connectionString)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(_ => new PostgresDatabase(connectionString));
        services.AddSingleton<Database>(provider => provider.GetRequiredService<PostgresDatabase>());
        services.AddSingleton<IEventStore, PostgresEventStore>();
        services.AddHostedService<EventStoreMigration>();
    }

    private static string Required(Secret? value, string name, string example) => value?.Reveal() is { Length: > 0 } text
        ? text
        : throw new InvalidOperationException($"server.json: \"{name}\" is missing; this role needs it, such as \"{example}\"");
}
