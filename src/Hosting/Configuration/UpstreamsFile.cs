using System.Collections.Immutable;
using CCGate.Contracts;

namespace CCGate.Hosting.Configuration;

/// <summary>Reads upstreams.json, the Node project's included.</summary>
internal static class UpstreamsFile
{
    public const string Name = "upstreams.json";

    private static readonly string[] KnownStrategies =
        ["round_robin", "weighted_round_robin", "random", "least_connections", "least_latency", "cheapest", "priority"];

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

    private static UpstreamConfig? ReadUpstream(ConfigNode node, DirectoryInfo directory)
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
            ModelMapping = node.Map("modelMapping"),
            CostMultiplier = node.Number("costMultiplier", 0m, 1_000m) ?? 1m,
            Headers = node.Map("headers"),
            Simulator = ReadSimulator(node.Object("simulator")),
        };
        if (upstream.Keys.Length > 1)
        {
            node.Warn("keys", "this version uses the first key only");
        }

        upstream = ReadTimeouts(node.Object("timeouts"), UpstreamEgress.Read(node, upstream, directory));
        node.String("description");
        ReadWhatHasNoEffectYet(node);
        node.Finish();
        return id is null ? null : upstream;
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

    private static ImmutableArray<string> ReadKeys(ConfigNode node)
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

        return keys;
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

    private static void ReadWhatHasNoEffectYet(ConfigNode node)
    {
        if (node.Object("healthCheck") is { } health)
        {
            health.Boolean("enabled", true);
            health.String("path");
            health.Number("intervalSeconds", 0.1m, 86_400m);
            health.Number("interval", 0m, 86_400_000m);
            health.Number("timeout", 0m, 86_400_000m);
            health.Finish();
            node.Warn("healthCheck", "is read but not applied by this version");
        }

        if (node.Object("circuitBreaker") is { } breaker)
        {
            breaker.Integer("failures", 5, 1, 10_000);
            breaker.Number("openSeconds", 0.1m, 86_400m);
            breaker.Integer("successes", 2, 1, 10_000);
            breaker.Finish();
            node.Warn("circuitBreaker", "is read but not applied by this version");
        }

        node.Integer("priority", 0, -1_000_000, 1_000_000);
        node.Integer("maxConcurrent", 0, 0, 1_000_000);
        if (node.Has("priority") || node.Has("maxConcurrent"))
        {
            node.Warn("", "priority and maxConcurrent are read but not applied by this version");
        }
    }

    private static LoadBalancerConfig ReadLoadBalancer(ConfigNode? node)
    {
        var balancer = new LoadBalancerConfig();
        if (node is null)
        {
            return balancer;
        }

        var strategy = node.String("strategy") ?? balancer.Strategy;
        if (!KnownStrategies.Contains(strategy))
        {
            node.Error("strategy", $"is \"{strategy}\"", string.Join(", ", KnownStrategies));
        }
        else if (strategy is not ("weighted_round_robin" or "round_robin"))
        {
            node.Warn("strategy", $"\"{strategy}\" is spread as weighted_round_robin by this version");
        }

        balancer = balancer with
        {
            Strategy = strategy,
            FailoverEnabled = node.Boolean("failoverEnabled", true),
            MaxAttempts = (int)node.Integer("maxAttempts", 3, 1, 20),
        };
        node.Ignored("this version has no health checks and no sticky sessions", "stickySessions", "sessionTtlSeconds");
        node.Boolean("healthCheckEnabled", true);
        node.Boolean("stickySessions", true);
        node.Integer("sessionTtlSeconds", 300, 1, 86_400);
        node.Finish();
        return balancer;
    }
}
