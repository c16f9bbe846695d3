using System.Diagnostics.Metrics;
using CCGate.Contracts;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Upstreams;

namespace CCGate.Proxy.Telemetry;

/// <summary>What the proxy counts of itself; names that have no convention begin with <c>ccgate</c>.</summary>
internal sealed class ProxyMetrics
{
    public const string MeterName = "CCGate.Proxy";

    private readonly Counter<long> attempts;
    private readonly Counter<long> refusals;
    private readonly Counter<long> tokens;
    private readonly Counter<double> spend;
    private readonly Histogram<double> duration;

    public ProxyMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        attempts = meter.CreateCounter<long>("ccgate.attempts", "{attempt}", "Tries of upstreams");
        refusals = meter.CreateCounter<long>("ccgate.refusals", "{refusal}", "Answers the gateway gave by itself");
        tokens = meter.CreateCounter<long>("ccgate.tokens", "{token}", "Tokens billed");
        spend = meter.CreateCounter<double>("ccgate.spend", "{USD}", "Money billed; for graphs, never for bills");
        duration = meter.CreateHistogram<double>("gen_ai.server.request.duration", "s", "From admission to settlement");
    }

    public void Refused(RefusalReason reason) => refusals.Add(1, new KeyValuePair<string, object?>("reason", reason.ToString()));

    public void Attempted(AttemptOutcome outcome) => attempts.Add(
        1, new KeyValuePair<string, object?>("upstream", outcome.Attempt.UpstreamId), new KeyValuePair<string, object?>("failure", outcome.Failure.ToString()));

    public void Completed(RequestCompleted completed)
    {
        tokens.Add(completed.Usage.PromptTokens, new KeyValuePair<string, object?>("gen_ai.token.type", "input"));
        tokens.Add(completed.Usage.OutputTokens, new KeyValuePair<string, object?>("gen_ai.token.type", "output"));
        spend.Add((double)completed.SpendUsd);
        duration.Record((completed.CompletedAt - completed.AdmittedAt).TotalSeconds, new KeyValuePair<string, object?>("gen_ai.operation.name", "chat"));
    }
}
