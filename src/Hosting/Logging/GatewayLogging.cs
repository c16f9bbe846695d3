using System.Text;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using OpenTelemetry.Logs;

namespace CCGate.Hosting.Logging;

/// <summary>Where every process writes what happens: its console, its files, a collector.</summary>
internal static class GatewayLogging
{
    /// <param name="logging">Of the host.</param>
    /// <param name="telemetry">What the configuration said at the start; levels alone change later.</param>
    /// <param name="identity">Which process it is.</param>
    public static void AddGatewayLogging(this ILoggingBuilder logging, TelemetryConfig telemetry, ProcessIdentity identity)
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
                return new FileLog(directory, "ccgate-" + identity.Role, files.MaxFileBytes, files.MaxFiles, time, sentence => Complain(time, sentence));
            });
        }

        AddOtlp(logging, telemetry, identity);
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

    private static void AddOtlp(ILoggingBuilder logging, TelemetryConfig telemetry, ProcessIdentity identity)
    {
        if (!OtlpExport.IsOn(telemetry, OtlpSignal.Logs))
        {
            return;
        }

        logging.AddOpenTelemetry(logs =>
        {
            logs.IncludeScopes = false;
            logs.IncludeFormattedMessage = true;
            logs.ParseStateValues = true;
            logs.SetResourceBuilder(TelemetryResource.Of(identity));
            logs.AddOtlpExporter(otlp => OtlpExport.Configure(otlp, telemetry, OtlpSignal.Logs));
        });
    }

    private static void Complain(TimeProvider time, string sentence)
    {
        var line = new StringBuilder();
        LogLine.WritePlain(line, time.GetUtcNow(), LogLevel.Error, typeof(FileLog).FullName!, sentence, exception: null);
        Console.Error.WriteLine(line);
    }
}
