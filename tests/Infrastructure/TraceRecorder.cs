using System.Collections.Concurrent;
using System.Diagnostics;

namespace CCGate.Tests.Infrastructure;

/// <summary>Listens to the spans of one trace, which a client begins: other tests in the same process are not recorded.</summary>
internal sealed class TraceRecorder : IDisposable
{
    private readonly ActivityListener listener;
    private readonly ConcurrentQueue<Activity> ended = new();

    public TraceRecorder()
    {
        listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is "Microsoft.AspNetCore" or "System.Net.Http" || source.Name.StartsWith("CCGate.", StringComparison.Ordinal),
            Sample = (ref options) => options.Parent.TraceId == TraceId ? ActivitySamplingResult.AllDataAndRecorded : ActivitySamplingResult.None,
            ActivityStopped = span =>
            {
                if (span.TraceId == TraceId && span.Source.Name.Length > 0)
                {
                    ended.Enqueue(span);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
    }

    public ActivityTraceId TraceId { get; } = ActivityTraceId.CreateRandom();

    /// <summary>What a client sends whose own span is part of the trace.</summary>
    public string TraceParent => $"00-{TraceId}-00f067aa0ba902b7-01";

    public IReadOnlyList<Activity> Ended => [.. ended];

    public Activity Server => Assert.Single(Ended, span => span.Source.Name == "Microsoft.AspNetCore" && span.ParentId == TraceParent);

    public IReadOnlyList<Activity> Attempts => [.. Ended.Where(span => span.Source.Name == "CCGate.Proxy" && span.Kind == ActivityKind.Client).OrderBy(span => (int)span.GetTagItem("ccgate.attempt")!)];

    public Activity Named(string name) => Assert.Single(Ended, span => span.DisplayName == name);

    /// <summary>Waits until a span of each name has ended.</summary>
    public Task EndedAsync(params string[] names) =>
        Eventually.HoldsAsync(() => names.All(name => ended.Any(span => span.DisplayName == name)), $"the trace has {string.Join(", ", names)}");

    /// <summary>Waits until the request has ended.</summary>
    public Task ServedAsync() => Eventually.HoldsAsync(() => ended.Any(span => span.ParentId == TraceParent), "the request's span has ended");

    /// <summary>Everything a span says, as text.</summary>
    public string Text => string.Join('\n', Ended.Select(span =>
        $"{span.DisplayName} {span.StatusDescription} {string.Join(' ', span.TagObjects.Select(tag => $"{tag.Key}={tag.Value}"))} {string.Join(' ', span.Events.SelectMany(told => told.Tags).Select(tag => $"{tag.Key}={tag.Value}"))}"));

    public void Dispose() => listener.Dispose();
}
