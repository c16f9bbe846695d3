using System.Diagnostics;
using CCGate.Contracts;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Telemetry;

/// <summary>A call and what it used, in the names OpenTelemetry has for that.</summary>
internal static class GenAiTags
{
    public static void Write(Activity span, Call call, string model)
    {
        span.SetTag(MetricLabels.Operation, MetricLabels.OperationOf(call));
        span.SetTag(MetricLabels.RequestModel, model);
        span.SetTag("gen_ai.request.stream", call.Streaming);
        if (call.MaxOutputTokens > 0)
        {
            span.SetTag("gen_ai.request.max_tokens", call.MaxOutputTokens);
        }
    }

    /// <summary>The input counts what was read from a cache or written to one, whichever provider says so.</summary>
    public static void Write(Activity span, TokenUsage usage, GenAiConventions conventions)
    {
        span.SetTag("gen_ai.usage.input_tokens", usage.PromptTokens);
        span.SetTag("gen_ai.usage.output_tokens", usage.OutputTokens);
        span.SetTag("gen_ai.usage.cache_read.input_tokens", usage.CacheReadTokens);
        var written = usage.CacheWrite5mTokens + usage.CacheWrite1hTokens;
        if (conventions is not GenAiConventions.Latest)
        {
            span.SetTag("gen_ai.usage.cache_creation.input_tokens", written);
        }

        if (conventions is not GenAiConventions.Legacy)
        {
            span.SetTag("gen_ai.usage.cache_write.input_tokens", written);
            span.SetTag("gen_ai.usage.reasoning.output_tokens", usage.ReasoningTokens);
        }
    }
}
