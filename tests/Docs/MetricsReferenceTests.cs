using System.Diagnostics.Metrics;
using System.Text;
using System.Text.RegularExpressions;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Telemetry;
using CCGate.Metering;
using CCGate.Projections.Telemetry;
using CCGate.Proxy.Telemetry;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Docs;

/// <summary>docs/metrics.md has every instrument of the gateway's own, as it is.</summary>
public sealed partial class MetricsReferenceTests
{
    private static readonly string[] Meters = [ProxyMetrics.MeterName, MeteringMetrics.MeterName, ProjectionMetrics.MeterName];
    private static readonly List<Row> Rows = ReadRows();

    [Fact]
    public async Task Every_instrument_of_a_running_gateway_is_described_and_every_one_described_exists()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: """{ "telemetry": {} }""");

        // Some are made for the first request.
        (await gateway.PostAsync(TestGateway.Body(stream: false))).Dispose();

        // Both generations of names: which of them a process speaks is chosen by its environment.
        var both = new ServiceCollection().AddMetrics().BuildServiceProvider();
        await using (both)
        {
            using var latest = new MeasuredMetrics(both);
            _ = new ProxyMetrics(both.GetRequiredService<IMeterFactory>(), new ConfigSource(new GatewayConfig()), new SemanticConventions(GenAiConventions.Latest));
            var found = latest.Instruments.ToList();
            foreach (var meter in Meters)
            {
                using var measured = new MeasuredMetrics(gateway.Services, meter);
                found.AddRange(measured.Instruments);
            }

            Assert.Equal(
                found.Select(Describe).Distinct().Order(StringComparer.Ordinal),
                Rows.Select(row => $"{row.Meter} {row.Name} {row.InPrometheus} {row.Kind}").Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_scrape_has_the_names_and_labels_that_are_described(bool stream)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => stream ? AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream) : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson));
        await using var gateway = await TestGateway.StartAsync(upstream, server: """{ "telemetry": {} }""");
        (await gateway.PostAsync(TestGateway.Body(stream))).Dispose();
        (await gateway.PostAsync(Encoding.UTF8.GetBytes(TestGateway.Body(stream)), key: "nobodys")).Dispose();
        await gateway.SettledAsync();

        var described = Rows.ToDictionary(row => row.InPrometheus, row => row.Labels.Select(PrometheusNames.Label).ToHashSet());
        await Eventually.PassesAsync(async () =>
        {
            var text = await gateway.Http.GetStringAsync("/metrics");
            var families = Family().Matches(text).Select(family => family.Groups[1].Value).ToHashSet();
            Assert.Superset(new HashSet<string> { "ccgate_requests_total", "ccgate_refusals_total", "ccgate_append_events_total", "ccgate_projection_lag", "gen_ai_server_request_duration_seconds" }, families);
            Assert.Empty(families.Except(described.Keys));
            foreach (Match line in Series().Matches(text))
            {
                var name = line.Groups["name"].Value;
                var family = described.ContainsKey(name) ? name : HistogramPart().Replace(name, "");
                Assert.Empty(Label().Matches(line.Groups["labels"].Value).Select(label => label.Groups[1].Value).Except([.. described[family], "le"]));
            }
        });
    }

    private static string Describe(Instrument instrument)
    {
        var kind = instrument.GetType().Name switch
        {
            var type when type.Contains("Counter", StringComparison.Ordinal) => PrometheusKind.Counter,
            var type when type.Contains("Histogram", StringComparison.Ordinal) => PrometheusKind.Histogram,
            _ => PrometheusKind.Gauge,
        };
        var family = PrometheusNames.Family(instrument.Name, instrument.Unit ?? "", kind);
        return $"{instrument.Meter.Name} {instrument.Name} {family}{(kind == PrometheusKind.Counter ? "_total" : "")} {kind.ToString().ToLowerInvariant()}";
    }

    private static List<Row> ReadRows()
    {
        var rows = new List<Row>();
        var meter = "";
        foreach (var line in DocumentFile.Read("docs/metrics.md").Text.Split('\n'))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
            {
                meter = line[3..];
            }
            else if (line.StartsWith("| `", StringComparison.Ordinal))
            {
                var cells = line.Split('|', StringSplitOptions.TrimEntries);
                Assert.True(cells is [_, _, _, _, _, { Length: > 5 }, _], line);
                rows.Add(new Row(meter, cells[1].Trim('`'), cells[2].Trim('`'), cells[3], [.. cells[4].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(label => label.Trim('`'))]));
            }
        }

        return rows;
    }

    [GeneratedRegex("^# TYPE ((?:ccgate|gen_ai)_[a-z0-9_]+) ", RegexOptions.Multiline)]
    private static partial Regex Family();

    [GeneratedRegex("^(?<name>(?:ccgate|gen_ai)_[a-z0-9_]+)\\{(?<labels>[^}]*)\\}", RegexOptions.Multiline)]
    private static partial Regex Series();

    [GeneratedRegex("_(?:bucket|sum|count)$")]
    private static partial Regex HistogramPart();

    [GeneratedRegex("([a-z_]+)=\"")]
    private static partial Regex Label();

    /// <summary>One line of a table.</summary>
    private sealed record Row(string Meter, string Name, string InPrometheus, string Kind, IReadOnlyList<string> Labels);
}
