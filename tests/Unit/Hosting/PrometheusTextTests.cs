using System.Diagnostics.Metrics;
using CCGate.Hosting.Telemetry;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>What instruments look like to Prometheus.</summary>
public sealed class PrometheusTextTests : IDisposable
{
    private readonly Meter meter = new("test." + Guid.CreateVersion7());
    private readonly Meter other = new("test." + Guid.CreateVersion7());

    [Theory]
    [InlineData("ccgate.spend", "{USD}", 0, "ccgate_spend")]
    [InlineData("ccgate.things_total", "{thing}", 0, "ccgate_things")]
    [InlineData("gen_ai.server.request.duration", "s", 2, "gen_ai_server_request_duration_seconds")]
    [InlineData("ccgate.rebuild.progress", "1", 1, "ccgate_rebuild_progress_ratio")]
    [InlineData("ccgate.capture.ratio", "1", 1, "ccgate_capture_ratio")]
    [InlineData("ccgate.retries", "1", 0, "ccgate_retries")]
    [InlineData("dotnet.assembly.count", "{assembly}", 1, "dotnet_assembly_number")]
    [InlineData("process.memory", "By", 1, "process_memory_bytes")]
    [InlineData("messaging.masstransit.receive.duration", "ms", 2, "messaging_masstransit_receive_duration_seconds")]
    [InlineData("link.speed", "By/s", 1, "link_speed_bytes_per_second")]
    [InlineData("a..b--c", "", 1, "a_b_c")]
    [InlineData("3rd.party", "", 1, "_3rd_party")]
    public void Names_are_translated_as_the_specification_says(string name, string unit, int kind, string expected) =>
        Assert.Equal(expected, PrometheusNames.Family(name, unit, (PrometheusKind)kind));

    [Fact]
    public async Task A_counter_a_gauge_and_a_histogram_are_written_in_the_text_format()
    {
        var counter = meter.CreateCounter<long>("orders", "{order}", "Orders\nso \"far\"");
        var histogram = meter.CreateHistogram("wait", "ms", "Waits", null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [100, 300, 1000] });
        meter.CreateObservableGauge("depth", () => -1.5);
        using var provider = Listen(out var exporter);
        counter.Add(2, new KeyValuePair<string, object?>("b.c", "a \"quoted\\\" \n line"), new("a", true));
        counter.Add(1);
        histogram.Record(150);
        histogram.Record(5000);

        var text = PrometheusText.Of((await exporter.ReadAsync(CancellationToken.None))!, openMetrics: false);

        Assert.Equal($$"""
            # HELP target_info Which process this is
            # TYPE target_info gauge
            target_info{service_name="tests"} 1
            # HELP depth depth of {{meter.Name}}
            # TYPE depth gauge
            depth -1.5
            # HELP orders_total Orders\nso "far"
            # TYPE orders_total counter
            orders_total 1
            orders_total{a="true",b_c="a \"quoted\\\" \n line"} 2
            # HELP wait_seconds Waits
            # TYPE wait_seconds histogram
            wait_seconds_bucket{le="0.1"} 0
            wait_seconds_bucket{le="0.3"} 1
            wait_seconds_bucket{le="1.0"} 1
            wait_seconds_bucket{le="+Inf"} 2
            wait_seconds_sum 5.15
            wait_seconds_count 2

            """, text);
    }

    [Fact]
    public async Task OpenMetrics_names_the_counters_family_without_its_ending_and_comes_to_an_end()
    {
        var counter = meter.CreateCounter<long>("orders", "{order}", "Orders \"so far\"");
        using var provider = Listen(out var exporter);
        counter.Add(7);

        var text = PrometheusText.Of((await exporter.ReadAsync(CancellationToken.None))!, openMetrics: true);

        Assert.EndsWith("# HELP orders Orders \\\"so far\\\"\n# TYPE orders counter\norders_total 7\n# EOF\n", text, StringComparison.Ordinal);
        Assert.StartsWith("# HELP target Which process this is\n# TYPE target info\ntarget_info{", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_name_in_two_scopes_is_one_family_that_says_which_scope_a_line_is_of()
    {
        using var provider = Listen(out var exporter);
        meter.CreateCounter<long>("orders").Add(1);
        other.CreateCounter<long>("orders").Add(2);

        var text = PrometheusText.Of((await exporter.ReadAsync(CancellationToken.None))!, openMetrics: false);

        Assert.Single(text.Split('\n'), line => line.StartsWith("# TYPE orders_total", StringComparison.Ordinal));
        Assert.Contains($"orders_total{{otel_scope_name=\"{meter.Name}\"}} 1\n", text, StringComparison.Ordinal);
        Assert.Contains($"orders_total{{otel_scope_name=\"{other.Name}\"}} 2\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_scrapes_at_once_share_readings_and_none_is_without_what_was_counted_before_it()
    {
        var readings = 0;
        meter.CreateObservableGauge("read", () => Interlocked.Increment(ref readings));
        var counter = meter.CreateCounter<long>("orders");
        using var provider = Listen(out var exporter);
        counter.Add(5);

        var scrapes = await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
        {
            await Task.Yield();
            return await exporter.ReadAsync(CancellationToken.None);
        }));

        Assert.All(scrapes, scrape => Assert.Equal("5", scrape!.Families.Single(family => family.Name == "orders").Series.Single().Value));
        Assert.InRange(readings, 1, 50);
    }

    public void Dispose()
    {
        meter.Dispose();
        other.Dispose();
    }

    private MeterProvider Listen(out PrometheusExporter exporter)
    {
        exporter = new PrometheusExporter(TimeProvider.System);
        return Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddAttributes([new("service.name", "tests")]))
            .AddMeter(meter.Name, other.Name)
            .AddReader(new BaseExportingMetricReader(exporter))
            .Build();
    }
}
