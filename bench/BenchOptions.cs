using CCGate.Bench.Load;
using CCGate.Bench.Processes;

namespace CCGate.Bench;

/// <summary>What is measured, and how often.</summary>
internal sealed record BenchOptions(IReadOnlyList<Scenario> Scenarios, int Rounds, IReadOnlyList<GatewayVariant> Gateways);

/// <summary>A build of the gateway, the environment it runs in and its server.json, so that two of them can be compared within one run.</summary>
internal sealed record GatewayVariant(string Name, string Program, IReadOnlyList<KeyValuePair<string, string>> Environment)
{
    private const string ServerFile = "server.json";

    public string ServerJson { get; private init; } = "{}";

    /// <summary>Reads <c>NAME[=PATH][;VARIABLE=VALUE]…[;server.json=JSON]</c>.</summary>
    public static GatewayVariant Parse(string written)
    {
        var parts = written.Split(';');
        var (name, program) = Pair(parts[0]);
        var settings = parts[1..].Select(Pair).ToLookup(setting => setting.Name == ServerFile);
        return new GatewayVariant(name, program.Length > 0 ? Path.GetFullPath(program) : BenchProcess.Gateway, [.. settings[false].Select(variable => KeyValuePair.Create(variable.Name, variable.Value))])
        {
            ServerJson = settings[true].Select(file => file.Value).FirstOrDefault("{}"),
        };
    }

    private static (string Name, string Value) Pair(string text) => text.Split('=', 2) is [var name, var value] ? (name, value) : (text, "");
}

/// <summary>A run whose figures mean nothing: an answer, a count or a bill was wrong.</summary>
internal sealed class BenchFailedException(string message) : Exception(message);
