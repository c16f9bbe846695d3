using System.Diagnostics.Metrics;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Upstreams;

namespace CCGate.Proxy.Telemetry;

/// <summary>What the proxy counts of its requests; names that have no convention begin with <c>ccgate</c>.</summary>
/// <remarks>Only counters name the tenant: a histogram would take a series for each of its buckets.</remarks>
internal sealed class ProxyMetrics
{
    public const string MeterName = "CCGate.Proxy";

    private static readonly InstrumentAdvice<double> Overheads = new()
    {
        HistogramBucketBoundaries = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
    };

    private static readonly InstrumentAdvice<double> Waits = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] };

    private readonly BoundedNames tenants;
    private readonly BoundedNames models;
    private readonly GenAiMetrics genAi;
    private readonly Counter<long> requests;
    private readonly Counter<long> refusals;
    private readonly Counter<long> attempts;
    private readonly Counter<long> failovers;
    private readonly Counter<double> spend;
    private readonly Counter<double> upstreamSpend;
    private readonly Counter<long> tokens;
    private readonly Counter<long> usageAttempts;
    private readonly Counter<long> unpriced;
    private readonly Histogram<double> overhead;
    private readonly Histogram<double> queueTime;

    public ProxyMetrics(IMeterFactory meters, ConfigSource config, SemanticConventions conventions)
    {
        var (meter, bounds) = (meters.Create(MeterName), config.Current.Telemetry.Metrics);
        (tenants, models) = (new BoundedNames(bounds.Tenants), new BoundedNames(bounds.Models));
        genAi = new GenAiMetrics(meter, conventions.GenAi, models);
        requests = meter.CreateCounter<long>("ccgate.requests", "{request}", "Requests admitted, by what became of them");
        refusals = meter.CreateCounter<long>("ccgate.refusals", "{refusal}", "Answers the gateway gave by itself");
        attempts = meter.CreateCounter<long>("ccgate.attempts", "{attempt}", "Tries of upstreams");
        failovers = meter.CreateCounter<long>("ccgate.failovers", "{failover}", "Upstreams left for another one, because they failed");
        spend = meter.CreateCounter<double>("ccgate.spend", "{USD}", "Money billed to tenants; for graphs, never for bills");
        upstreamSpend = meter.CreateCounter<double>("ccgate.upstream.spend", "{USD}", "Money owed to upstreams; for graphs, never for bills");
        tokens = meter.CreateCounter<long>("ccgate.tokens", "{token}", "Tokens billed; reasoning is a part of output");
        usageAttempts = meter.CreateCounter<long>("ccgate.usage.attempts", "{attempt}", "Attempts, by how far their token counts can be trusted");
        unpriced = meter.CreateCounter<long>("ccgate.requests.unpriced", "{request}", "Requests that used something and cost nothing, since their model has no price");
        overhead = meter.CreateHistogram("ccgate.gateway.overhead", "s", "What the gateway adds to an answered request, before and after its attempts", tags: null, Overheads);
        queueTime = meter.CreateHistogram("ccgate.queue.time", "s", "How long a request waited for a place at an upstream, if it waited", tags: null, Waits);
    }

    public void Refused(RefusalReason reason) => refusals.Add(1, new KeyValuePair<string, object?>("reason", MetricLabels.Of(reason)));

    public void Waited(TimeSpan wait) => queueTime.Record(wait.TotalSeconds);

    public void Answered(TimeSpan ownTime) => overhead.Record(ownTime.TotalSeconds);

    /// <param name="call">What is asked for.</param>
    /// <param name="outcome">What became of the attempt.</param>
    /// <param name="before">The attempt before it; null for the first.</param>
    public void Attempted(Call call, AttemptOutcome outcome, AttemptOutcome? before)
    {
        var upstream = outcome.Attempt.UpstreamId;
        attempts.Add(1, new(MetricLabels.Upstream, upstream), new("failure", MetricLabels.Of(outcome.Failure)));
        if (before is not null && IsFailover(before, outcome.Attempt))
        {
            failovers.Add(1, new KeyValuePair<string, object?>(MetricLabels.Upstream, before.Attempt.UpstreamId));
        }

        if (call.Kind == CallKind.Generation)
        {
            genAi.Attempted(call, outcome);
        }
    }

    /// <param name="call">What was asked for.</param>
    /// <param name="completed">What became of it.</param>
    /// <param name="last">The attempt that answered, or else the last one; null when there was none.</param>
    public void Completed(Call call, RequestCompleted completed, AttemptOutcome? last)
    {
        var tenant = new KeyValuePair<string, object?>(MetricLabels.Tenant, tenants.Of(completed.TenantId));
        var model = new KeyValuePair<string, object?>(MetricLabels.RequestModel, models.Of(completed.RequestedModel));
        requests.Add(1, tenant, new("surface", completed.Surface), new("outcome", MetricLabels.Of(completed.Outcome)));
        spend.Add((double)completed.SpendUsd, tenant, model);
        CountTokens(completed.Usage, tenant);
        CountAttempts(completed.Attempts, model);
        genAi.Completed(call, completed, last);
    }

    private void CountTokens(TokenUsage usage, KeyValuePair<string, object?> tenant)
    {
        if (tokens.Enabled)
        {
            CountTokens(usage.InputTokens, tenant, "input");
            CountTokens(usage.CacheReadTokens, tenant, "cache_read");
            CountTokens(usage.CacheWrite5mTokens, tenant, "cache_write_5m");
            CountTokens(usage.CacheWrite1hTokens, tenant, "cache_write_1h");
            CountTokens(usage.OutputTokens, tenant, "output");
            CountTokens(usage.ReasoningTokens, tenant, "reasoning");
        }
    }

    private void CountTokens(long count, KeyValuePair<string, object?> tenant, string type)
    {
        if (count > 0)
        {
            tokens.Add(count, tenant, new(MetricLabels.TokenType, type));
        }
    }

    private void CountAttempts(IReadOnlyList<Attempt> all, KeyValuePair<string, object?> model)
    {
        var isUnpriced = false;
        for (var i = 0; i < all.Count; i++)
        {
            var attempt = all[i];
            var upstream = new KeyValuePair<string, object?>(MetricLabels.Upstream, attempt.UpstreamId);
            upstreamSpend.Add((double)attempt.SpendUsd, upstream);
            usageAttempts.Add(1, upstream, new(MetricLabels.State, MetricLabels.Of(attempt.UsageState)));
            isUnpriced |= attempt.PriceVersion is null && attempt.UsageState != UsageState.KnownZero;
        }

        if (isUnpriced)
        {
            unpriced.Add(1, model);
        }
    }

    /// <summary>Not one that was asked beside it, nor the same one with another key.</summary>
    private static bool IsFailover(AttemptOutcome before, Attempt next) =>
        before.Failure is not (AttemptFailure.None or AttemptFailure.Outrun or AttemptFailure.ClientAborted)
        && before.Attempt.UpstreamId != next.UpstreamId && before.Attempt.EndedAt <= next.StartedAt;
}
