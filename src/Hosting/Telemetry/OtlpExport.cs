using System.Globalization;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using OpenTelemetry.Exporter;

namespace CCGate.Hosting.Telemetry;

/// <summary>A kind of what is exported, as its address ends by OTLP over HTTP.</summary>
internal enum OtlpSignal
{
    Traces,
    Metrics,
    Logs,
}

/// <summary>Whether, where to and how something is exported by OTLP: as server.json says, else as the standard OTEL_ variables do.</summary>
internal static class OtlpExport
{
    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Longer than a collector should ever take, and short enough that its queue is not full before.</summary>
    private const int TimeoutMilliseconds = 5_000;

    public static bool IsOn(TelemetryConfig telemetry, OtlpSignal signal) =>
        Variable("OTEL_SDK_DISABLED") != "true" && (telemetry.OtlpEndpoint is not null || Variable(EndpointVariable) is not null || Variable(Of(signal, "ENDPOINT")) is not null);

    /// <summary>What to name in a message about an export that fails.</summary>
    public static string Destination(TelemetryConfig telemetry) => telemetry.OtlpEndpoint is { } endpoint
        ? $"{endpoint.GetComponents(UriComponents.SchemeAndServer, UriFormat.UriEscaped)} (server.json: telemetry.otlpEndpoint)"
        : $"the address in {EndpointVariable}";

    /// <summary>The share of traces that is recorded.</summary>
    public static double SampleRatio(TelemetryConfig telemetry) => telemetry.Traces.SampleRatio ?? Variable("OTEL_TRACES_SAMPLER") switch
    {
        "always_off" or "parentbased_always_off" => 0,
        "always_on" or "parentbased_always_on" => 1,
        _ => double.TryParse(Variable("OTEL_TRACES_SAMPLER_ARG"), NumberStyles.Float, CultureInfo.InvariantCulture, out var ratio) && ratio is >= 0 and <= 1 ? ratio : 1,
    };

    /// <summary>For <c>AddOtlpExporter(options => OtlpExport.Configure(options, config.Telemetry, OtlpSignal.Logs))</c>, when <see cref="IsOn"/>.</summary>
    public static void Configure(OtlpExporterOptions options, TelemetryConfig telemetry, OtlpSignal signal)
    {
        if (Variable("OTEL_EXPORTER_OTLP_TIMEOUT") is null && Variable(Of(signal, "TIMEOUT")) is null)
        {
            options.TimeoutMilliseconds = TimeoutMilliseconds;
        }

        // Before the endpoint: what a variable says of the address is completed by how it is spoken to.
        options.Protocol = Protocol(telemetry, signal) == OtlpProtocol.HttpProtobuf ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
        if (Endpoint(telemetry, signal, options.Protocol) is { } endpoint)
        {
            options.Endpoint = endpoint;
        }

        if (telemetry.OtlpHeaders.Count > 0)
        {
            // Not as the exporter's own list of headers, in which no value can have a comma.
            options.HttpClientFactory = () => ClientWith(telemetry.OtlpHeaders, options.TimeoutMilliseconds);
        }
        else if ((Variable(Of(signal, "HEADERS")) ?? Variable("OTEL_EXPORTER_OTLP_HEADERS")) is { } headers)
        {
            options.Headers = headers;
        }
    }

    private static HttpClient ClientWith(IReadOnlyDictionary<string, Secret> headers, int timeoutMilliseconds)
    {
        var client = new HttpClient { Timeout = TimeSpan.FromMilliseconds(timeoutMilliseconds) };
        foreach (var (name, value) in headers)
        {
            client.DefaultRequestHeaders.TryAddWithoutValidation(name, value.Reveal());
        }

        return client;
    }

    /// <summary>The exporter takes an address that it is given as it is, so over HTTP the signal's path is added here.</summary>
    private static Uri? Endpoint(TelemetryConfig telemetry, OtlpSignal signal, OtlpExportProtocol protocol)
    {
        if (telemetry.OtlpEndpoint is null && Variable(Of(signal, "ENDPOINT")) is { } own)
        {
            return new Uri(own);
        }

        var endpoint = telemetry.OtlpEndpoint ?? (Variable(EndpointVariable) is { } variable ? new Uri(variable) : null);
        return endpoint is null || protocol == OtlpExportProtocol.Grpc
            ? endpoint
            : new Uri($"{endpoint.AbsoluteUri.TrimEnd('/')}/v1/{signal.ToString().ToLowerInvariant()}");
    }

    /// <summary>The ports that collectors listen on tell how they are spoken to, when nobody says.</summary>
    private static OtlpProtocol Protocol(TelemetryConfig telemetry, OtlpSignal signal) =>
        telemetry.OtlpProtocol ?? (Variable(Of(signal, "PROTOCOL")) ?? Variable("OTEL_EXPORTER_OTLP_PROTOCOL")) switch
        {
            "http/protobuf" => OtlpProtocol.HttpProtobuf,
            null when telemetry.OtlpEndpoint?.Port == 4318 => OtlpProtocol.HttpProtobuf,
            _ => OtlpProtocol.Grpc,
        };

    private static string Of(OtlpSignal signal, string name) => string.Create(CultureInfo.InvariantCulture, $"OTEL_EXPORTER_OTLP_{signal.ToString().ToUpperInvariant()}_{name}");

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
