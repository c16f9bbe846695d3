using System.Collections.Immutable;
using System.Globalization;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Secrets;

namespace CCGate.Hosting.Configuration;

/// <summary>Reads upstreams.json, the Node project's included.</summary>
internal static class UpstreamsFile
{
    public const string Name = "upstreams.json";

    private static readonly (string Name, BalancingStrategy Value)[] Strategies =
    [
        ("weighted_round_robin", BalancingStrategy.WeightedRoundRobin), ("round_robin", BalancingStrategy.RoundRobin), ("random", BalancingStrategy.Random),
        ("least_connections", BalancingStrategy.LeastConnections), ("least_latency", BalancingStrategy.LeastLatency), ("cheapest", BalancingStrategy.Cheapest),
        ("priority", BalancingStrategy.Priority),
    ];

    /// <summary>A strategy as it is written.</summary>
    public static string NameOf(BalancingStrategy strategy) => Array.Find(Strategies, named => named.Value == strategy).Name;

    public static GatewayConfig Read(ConfigNode root, GatewayConfig config, DirectoryInfo directory)
    {
        var upstreams = ImmutableArray.CreateBuilder<UpstreamConfig>();
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in root.Objects("upstreams"))
        {
            if (ReadUpstream(node, directory) is not { } upstream)
            {
                continue;
            }

            if (!ids.Add(upstream.Id))
            {
                node.Error("id", $"\"{upstream.Id}\" is used twice", "an id of its own for each upstream");
            }

            upstreams.Add(upstream);
        }

        config = config with { Upstreams = upstreams.ToImmutable(), LoadBalancer = ReadLoadBalancer(root.Object("loadBalancer")) };
        root.Finish();
        return config;
    }

    /// <summary>One upstream; null when it has no id.</summary>
    /// <param name="node">Its document.</param>
    /// <param name="directory">Where the files are that it names; null when it may name none.</param>
    public static UpstreamConfig? ReadUpstream(ConfigNode node, DirectoryInfo? directory)
    {
        var id = node.RequiredString("id");
        var kind = node.Choice("kind", UpstreamKind.Anthropic, ("anthropic", UpstreamKind.Anthropic), ("openai", UpstreamKind.OpenAi),
            ("openai-responses", UpstreamKind.OpenAiResponses), ("gemini", UpstreamKind.Gemini), ("simulator", UpstreamKind.Simulator));
        var upstream = new UpstreamConfig
        {
            Id = id ?? "",
            Name = node.String("name") ?? id ?? "",
            Kind = kind,
            Url = ReadUrl(node, kind),
            Keys = ReadKeys(node),
            AuthHeader = node.String("authHeader"),
            Weight = (int)node.Integer("weight", 100, 0, 1_000_000),
            Groups = node.Strings("groups", ["default"]),
            Enabled = node.Boolean("enabled", true),
            Models = node.Strings("models", ["*"]),
            ModelMapping = node.Models("modelMapping"),
            CostMultiplier = node.Number("costMultiplier", 0m, 1_000m) ?? 1m,
            Headers = node.Secrets("headers"),
            Simulator = ReadSimulator(node.Object("simulator")),
        };
        upstream = ReadTimeouts(node.Object("timeouts"), UpstreamEgress.Read(node, ReadLimits(node, upstream), directory)) with
        {
            KeyRotation = node.Choice("keyRotation", KeyRotation.RoundRobin, ("round_robin", KeyRotation.RoundRobin), ("random", KeyRotation.Random), ("first", KeyRotation.First)),
            CircuitBreaker = ReadCircuitBreaker(node.Object("circuitBreaker")),
            HealthCheck = ReadHealthCheck(node.Object("healthCheck")),
        };
        node.String("description");
        node.Finish();
        return id is null ? null : upstream with { Document = UpstreamSecrets.Redact(node.Element, node.Knows) };
    }

    private static Uri? ReadUrl(ConfigNode node, UpstreamKind kind)
    {
        if (kind == UpstreamKind.Simulator)
        {
            node.Ignored("the simulator answers inside the gateway", "url");
            return null;
        }

        if (!node.Has("url"))
        {
            node.Error("url", "is missing", "the upstream's address, such as https://api.anthropic.com");
            return null;
        }

        var url = node.Url("url", "http", "https");
        if (url is { Query.Length: > 0 } or { UserInfo.Length: > 0 })
        {
            node.Error("url", "has a query or a user name", "scheme, host, port and path");
        }

        return url;
    }

    private static ImmutableArray<Secret> ReadKeys(ConfigNode node)
    {
        var keys = node.Strings("keys", []);
        if (node.String("key") is { } key)
        {
            keys = keys.Insert(0, key);
        }

        foreach (var bad in keys.Where(key => key.Length == 0 || key.AsSpan().ContainsAnyExceptInRange('!', '~')))
        {
            node.Error("key", bad.Length == 0 ? "is empty" : "has characters that no HTTP header can carry", "visible ASCII characters");
        }

        return [.. keys.Select(key => new Secret(key))];
    }

    private static UpstreamConfig ReadTimeouts(ConfigNode? node, UpstreamConfig upstream)
    {
        if (node is null)
        {
            return upstream;
        }

        upstream = upstream with
        {
            ConnectTimeout = node.Seconds("connectSeconds", upstream.ConnectTimeout),
            FirstByteTimeout = node.Seconds("firstByteSeconds", upstream.FirstByteTimeout),
            IdleTimeout = node.Seconds("idleSeconds", upstream.IdleTimeout),
            TotalTimeout = node.Number("totalSeconds", 0m, 86_400m) is { } total and > 0m ? TimeSpan.FromSeconds((double)total) : null,
        };
        node.Finish();
        return upstream;
    }

    private static SimulatorConfig ReadSimulator(ConfigNode? node)
    {
        var simulator = new SimulatorConfig();
        if (node is null)
        {
            return simulator;
        }

        simulator = simulator with
        {
            Text = node.String("text") ?? simulator.Text,
            Chunks = (int)node.Integer("chunks", simulator.Chunks, 1, 100_000),
            FirstByteDelay = node.Milliseconds("firstByteDelayMs", simulator.FirstByteDelay),
            ChunkDelay = node.Milliseconds("chunkDelayMs", simulator.ChunkDelay),
            Status = (int)node.Integer("status", 200, 200, 599),
            TruncateAfterChunks = (int?)node.Number("truncateAfterChunks", 0, 100_000, whole: true),
            Usage = ReadUsage(node.Object("usage")),
        };
        if (simulator.Status is > 200 and < 400)
        {
            node.Error("status", $"is {simulator.Status}", "200, or 400 to 599");
        }

        node.Finish();
        return simulator;
    }

    private static TokenUsage? ReadUsage(ConfigNode? node)
    {
        if (node is null)
        {
            return null;
        }

        long Tokens(string name) => node.Integer(name, 0, 0, 1_000_000_000);
        var usage = new TokenUsage
        {
            InputTokens = Tokens("inputTokens"),
            CacheReadTokens = Tokens("cacheReadTokens"),
            CacheWrite5mTokens = Tokens("cacheWrite5mTokens"),
            CacheWrite1hTokens = Tokens("cacheWrite1hTokens"),
            OutputTokens = Tokens("outputTokens"),
            ReasoningTokens = Tokens("reasoningTokens"),
            WebSearches = Tokens("webSearches"),
            ServiceTier = node.String("serviceTier"),
            InferenceGeo = node.String("inferenceGeo"),
            Speed = node.String("speed"),
        };
        node.Finish(unknownIsError: true);
        return usage;
    }

    private static UpstreamConfig ReadLimits(ConfigNode node, UpstreamConfig upstream)
    {
        var concurrent = (int)node.Integer("maxConcurrent", 0, 0, 1_000_000);
        upstream = upstream with
        {
            Priority = (int)node.Integer("priority", 0, -1_000_000, 1_000_000),
            MaxConcurrent = concurrent == 0 ? null : concurrent,
            DailyMaxUsd = node.Number("dailyMaxUSD", 0m, 1_000_000_000m),
            ActiveHours = ReadActiveHours(node.Object("activeHours")),
        };
        if (node.Object("queue") is { } queue)
        {
            upstream = upstream with { MaxQueued = (int)queue.Integer("max", upstream.MaxQueued, 0, 1_000_000), QueueTimeout = queue.Seconds("waitSeconds", upstream.QueueTimeout) };
            queue.Finish();
        }

        return upstream;
    }

    private static ActiveHours? ReadActiveHours(ConfigNode? node)
    {
        if (node is null)
        {
            return null;
        }

        var (from, to) = (ReadTime(node, "from"), ReadTime(node, "to"));
        var zone = node.String("timezone") ?? "UTC";
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var timeZone))
        {
            node.Error("timezone", $"\"{zone}\" is not a time zone", "an IANA name such as Europe/Berlin");
        }

        node.Finish();
        return from is { } begin && to is { } end && timeZone is not null ? new ActiveHours(begin, end, timeZone) : null;
    }

    private static TimeOnly? ReadTime(ConfigNode node, string name)
    {
        if (node.RequiredString(name) is not { } text)
        {
            return null;
        }

        if (!TimeOnly.TryParseExact(text, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
        {
            node.Error(name, $"is \"{text}\"", "a time such as 08:30");
            return null;
        }

        return time;
    }

    private static CircuitBreakerConfig ReadCircuitBreaker(ConfigNode? node)
    {
        var breaker = new CircuitBreakerConfig();
        if (node is null)
        {
            return breaker;
        }

        breaker = new CircuitBreakerConfig
        {
            Enabled = node.Boolean("enabled", true),
            Failures = (int)node.Integer("failures", breaker.Failures, 1, 10_000),
            FailureRate = node.Number("failureRate", 0.01m, 1m),
            MinimumRequests = (int)node.Integer("minimumRequests", breaker.MinimumRequests, 1, 1_000_000),
            Window = node.Seconds("windowSeconds", breaker.Window),
            Open = node.Seconds("openSeconds", breaker.Open),
            Successes = (int)node.Integer("successes", breaker.Successes, 1, 10_000),
        };
        node.Finish();
        return breaker;
    }

    private static HealthCheckConfig ReadHealthCheck(ConfigNode? node)
    {
        var check = new HealthCheckConfig();
        if (node is null)
        {
            return check;
        }

        // The Node project writes its times in milliseconds.
        check = new HealthCheckConfig
        {
            Enabled = node.Boolean("enabled", true),
            Path = node.String("path") ?? check.Path,
            Method = node.Choice("method", check.Method, ("GET", "GET"), ("HEAD", "HEAD"), ("POST", "POST"), ("OPTIONS", "OPTIONS")),
            Interval = node.Has("interval") ? node.Milliseconds("interval", check.Interval) : node.Seconds("intervalSeconds", check.Interval),
            Timeout = node.Has("timeout") ? node.Milliseconds("timeout", check.Timeout) : node.Seconds("timeoutSeconds", check.Timeout),
            ExpectedStatus = [.. node.Numbers("expectedStatus", 100m, 599m, []).Select(status => (int)status)],
        };
        if (!check.Path.StartsWith('/'))
        {
            node.Error("path", $"is \"{check.Path}\"", "a path that begins with /");
        }

        if (check.Interval < TimeSpan.FromSeconds(1))
        {
            node.Error("intervalSeconds", "is less than a second", "1 or more");
        }

        node.Finish();
        return check;
    }

    public static LoadBalancerConfig ReadLoadBalancer(ConfigNode? node)
    {
        var balancer = new LoadBalancerConfig();
        if (node is null)
        {
            return balancer;
        }

        balancer = balancer with
        {
            Strategy = node.Choice("strategy", balancer.Strategy, Strategies),
            Models = node.Object("models") is { } models ? [.. ReadStrategies(models)] : [],
            Groups = node.Object("groups") is { } groups ? ReadStrategies(groups).ToImmutableDictionary(pair => pair.Name, pair => pair.Strategy) : balancer.Groups,
            Backoff = node.Milliseconds("backoffMs", balancer.Backoff),
            HedgeAfter = node.Milliseconds("hedgeAfterMs", TimeSpan.Zero) is var delay && delay > TimeSpan.Zero ? delay : null,
            HealthChecks = node.Boolean("healthCheckEnabled", true),
            FailoverEnabled = node.Boolean("failoverEnabled", true),
            MaxAttempts = (int)node.Integer("maxAttempts", 3, 1, 20),
            StickySessions = node.Boolean("stickySessions", true),
            SessionTtl = TimeSpan.FromSeconds(node.Integer("sessionTtlSeconds", 300, 1, 86_400)),
            StickyReturn = node.Choice("stickyReturn", StickyReturn.Never, ("never", StickyReturn.Never), ("when_idle", StickyReturn.WhenIdle)),
        };
        node.Finish();
        return balancer;
    }

    private static List<(string Name, BalancingStrategy Strategy)> ReadStrategies(ConfigNode node)
    {
        var strategies = new List<(string, BalancingStrategy)>();
        foreach (var member in node.Element.EnumerateObject())
        {
            if (node.Object(member.Name) is { } chosen)
            {
                strategies.Add((member.Name, chosen.Choice("strategy", BalancingStrategy.WeightedRoundRobin, Strategies)));
                chosen.Finish();
            }
        }

        node.Finish();
        return strategies;
    }
}
