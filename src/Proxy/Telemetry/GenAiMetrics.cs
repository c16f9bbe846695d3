using System.Diagnostics;
using System.Diagnostics.Metrics;
using CCGate.Contracts;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Upstreams;

namespace CCGate.Proxy.Telemetry;

/// <summary>What the semantic conventions for generative AI ask of a client of models, which the gateway is, and of a server of them, which it is too.</summary>
/// <remarks>
/// Names, units and buckets: https://github.com/open-telemetry/semantic-conventions/blob/v1.37.0/docs/gen-ai/gen-ai-metrics.md; the latest generation:
/// https://github.com/open-telemetry/semantic-conventions-genai.
/// </remarks>
internal sealed class GenAiMetrics
{
    // Of the conventions, with three more above: an agent's request takes longer than 82 seconds.
    private static readonly InstrumentAdvice<double> Durations = new()
    {
        HistogramBucketBoundaries = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36],
    };

    // Of the conventions, with those that Envoy's AI gateway adds: reasoning can take a minute before it says anything.
    private static readonly InstrumentAdvice<double> FirstTokens = new()
    {
        HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60],
    };

    private static readonly InstrumentAdvice<double> OutputTokenTimes = new()
    {
        HistogramBucketBoundaries = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
    };

    private static readonly InstrumentAdvice<long> TokenCounts = new()
    {
        HistogramBucketBoundaries = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864],
    };

    private readonly BoundedNames models;
    private readonly Histogram<long>? tokenUsage;
    private readonly InferenceUsage? inference;
    private readonly Histogram<double> operationDuration;
    private readonly Histogram<double> firstChunk;
    private readonly Histogram<double> requestDuration;
    private readonly Histogram<double> firstToken;
    private readonly Histogram<double> outputToken;

    public GenAiMetrics(Meter meter, GenAiConventions conventions, BoundedNames models)
    {
        this.models = models;
        tokenUsage = conventions is not GenAiConventions.Latest ? meter.CreateHistogram("gen_ai.client.token.usage", "{token}", "Tokens of a request, of all its attempts", tags: null, TokenCounts) : null;
        inference = conventions is not GenAiConventions.Legacy ? new InferenceUsage(meter, TokenCounts) : null;
        operationDuration = meter.CreateHistogram("gen_ai.client.operation.duration", "s", "An attempt, from its start to its end", tags: null, Durations);
        firstChunk = meter.CreateHistogram("gen_ai.client.operation.time_to_first_chunk", "s", "An attempt of a streaming request, from its start to the first byte of its answer", tags: null, Durations);
        requestDuration = meter.CreateHistogram("gen_ai.server.request.duration", "s", "A request, from its admission to its settlement", tags: null, Durations);
        firstToken = meter.CreateHistogram("gen_ai.server.time_to_first_token", "s", "A streaming request, from its admission to the first byte of its answer", tags: null, FirstTokens);
        outputToken = meter.CreateHistogram("gen_ai.server.time_per_output_token", "s", "A streaming request, from its first token on, by its other tokens", tags: null, OutputTokenTimes);
    }

    public void Attempted(Pipeline.Call call, AttemptOutcome outcome)
    {
        var attempt = outcome.Attempt;
        var streams = call.Streaming && attempt.FirstByteAt is not null && firstChunk.Enabled;
        if (!operationDuration.Enabled && !streams)
        {
            return;
        }

        var tags = TagsOf(call, outcome, MetricLabels.ErrorTypeOf(outcome));
        tags.Add(MetricLabels.Upstream, attempt.UpstreamId);
        operationDuration.Record(Seconds(attempt.StartedAt, attempt.EndedAt), tags);
        if (streams)
        {
            firstChunk.Record(Seconds(attempt.StartedAt, attempt.FirstByteAt!.Value), tags);
        }
    }

    /// <param name="call">What was asked for.</param>
    /// <param name="completed">What became of it.</param>
    /// <param name="last">The attempt that answered, or else the last one; null when there was none.</param>
    public void Completed(Pipeline.Call call, RequestCompleted completed, AttemptOutcome? last)
    {
        if (requestDuration.Enabled)
        {
            requestDuration.Record(Seconds(completed.AdmittedAt, completed.CompletedAt), TagsOf(call, last, ErrorTypeOf(completed, last)));
        }

        if (call.Streaming && completed.Outcome == RequestOutcome.Succeeded && last is { Attempt.FirstByteAt: { } firstByte })
        {
            RecordStream(call, completed, last, firstByte);
        }

        RecordUsage(call, completed, last);
    }

    private void RecordStream(Pipeline.Call call, RequestCompleted completed, AttemptOutcome last, DateTimeOffset firstByte)
    {
        var tokens = last.Attempt.Usage.OutputTokens;
        if (!firstToken.Enabled && !outputToken.Enabled)
        {
            return;
        }

        var tags = TagsOf(call, last, error: null);
        firstToken.Record(Seconds(completed.AdmittedAt, firstByte), tags);
        if (tokens > 1 && last.Attempt.UsageState is UsageState.Known or UsageState.Estimated)
        {
            outputToken.Record(Seconds(firstByte, last.Attempt.EndedAt) / (tokens - 1), tags);
        }
    }

    private void RecordUsage(Pipeline.Call call, RequestCompleted completed, AttemptOutcome? last)
    {
        // What nobody knows, and what costs nothing, would only draw the shape towards zero.
        if ((tokenUsage is { Enabled: true } || inference is not null) && HasUsage(completed.Attempts))
        {
            var tags = TagsOf(call, last, error: null);
            inference?.Record(completed.Usage, tags);
            if (tokenUsage is { Enabled: true })
            {
                tags.Add(MetricLabels.TokenType, "input");
                tokenUsage.Record(completed.Usage.PromptTokens, tags);
                tags[^1] = new KeyValuePair<string, object?>(MetricLabels.TokenType, "output");
                tokenUsage.Record(completed.Usage.OutputTokens, tags);
            }
        }
    }

    private TagList TagsOf(Pipeline.Call call, AttemptOutcome? outcome, string? error)
    {
        // Most labels there can be, so that the list needs no memory of its own: eight.
        var tags = new TagList
        {
            { MetricLabels.Operation, MetricLabels.OperationOf(call) },
            { MetricLabels.Provider, MetricLabels.Of(outcome?.Kind ?? call.Upstreams) },
            { MetricLabels.RequestModel, models.Of(call.Model) },
        };
        if (outcome is { Failure: AttemptFailure.None } or { Attempt.FirstByteAt: not null })
        {
            tags.Add(MetricLabels.ResponseModel, models.Of(outcome.Attempt.ProviderModel));
        }

        if (error is not null)
        {
            tags.Add(MetricLabels.ErrorType, error);
        }

        return tags;
    }

    private static string? ErrorTypeOf(RequestCompleted completed, AttemptOutcome? last) => completed.Outcome switch
    {
        RequestOutcome.Succeeded => null,
        RequestOutcome.Failed when last is null => MetricLabels.Of(Pipeline.RefusalReason.NoUpstream),
        RequestOutcome.Failed or RequestOutcome.UpstreamTruncated => MetricLabels.ErrorTypeOf(last!),
        _ => MetricLabels.Of(completed.Outcome),
    };

    private static bool HasUsage(IReadOnlyList<Attempt> attempts)
    {
        for (var i = 0; i < attempts.Count; i++)
        {
            if (attempts[i].UsageState is UsageState.Known or UsageState.Estimated)
            {
                return true;
            }
        }

        return false;
    }

    // Clocks are set back now and then.
    private static double Seconds(DateTimeOffset from, DateTimeOffset to) => Math.Max(0, (to - from).TotalSeconds);

    /// <summary>Token counts as the latest generation of the conventions has them: counters to add up, and histograms for their shape.</summary>
    private sealed class InferenceUsage(Meter meter, InstrumentAdvice<long> buckets)
    {
        private readonly Counter<long> input = meter.CreateCounter<long>("gen_ai.client.inference.usage.input_tokens", "{token}", "Tokens read, those out of a cache included");
        private readonly Counter<long> output = meter.CreateCounter<long>("gen_ai.client.inference.usage.output_tokens", "{token}", "Tokens written, reasoning included");
        private readonly Counter<long> cacheRead = meter.CreateCounter<long>("gen_ai.client.inference.usage.cache_read.input_tokens", "{token}", "Those read out of a cache");
        private readonly Counter<long> cacheWrite = meter.CreateCounter<long>("gen_ai.client.inference.usage.cache_write.input_tokens", "{token}", "Those written into a cache");
        private readonly Counter<long> reasoning = meter.CreateCounter<long>("gen_ai.client.inference.usage.reasoning.output_tokens", "{token}", "Those spent on reasoning");
        private readonly Histogram<long> inputShape = meter.CreateHistogram("gen_ai.client.inference.operation.input_tokens", "{token}", "Tokens a request read; never for cost", tags: null, buckets);
        private readonly Histogram<long> outputShape = meter.CreateHistogram("gen_ai.client.inference.operation.output_tokens", "{token}", "Tokens a request was answered with; never for cost", tags: null, buckets);

        public void Record(TokenUsage usage, TagList tags)
        {
            inputShape.Record(usage.PromptTokens, tags);
            outputShape.Record(usage.OutputTokens, tags);

            // Providers do not tell which tokens were text.
            tags.Add("gen_ai.token.modality", "unknown");
            input.Add(usage.PromptTokens, tags);
            output.Add(usage.OutputTokens, tags);
            cacheRead.Add(usage.CacheReadTokens, tags);
            cacheWrite.Add(usage.CacheWrite5mTokens + usage.CacheWrite1hTokens, tags);
            reasoning.Add(usage.ReasoningTokens, tags);
        }
    }
}
