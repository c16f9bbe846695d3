using System.Text;
using CCGate.Hosting.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;
using OpenTelemetry.Resources;

namespace CCGate.Hosting.Logging;

/// <summary>Where every process writes what happens: its console, its files, a collector.</summary>
internal static class GatewayLogging
{
    /// <param name="logging">Of the host.</param>
    /// <param name="telemetry">What the configuration said at the start; levels alone change later.</param>
    /// <param name="role">The kind of process, such as <c>run</c>.</param>
    public static void AddGatewayLogging(this ILoggingBuilder logging, TelemetryConfig telemetry, string role)
    {
        logging.ClearProviders();
        logging.Services.AddSingleton<LogLevels>();
        logging.Services.AddSingleton<IPostConfigureOptions<LoggerFilterOptions>>(provider => provider.GetRequiredService<LogLevels>());
        logging.Services.AddSingleton<IOptionsChangeTokenSource<LoggerFilterOptions>>(provider => provider.GetRequiredService<LogLevels>());
        AddConsole(logging, telemetry.Logs.Console);
        if (telemetry.Logs is { Directory: { } directory } files)
        {
            logging.Services.AddSingleton<ILoggerProvider>(provider =>
            {
                var time = provider.GetRequiredService<TimeProvider>();
                return new FileLog(directory, "ccgate-" + role, files.MaxFileBytes, files.MaxFiles, time, sentence => Complain(time, sentence));
            });
        }

        AddOtlp(logging, telemetry, role);
    }

    private static void AddConsole(ILoggingBuilder logging, ConsoleLog kind)
    {
        if (kind == ConsoleLog.Off)
        {
            return;
        }

        logging.AddConsole(console =>
        {
            // A terminal that somebody paused holds up nobody's request: what does not fit is dropped, and how much that was is written when it goes on.
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
            console.FormatterName = kind == ConsoleLog.Json ? JsonConsoleLines.Name : PlainConsoleLines.Name;
        });
        logging.Services.AddSingleton<ConsoleFormatter, PlainConsoleLines>();
        logging.Services.AddSingleton<ConsoleFormatter, JsonConsoleLines>();
    }

    private static void AddOtlp(ILoggingBuilder logging, TelemetryConfig telemetry, string role)
    {
        if (telemetry.OtlpEndpoint is null && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT")))
        {
            return;
        }

        logging.AddOpenTelemetry(logs =>
        {
            logs.IncludeScopes = false;
            logs.IncludeFormattedMessage = true;
            logs.ParseStateValues = true;
            logs.SetResourceBuilder(ResourceBuilder.CreateDefault().AddService("ccgate").AddAttributes([new("ccgate.role", role)]).AddEnvironmentVariableDetector());
            logs.AddOtlpExporter(otlp => Configure(otlp, telemetry));
        });
    }

    private static void Configure(OtlpExporterOptions otlp, TelemetryConfig telemetry)
    {
        if (telemetry.OtlpEndpoint is not { } endpoint)
        {
            return;
        }

        // An address given in code is used as it is, without the path of the signal.
        var isHttp = telemetry.OtlpProtocol == OtlpProtocol.HttpProtobuf;
        otlp.Protocol = isHttp ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
        otlp.Endpoint = isHttp ? new Uri(endpoint.AbsoluteUri.TrimEnd('/') + "/v1/logs") : endpoint;
        if (!telemetry.OtlpHeaders.IsEmpty)
        {
            otlp.Headers = string.Join(',', telemetry.OtlpHeaders.Select(header => $"{header.Key}={Uri.EscapeDataString(header.Value)}"));
        }
    }

    private static void Complain(TimeProvider time, string sentence)
    {
        var line = new StringBuilder();
        LogLine.WritePlain(line, time.GetUtcNow(), LogLevel.Error, typeof(FileLog).FullName!, sentence, exception: null);
        Console.Error.WriteLine(line);
    }
}
