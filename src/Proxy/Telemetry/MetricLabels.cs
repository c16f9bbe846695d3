using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Upstreams;

namespace CCGate.Proxy.Telemetry;

/// <summary>The names of labels and of spans' attributes, and the words for their values: constants, since one is needed with every measurement.</summary>
internal static class MetricLabels
{
    public const string Tenant = "tenant";
    public const string Upstream = "ccgate.upstream";
    public const string State = "state";
    public const string Operation = "gen_ai.operation.name";
    public const string Provider = "gen_ai.provider.name";
    public const string RequestModel = "gen_ai.request.model";
    public const string ResponseModel = "gen_ai.response.model";
    public const string TokenType = "gen_ai.token.type";
    public const string ErrorType = "error.type";

    /// <summary>An attempt, or a request, that did not fail.</summary>
    public const string None = "none";

    private static readonly string[] Statuses = [.. Enumerable.Range(0, 600).Select(status => status.ToString(System.Globalization.CultureInfo.InvariantCulture))];

    /// <summary>As the registry of the semantic conventions has them; the simulator is nobody's.</summary>
    public static string Of(UpstreamKind kind) => kind switch
    {
        UpstreamKind.Anthropic => "anthropic",
        UpstreamKind.OpenAi or UpstreamKind.OpenAiResponses => "openai",
        UpstreamKind.Gemini => "gcp.gemini",
        _ => "simulator",
    };

    /// <summary>What the client asked for, whatever protocol the upstream speaks.</summary>
    public static string OperationOf(Call call) => call switch
    {
        { Kind: CallKind.TokenCount } => "count_tokens",
        { AnyKind: false } => "embeddings",
        { Upstreams: UpstreamKind.Gemini } => "generate_content",
        _ => "chat",
    };

    public static string Of(RequestOutcome outcome) => outcome switch
    {
        RequestOutcome.Succeeded => "succeeded",
        RequestOutcome.ClientAborted => "client_aborted",
        RequestOutcome.UpstreamTruncated => "upstream_truncated",
        RequestOutcome.Interrupted => "interrupted",
        _ => "failed",
    };

    public static string Of(AttemptFailure failure) => failure switch
    {
        AttemptFailure.None => None,
        AttemptFailure.UpstreamUnreachable => "upstream_unreachable",
        AttemptFailure.UpstreamTimeout => "upstream_timeout",
        AttemptFailure.UpstreamError => "upstream_error",
        AttemptFailure.UpstreamTruncated => "upstream_truncated",
        AttemptFailure.UpstreamStreamError => "upstream_stream_error",
        AttemptFailure.Outrun => "outrun",
        _ => "client_aborted",
    };

    public static string Of(UsageState state) => state switch
    {
        UsageState.Known => "known",
        UsageState.KnownZero => "known_zero",
        UsageState.Estimated => "estimated",
        _ => "unknown",
    };

    public static string Of(RefusalReason reason) => reason switch
    {
        RefusalReason.Unauthenticated => "unauthenticated",
        RefusalReason.TenantDisabled => "tenant_disabled",
        RefusalReason.ModelNotAllowed => "model_not_allowed",
        RefusalReason.ModelNotFound => "model_not_found",
        RefusalReason.Unpriced => "unpriced",
        RefusalReason.InvalidRequest => "invalid_request",
        RefusalReason.BodyTooLarge => "body_too_large",
        RefusalReason.BudgetExhausted => "budget_exhausted",
        RefusalReason.RateLimited => "rate_limited",
        RefusalReason.NoUpstream => "no_upstream",
        RefusalReason.Overloaded => "overloaded",
        RefusalReason.NotFound => "not_found",
        _ => "unavailable",
    };

    /// <summary>Why an attempt failed: the status it was answered with, or what happened instead; null when it did not.</summary>
    public static string? ErrorTypeOf(AttemptOutcome outcome) => outcome switch
    {
        { Failure: AttemptFailure.None } => null,
        { Failure: AttemptFailure.UpstreamError, Attempt.StatusCode: > 0 and < 600 and var status } => Statuses[status],
        _ => Of(outcome.Failure),
    };
}
