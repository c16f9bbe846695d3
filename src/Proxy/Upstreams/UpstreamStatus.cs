using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Upstreams;

/// <summary>The answer of <c>GET /api/upstreams</c>.</summary>
/// <param name="Proxy">Which proxy says so: each knows its own; null when none was asked and the configuration alone speaks.</param>
/// <param name="Upstreams">In the order of the configuration.</param>
internal sealed record UpstreamList(string? Proxy, IReadOnlyList<UpstreamStatus> Upstreams)
{
    /// <summary>How much of the prompts came out of a cache, by what became of the conversations' places, since the proxy began.</summary>
    public IReadOnlyList<AffinityStatus> Affinity { get; init; } = [];
}

/// <summary>The requests of one outcome of affinity.</summary>
/// <param name="Outcome"><c>new</c>, <c>kept</c>, <c>moved</c>, or <c>none</c> for what is no conversation.</param>
/// <param name="CacheHitShare">Of all tokens read, 0 to 1.</param>
internal sealed record AffinityStatus(string Outcome, long Requests, long PromptTokens, long CacheReadTokens, double? CacheHitShare)
{
    public static AffinityStatus Of(AffinityShare share) => new(
        AffinityStatistics.NameOf(share.Outcome), share.Requests, share.PromptTokens, share.CacheReadTokens, share.CacheHitShare is { } hits ? Math.Round(hits, 4) : null);
}

/// <summary>One upstream: what is configured and, of one that is enabled, what the proxy knows of it.</summary>
internal sealed record UpstreamStatus
{
    public required string Id { get; init; }

    public string Name { get; init; } = "";

    public string Kind { get; init; } = "";

    public string? Url { get; init; }

    public bool Enabled { get; init; }

    public int Weight { get; init; }

    public int Priority { get; init; }

    public IReadOnlyList<string> Groups { get; init; } = [];

    public ConfigOrigin Origin { get; init; }

    public long? Version { get; init; }

    public bool Drained { get; init; }

    /// <summary>Why the process cannot use it; null when it can.</summary>
    public string? Fault { get; init; }

    /// <summary>As it was declared, without its secrets: headers without values, and no keys.</summary>
    public JsonElement? Document { get; init; }

    public required UpstreamHealth Health { get; init; }

    public CircuitStatus? Circuit { get; init; }

    public IReadOnlyList<UpstreamKeyStatus>? Keys { get; init; }

    public int? InFlight { get; init; }

    public int? Waiting { get; init; }

    public int? MaxConcurrent { get; init; }

    /// <summary>To the first byte, as <c>least_latency</c> sees it; null when nothing was served lately.</summary>
    public double? LatencyMs { get; init; }

    public decimal? SpendTodayUsd { get; init; }

    public decimal? DailyMaxUsd { get; init; }

    public string? ActiveHours { get; init; }

    /// <param name="config">What is configured.</param>
    /// <param name="state">Null for one that is not enabled, and where no proxy is asked.</param>
    public static UpstreamStatus Of(UpstreamConfig config, UpstreamState? state)
    {
        var status = new UpstreamStatus
        {
            Id = config.Id,
            Name = config.Name,
            Kind = NameOf(config.Kind),
            Url = config.Url?.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped),
            Enabled = config.Enabled,
            Weight = config.Weight,
            Priority = config.Priority,
            Groups = config.Groups,
            Origin = config.Origin,
            Version = config.Version,
            Drained = config.Drained,
            Fault = config.Fault,
            Document = config.Document,
            Health = UpstreamHealth.Of(state),
            MaxConcurrent = config.MaxConcurrent,
            DailyMaxUsd = config.DailyMaxUsd,
            ActiveHours = config.ActiveHours?.ToString(),
        };
        return state is null ? status : status with
        {
            Circuit = CircuitStatus.Of(state.Breaker),
            Keys = [.. state.Keys.Keys.Select(UpstreamKeyStatus.Of)],
            InFlight = state.Gate.InFlight,
            Waiting = state.Gate.Waiting,
            LatencyMs = state.LatencyMs is >= 0.1 and var latency ? Math.Round(latency, 1) : null,
            SpendTodayUsd = Picodollars.ToUsd(state.Spend.Today),
        };
    }

    /// <summary>As it is written in upstreams.json.</summary>
    public static string NameOf(UpstreamKind kind) => kind switch
    {
        UpstreamKind.OpenAi => "openai",
        UpstreamKind.OpenAiResponses => "openai-responses",
        UpstreamKind.Gemini => "gemini",
        UpstreamKind.Simulator => "simulator",
        _ => "anthropic",
    };
}

/// <summary>What the active checks say.</summary>
/// <param name="State"><c>healthy</c>, <c>unhealthy</c>, or <c>unknown</c> when there was no check.</param>
internal sealed record UpstreamHealth([property: AllowedValues("healthy", "unhealthy", "unknown")] string State, string? Why, DateTimeOffset? CheckedAt)
{
    public static UpstreamHealth Of(UpstreamState? state) => state switch
    {
        { Unhealthy: { } why } => new UpstreamHealth("unhealthy", why, state.CheckedAt),
        { CheckedAt: { } checkedAt } => new UpstreamHealth("healthy", null, checkedAt),
        _ => new UpstreamHealth("unknown", null, null),
    };
}

/// <summary>Whether an upstream may be used.</summary>
/// <param name="State"><c>closed</c>, <c>open</c> or <c>half_open</c>.</param>
internal sealed record CircuitStatus([property: AllowedValues("closed", "open", "half_open")] string State, string? Reason, double? OpenForSeconds)
{
    public static CircuitStatus Of(CircuitBreaker breaker) => breaker.State switch
    {
        CircuitState.Closed => new CircuitStatus("closed", null, null),
        CircuitState.HalfOpen => new CircuitStatus("half_open", breaker.Reason, null),
        _ => new CircuitStatus("open", breaker.Reason, Math.Round(breaker.OpenFor.TotalSeconds, 1)),
    };
}

/// <summary>Whether one of its keys may be used.</summary>
/// <param name="Hint">The end of the key.</param>
internal sealed record UpstreamKeyStatus(string Hint, [property: AllowedValues("closed", "open", "half_open")] string State, string? Reason, double? OpenForSeconds)
{
    public static UpstreamKeyStatus Of(UpstreamKey key)
    {
        var (state, reason, openForSeconds) = CircuitStatus.Of(key.Breaker);
        return new UpstreamKeyStatus(key.Hint, state, reason, openForSeconds);
    }
}

/// <summary>The JSON of what is asked of the proxy itself.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(UpstreamList))]
[JsonSerializable(typeof(UpstreamStatus))]
internal sealed partial class UpstreamsJson : JsonSerializerContext;
