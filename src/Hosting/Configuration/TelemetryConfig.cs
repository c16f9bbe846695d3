using System.Collections.Immutable;
using CCGate.Hosting.Secrets;
using Microsoft.Extensions.Logging;

namespace CCGate.Hosting.Configuration;

/// <summary><c>telemetry</c> of server.json: what the process says of itself, and to whom.</summary>
internal sealed record TelemetryConfig
{
    /// <summary>Where metrics, traces and logs are sent; null when nowhere.</summary>
    public Uri? OtlpEndpoint { get; init; }

    /// <summary>Null when nobody says.</summary>
    public OtlpProtocol? OtlpProtocol { get; init; }

    /// <summary>Sent along, such as a token: secrets.</summary>
    public ImmutableDictionary<string, Secret> OtlpHeaders { get; init; } = ImmutableDictionary<string, Secret>.Empty;

    public MetricsConfig Metrics { get; init; } = new();

    public TracesConfig Traces { get; init; } = new();

    public LogsConfig Logs { get; init; } = new();

    /// <summary>Its headers are secrets, and its address may hold a login.</summary>
    public override string ToString() => OtlpEndpoint?.Host ?? "";
}

/// <summary>How OTLP is spoken.</summary>
internal enum OtlpProtocol
{
    Grpc,
    HttpProtobuf,
}

/// <summary>Who may read <c>/metrics</c>: it names tenants and what they spend.</summary>
internal enum ScrapeAccess
{
    /// <summary>Whoever connects from this machine and not through another proxy; others as an operator.</summary>
    Local,

    /// <summary>Everybody who reaches the port.</summary>
    Open,

    /// <summary>The operator, and API tokens that may read.</summary>
    Operator,

    /// <summary>Nobody.</summary>
    Off,
}

/// <summary>What is measured.</summary>
internal sealed record MetricsConfig
{
    public bool Enabled { get; init; } = true;

    public ScrapeAccess Scrape { get; init; } = ScrapeAccess.Local;

    /// <summary>How many tenants are told apart; those that come later are <c>other</c>.</summary>
    public int Tenants { get; init; } = 200;

    /// <summary>How many models are told apart; those that come later are <c>other</c>.</summary>
    public int Models { get; init; } = 100;
}

/// <summary>What is traced.</summary>
internal sealed record TracesConfig
{
    /// <summary>Of all requests, 0 to 1; null when nobody says.</summary>
    public double? SampleRatio { get; init; }

    /// <summary>Whether upstreams are sent the trace's id.</summary>
    public bool PropagateToUpstreams { get; init; }

    /// <summary>Whether prompts are written into spans; answers never are.</summary>
    public bool Content { get; init; }
}

/// <summary>How the console is written to.</summary>
internal enum ConsoleLog
{
    Plain,
    Json,
    Off,
}

/// <summary>What is logged.</summary>
internal sealed record LogsConfig
{
    public ConsoleLog Console { get; init; } = ConsoleLog.Plain;

    /// <summary>A directory of rolling files; null for none.</summary>
    public string? Directory { get; init; }

    /// <summary>When a new file is begun, in bytes.</summary>
    public long MaxFileBytes { get; init; } = 50 * 1024 * 1024;

    /// <summary>How many files are kept.</summary>
    public int MaxFiles { get; init; } = 10;

    /// <summary>Whether there is a line for each request.</summary>
    public bool Access { get; init; } = true;

    /// <summary>Of everything that has no level of its own; null for what the environment says, else information.</summary>
    public LogLevel? Level { get; init; }

    /// <summary>By the beginning of the category's name.</summary>
    public ImmutableDictionary<string, LogLevel> Levels { get; init; } = ImmutableDictionary<string, LogLevel>.Empty;
}

/// <summary>Reads <c>telemetry</c> of server.json.</summary>
internal static class TelemetrySection
{
    private static readonly (string Name, LogLevel Value)[] LogLevels =
        [("trace", LogLevel.Trace), ("debug", LogLevel.Debug), ("information", LogLevel.Information), ("warning", LogLevel.Warning), ("error", LogLevel.Error), ("critical", LogLevel.Critical), ("none", LogLevel.None)];

    public static TelemetryConfig Read(ConfigNode? node)
    {
        var telemetry = new TelemetryConfig();
        if (node is null)
        {
            return telemetry;
        }

        telemetry = new TelemetryConfig
        {
            OtlpEndpoint = node.Url("otlpEndpoint", "http", "https"),
            OtlpProtocol = node.Choice<OtlpProtocol?>("otlpProtocol", null, ("grpc", OtlpProtocol.Grpc), ("http/protobuf", OtlpProtocol.HttpProtobuf)),
            OtlpHeaders = node.Secrets("otlpHeaders"),
            Metrics = ReadMetrics(node.Object("metrics")),
            Traces = ReadTraces(node.Object("traces")),
            Logs = ReadLogs(node.Object("logs")),
        };
        node.Finish(unknownIsError: true);
        return telemetry;
    }

    private static MetricsConfig ReadMetrics(ConfigNode? node)
    {
        var metrics = new MetricsConfig();
        if (node is null)
        {
            return metrics;
        }

        metrics = new MetricsConfig
        {
            Enabled = node.Boolean("enabled", metrics.Enabled),
            Scrape = node.Choice("scrape", metrics.Scrape, ("local", ScrapeAccess.Local), ("open", ScrapeAccess.Open), ("operator", ScrapeAccess.Operator), ("off", ScrapeAccess.Off)),
            Tenants = (int)node.Integer("tenants", metrics.Tenants, 0, 10_000),
            Models = (int)node.Integer("models", metrics.Models, 0, 1_000),
        };
        node.Finish(unknownIsError: true);
        return metrics;
    }

    private static TracesConfig ReadTraces(ConfigNode? node)
    {
        var traces = new TracesConfig();
        if (node is null)
        {
            return traces;
        }

        traces = new TracesConfig
        {
            SampleRatio = (double?)node.Number("sampleRatio", 0, 1),
            PropagateToUpstreams = node.Boolean("propagateToUpstreams", traces.PropagateToUpstreams),
            Content = node.Boolean("content", traces.Content),
        };
        node.Finish(unknownIsError: true);
        return traces;
    }

    private static LogsConfig ReadLogs(ConfigNode? node)
    {
        var logs = new LogsConfig();
        if (node is null)
        {
            return logs;
        }

        logs = new LogsConfig
        {
            Console = node.Choice("console", logs.Console, ("plain", ConsoleLog.Plain), ("json", ConsoleLog.Json), ("off", ConsoleLog.Off)),
            Directory = node.String("directory"),
            MaxFileBytes = node.Integer("maxFileBytes", logs.MaxFileBytes, 64 * 1024, 10L << 30),
            MaxFiles = (int)node.Integer("maxFiles", logs.MaxFiles, 1, 1_000),
            Access = node.Boolean("access", logs.Access),
            Level = node.Has("level") ? node.Choice("level", LogLevel.Information, LogLevels) : null,
            Levels = ReadLevels(node),
        };
        node.Finish(unknownIsError: true);
        return logs;
    }

    private static ImmutableDictionary<string, LogLevel> ReadLevels(ConfigNode node)
    {
        var levels = ImmutableDictionary.CreateBuilder<string, LogLevel>(StringComparer.Ordinal);
        foreach (var (category, written) in node.Map("levels"))
        {
            if (Array.Find(LogLevels, level => level.Name.Equals(written, StringComparison.OrdinalIgnoreCase)) is { Name: not null } level)
            {
                levels[category] = level.Value;
            }
            else
            {
                node.Error($"levels.{category}", $"is \"{written}\"", string.Join(", ", LogLevels.Select(level => level.Name)));
            }
        }

        return levels.ToImmutable();
    }
}
