using System.Net;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>Telemetry as the environment alone asks for it.</summary>
public sealed class TelemetryTests
{
    [Fact]
    public async Task OpenTelemetrys_own_variables_switch_the_export_on_and_name_the_service()
    {
        await using var receiver = await OtlpReceiver.StartAsync();
        using var files = GatewayFiles.With(GatewayFiles.Simulator());
        using var gateway = await GatewayProcess.StartAsync(files.Root, ["run", .. files.Options], new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.HttpUrl,
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_EXPORTER_OTLP_HEADERS"] = "x-from=environment",
            ["OTEL_SERVICE_NAME"] = "a-gateway",
            ["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment.name=test",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
        });

        using var answer = await gateway.Http.GetAsync("/v1/models");

        var span = await receiver.SpanAsync(span => span.Kind == 2 && span.Attributes.Text("url.path") == "/v1/models");
        Assert.True(span.Resource.Have(("service.name", "a-gateway"), ("deployment.environment.name", "test"), ("ccgate.role", "run")));
        await Eventually.HoldsAsync(() => receiver.Metric("http.server.request.duration") is not null, "metrics arrive");
        Assert.All(receiver.Requests, request => Assert.Equal("environment", request.Headers["x-from"]));
        Assert.NotEqual(HttpStatusCode.NotFound, answer.StatusCode);
    }
}
