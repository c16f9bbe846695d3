using CCGate.Bench.Load;
using CCGate.Bench.Processes;

namespace CCGate.Bench;

/// <summary>What is measured, and how often.</summary>
internal sealed record BenchOptions(IReadOnlyList<Scenario> Scenarios, int Rounds, IReadOnlyList<GatewayVariant> Gateways);

/// <summary>A build of the gateway and the environment it runs in, so that two of them can be compared within one run.</summary>
internal sealed record GatewayVariant(string Name, string Program, IReadOnlyList<KeyValuePair<string, string>> Environment)
{
    /// <summary>Reads <c>NAME[=PATH][;VARIABLE=VALUE]…</c>.</summary>
    public static GatewayVariant Parse(string written)
    {
        var parts = written.Split(';');
        var (name, program) = Pair(parts[0]);
        return new GatewayVariant(name, program.Length > 0 ? Path.GetFullPath(program) : BenchProcess.Gateway, [.. parts[1..].Select(part => KeyValuePair.Create(Pair(part).Name, Pair(part).Value))]);
    }

    private static (string Name, string Value) Pair(string text) => text.Split('=', 2) is [var name, var value] ? (name, value) : (text, "");
}

/// <summary>A run whose figures mean nothing: an answer, a count or a bill was wrong.</summary>
internal sealed class BenchFailedException(string message) : Exception(message);
