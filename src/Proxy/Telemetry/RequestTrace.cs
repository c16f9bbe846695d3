using System.Diagnostics;
using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Tenants;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Upstreams;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Proxy.Telemetry;

/// <summary>What the span of a request says of it: the server's own span, with what the gateway knows.</summary>
internal sealed class RequestTrace
{
    public static readonly ActivitySource Source = new("CCGate.Proxy");

    private readonly Activity span;
    private readonly GenAiConventions conventions;

    private RequestTrace(Activity span, GenAiConventions conventions) => (this.span, this.conventions) = (span, conventions);

    /// <summary>For what comes later and elsewhere; null unless the trace is kept.</summary>
    public string? TraceParent => span.Recorded ? span.Id : null;

    /// <summary>Null when nobody wants to know: the server makes an activity for its log in any case, with the client's flags on it.</summary>
    public static RequestTrace? Of(HttpContext http, string surface, Guid requestId, GenAiConventions conventions)
    {
        if (http.Features.Get<IHttpActivityFeature>()?.Activity is not { IsAllDataRequested: true } span || !span.Source.HasListeners())
        {
            return null;
        }

        if ((http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText is { } route)
        {
            // The server itself calls every request by one name.
            span.DisplayName = $"{http.Request.Method} {route}";
            span.SetTag("http.route", route);
        }

        span.SetTag("ccgate.request.id", requestId.ToString());
        span.SetTag("ccgate.surface", surface);
        return new RequestTrace(span, conventions);
    }

    /// <summary>A step of the gateway's own; null when nobody listens.</summary>
    public static Activity? Start(string step) => Source.StartActivity(step);

    public void Identified(TenantKey payer) => span.SetTag("ccgate.tenant", payer.Tenant.Id);

    public void Understood(Call call)
    {
        GenAiTags.Write(span, call, call.Model);
        if (call.SessionId is { } session)
        {
            span.SetTag("gen_ai.conversation.id", session);
        }
    }

    public void Attempted(AttemptOutcome outcome)
    {
        // The last one's stays: the one that answered, if any did.
        span.SetTag(MetricLabels.Provider, MetricLabels.Of(outcome.Kind));
        span.SetTag(MetricLabels.Upstream, outcome.Attempt.UpstreamId);
    }

    public void Settled(RequestCompleted completed)
    {
        GenAiTags.Write(span, completed.Usage, conventions);
        if (completed.Attempts is [.., var last])
        {
            span.SetTag(MetricLabels.ResponseModel, last.ProviderModel);
        }

        span.SetTag("ccgate.spend_usd", completed.SpendUsd.ToString(CultureInfo.InvariantCulture)); // As text: there is no decimal, and a double is not the bill.
        span.SetTag("ccgate.outcome", MetricLabels.Of(completed.Outcome));
        if (completed.Outcome is not (RequestOutcome.Succeeded or RequestOutcome.ClientAborted))
        {
            span.SetTag(MetricLabels.ErrorType, MetricLabels.Of(completed.Outcome));
            span.SetStatus(ActivityStatusCode.Error);
        }
    }

    public void Refused(Refusal refusal)
    {
        span.SetTag("ccgate.refusal", MetricLabels.Of(refusal.Reason));
        if (refusal.Reason is RefusalReason.NoUpstream or RefusalReason.Overloaded or RefusalReason.Unavailable)
        {
            // What the client did wrong is no error of the server.
            span.SetTag(MetricLabels.ErrorType, MetricLabels.Of(refusal.Reason));
            span.SetStatus(ActivityStatusCode.Error);
        }
    }
}
