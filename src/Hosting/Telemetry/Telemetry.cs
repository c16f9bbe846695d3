using System.Diagnostics.Metrics;
using CCGate.Hosting.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace CCGate.Hosting.Telemetry;

/// <summary>Listens to the instruments of this process, for scrapes and for OTLP, and sends its spans by OTLP.</summary>
/// <remarks>Built with the SDK alone: OpenTelemetry.Extensions.Hosting and the instrumentation packages are not needed, the framework's own meters and sources have the same data.</remarks>
internal sealed class Telemetry(ProcessIdentity identity, ConfigSource config, PrometheusExporter prometheus, IMeterFactory meters, TimeProvider time, ILogger<OtlpWarnings> logger)
    : IHostedService, IDisposable
{
    /// <summary>Each of metrics and traces has this at the end; a collector that does not answer costs no more.</summary>
    private const int ShutdownMilliseconds = 2_500;

    // Points are reserved at once for as many as there may be.
    private const int MostPoints = 100_000;

    private static readonly string[] Meters =
    [
        "CCGate.Proxy", "CCGate.Metering", "CCGate.Projections",
        "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime", "MassTransit", "Npgsql",
    ];

    private static readonly string[] Sources = ["CCGate.Proxy", "CCGate.Metering", "CCGate.Projections", "Microsoft.AspNetCore", "System.Net.Http", "MassTransit", "Npgsql"];

    private readonly TelemetryConfig telemetry = config.Files.Telemetry;
    private MeterProvider? metrics;
    private TracerProvider? traces;
    private OtlpWarnings? warnings;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (OtlpExport.IsOn(telemetry, OtlpSignal.Metrics) || OtlpExport.IsOn(telemetry, OtlpSignal.Traces) || OtlpExport.IsOn(telemetry, OtlpSignal.Logs))
        {
            warnings = new OtlpWarnings(OtlpExport.Destination(telemetry), time, logger);
        }

        metrics = telemetry.Metrics.Enabled ? BuildMetrics() : null;
        traces = OtlpExport.IsOn(telemetry, OtlpSignal.Traces) ? BuildTraces() : null;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        traces?.Shutdown(ShutdownMilliseconds);
        metrics?.Shutdown(ShutdownMilliseconds);
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        traces?.Dispose();
        metrics?.Dispose();
        warnings?.Dispose();
    }

    private MeterProvider BuildMetrics()
    {
        var builder = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(TelemetryResource.Of(identity))
            .AddMeter(Meters)
            .AddView(ViewOf)
            .AddReader(new BaseExportingMetricReader(prometheus) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative });
        if (OtlpExport.IsOn(telemetry, OtlpSignal.Metrics))
        {
            builder.AddOtlpExporter(otlp => OtlpExport.Configure(otlp, telemetry, OtlpSignal.Metrics));
        }

        return builder.Build();
    }

    private TracerProvider BuildTraces()
    {
        // The names and the paths of requests, which the framework leaves to instrumentation packages otherwise.
        AppContext.SetSwitch("Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData", false);
        return Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(TelemetryResource.Of(identity))
            .AddSource(Sources)
            .SetSampler(new SpanSampler(OtlpExport.SampleRatio(telemetry)))
            .AddProcessor(new QueryRemoval())
            .AddOtlpExporter(otlp => OtlpExport.Configure(otlp, telemetry, OtlpSignal.Traces))
            .Build();
    }

    /// <summary>Instruments of this host alone, with room for the labels they may have; buckets are the instruments' own.</summary>
    private MetricStreamConfiguration? ViewOf(Instrument instrument)
    {
        if (instrument.Meter.Scope is IMeterFactory owner && owner != meters)
        {
            // Two hosts in one process, as tests have them, hear each other's meters.
            return MetricStreamConfiguration.Drop;
        }

        var (tenants, models) = (telemetry.Metrics.Tenants + 1, telemetry.Metrics.Models + 1);
        var points = instrument.Name switch
        {
            "ccgate.spend" => tenants * models,
            "ccgate.requests" or "ccgate.tokens" => tenants * 32,
            _ when instrument.Name.StartsWith("gen_ai.", StringComparison.Ordinal) => models * 32,
            _ => 0,
        };
        return points > 2_000 ? new MetricStreamConfiguration { CardinalityLimit = Math.Min(points, MostPoints) } : null;
    }
}

/// <summary>Registration.</summary>
internal static class TelemetryRegistration
{
    public static void AddTelemetry(this IServiceCollection services, ProcessIdentity identity)
    {
        services.AddMetrics();
        services.AddSingleton(identity);
        services.AddSingleton<PrometheusExporter>();
        services.AddSingleton<Telemetry>();
        services.AddHostedService(provider => provider.GetRequiredService<Telemetry>());
    }
}
