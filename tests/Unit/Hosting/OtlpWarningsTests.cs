using System.Diagnostics.Metrics;
using CCGate.Hosting.Telemetry;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>What is told of a collector that is away.</summary>
public sealed class OtlpWarningsTests
{
    [Fact]
    public async Task A_failing_export_is_told_once_a_minute_with_the_setting_and_without_what_was_said()
    {
        var time = new ManualTimeProvider();
        using var log = new Warnings();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log));
        using var warnings = new OtlpWarnings("http://collector:4317 (server.json: telemetry.otlpEndpoint)", time, factory.CreateLogger<OtlpWarnings>());
        using var meter = new Meter("CCGate.Tests.OtlpWarnings");
        meter.CreateObservableGauge("one", () => 1);
        using var provider = Sdk.CreateMeterProviderBuilder().AddMeter(meter.Name).AddOtlpExporter(otlp =>
        {
            (otlp.Endpoint, otlp.Protocol, otlp.TimeoutMilliseconds, otlp.Headers) = (new Uri("http://127.0.0.1:1/v1/metrics"), OtlpExportProtocol.HttpProtobuf, 1_000, "token=secret");
        }).Build();

        // Exporters of other tests are heard as well: one line a minute is all that any of them gets.
        await ToldAsync(1);
        provider.ForceFlush();
        Assert.Single(Lines(log));
        time.Advance(TimeSpan.FromMinutes(1));
        await ToldAsync(2);

        Assert.All(Lines(log), line => Assert.Contains("telemetry.otlpEndpoint", line, StringComparison.Ordinal));
        Assert.DoesNotContain("secret", log.ToString(), StringComparison.Ordinal);

        Task ToldAsync(int lines) => Eventually.HoldsAsync(
            () =>
            {
                provider.ForceFlush();
                return Lines(log).Length == lines;
            },
            $"{lines} lines are there");
    }

    private static string[] Lines(Warnings log) => log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
