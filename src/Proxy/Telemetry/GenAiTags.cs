using System.Diagnostics;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Telemetry;

/// <summary>A call and what it used, in the names OpenTelemetry has for that.</summary>
internal static class GenAiTags
{
    public static string Operation(Call call) => call switch
    {
        { Kind: CallKind.TokenCount } => "count_tokens",
        { AnyKind: false } => "embeddings",
        { Upstreams: UpstreamKind.Gemini } => "generate_content",
        _ => "chat",
    };

    public static string Provider(UpstreamKind kind) => kind switch
    {
        UpstreamKind.OpenAi or UpstreamKind.OpenAiResponses => "openai",
        UpstreamKind.Gemini => "gcp.gemini",
        UpstreamKind.Simulator => "simulator",
        _ => "anthropic",
    };

    public static string SnakeCase<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    public static void Write(Activity span, Call call, string model)
    {
        span.SetTag("gen_ai.operation.name", Operation(call));
        span.SetTag("gen_ai.request.model", model);
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
