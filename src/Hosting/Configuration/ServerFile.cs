using CCGate.Hosting.Secrets;

namespace CCGate.Hosting.Configuration;

/// <summary>Reads server.json, the Node project's included.</summary>
internal static class ServerFile
{
    public const string Name = "server.json";

    public static GatewayConfig Read(ConfigNode root, GatewayConfig config)
    {
        var server = ReadAddress(root.Object("server"));
        server = ReadBounds(root.Object("limits"), server) with
        {
            Abort = root.Abort(),
        };

        config = config with
        {
            Server = server,
            Admin = ReadAdmin(root.Object("admin")),
            SecretsKey = ReadSecretsKey(root),
            EventStore = root.String("eventStore"),
            Broker = root.Url("broker", "amqp", "amqps")?.OriginalString,
            Projections = root.Url("projections", "http", "https"),
            Api = ReadApi(root.Object("api")),
            Cors = ReadCors(root.Object("cors")),
            Alerts = AlertsSection.Read(root.Object("alerts")),
            OpenAi = ReadOpenAi(root.Object("openai")),
            Telemetry = TelemetrySection.Read(root.Object("telemetry")),
        };
        ReadWhatNodeKnew(root);
        root.Finish();
        return config;
    }

    private static ServerConfig ReadAddress(ConfigNode? node)
    {
        if (node is null)
        {
            return new ServerConfig();
        }

        var server = new ServerConfig { Host = node.RequiredStringOr("host", "127.0.0.1"), Port = (int)node.Integer("port", 3000, 0, 65_535) };
        node.Ignored("set upstreams[].timeouts in upstreams.json", "timeout");
        node.Ignored("connections are kept alive as HTTP says", "keepAlive");
        node.Finish();
        return server;
    }

    private static string RequiredStringOr(this ConfigNode node, string name, string otherwise) => node.Has(name) ? node.RequiredString(name) ?? otherwise : otherwise;

    private static ServerConfig ReadBounds(ConfigNode? node, ServerConfig server)
    {
        if (node is null)
        {
            return server;
        }

        server = server with
        {
            MaxBodyBytes = node.Integer("maxBodyBytes", server.MaxBodyBytes, 1024, 1L << 30),
            BudgetStatus = (int)node.Integer("budgetStatus", server.BudgetStatus, 402, 429),
            ShutdownTimeout = node.Seconds("shutdownSeconds", server.ShutdownTimeout),
            MaxJournalEvents = node.Integer("maxJournalEvents", server.MaxJournalEvents, 1, 100_000_000),
        };
        if (server.BudgetStatus is not (402 or 429))
        {
            node.Error("budgetStatus", $"is {server.BudgetStatus}", "402 or 429");
        }

        node.Finish(unknownIsError: true);
        return server;
    }

    private static AdminConfig? ReadAdmin(ConfigNode? node)
    {
        if (node is null)
        {
            return null;
        }

        var enabled = node.Boolean("enabled", true);
        var username = node.String("username") ?? "admin";
        var password = node.String("passwordHash") ?? node.String("password");
        node.Ignored("the operator's page is always /dashboard", "path");
        node.Finish();
        if (!enabled)
        {
            return null;
        }

        if (string.IsNullOrEmpty(password))
        {
            node.Error("password", "is missing while admin is enabled", "a password, or passwordHash as sha256:HEX");
            return null;
        }

        if ((node.Has("passwordHash") && !password.StartsWith("sha256:", StringComparison.OrdinalIgnoreCase)) || SecretHash.Parse(password) is not { } hash)
        {
            node.Error(node.Has("passwordHash") ? "passwordHash" : "password", "is not a hash", "sha256: and 64 hexadecimal digits");
            return null;
        }

        return new AdminConfig(username, hash);
    }

    private static SecretsKey? ReadSecretsKey(ConfigNode root)
    {
        if (root.String("secretsKey") is not { } written)
        {
            return null;
        }

        var key = SecretsKey.Parse(written);
        if (key is null)
        {
            root.Error("secretsKey", "is too short", "32 random bytes as base64 or hexadecimal, such as `openssl rand -base64 32` prints, or a passphrase of 32 characters and more");
        }

        return key;
    }

    private static ApiConfig ReadApi(ConfigNode? node)
    {
        var api = new ApiConfig();
        if (node is null)
        {
            return api;
        }

        api = new ApiConfig((int)node.Integer("requestsPerSecond", api.RequestsPerSecond, 1, 100_000), (int)node.Integer("burst", api.Burst, 1, 1_000_000));
        node.Finish(unknownIsError: true);
        return api;
    }

    private static CorsConfig ReadCors(ConfigNode? node)
    {
        var cors = new CorsConfig();
        if (node is null)
        {
            return cors;
        }

        cors = new CorsConfig { Origins = node.Strings("origins", cors.Origins) };
        foreach (var (index, origin) in cors.Origins.Index())
        {
            if (origin != CorsConfig.Any && (!Uri.TryCreate(origin, UriKind.Absolute, out var url) || url.Host.Length == 0 || !url.GetLeftPart(UriPartial.Authority).Equals(origin, StringComparison.OrdinalIgnoreCase)))
            {
                node.Error($"origins[{index}]", $"is \"{origin}\"", "scheme://host[:port] without a path, such as https://app.example, or *");
            }
        }

        node.Finish(unknownIsError: true);
        return cors;
    }

    public static OpenAiConfig ReadOpenAi(ConfigNode? node)
    {
        if (node is null)
        {
            return new OpenAiConfig();
        }

        var openAi = new OpenAiConfig { Enabled = node.Boolean("enabled", true), Models = node.Models("models"), DefaultModel = node.Model("defaultModel") };
        node.Finish();
        return openAi;
    }

    private static void ReadWhatNodeKnew(ConfigNode root)
    {
        if (root.Object("logging") is { } logging)
        {
            logging.Ignored("say telemetry.logs.level: trace, debug, information, warning, error, critical or none", "level");
            logging.Ignored("say telemetry.logs.maxFileBytes", "maxFileSize");
            logging.Ignored("say telemetry.logs.maxFiles", "maxFiles");
            logging.Ignored("say telemetry.logs.console: plain, json or off", "enableConsole");
            logging.Ignored("say telemetry.logs.directory", "directory");
            logging.Finish();
        }

        if (root.Object("proxy") is { } proxy)
        {
            proxy.Ignored("set upstreams[].timeouts in upstreams.json", "timeout");
            proxy.Ignored("set loadBalancer.maxAttempts in upstreams.json", "retryAttempts", "retryDelay");
            proxy.Finish();
        }
    }
}
