using System.Net;
using System.Net.Http.Headers;
using System.Text;
using CCGate.Cli.Hosts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What the operator is told of upstreams, and the switch that gives them a new chance.</summary>
public sealed class UpstreamEndpointTests
{
    private const string Operator = """{ "admin": { "username": "admin", "password": "operator-password" } }""";

    [Fact]
    public async Task An_upstream_is_listed_as_it_is_configured_and_as_the_proxy_knows_it()
    {
        await using var provider = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync($$"""
            { "upstreams": [
                { "id": "u1", "name": "First", "url": "{{provider.Url}}/api", "keys": ["upstream-secret-1234", "upstream-secret-5678"], "weight": 7, "priority": 2, "groups": ["default", "b"],
                  "maxConcurrent": 4, "dailyMaxUSD": 10, "activeHours": { "from": "00:00", "to": "23:59" } },
                { "id": "off", "kind": "simulator", "enabled": false } ] }
            """, server: Operator);
        using (var response = await gateway.PostAsync(TestGateway.Body(stream: false)))
        {
            await response.Content.ReadAsByteArrayAsync();
        }

        Upstream(gateway).State.Keys.Keys[1].Breaker.Bench(TimeSpan.FromMinutes(10), "upstream: status 401");

        var list = await gateway.AskAsync("/api/upstreams");
        var upstream = list.GetProperty("upstreams")[0];

        Assert.Equal(2, list.GetProperty("upstreams").GetArrayLength());
        Assert.Equal(("u1", "First", "anthropic", provider.Url + "/api"), (Text(upstream, "id"), Text(upstream, "name"), Text(upstream, "kind"), Text(upstream, "url")));
        Assert.Equal((7, 2, 4, 0, 0), (Number(upstream, "weight"), Number(upstream, "priority"), Number(upstream, "maxConcurrent"), Number(upstream, "inFlight"), Number(upstream, "waiting")));
        Assert.Equal((AnthropicAnswers.VectorUsd, 10m), (upstream.GetProperty("spendTodayUsd").GetDecimal(), upstream.GetProperty("dailyMaxUsd").GetDecimal()));
        Assert.Equal(("unknown", "closed", "00:00-23:59 UTC"), (Text(upstream.GetProperty("health"), "state"), Text(upstream.GetProperty("circuit"), "state"), Text(upstream, "activeHours")));
        Assert.Equal(("1234", "closed"), (Text(upstream.GetProperty("keys")[0], "hint"), Text(upstream.GetProperty("keys")[0], "state")));
        var benched = upstream.GetProperty("keys")[1];
        Assert.Equal(("5678", "open", "upstream: status 401"), (Text(benched, "hint"), Text(benched, "state"), Text(benched, "reason")));
        Assert.InRange(benched.GetProperty("openForSeconds").GetDouble(), 500, 600);
        Assert.True(upstream.GetProperty("latencyMs").GetDouble() > 0);
        Assert.False(list.GetProperty("upstreams")[1].GetProperty("enabled").GetBoolean());
        Assert.DoesNotContain("upstream-secret", list.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reset_closes_every_circuit_and_forgets_the_failed_check()
    {
        await using var provider = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(
            $$"""{ "upstreams": [ { "id": "u1", "url": "{{provider.Url}}", "key": "upstream-secret-1", "healthCheck": { "intervalSeconds": 3600 } } ] }""", server: Operator);
        var state = Upstream(gateway).State;
        await Eventually.HoldsAsync(() => state.CheckedAt is not null, "the first check has passed");
        Assert.Equal("healthy", Text((await gateway.AskAsync("/api/upstreams")).GetProperty("upstreams")[0].GetProperty("health"), "state"));
        state.Breaker.Bench(TimeSpan.FromHours(1), "status 503");
        state.Keys.Keys[0].Breaker.Bench(TimeSpan.FromHours(1), "status 401");
        state.Unhealthy = "GET /v1/models: status 500";
        Assert.Equal("unhealthy", Text((await gateway.AskAsync("/api/upstreams")).GetProperty("upstreams")[0].GetProperty("health"), "state"));

        using var answer = await ResetAsync(gateway.Http, "u1");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal((CircuitState.Closed, CircuitState.Closed, null), (state.Breaker.State, state.Keys.Keys[0].Breaker.State, state.Unhealthy));
        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task An_upstream_that_is_not_there_cannot_be_reset()
    {
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams("http://127.0.0.1:1"), server: Operator);

        using var answer = await ResetAsync(gateway.Http, "u9");

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Theory]
    [InlineData("GET", "/api/upstreams")]
    [InlineData("POST", "/api/upstreams/u1/reset")]
    public async Task Nobody_but_the_operator_is_answered(string method, string path)
    {
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams("http://127.0.0.1:1"), server: Operator);
        Upstream(gateway).State.Breaker.Bench(TimeSpan.FromHours(1), "status 503");

        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var answer = await gateway.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal(CircuitState.Open, Upstream(gateway).State.Breaker.State);
    }

    [Fact]
    public async Task A_proxy_role_answers_by_itself_and_forwards_the_rest()
    {
        await using var projections = await ScriptedUpstream.StartAsync();
        var config = new GatewayConfig
        {
            Admin = new AdminConfig(TestGateway.Admin, SecretHash.Of(TestGateway.Password)),
            EventStore = "Host=127.0.0.1;Port=1",
            Broker = "amqp://127.0.0.1:1",
            Projections = new Uri(projections.Url),
            Upstreams = [new UpstreamConfig { Id = "u1", Url = new Uri("http://127.0.0.1:1") }],
        };
        var data = Directory.CreateTempSubdirectory("ccgate-test-");
        try
        {
            await using var proxy = GatewayHosts.Proxy(new HostStart(config, Directory: null, data, "http://127.0.0.1:0"));
            await proxy.StartAsync();
            using var http = new HttpClient { BaseAddress = new Uri(proxy.Urls.First()) };
            http.DefaultRequestHeaders.Authorization = Basic();

            Assert.Contains("\"u1\"", await http.GetStringAsync(new Uri("/api/upstreams", UriKind.Relative)), StringComparison.Ordinal);
            using var test = await http.PostAsync(new Uri("/api/upstreams/u9/test", UriKind.Relative), content: null);
            Assert.Equal(HttpStatusCode.NotFound, test.StatusCode);
            Assert.Empty(projections.Received);

            await http.GetStringAsync(new Uri("/api/quotas", UriKind.Relative));
            foreach (var (method, path) in ((string, string)[])[("POST", ""), ("PUT", "/u1"), ("DELETE", "/u1"), ("POST", "/u1/drain"), ("POST", "/u1/resume"), ("POST", "/u1/reset")])
            {
                using var change = new HttpRequestMessage(new HttpMethod(method), "/api/upstreams" + path);
                using var changed = await http.SendAsync(change);
            }

            Assert.Equal(7, projections.Received.Count);
            using var stop = new CancellationTokenSource();
            await stop.CancelAsync();
            await proxy.StopAsync(stop.Token);
        }
        finally
        {
            data.Delete(recursive: true);
        }
    }

    private static Upstream Upstream(TestGateway gateway) => gateway.Services.GetRequiredService<UpstreamPool>().Current[0];

    private static async Task<HttpResponseMessage> ResetAsync(HttpClient http, string id)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/upstreams/{id}/reset");
        request.Headers.Authorization = Basic();
        return await http.SendAsync(request);
    }

    private static AuthenticationHeaderValue Basic() => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));

    private static string? Text(System.Text.Json.JsonElement element, string name) => element.GetProperty(name).GetString();

    private static int Number(System.Text.Json.JsonElement element, string name) => element.GetProperty(name).GetInt32();
}
