using System.Diagnostics;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Hosting.Telemetry;

/// <summary>What happens to a batch of events after their requests, as a span in the trace of each request that was recorded.</summary>
/// <remarks>What fails leaves no spans: it is tried again, and the log says why it took so long.</remarks>
internal sealed class EventSpans
{
    private readonly List<Activity> spans = [];

    private EventSpans()
    {
    }

    /// <summary>Begins them; null when nobody listens or no request was recorded.</summary>
    /// <param name="events">The id of each event, its JSON, and when it began to wait; the default is now.</param>
    public static EventSpans? Start(ActivitySource source, string name, ActivityKind kind, IEnumerable<(Guid Id, string Data, DateTimeOffset Since)> events)
    {
        if (!source.HasListeners())
        {
            return null;
        }

        var batch = Activity.Current;
        ActivityLink[] links = batch is { IsAllDataRequested: true } ? [new ActivityLink(batch.Context)] : [];
        var started = new EventSpans();
        foreach (var (id, data, since) in events)
        {
            if (ParentOf(data) is { } parent && source.StartActivity(name, kind, parent, tags: null, links, since) is { } span)
            {
                span.SetTag("ccgate.request.id", id.ToString());
                started.spans.Add(span);
                Activity.Current = batch; // What the batch does is no part of one of them.
            }
        }

        return started.spans.Count == 0 ? null : started;
    }

    /// <summary>It is done.</summary>
    public void End()
    {
        var batch = Activity.Current;
        spans.ForEach(span => span.Dispose());
        Activity.Current = batch;
    }

    /// <summary>The span of the request an event tells of; null unless that was recorded.</summary>
    /// <remarks>It counts as one of this process: whether the trace is kept was decided where it began.</remarks>
    public static ActivityContext? ParentOf(string data)
    {
        // Most events of a gateway that keeps few traces say nothing, and need no reading.
        if (!data.Contains($"\"{nameof(RequestCompleted.TraceParent)}\"", StringComparison.Ordinal))
        {
            return null;
        }

        try
        {
            return ActivityContext.TryParse(ReadTraceParent(data), traceState: null, isRemote: false, out var parent) && parent.TraceFlags.HasFlag(ActivityTraceFlags.Recorded) ? parent : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // A provider's own JSON, which is part of the event, may have a member of that name.
    private static string? ReadTraceParent(string data)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(data), new JsonReaderOptions { MaxDepth = 1000 });
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isFound = reader.ValueTextEquals(nameof(RequestCompleted.TraceParent));
            reader.Read();
            if (isFound)
            {
                return reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
            }

            reader.Skip();
        }

        return null;
    }
}
