using System.Collections.Immutable;
using CCGate.Contracts;

namespace CCGate.Hosting.Configuration;

/// <summary>Everything the configuration directory says, as one immutable snapshot that is swapped whole.</summary>
internal sealed record GatewayConfig
{
    public ServerConfig Server { get; init; } = new();

    /// <summary>Null when there is no operator: /api then answers nobody.</summary>
    public AdminConfig? Admin { get; init; }

    /// <summary>PostgreSQL connection string; roles only.</summary>
    public string? EventStore { get; init; }

    /// <summary>RabbitMQ address; roles only.</summary>
    public string? Broker { get; init; }

    /// <summary>Where the projections role answers; roles only.</summary>
    public Uri? Projections { get; init; }

    public string? OtlpEndpoint { get; init; }

    public ImmutableArray<UpstreamConfig> Upstreams { get; init; } = [];

    public LoadBalancerConfig LoadBalancer { get; init; } = new();

    public ImmutableArray<TenantConfig> Tenants { get; init; } = [];

    public PriceBook Prices { get; init; } = new();
}

/// <summary>server.json: the address and the bounds of the process.</summary>
internal sealed record ServerConfig
{
    public string Host { get; init; } = "127.0.0.1";

    public int Port { get; init; } = 3000;

    public long MaxBodyBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>The status of a budget refusal on the Anthropic surface: 402 or 429.</summary>
    public int BudgetStatus { get; init; } = 402;

    public AbortPolicy Abort { get; init; } = AbortPolicy.Cancel;

    /// <summary>Events the journal may hold before new requests are refused.</summary>
    public long MaxJournalEvents { get; init; } = 1_000_000;
}

/// <summary>What becomes of the upstream's answer when the client has left.</summary>
internal enum AbortPolicy
{
    /// <summary>Stop the upstream at once and bill what was generated.</summary>
    Cancel,

    /// <summary>Read the upstream to its end, within bounds, and bill the exact usage.</summary>
    Drain,
}

/// <summary>The operator's name and password; the password is kept as a hash from the moment it is read.</summary>
internal sealed record AdminConfig(string Username, SecretHash Password);

/// <summary>upstreams.json: how attempts are spread.</summary>
internal sealed record LoadBalancerConfig
{
    public string Strategy { get; init; } = "weighted_round_robin";

    public bool FailoverEnabled { get; init; } = true;

    public int MaxAttempts { get; init; } = 3;
}

/// <summary>The protocol an upstream speaks.</summary>
internal enum UpstreamKind
{
    Anthropic,
    OpenAi,
    OpenAiResponses,
    Gemini,
    Simulator,
}

/// <summary>One provider endpoint plus credential, as configured.</summary>
internal sealed record UpstreamConfig
{
    public required string Id { get; init; }

    public string Name { get; init; } = "";

    public UpstreamKind Kind { get; init; } = UpstreamKind.Anthropic;

    /// <summary>Its path, if any, is a prefix of every path. Null for the simulator.</summary>
    public Uri? Url { get; init; }

    public ImmutableArray<string> Keys { get; init; } = [];

    /// <summary>The header the key goes out in; null lets the host decide.</summary>
    public string? AuthHeader { get; init; }

    public int Weight { get; init; } = 100;

    public ImmutableArray<string> Groups { get; init; } = ["default"];

    public bool Enabled { get; init; } = true;

    /// <summary>Patterns of the models it serves.</summary>
    public ImmutableArray<string> Models { get; init; } = ["*"];

    /// <summary>Name the tenant asks for to name the upstream knows.</summary>
    public ImmutableDictionary<string, string> ModelMapping { get; init; } = ImmutableDictionary<string, string>.Empty;

    public decimal CostMultiplier { get; init; } = 1m;

    public ImmutableDictionary<string, string> Headers { get; init; } = ImmutableDictionary<string, string>.Empty;

    public Uri? Proxy { get; init; }

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan FirstByteTimeout { get; init; } = TimeSpan.FromSeconds(120);

    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(120);

    public SimulatorConfig Simulator { get; init; } = new();
}

/// <summary>What a <c>simulator</c> upstream answers.</summary>
internal sealed record SimulatorConfig
{
    public string Text { get; init; } = "Hello from the CCGate simulator. This answer cost nothing real, but it is metered, priced and billed like any other.";

    /// <summary>How many text deltas a streamed answer is cut into.</summary>
    public int Chunks { get; init; } = 12;

    /// <summary>Before the first byte.</summary>
    public TimeSpan FirstByteDelay { get; init; }

    /// <summary>Between two deltas.</summary>
    public TimeSpan ChunkDelay { get; init; }

    /// <summary>The usage reported; input tokens are counted from the request when null.</summary>
    public TokenUsage? Usage { get; init; }

    /// <summary>Answers this status with an error body instead of 200.</summary>
    public int Status { get; init; } = 200;

    /// <summary>Cuts a streamed answer off after so many deltas; null lets it end.</summary>
    public int? TruncateAfterChunks { get; init; }
}

/// <summary>What happens to a request whose hold does not fit.</summary>
internal enum HoldPolicy
{
    /// <summary>Its <c>max_tokens</c> is lowered to what fits.</summary>
    Clamp,

    /// <summary>It is refused.</summary>
    Refuse,
}

/// <summary>Who pays.</summary>
internal sealed record TenantConfig
{
    public required string Id { get; init; }

    public string Name { get; init; } = "";

    public ImmutableArray<KeyConfig> Keys { get; init; } = [];

    public bool Enabled { get; init; } = true;

    public ImmutableArray<string> Groups { get; init; } = ["default"];

    /// <summary>Patterns of the models it may use.</summary>
    public ImmutableArray<string> AllowedModels { get; init; } = ["*"];

    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Utc;

    public HoldPolicy HoldPolicy { get; init; } = HoldPolicy.Clamp;

    /// <summary>A clamp never goes below this.</summary>
    public long MinOutputTokens { get; init; } = 1024;

    /// <summary>Null takes the server's.</summary>
    public AbortPolicy? Abort { get; init; }

    /// <summary>USD a day in <see cref="TimeZone"/>; null when there is no budget.</summary>
    public decimal? DailyMaxUsd { get; init; }
}

/// <summary>The secret that names a tenant, kept as its hash.</summary>
internal sealed record KeyConfig(string Id, SecretHash Secret);
