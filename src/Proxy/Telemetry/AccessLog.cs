using CCGate.Hosting.Configuration;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Telemetry;

/// <summary>A line for each request, with what it cost, while server.json wants one (<c>telemetry.logs.access</c>).</summary>
internal sealed class AccessLog(ILoggerFactory loggers, ConfigSource config, TimeProvider time)
{
    public const string Category = "CCGate.Access";

    private readonly ILogger logger = loggers.CreateLogger(Category);

    /// <summary>Called once, when all is settled and the client has its answer or is gone.</summary>
    public void Write(RequestTelemetry request)
    {
        if (config.Current.Telemetry.Logs.Access && logger.IsEnabled(LogLevel.Information))
        {
            logger.Log(LogLevel.Information, default, AccessLine.Of(request, time.GetElapsedTime(request.Began)), exception: null, static (line, _) => line.ToString());
        }
    }
}
