using CCGate.Hosting.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace CCGate.Hosting.Telemetry;

/// <summary>Sends metrics and traces by OTLP to where <c>telemetry.otlpEndpoint</c> says; does nothing without it.</summary>
/// <remarks>Built with the SDK alone: OpenTelemetry.Extensions.Hosting and the instrumentation packages are not needed, the framework's own meters and sources have the same data.</remarks>
internal sealed class Telemetry(string endpoint) : IHostedService, IDisposable
{
    private static readonly string[] Meters =
        ["CCGate.Proxy", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime", "MassTransit", "Npgsql"];

    private static readonly string[] Sources = ["Microsoft.AspNetCore", "System.Net.Http", "MassTransit", "Npgsql"];

    private MeterProvider? metrics;
    private TracerProvider? traces;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var resource = ResourceBuilder.CreateDefault().AddService("ccgate", serviceVersion: typeof(Telemetry).Assembly.GetName().Version?.ToString(3));
        metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Meters).AddOtlpExporter(otlp => otlp.Endpoint = new Uri(endpoint)).Build();
        traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Sources).AddOtlpExporter(otlp => otlp.Endpoint = new Uri(endpoint)).Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        metrics?.ForceFlush(5_000);
        traces?.ForceFlush(5_000);
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        metrics?.Dispose();
        traces?.Dispose();
    }
}

/// <summary>Registration.</summary>
internal static class TelemetryRegistration
{
    public static void AddTelemetry(this IServiceCollection services, ProcessIdentity identity, GatewayConfig config)
    {
        if (config.Telemetry.OtlpEndpoint is { } endpoint)
        {
            services.AddSingleton(identity);
            services.AddSingleton(_ => new Telemetry(endpoint.OriginalString));
            services.AddHostedService(provider => provider.GetRequiredService<Telemetry>());
        }
    }

    public static void MapMetrics(this Microsoft.AspNetCore.Routing.IEndpointRouteBuilder endpoints) => _ = endpoints;
}
