using System.Diagnostics.Tracing;
using CCGate.Hosting.Telemetry;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.Logging;

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
        using var exporter = new Exporter();
        using var warnings = new OtlpWarnings("http://collector:4317 (server.json: telemetry.otlpEndpoint)", time, factory.CreateLogger<OtlpWarnings>());

        // Exporters of other tests may be heard as well: one line a minute is all that any of them gets.
        exporter.Failed("secret");
        exporter.Failed("secret");
        Assert.Single(Lines(log));
        time.Advance(TimeSpan.FromMinutes(1));

        // Listeners of other tests that go away may take this one's ear with them for a moment.
        await Eventually.HoldsAsync(
            () =>
            {
                exporter.Failed("secret");
                return Task.FromResult(Lines(log).Length == 2);
            },
            "it is told once more");
        Assert.All(Lines(log), line => Assert.Contains("telemetry.otlpEndpoint", line, StringComparison.Ordinal));
        Assert.DoesNotContain("secret", log.ToString(), StringComparison.Ordinal);
    }

    private static string[] Lines(Warnings log) => log.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Says what the exporter says, under its name.</summary>
    [EventSource(Name = "OpenTelemetry-Exporter-OpenTelemetryProtocol")]
    private sealed class Exporter : EventSource
    {
        [Event(1, Level = EventLevel.Error)]
        public void Failed(string text) => WriteEvent(1, text);
    }
}
