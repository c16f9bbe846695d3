using System.Diagnostics;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Upstreams;

namespace CCGate.Proxy.Telemetry;

/// <summary>The span of one try of one upstream, below which the connection to it has its own.</summary>
internal sealed class AttemptSpan : IDisposable
{
    private readonly Activity span;
    private readonly GenAiConventions conventions;

    private AttemptSpan(Activity span, GenAiConventions conventions) => (this.span, this.conventions) = (span, conventions);

    /// <summary>Null when nobody wants to know.</summary>
    public static AttemptSpan? Start(AttemptRequest request, GenAiConventions conventions, bool withContent)
    {
        // The name is put together for those who listen only.
        if (!RequestTrace.Source.HasListeners() || RequestTrace.Source.StartActivity($"{MetricLabels.OperationOf(request.Call)} {request.ProviderModel}", ActivityKind.Client) is not { } span)
        {
            return null;
        }

        var upstream = request.Upstream.Config;
        GenAiTags.Write(span, request.Call, request.ProviderModel);
        span.SetTag(MetricLabels.Provider, MetricLabels.Of(upstream.Kind));
        span.SetTag(MetricLabels.Upstream, upstream.Id);
        span.SetTag("ccgate.attempt", request.Turn.Number);
        span.SetTag("ccgate.attempt.reason", request.Turn.Reason);
        if (upstream.Url is { } url)
        {
            span.SetTag("server.address", url.Host);
            span.SetTag("server.port", url.Port);
        }

        if (withContent && GenAiContent.Input(request.Call) is { } input)
        {
            span.SetTag("gen_ai.input.messages", input);
        }

        return new AttemptSpan(span, conventions);
    }

    /// <param name="outcome">Null when it did not come to an end that says anything.</param>
    public void Ended(AttemptOutcome? outcome)
    {
        if (outcome is null)
        {
            span.SetStatus(ActivityStatusCode.Error);
            return;
        }

        var attempt = outcome.Attempt;
        if (attempt.StatusCode is { } status)
        {
            span.SetTag("http.response.status_code", status);
        }

        if (attempt.FirstByteAt is { } firstByte)
        {
            span.SetTag("gen_ai.response.time_to_first_chunk", (firstByte - attempt.StartedAt).TotalSeconds);
        }

        span.SetTag(MetricLabels.ResponseModel, attempt.ProviderModel);
        GenAiTags.Write(span, attempt.Usage, conventions);
        if (outcome.Failure is AttemptFailure.None)
        {
            return;
        }

        span.SetTag(MetricLabels.ErrorType, MetricLabels.ErrorTypeOf(outcome));
        if (outcome.Failure is not (AttemptFailure.Outrun or AttemptFailure.ClientAborted))
        {
            span.SetStatus(ActivityStatusCode.Error, attempt.Failure);
        }
    }

    public void Dispose() => span.Dispose();
}
