using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Settings;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Projections;

/// <summary>What is exported of <c>telemetry</c>.</summary>
public sealed class TelemetryDocumentTests : IDisposable
{
    private const string Variable = "CCGATE_OTLP_HEADER_X_EXPORT_TEST";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ccgate-test-");

    [Fact]
    public void Every_setting_of_telemetry_is_exported_without_secrets_and_read_back_the_same()
    {
        var config = Read("""
            { "telemetry": {
                "otlpEndpoint": "http://collector:4318/otlp", "otlpProtocol": "grpc", "otlpHeaders": { "x-export-test": "a secret" },
                "metrics": { "enabled": false, "scrape": "operator", "tenants": 7, "models": 8 },
                "traces": { "sampleRatio": 0.25, "propagateToUpstreams": true, "content": true },
                "logs": { "console": "json", "directory": "logs", "maxFileBytes": 100000, "maxFiles": 3, "access": false, "level": "warning", "levels": { "CCGate": "debug" } } } }
            """);

        var document = ServerDocument.Of(config, new SecretPlaceholders());

        Assert.DoesNotContain("a secret", document.ToJsonString(), StringComparison.Ordinal);
        Environment.SetEnvironmentVariable(Variable, "a secret");
        var again = Read(new JsonObject { ["telemetry"] = document["telemetry"]!.DeepClone() }.ToJsonString());
        Assert.Equal(JsonSerializer.Serialize(config.Telemetry), JsonSerializer.Serialize(again.Telemetry));
        Assert.Equal("a secret", again.Telemetry.OtlpHeaders["x-export-test"].Reveal());
    }

    [Fact]
    public void What_nobody_set_is_not_exported()
    {
        var usual = ServerDocument.Of(new GatewayConfig(), new SecretPlaceholders());

        Assert.Empty(ServerDocument.Changed(ServerDocument.Of(Read("{}"), new SecretPlaceholders()), usual));
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(Variable, null);
        directory.Delete(recursive: true);
    }

    private GatewayConfig Read(string server)
    {
        TestGateway.Write(directory, "server.json", server);
        var reading = new ConfigDirectory(directory).Read();
        Assert.Empty(reading.Errors);
        return reading.Config!;
    }
}
