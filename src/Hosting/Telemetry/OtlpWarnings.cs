using System.Diagnostics.Tracing;
using Microsoft.Extensions.Logging;

namespace CCGate.Hosting.Telemetry;

/// <summary>Tells, once a minute at most, that what is exported does not arrive; the exporter itself says so only to its event source.</summary>
internal sealed partial class OtlpWarnings : EventListener
{
    private const string SourceName = "OpenTelemetry-Exporter-OpenTelemetryProtocol";
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly string destination;
    private readonly TimeProvider time;
    private readonly ILogger<OtlpWarnings> logger;
    private readonly Lock telling = new();
    private DateTimeOffset? told;

    public OtlpWarnings(string destination, TimeProvider time, ILogger<OtlpWarnings> logger)
    {
        this.destination = destination;
        this.time = time;
        this.logger = logger;
        foreach (var source in EventSource.GetSources())
        {
            Listen(source);
        }
    }

    // Called by the base class before the constructor has run, for sources that exist already, and later for new ones.
    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (destination is not null)
        {
            Listen(eventSource);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        lock (telling)
        {
            if (time.GetUtcNow() - told < Interval)
            {
                return;
            }

            told = time.GetUtcNow();
        }

        LogFailed(destination, eventData.EventName);
    }

    private void Listen(EventSource source)
    {
        if (source.Name == SourceName)
        {
            EnableEvents(source, EventLevel.Warning);
        }
    }

    // Not the event's payload: an answer of whoever listens there may be in it.
    [LoggerMessage(Level = LogLevel.Warning, Message = "Metrics, traces or logs do not reach {Destination}: {Failure}. What cannot be sent is dropped")]
    private partial void LogFailed(string destination, string? failure);
}
