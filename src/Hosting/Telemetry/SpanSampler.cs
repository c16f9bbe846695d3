using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace CCGate.Hosting.Telemetry;

/// <summary>Which spans are recorded: the share of traces that is configured, whatever the client's own flags say, and none of what only keeps the gateway going.</summary>
internal sealed class SpanSampler : Sampler
{
    // Asked every few seconds, or kept open for hours.
    private static readonly string[] Paths = ["/metrics", "/health", "/dashboard", "/api/live"];

    private readonly ParentBasedSampler traces;

    public SpanSampler(double ratio)
    {
        var share = new TraceIdRatioBasedSampler(ratio);
        traces = new ParentBasedSampler(share, remoteParentSampled: share, remoteParentNotSampled: share);
    }

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) =>
        IsUpkeep(samplingParameters) ? new SamplingResult(SamplingDecision.Drop) : traces.ShouldSample(samplingParameters);

    private static bool IsUpkeep(in SamplingParameters span)
    {
        if (span.ParentContext.TraceId == default && span.Kind == ActivityKind.Client)
        {
            // A query that nobody's request caused: the projections look for events four times a second.
            return true;
        }

        if (span.Kind == ActivityKind.Server)
        {
            foreach (var (name, value) in span.Tags ?? [])
            {
                if (name == "url.path" && value is string path)
                {
                    return Array.Exists(Paths, upkeep => path.StartsWith(upkeep, StringComparison.OrdinalIgnoreCase) && (path.Length == upkeep.Length || path[upkeep.Length] == '/'));
                }
            }
        }

        return false;
    }
}

/// <summary>Takes queries out of spans: clients of Google's protocol send their key there.</summary>
internal sealed class QueryRemoval : BaseProcessor<Activity>
{
    public override void OnEnd(Activity data)
    {
        data.SetTag("url.query", null);
        foreach (var name in (ReadOnlySpan<string>)["url.full", "http.url", "http.target", "url.path"])
        {
            if (data.GetTagItem(name) is string address && address.IndexOf('?', StringComparison.Ordinal) is >= 0 and var query)
            {
                data.SetTag(name, address[..query]);
            }
        }
    }
}
