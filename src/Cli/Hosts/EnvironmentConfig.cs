using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Cli.Commands;
using CCGate.Hosting.Configuration;

namespace CCGate.Cli.Hosts;

/// <summary>What <c>ccgate run</c> serves without a configuration directory when PROXY_ACCESS_KEY is set: one tenant, and the upstreams whose keys are in the environment.</summary>
/// <param name="Config">The configuration that files would hold.</param>
/// <param name="Password">The operator's password.</param>
internal sealed record EnvironmentConfig(GatewayConfig Config, string Password)
{
    public const string AccessKey = "PROXY_ACCESS_KEY";

    // Each provider's own names, as its libraries and the gateways that people come from read them; the first that is set counts.
    private static readonly Provider[] Providers =
    [
        new("anthropic", "anthropic", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"], ["ANTHROPIC_BASE_URL"], "https://api.anthropic.com"),
        new("openai", "openai", ["OPENAI_API_KEY"], ["OPENAI_BASE_URL"], "https://api.openai.com"),
        new("gemini", "gemini", ["GEMINI_API_KEY", "GOOGLE_API_KEY"], ["GEMINI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"], "https://generativelanguage.googleapis.com"),
    ];

    /// <summary>The configuration that these variables make; null without PROXY_ACCESS_KEY.</summary>
    /// <param name="variable">Gives a variable's value.</param>
    /// <exception cref="CommandFailedException">They cannot be used; the message names the variable.</exception>
    public static EnvironmentConfig? From(Func<string, string?> variable)
    {
        if (First(variable, AccessKey) is not { } key)
        {
            return null;
        }

        var server = new JsonObject { ["host"] = First(variable, "HOST") ?? "127.0.0.1" };
        if (First(variable, "PORT") is { } port)
        {
            server["port"] = int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new CommandFailedException($"PORT: '{port}' is not a port.");
        }

        // Whoever runs it for themselves is the operator as well.
        var password = First(variable, "CCGATE_ADMIN_PASSWORD", "ADMIN_ACCESS_KEY") ?? key;
        var problems = new List<ConfigProblem>();
        var config = ServerFile.Read(Node(new JsonObject { ["server"] = server, ["admin"] = new JsonObject { ["password"] = password } }, problems), new GatewayConfig());
        config = UpstreamsFile.Read(Node(Upstreams(variable), problems), config, new DirectoryInfo("."));
        config = TenantsFile.Read(Node(new JsonObject { ["tenants"] = new JsonArray(new JsonObject { ["id"] = "default", ["key"] = key }) }, problems), config);
        if (problems.Find(problem => !problem.IsWarning) is { } problem)
        {
            throw new CommandFailedException(problem.ToString());
        }

        CheckAddresses(config);
        return new EnvironmentConfig(config with { Prices = PriceBookFile.Shipped }, password);
    }

    /// <summary>What a newcomer pastes next.</summary>
    public IEnumerable<string> Welcome(string url) =>
    [
        $"One tenant, whose key is {AccessKey}; upstreams from the environment: {string.Join(", ", Config.Upstreams.Select(upstream => upstream.Id))}.",
        $"Use it with Claude Code:  ANTHROPIC_BASE_URL={url} ANTHROPIC_AUTH_TOKEN=${AccessKey} claude",
        "More tenants, budgets and settings:  ./ccgate init",
        "",
    ];

    private static JsonObject Upstreams(Func<string, string?> variable)
    {
        var upstreams = new JsonArray();
        foreach (var provider in Providers)
        {
            if (First(variable, provider.Keys) is { } keys)
            {
                var own = First(variable, provider.Urls);
                upstreams.Add(new JsonObject
                {
                    ["id"] = provider.Id,
                    // Every address that claims OpenAI's protocol speaks chat completions; the provider itself speaks the newer one, which carries more.
                    ["kind"] = provider.Id == "openai" && own is null ? "openai-responses" : provider.Kind,
                    ["url"] = own ?? provider.Url,
                    ["keys"] = new JsonArray([.. keys.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(key => JsonValue.Create(key))]),
                    ["keyRotation"] = Rotation(First(variable, "LOAD_BALANCE_STRATEGY")),
                });
            }
        }

        return upstreams.Count > 0 ? new JsonObject { ["upstreams"] = upstreams } : throw new CommandFailedException(
            $"{AccessKey} is set, but no upstream's key is: set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, or make a configuration with 'ccgate init'.");
    }

    /// <summary>The variable that such gateways read says in what order the keys of an upstream are used.</summary>
    private static string Rotation(string? strategy) => strategy switch
    {
        null or "round-robin" => "round_robin",
        "random" => "random",
        "failover" => "first",
        _ => throw new CommandFailedException($"LOAD_BALANCE_STRATEGY: '{strategy}' is not known; round-robin, random or failover."),
    };

    /// <summary>The base URL that points clients here is often set in the very shell that starts the gateway: it would call itself.</summary>
    private static void CheckAddresses(GatewayConfig config)
    {
        var server = config.Server;
        if (config.Upstreams.FirstOrDefault(upstream => upstream.Url is { } url && url.Port == server.Port && (url.IsLoopback || url.Host == server.Host)) is { } own)
        {
            throw new CommandFailedException($"{string.Join(" or ", Array.Find(Providers, provider => provider.Id == own.Id)!.Urls)} is {own.Url}, where the gateway itself listens: "
                + "unset it for 'ccgate run', it is for the clients.");
        }
    }

    private static string? First(Func<string, string?> variable, params string[] names) => names.Select(variable).FirstOrDefault(value => !string.IsNullOrWhiteSpace(value))?.Trim();

    private static ConfigNode Node(JsonObject document, List<ConfigProblem> problems) =>
        new(JsonElement.Parse(document.ToJsonString()), "environment", "$", problems, isLiteral: true);

    private sealed record Provider(string Id, string Kind, string[] Keys, string[] Urls, string Url);
}
