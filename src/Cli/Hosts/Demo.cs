using System.Security.Cryptography;
using CCGate.Hosting.Configuration;

namespace CCGate.Cli.Hosts;

/// <summary>What <c>ccgate run</c> serves when there is no configuration directory: the simulator, one tenant with a budget, one operator.</summary>
/// <param name="Config">The configuration that files would hold.</param>
/// <param name="Key">The tenant's key: it stays the same for as long as the data directory does.</param>
/// <param name="Password">The operator's password, which stays too.</param>
internal sealed record Demo(GatewayConfig Config, string Key, string Password)
{
    private const string SecretsFile = "demo.secrets";

    /// <summary>Whether a demo was run there.</summary>
    public static bool IsIn(DirectoryInfo data) => File.Exists(Path.Combine(data.FullName, SecretsFile));

    public static Demo In(DirectoryInfo data)
    {
        var (key, password) = Secrets(data);
        var upstream = new UpstreamConfig
        {
            Id = "simulator",
            Name = "Built-in simulator",
            Kind = UpstreamKind.Simulator,
            Simulator = new SimulatorConfig { ChunkDelay = TimeSpan.FromMilliseconds(60) },
        };
        var tenant = new TenantConfig { Id = "demo", Name = "Demo", Keys = [new KeyConfig("default", SecretHash.Of(key))], Limits = LimitsConfig.DailyUsd(5m) };
        var config = new GatewayConfig
        {
            Admin = new AdminConfig("admin", SecretHash.Of(password)),
            Upstreams = [upstream],
            Tenants = [tenant],
            Prices = PriceBookFile.Shipped,
        };
        return new Demo(config, key, password);
    }

    /// <summary>What a newcomer pastes next.</summary>
    public IEnumerable<string> Welcome(string url, string config) =>
    [
        $"There is no {config}: this is a demo with the built-in simulator, which costs nothing.",
        "",
        $"  tenant demo, key {Key}",
        $"  operator admin, password {Password}",
        "",
        "Stream an answer:",
        "",
        $$"""  curl -N {{url}}/v1/messages -H "x-api-key: {{Key}}" -H "anthropic-version: 2023-06-01" -H "content-type: application/json" -d '{"model":"claude-sonnet-4-5","max_tokens":1024,"stream":true,"messages":[{"role":"user","content":"Hello"}]}'""",
        "",
        $"See what it cost, add tenants and keys:  {url}/dashboard  (or ./ccgate usage)",
        $"Use it with Claude Code:  ANTHROPIC_BASE_URL={url} ANTHROPIC_AUTH_TOKEN={Key} claude",
        "",
    ];

    private static (string Key, string Password) Secrets(DirectoryInfo data)
    {
        data.Create();
        var path = Path.Combine(data.FullName, SecretsFile);
        if (!File.Exists(path))
        {
            var created = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                created.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using var file = new StreamWriter(path, created);
            file.WriteLine($"demo-{RandomNumberGenerator.GetHexString(32, lowercase: true)}");
            file.WriteLine(RandomNumberGenerator.GetHexString(16, lowercase: true));
        }

        var lines = File.ReadAllLines(path);
        return (lines[0], lines[1]);
    }
}
