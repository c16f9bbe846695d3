using System.Diagnostics;
using System.Net;
using System.Text;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Metrics and spans that leave by OTLP.</summary>
public sealed class OtlpTests : IAsyncLifetime
{
    private OtlpReceiver receiver = null!;
    private ScriptedUpstream upstream = null!;

    public async Task InitializeAsync()
    {
        receiver = await OtlpReceiver.StartAsync();
        upstream = await ScriptedUpstream.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await receiver.DisposeAsync();
        await upstream.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Metrics_and_spans_arrive_by_either_protocol_with_the_headers_and_whose_they_are(bool http)
    {
        var trace = ActivityTraceId.CreateRandom();
        var gateway = await StartAsync($$"""
            "otlpEndpoint": "{{(http ? receiver.HttpUrl : receiver.GrpcUrl)}}", "otlpProtocol": "{{(http ? "http/protobuf" : "grpc")}}", "otlpHeaders": { "authorization": "Bearer a,b=c%" }
            """);
        await using (gateway)
        {
            await AskAsync(gateway, trace, "00");
        }

        var span = await receiver.SpanAsync(span => span.TraceId == trace.ToString() && span.Scope == "Microsoft.AspNetCore");
        Assert.Equal((2, "1111111111111111"), (span.Kind, span.ParentId));
        Assert.True(span.Resource.Have(("service.name", "ccgate"), ("ccgate.role", "run")));
        Assert.NotNull(span.Resource.Text("service.instance.id"));
        await Eventually.HoldsAsync(() => receiver.Metric("ccgate.attempts")?.Value >= 1, "the attempt is counted");
        Assert.Equal("counter", receiver.Metric("ccgate.attempts")!.Kind);
        Assert.True(receiver.Metric("http.server.request.duration") is { Count: > 0, Bounds.Count: > 0 });
        Assert.All(receiver.Requests, request => Assert.Equal("Bearer a,b=c%", request.Headers["authorization"]));
        if (http)
        {
            Assert.Superset(new HashSet<string> { "/v1/metrics", "/v1/traces" }, receiver.Requests.Select(request => request.Path).ToHashSet());
        }
    }

    [Theory]
    [InlineData("0", "01", false)]
    [InlineData("1", "00", true)]
    public async Task A_clients_own_flag_does_not_decide_whether_a_trace_is_recorded(string ratio, string flags, bool recorded)
    {
        var trace = ActivityTraceId.CreateRandom();
        await using (var gateway = await StartAsync($$""" "otlpEndpoint": "{{receiver.GrpcUrl}}", "traces": { "sampleRatio": {{ratio}} } """))
        {
            await AskAsync(gateway, trace, flags);
        }

        // What was recorded left before the gateway had ended.
        Assert.Equal(recorded, receiver.Spans.Any(span => span.TraceId == trace.ToString()));
    }

    [Fact]
    public async Task A_key_in_the_query_leaves_in_no_span_metric_or_log()
    {
        const string secret = "key-that-must-not-leave";
        var trace = ActivityTraceId.CreateRandom();
        await using (var gateway = await StartAsync($$""" "otlpEndpoint": "{{receiver.GrpcUrl}}", "logs": { "level": "trace" } """))
        {
            foreach (var path in (string[])["/v1beta/models/gemini-2.5-pro:generateContent?key=" + secret, "/v1/messages?api_key=" + secret, "/nowhere?key=" + secret])
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(TestGateway.Body(stream: false)) };
                request.Headers.Add("traceparent", $"00-{trace}-1111111111111111-01");
                using var answer = await gateway.Http.SendAsync(request);
            }
        }

        Assert.Contains(receiver.Spans, span => span.TraceId == trace.ToString());
        Assert.All(receiver.Bodies, body => Assert.DoesNotContain(secret, Encoding.Latin1.GetString(body), StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_only_keeps_the_gateway_going_has_no_span()
    {
        var trace = ActivityTraceId.CreateRandom();
        await using (var gateway = await StartAsync($$""" "otlpEndpoint": "{{receiver.GrpcUrl}}" """))
        {
            foreach (var path in (string[])["/metrics", "/health", "/health/ready", "/dashboard", "/v1/models"])
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, path);
                request.Headers.Add("traceparent", $"00-{trace}-1111111111111111-01");
                using var answer = await gateway.Http.SendAsync(request);
            }
        }

        var ours = receiver.Spans.Where(span => span.TraceId == trace.ToString()).ToList();
        Assert.Equal("/v1/models", Assert.Single(ours, span => span.Kind == 2).Attributes.Text("url.path"));
    }

    [Fact]
    public async Task A_collector_that_is_not_there_costs_no_request()
    {
        var gateway = await StartAsync(""" "otlpEndpoint": "http://127.0.0.1:1" """);
        for (var number = 0; number < 20; number++)
        {
            await AskAsync(gateway, ActivityTraceId.CreateRandom(), "01");
        }

        var start = Stopwatch.GetTimestamp();
        await gateway.DisposeAsync();

        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(30));
    }

    private Task<TestGateway> StartAsync(string telemetry) => TestGateway.StartAsync(upstream, server: $$"""{ "telemetry": { {{telemetry}} } }""");

    private static async Task AskAsync(TestGateway gateway, ActivityTraceId trace, string flags)
    {
        using var answer = await gateway.PostAsync(Encoding.UTF8.GetBytes(TestGateway.Body(stream: false)), headers: headers => headers.Add("traceparent", $"00-{trace}-1111111111111111-{flags}"));
        await answer.Content.ReadAsByteArrayAsync();
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }
}
