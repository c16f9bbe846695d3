using System.Text.Json;
using System.Text.Json.Serialization;

namespace CCGate.Bench.Report;

/// <summary>All figures of a run.</summary>
internal sealed record BenchReport(int Processors, int Rounds)
{
    public List<ScenarioFigures> Scenarios { get; } = [];

    public async Task SaveAsync(FileInfo file, CancellationToken cancellationToken)
    {
        await using var stream = file.Create();
        await JsonSerializer.SerializeAsync(stream, this, ReportJson.Default.BenchReport, cancellationToken);
    }
}

/// <summary>What all targets did in one scenario.</summary>
internal sealed record ScenarioFigures(string Scenario, int Connections, int RequestsPerRound, int BodyBytes, IReadOnlyList<TargetFigures> Targets);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(BenchReport))]
internal sealed partial class ReportJson : JsonSerializerContext;
