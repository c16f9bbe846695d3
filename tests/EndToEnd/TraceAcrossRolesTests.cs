using System.Diagnostics;
using System.Text;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.EndToEnd;

/// <summary>A collector sees one trace of a request, whichever processes take part in it.</summary>
[Collection(WholeMachine.Name)]
public sealed class TraceAcrossRolesTests
{
    private const int Server = 2;
    private const int Client = 3;
    private const int Producer = 4;
    private const int Consumer = 5;
    private const string ClientsSpan = "00f067aa0ba902b7";

    private static readonly string Asking = $"chat {AnthropicAnswers.VectorModel}";

    [Theory]
    [InlineData("00")]
    [InlineData("01")]
    public async Task A_request_is_one_trace_through_all_roles_whatever_its_client_records(string flags)
    {
        await using var run = await TracedRun.StartAsync(http => AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson));
        using var proxy = await run.Roles.StartProxyAsync(1);

        var (trace, requestId) = await run.AskAsync(proxy, flags);

        var server = await run.SpanAsync(trace, span => span.Kind == Server);
        Assert.Equal((ClientsSpan, "Microsoft.AspNetCore", "POST /v1/messages"), (server.ParentId, server.Scope, server.Name));
        Assert.True(server.Attributes.Have(
            ("http.route", "/v1/messages"), ("ccgate.request.id", requestId), ("ccgate.tenant", "alice"), ("ccgate.surface", "anthropic"), ("ccgate.outcome", "succeeded"),
            ("gen_ai.operation.name", "chat"), ("gen_ai.request.model", AnthropicAnswers.VectorModel), ("gen_ai.usage.input_tokens", "27737"), ("gen_ai.usage.output_tokens", "57")), string.Join(' ', server.Attributes));

        var attempt = await run.SpanAsync(trace, span => span.Name == Asking);
        Assert.Equal((server.SpanId, Client), (attempt.ParentId, attempt.Kind));
        Assert.True(attempt.Attributes.Have(("ccgate.upstream", "u1"), ("gen_ai.provider.name", "anthropic"), ("http.response.status_code", "200")));
        var connection = await run.SpanAsync(trace, span => span.Scope == "System.Net.Http");
        Assert.Equal((attempt.SpanId, Client), (connection.ParentId, connection.Kind));

        var publish = await run.SpanAsync(trace, span => span.Name == "publish");
        var append = await run.SpanAsync(trace, span => span.Name == "append");
        var spend = await run.SpanAsync(trace, span => span.Name == "project spend");
        Assert.Equal((Producer, Consumer), (publish.Kind, append.Kind));
        foreach (var (span, role) in ((OtlpSpan, string)[])[
            (await run.SpanAsync(trace, span => span.Name == "journal open"), "proxy"), (await run.SpanAsync(trace, span => span.Name == "journal complete"), "proxy"), (publish, "proxy"),
            (append, "metering"), (spend, "projections")])
        {
            Assert.Equal((span.Name, server.SpanId), (span.Name, span.ParentId));
            Assert.True(span.Resource.Have(("service.name", "ccgate"), ("ccgate.role", role)), $"{span.Name} of {span.Resource.Text("ccgate.role")}");
        }

        Assert.All([server, attempt, connection], span => Assert.Equal("proxy", span.Resource.Text("ccgate.role")));
        Assert.Equal(3, run.Receiver.Spans.Select(span => span.Resource.Text("service.instance.id")).Distinct().Count());
    }

    [Fact]
    public async Task Nothing_but_the_request_is_in_its_trace()
    {
        await using var run = await TracedRun.StartAsync(http => AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson));
        using var proxy = await run.Roles.StartProxyAsync(1);

        var (first, _) = await run.AskAsync(proxy);
        await run.SpanAsync(first, span => span.Name == "project spend");
        var (second, _) = await run.AskAsync(proxy);

        // What the first one's processes still do comes in before the end of the second.
        await run.SpanAsync(second, span => span.Name == "project spend");
        Assert.Equal(0, await proxy.StopAsync());
        foreach (var trace in (ActivityTraceId[])[first, second])
        {
            Assert.Equal(
                ["POST", "POST /v1/messages", "append", Asking, "journal complete", "journal open", "publish"],
                run.Of(trace).Select(span => span.Name).Where(name => !name.StartsWith("project ", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task The_line_of_a_request_in_the_log_leads_to_its_trace()
    {
        await using var run = await TracedRun.StartAsync(http => AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson));
        using var proxy = await run.Roles.StartProxyAsync(1);

        var (trace, requestId) = await run.AskAsync(proxy);

        var line = await run.Receiver.LogAsync(log => log.Scope == "CCGate.Access" && log.TraceId == trace.ToHexString());
        Assert.Equal((await run.SpanAsync(trace, span => span.Kind == Server)).SpanId, line.SpanId);
        Assert.Contains(requestId, line.Attributes.Values.Select(value => value as string));
        Assert.True(line.Resource.Have(("service.name", "ccgate"), ("ccgate.role", "proxy")));
    }

    [Fact]
    public async Task A_request_whose_proxy_was_killed_goes_on_in_its_trace_after_the_restart()
    {
        await using var run = await TracedRun.StartAsync(http => AnthropicAnswers.FramesAsync(
            http, AnthropicAnswers.VectorFrames, index => index < 8 ? Task.CompletedTask : Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted)));
        var trace = ActivityTraceId.CreateRandom();
        string requestId;
        using (var killed = await run.Roles.StartProxyAsync(1))
        {
            using var response = await TracedRun.SendAsync(killed, stream: true, trace, "01");
            requestId = response.RequestId().ToString();
            await RunTests.ReadToDeltaAsync(new StreamReader(await response.Content.ReadAsStreamAsync()));
            killed.Kill();
        }

        using var again = await run.Roles.StartProxyAsync(1);

        foreach (var (name, role) in ((string, string)[])[("publish", "proxy"), ("append", "metering"), ("project spend", "projections")])
        {
            var span = await run.SpanAsync(trace, span => span.Name == name);
            Assert.True(span.Attributes.Have(("ccgate.request.id", requestId)));
            Assert.Equal((name, role), (span.Name, span.Resource.Text("ccgate.role")));
        }

        // All below the request's own span, which died with its process.
        var parent = Assert.Single(run.Of(trace).Where(span => span.Name is "publish" or "append" or "project spend").Select(span => span.ParentId).Distinct());
        Assert.DoesNotContain(parent, (string[])["", ClientsSpan]);
        Assert.All(run.Of(trace).Where(span => span.Name == "journal open"), span => Assert.Equal(parent, span.ParentId));
    }

    /// <summary>Metering and projections with an upstream, and one collector for all processes.</summary>
    private sealed class TracedRun : IAsyncDisposable
    {
        private readonly List<IDisposable> owned = [];
        private readonly List<IAsyncDisposable> servers = [];

        public RoleFiles Roles { get; private set; } = null!;

        public OtlpReceiver Receiver { get; private set; } = null!;

        public static async Task<TracedRun> StartAsync(RequestDelegate answer)
        {
            var run = new TracedRun();
            try
            {
                await run.StartRolesAsync(answer);
                return run;
            }
            catch
            {
                await run.DisposeAsync();
                throw;
            }
        }

        /// <summary>A client with a span of its own asks and reads the answer; gives the trace and the id of the request.</summary>
        public async Task<(ActivityTraceId Trace, string RequestId)> AskAsync(GatewayProcess proxy, string flags = "01")
        {
            var trace = ActivityTraceId.CreateRandom();
            using var response = await SendAsync(proxy, stream: false, trace, flags);
            await response.Content.ReadAsStringAsync();
            return (trace, response.RequestId().ToString());
        }

        public static async Task<HttpResponseMessage> SendAsync(GatewayProcess proxy, bool stream, ActivityTraceId trace, string flags)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/messages") { Content = new StringContent(TestGateway.Body(stream), Encoding.UTF8, "application/json") };
            request.Headers.Add("x-api-key", TestGateway.Key);
            request.Headers.Add("traceparent", $"00-{trace}-{ClientsSpan}-{flags}");
            var response = await proxy.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            return response.EnsureSuccessStatusCode();
        }

        /// <summary>The first span of a trace that fits, once there is one.</summary>
        public Task<OtlpSpan> SpanAsync(ActivityTraceId trace, Func<OtlpSpan, bool> fits) => Receiver.SpanAsync(span => span.TraceId == trace.ToHexString() && fits(span));

        public IEnumerable<OtlpSpan> Of(ActivityTraceId trace) => Receiver.Spans.Where(span => span.TraceId == trace.ToHexString());

        public async ValueTask DisposeAsync()
        {
            owned.ForEach(one => one.Dispose());
            foreach (var server in servers)
            {
                await server.DisposeAsync();
            }
        }

        private async Task StartRolesAsync(RequestDelegate answer)
        {
            var (rabbit, postgres) = (await RabbitMqServer.SharedAsync(), await PostgresServer.SharedAsync());
            var upstream = await ScriptedUpstream.StartAsync(answer);
            servers.Add(upstream);
            servers.Add(Receiver = await OtlpReceiver.StartAsync());
            Roles = RoleFiles.Create(await rabbit.CreateVirtualHostAsync(), await postgres.CreateDatabaseAsync(), TestGateway.Tenant());
            servers.Add(Roles);
            Roles.Files.Write("upstreams.json", $$"""{ "upstreams": [ { "id": "u1", "url": "{{upstream.Url}}", "key": "k" } ] }""");
            foreach (var delay in (string[])["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"])
            {
                Roles.Environment[delay] = "200";
            }

            // Each of both ways to a collector.
            Roles.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = Receiver.HttpUrl;
            Roles.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
            owned.Add(await Roles.StartProjectionsAsync());
            Roles.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = Receiver.GrpcUrl;
            Roles.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc";
            owned.Add(await Roles.StartMeteringAsync());
        }
    }
}
