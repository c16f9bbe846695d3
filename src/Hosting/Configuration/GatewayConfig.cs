using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using CCGate.Contracts;
using CCGate.Hosting.Operators;
using CCGate.Hosting.Secrets;
using CCGate.Hosting.Tenants;

namespace CCGate.Hosting.Configuration;

/// <summary>Everything the configuration directory says, as one immutable snapshot that is swapped whole.</summary>
internal sealed record GatewayConfig
{
    // Everybody's way up is asked for whenever the configuration changes.
    public ServerConfig Server { get; init; } = new();

    /// <summary>Null when there is no operator: /api then answers nobody.</summary>
    public AdminConfig? Admin { get; init; }

    /// <summary>Seals what is kept; null for the one in the data directory.</summary>
    public SecretsKey? SecretsKey { get; init; }

    /// <summary>PostgreSQL connection string, which may hold a password; roles only.</summary>
    public Secret? EventStore { get; init; }

    /// <summary>RabbitMQ address, which may hold a login; roles only.</summary>
    public Secret? Broker { get; init; }

    /// <summary>Where the projections role answers; roles only.</summary>
    public Uri? Projections { get; init; }

    public TelemetryConfig Telemetry { get; init; } = new();

    /// <summary>Null when nobody wants to be told.</summary>
    public AlertsConfig? Alerts { get; init; }

    public OpenAiConfig OpenAi { get; init; } = new();

    public ImmutableArray<UpstreamConfig> Upstreams { get; init; } = [];

    public LoadBalancerConfig LoadBalancer { get; init; } = new();

    public ImmutableArray<TenantConfig> Tenants
    {
        get => tenants.All;
        init => tenants = new TenantList(value);
    }

    /// <summary>What operators declared and is not in force, in sentences: a file says otherwise, or what it refers to has gone.</summary>
    public ImmutableArray<string> Ignored { get; init; } = [];

    public PriceBook Prices { get; init; } = new();

    public ApiConfig Api { get; init; } = new();

    public CorsConfig Cors { get; init; } = new();

    /// <summary>Tokens that operators issued at run time and did not revoke.</summary>
    public ImmutableArray<ApiToken> ApiTokens { get; init; } = [];

    /// <summary>Extra budgets that operators gave at run time.</summary>
    public ImmutableArray<BudgetExtended> Extensions { get; init; } = [];

    private readonly TenantList tenants = new([]);

    /// <summary>Connection strings hold passwords: it is printed as its size.</summary>
    public override string ToString() => FormattableString.Invariant($"{Tenants.Length} tenants, {Upstreams.Length} upstreams");

    /// <summary>Null when there is none of that id.</summary>
    public TenantConfig? FindTenant(string id) => tenants.Find(id);

    /// <summary>A tenant and the tenants above it, the nearest first. A parent that is not there, or a ring, ends the way: validation reports both.</summary>
    public IEnumerable<TenantConfig> PathOf(TenantConfig tenant)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var next = tenant; next is not null && seen.Add(next.Id); next = next.Parent is { } parent ? FindTenant(parent) : null)
        {
            yield return next;
        }
    }
}

/// <summary>Tenants in their order, and found by id without going through all of them.</summary>
internal sealed class TenantList
{
    private readonly Dictionary<string, TenantConfig> byId = new(StringComparer.Ordinal);

    public TenantList(ImmutableArray<TenantConfig> all)
    {
        All = all;
        foreach (var tenant in all)
        {
            byId.TryAdd(tenant.Id, tenant);
        }
    }

    public ImmutableArray<TenantConfig> All { get; }

    public TenantConfig? Find(string id) => byId.GetValueOrDefault(id);
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

    /// <summary>How long streams in flight may go on when the process is told to stop.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(50);

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

/// <summary>server.json: how often one caller may ask <c>/api</c>.</summary>
/// <param name="RequestsPerSecond">On and on.</param>
/// <param name="Burst">At once.</param>
internal sealed record ApiConfig(int RequestsPerSecond = 50, int Burst = 200);

/// <summary>server.json: the web pages that may call the surfaces.</summary>
internal sealed record CorsConfig
{
    public const string Any = "*";

    /// <summary>Such as <c>https://app.example</c>; <c>*</c> for every page.</summary>
    public ImmutableArray<string> Origins { get; init; } = [Any];

    /// <summary>What the answer to this origin says is allowed; null for nothing.</summary>
    public string? Find(string origin) => Origins.Contains(Any) ? Any : Origins.Contains(origin, StringComparer.OrdinalIgnoreCase) ? origin : null;
}

/// <summary>server.json: what holds on the OpenAI surfaces alone.</summary>
internal sealed record OpenAiConfig
{
    public bool Enabled { get; init; } = true;

    /// <summary>Names that clients of chat completions and responses ask for, and the models they get.</summary>
    public ModelMap Models { get; init; } = ModelMap.Empty;

    /// <summary>What they get when no upstream is known to serve the model they name; null for nothing.</summary>
    public string? DefaultModel { get; init; }
}

/// <summary>Which of the upstreams that could take a request does.</summary>
internal enum BalancingStrategy
{
    WeightedRoundRobin,
    RoundRobin,

    /// <summary>By chance, in proportion to the weights.</summary>
    Random,

    /// <summary>The fewest requests in flight for its weight.</summary>
    LeastConnections,

    /// <summary>The better of two chosen by chance, by the time to its first byte and its requests in flight.</summary>
    LeastLatency,

    /// <summary>The lowest price for the model, times the upstream's multiplier.</summary>
    Cheapest,

    /// <summary>The lowest <see cref="UpstreamConfig.Priority"/>; the others only when it cannot.</summary>
    Priority,
}

/// <summary>upstreams.json: how attempts are spread.</summary>
internal sealed record LoadBalancerConfig
{
    public BalancingStrategy Strategy { get; init; } = BalancingStrategy.WeightedRoundRobin;

    /// <summary>Strategies of their own for models, by pattern; the first that matches counts, before those of groups.</summary>
    public ImmutableArray<(string Pattern, BalancingStrategy Strategy)> Models { get; init; } = [];

    /// <summary>Strategies of their own for a tenant's groups.</summary>
    public ImmutableDictionary<string, BalancingStrategy> Groups { get; init; } = ImmutableDictionary<string, BalancingStrategy>.Empty;

    public bool FailoverEnabled { get; init; } = true;

    public int MaxAttempts { get; init; } = 3;

    /// <summary>Before an upstream is tried again with another of its keys; doubled each time, with jitter.</summary>
    public TimeSpan Backoff { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>When a second upstream is asked as well, because the first has not begun to answer; null for never.</summary>
    public TimeSpan? HedgeAfter { get; init; }

    public bool HealthChecks { get; init; } = true;

    /// <summary>Whether a conversation stays with the upstream that has its prompt cache.</summary>
    public bool StickySessions { get; init; } = true;

    /// <summary>How long it stays there after its last request.</summary>
    public TimeSpan SessionTtl { get; init; } = TimeSpan.FromMinutes(5);

    public StickyReturn StickyReturn { get; init; }
}

/// <summary>When a conversation that a failure moved goes back to its first upstream.</summary>
internal enum StickyReturn
{
    /// <summary>Not while it lasts: the cache is warm where it is now.</summary>
    Never,

    /// <summary>Once it has been idle for so long that no cache is lost.</summary>
    WhenIdle,
}

/// <summary>Which of an upstream's keys is used next.</summary>
internal enum KeyRotation
{
    RoundRobin,
    Random,

    /// <summary>The first one that is not benched.</summary>
    First,
}

/// <summary>When an upstream is left alone, and when it is tried again.</summary>
internal sealed record CircuitBreakerConfig
{
    public bool Enabled { get; init; } = true;

    /// <summary>Failures in a row that open it.</summary>
    public int Failures { get; init; } = 5;

    /// <summary>The part of the requests of a window that opens it when they fail; null to count only failures in a row.</summary>
    public decimal? FailureRate { get; init; }

    /// <summary>Below so many requests in a window there is no rate.</summary>
    public int MinimumRequests { get; init; } = 20;

    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long it stays open before one request may try.</summary>
    public TimeSpan Open { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Requests in a row that must succeed before it is closed again.</summary>
    public int Successes { get; init; } = 2;
}

/// <summary>A request made now and then to learn whether an upstream is there.</summary>
internal sealed record HealthCheckConfig
{
    /// <summary>Off unless configured: a provider may count or bill what it is asked.</summary>
    public bool Enabled { get; init; }

    public string Path { get; init; } = "/v1/models";

    public string Method { get; init; } = "GET";

    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Empty takes every status below 500: an upstream that refuses a key or a path is there.</summary>
    public ImmutableArray<int> ExpectedStatus { get; init; } = [];
}

/// <summary>A part of the day, in a time zone; over midnight when it ends before it begins.</summary>
internal sealed record ActiveHours(TimeOnly From, TimeOnly To, TimeZoneInfo TimeZone)
{
    public bool Contains(DateTimeOffset instant) => TimeOnly.FromTimeSpan(TimeZoneInfo.ConvertTime(instant, TimeZone).TimeOfDay).IsBetween(From, To);

    public override string ToString() => FormattableString.Invariant($"{From:HH:mm}-{To:HH:mm} {TimeZone.Id}");
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

    public ImmutableArray<Secret> Keys { get; init; } = [];

    /// <summary>The header the key goes out in; null lets the host decide.</summary>
    public string? AuthHeader { get; init; }

    public KeyRotation KeyRotation { get; init; }

    /// <summary>Its share of the requests; at 0 it gets no new ones.</summary>
    public int Weight { get; init; } = 100;

    /// <summary>Its place in the order of the strategy <c>priority</c>, the lowest first.</summary>
    public int Priority { get; init; }

    /// <summary>Requests it serves at a time from this proxy; null for any number.</summary>
    public int? MaxConcurrent { get; init; }

    /// <summary>Requests that may wait for one of those places.</summary>
    public int MaxQueued { get; init; } = 100;

    public TimeSpan QueueTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>What all tenants together may spend there in a day (UTC); null for any amount.</summary>
    public decimal? DailyMaxUsd { get; init; }

    /// <summary>Null for all day.</summary>
    public ActiveHours? ActiveHours { get; init; }

    public CircuitBreakerConfig CircuitBreaker { get; init; } = new();

    public HealthCheckConfig HealthCheck { get; init; } = new();

    public ImmutableArray<string> Groups { get; init; } = ["default"];

    public bool Enabled { get; init; } = true;

    /// <summary>Patterns of the models it serves.</summary>
    public ImmutableArray<string> Models { get; init; } = ["*"];

    /// <summary>Name the tenant asks for to name the upstream knows.</summary>
    public ModelMap ModelMapping { get; init; } = ModelMap.Empty;

    public decimal CostMultiplier { get; init; } = 1m;

    public ImmutableDictionary<string, Secret> Headers { get; init; } = ImmutableDictionary<string, Secret>.Empty;

    /// <summary>May hold a user name and a password.</summary>
    public Uri? Proxy { get; init; }

    /// <summary>Whether the upstream is connected to directly while its proxy cannot be connected to.</summary>
    public bool ProxyFallback { get; init; }

    /// <summary>The certificates of authorities that are trusted besides the system's; null for none.</summary>
    public string? CaPem { get; init; }

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan FirstByteTimeout { get; init; } = TimeSpan.FromSeconds(120);

    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>Of one whole attempt; null for no limit.</summary>
    public TimeSpan? TotalTimeout { get; init; }

    public SimulatorConfig Simulator { get; init; } = new();

    /// <summary>As it was declared, without its secrets; null for the demo's.</summary>
    public JsonElement? Document { get; init; }

    /// <summary>The position of the operator's last change; null for one from the files.</summary>
    public long? Version { get; init; }

    public ConfigOrigin Origin => Version is null ? ConfigOrigin.File : ConfigOrigin.Operator;

    /// <summary>An operator ordered that it gets no new requests; those in flight end.</summary>
    public bool Drained { get; init; }

    /// <summary>The position of the operator's last order to close its circuits; 0 for none.</summary>
    public long ResetAt { get; init; }

    /// <summary>Why this process cannot use what an operator declared; null when it can.</summary>
    public string? Fault { get; init; }

    /// <summary>Whether requests that are not bound to it may go there.</summary>
    public bool TakesNew => Weight > 0 && !Drained;

    /// <summary>What paths are put behind; the simulator's is never connected to.</summary>
    public string Address => Url?.AbsoluteUri ?? "http://simulator/";

    /// <summary>Whether it serves whatever it is asked for, as far as its configuration says.</summary>
    public bool IsCatchAll
    {
        get
        {
            foreach (var pattern in Models)
            {
                if (ModelPattern.IsCatchAll(pattern))
                {
                    return true;
                }
            }

            return false;
        }
    }

    public bool Serves(string model) => IsCatchAll || Names(model);

    /// <summary>Its keys, its headers and its addresses are secrets, or have them.</summary>
    public override string ToString() => Id;

    /// <summary>Whether it was chosen for the model, rather than for all there are.</summary>
    public bool Names(string model)
    {
        foreach (var pattern in Models)
        {
            if (!ModelPattern.IsCatchAll(pattern) && ModelPattern.Matches(pattern, model))
            {
                return true;
            }
        }

        return ModelMapping.Find(model) is not null;
    }
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

/// <summary>Who declared something: whoever writes the files, or an operator at run time.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ConfigOrigin>))]
internal enum ConfigOrigin
{
    [JsonStringEnumMemberName("file")]
    File,

    [JsonStringEnumMemberName("operator")]
    Operator,
}

/// <summary>Who pays.</summary>
internal sealed record TenantConfig
{
    public required string Id { get; init; }

    public string Name { get; init; } = "";

    public ConfigOrigin Origin { get; init; }

    /// <summary>The position of the operator's last change; null for a tenant of the files.</summary>
    public long? Version { get; init; }

    /// <summary>For operators to read; the gateway makes nothing of it.</summary>
    public string? Note { get; init; }

    /// <summary>The instant it is refused from, its own or that of a tenant above it; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    public ImmutableArray<KeyConfig> Keys { get; init; } = [];

    public bool Enabled { get; init; } = true;

    public ImmutableArray<string> Groups { get; init; } = ["default"];

    /// <summary>Names of its own for models, those of the tenants above it included.</summary>
    public ModelMap ModelAliases { get; init; } = ModelMap.Empty;

    /// <summary>Patterns of the models it may use.</summary>
    public ImmutableArray<string> AllowedModels { get; init; } = ["*"];

    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Utc;

    public HoldPolicy HoldPolicy { get; init; } = HoldPolicy.Clamp;

    /// <summary>A clamp never goes below this.</summary>
    public long MinOutputTokens { get; init; } = 1024;

    /// <summary>Null takes the server's.</summary>
    public AbortPolicy? Abort { get; init; }

    /// <summary>The tenant whose limits hold for this one as well; null for a tenant of its own.</summary>
    public string? Parent { get; init; }

    public LimitsConfig Limits { get; init; } = LimitsConfig.None;

    public decimal? DailyMaxUsd => Limits.Find(LimitWindow.Daily)?.MaxUsd;

    /// <summary>When its days, weeks and months begin, in <see cref="TimeZone"/>.</summary>
    public TimeOnly ResetTime { get; init; }

    public DayOfWeek WeekStartsOn { get; init; } = DayOfWeek.Monday;

    public int MonthStartsOn { get; init; } = 1;

    public WindowClock Clock => new(TimeZone, ResetTime, WeekStartsOn, MonthStartsOn);
}

/// <summary>The secret that names a tenant, kept as its hash.</summary>
internal sealed record KeyConfig(string Id, SecretHash Secret)
{
    /// <summary>What may be used with this key; the tenant's own limits hold as well.</summary>
    public LimitsConfig Limits { get; init; } = LimitsConfig.None;

    public ConfigOrigin Origin { get; init; }

    public string? Label { get; init; }

    /// <summary>The end of the secret, where the gateway made it.</summary>
    public string? Hint { get; init; }

    /// <summary>The instant it is refused from; null for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Secrets it had before, which work for a while longer.</summary>
    public ImmutableArray<RetiredSecret> Retired { get; init; } = [];
}

/// <summary>A secret that was replaced.</summary>
/// <param name="Secret">Its hash.</param>
/// <param name="ValidUntil">The instant it is refused from.</param>
internal sealed record RetiredSecret(SecretHash Secret, DateTimeOffset ValidUntil);

/// <summary>What may be used in one window; null where there is no limit.</summary>
internal sealed record WindowLimit(LimitWindow Window, decimal? MaxUsd = null, long? MaxTokens = null, long? MaxRequests = null)
{
    /// <summary>The window as it is written in tenants.json.</summary>
    public string Name => NameOf(Window);

    public static string NameOf(LimitWindow window) => window switch
    {
        LimitWindow.FiveHours => "fiveHours",
        LimitWindow.Daily => "daily",
        LimitWindow.Weekly => "weekly",
        LimitWindow.Monthly => "monthly",
        _ => "total",
    };
}

/// <summary>The limits of a tenant or of a key.</summary>
internal sealed record LimitsConfig
{
    public static readonly LimitsConfig None = new();

    public ImmutableArray<WindowLimit> Windows { get; init; } = [];

    public long? RequestsPerMinute { get; init; }

    public long? TokensPerMinute { get; init; }

    public long? ConcurrentRequests { get; init; }

    public long? ConcurrentSessions { get; init; }

    /// <summary>The parts of a window's limit that raise an alert when they are used up, such as 0.8.</summary>
    public ImmutableArray<decimal> AlertAt { get; init; } = [0.8m];

    public bool HasBudget => Windows.Any(window => window.MaxUsd is not null);

    public WindowLimit? Find(LimitWindow window) => Windows.FirstOrDefault(limit => limit.Window == window);

    /// <summary>USD a day and nothing else.</summary>
    public static LimitsConfig DailyUsd(decimal maxUsd) => new() { Windows = [new WindowLimit(LimitWindow.Daily, maxUsd)] };
}
