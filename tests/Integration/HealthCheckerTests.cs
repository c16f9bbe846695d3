using System.Collections.Immutable;
using System.Net;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Tests.Integration;

/// <summary>The checks that say whether an upstream is there.</summary>
public sealed class HealthCheckerTests
{
    private static readonly HealthCheckConfig EveryThirtySeconds = new() { Enabled = true };

    private readonly ManualTimeProvider time = new();

    [Fact]
    public async Task One_failed_check_is_no_outage_and_two_in_a_row_are()
    {
        await using var provider = await ScriptedUpstream.StartAsync(Status(500));
        using var checks = new Checks(time, At(provider));

        await checks.RunAsync();
        Assert.Null(checks.State.Unhealthy);
        await checks.RunAsync();

        Assert.Equal("GET /v1/models: status 500", checks.State.Unhealthy);
        Assert.Equal(time.GetUtcNow(), checks.State.CheckedAt);
    }

    [Fact]
    public async Task Failures_with_a_good_check_between_them_are_not_in_a_row()
    {
        await using var provider = await ScriptedUpstream.StartAsync();
        using var checks = new Checks(time, At(provider));

        foreach (var status in (int[])[500, 200, 500, 200, 500])
        {
            provider.Answer = Status(status);
            await checks.RunAsync();
        }

        Assert.Null(checks.State.Unhealthy);
    }

    [Fact]
    public async Task An_upstream_that_is_back_is_used_again_at_once()
    {
        await using var provider = await ScriptedUpstream.StartAsync(Status(503));
        using var checks = new Checks(time, At(provider));
        await checks.RunAsync();
        await checks.RunAsync();
        checks.State.Breaker.Bench(TimeSpan.FromHours(1), "status 503");

        provider.Answer = Status(200);
        await checks.RunAsync();

        Assert.Null(checks.State.Unhealthy);
        Assert.Equal(CircuitState.Closed, checks.State.Breaker.State);
    }

    [Fact]
    public async Task A_check_that_never_failed_does_not_close_the_circuit_that_requests_opened()
    {
        await using var provider = await ScriptedUpstream.StartAsync(Status(200));
        using var checks = new Checks(time, At(provider));
        await checks.RunAsync();
        checks.State.Breaker.Bench(TimeSpan.FromHours(1), "status 529");

        await checks.RunAsync();

        Assert.Equal(CircuitState.Open, checks.State.Breaker.State);
    }

    [Fact]
    public async Task After_a_served_request_two_more_checks_must_fail()
    {
        await using var provider = await ScriptedUpstream.StartAsync(Status(500));
        using var checks = new Checks(time, At(provider));
        await checks.RunAsync();
        await checks.RunAsync();
        checks.State.Unhealthy = null; // As a served request does.

        await checks.RunAsync();
        Assert.Null(checks.State.Unhealthy);
        await checks.RunAsync();

        Assert.NotNull(checks.State.Unhealthy);
    }

    [Theory]
    [InlineData(404, true)]
    [InlineData(401, true)]
    [InlineData(500, false)]
    public async Task Without_an_expected_status_whoever_answers_below_500_is_there(int status, bool isHealthy)
    {
        await using var provider = await ScriptedUpstream.StartAsync(Status(status));
        using var checks = new Checks(time, At(provider));

        await checks.RunAsync();
        await checks.RunAsync();

        Assert.Equal(isHealthy, checks.State.Unhealthy is null);
    }

    [Fact]
    public async Task Any_other_status_than_the_expected_ones_fails()
    {
        await using var provider = await ScriptedUpstream.StartAsync(Status(401));
        using var checks = new Checks(time, At(provider) with { HealthCheck = EveryThirtySeconds with { Method = "HEAD", Path = "/up", ExpectedStatus = [200, 204] } });

        await checks.RunAsync();
        await checks.RunAsync();

        Assert.Equal("HEAD /up: status 401, not 200, 204", checks.State.Unhealthy);
    }

    [Fact]
    public async Task A_check_that_gets_no_answer_ends_with_its_timeout_and_is_not_started_twice()
    {
        var asked = new TaskCompletionSource();
        await using var provider = await ScriptedUpstream.StartAsync(http =>
        {
            asked.TrySetResult();
            return Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        using var checks = new Checks(time, At(provider) with { HealthCheck = EveryThirtySeconds with { Timeout = TimeSpan.FromMinutes(2) } });

        var first = checks.RunAsync();
        await asked.Task;
        await checks.RunAsync();
        Assert.Single(provider.Received);
        time.Advance(TimeSpan.FromMinutes(2));
        await first;
        var second = checks.RunAsync();
        time.Advance(TimeSpan.FromMinutes(2));
        await second;

        Assert.Equal("GET /v1/models: no answer in 120 s", checks.State.Unhealthy);
    }

    [Fact]
    public async Task An_answer_that_never_ends_is_read_no_further_than_its_bound()
    {
        await using var provider = await ScriptedUpstream.StartAsync(async http =>
        {
            var block = new byte[64 * 1024];
            while (!http.RequestAborted.IsCancellationRequested)
            {
                await http.Response.Body.WriteAsync(block, http.RequestAborted);
            }
        });
        using var checks = new Checks(time, At(provider));

        await checks.RunAsync();

        Assert.NotNull(checks.State.CheckedAt);
        Assert.Null(checks.State.Unhealthy);
    }

    [Fact]
    public async Task An_upstream_that_refuses_connections_is_unhealthy()
    {
        using var checks = new Checks(time, At("http://127.0.0.1:1"));

        await checks.RunAsync();
        await checks.RunAsync();

        Assert.Equal("GET /v1/models: unreachable (ConnectionRefused)", checks.State.Unhealthy);
    }

    [Theory]
    [InlineData("", "/v1/models", "/v1/models")]
    [InlineData("/v1", "/v1/models", "/v1/models")]
    [InlineData("/proxy/v1", "/v1/models", "/proxy/v1/models")]
    [InlineData("/v1", "/healthz", "/v1/healthz")]
    [InlineData("/v1", "/up/live", "/v1/up/live")]
    public async Task A_check_is_sent_as_an_attempt_would_be(string prefix, string path, string asked)
    {
        await using var provider = await ScriptedUpstream.StartAsync();
        var upstream = At(provider.Url + prefix) with
        {
            Keys = ["benched-key", "good-key"],
            Headers = ImmutableDictionary<string, Secret>.Empty.Add("x-team", "blue"),
            HealthCheck = EveryThirtySeconds with { Path = path },
        };
        using var checks = new Checks(time, upstream);
        checks.State.Keys.Keys[0].Breaker.Bench(TimeSpan.FromHours(1), "status 401");

        await checks.RunAsync();

        var request = Assert.Single(provider.Received);
        Assert.Equal(("GET", asked, "good-key", "blue", "2023-06-01"), (request.Method, request.Path, request.Headers["x-api-key"], request.Headers["x-team"], request.Headers["anthropic-version"]));
    }

    [Fact]
    public async Task Nobody_is_checked_unless_it_is_configured()
    {
        await using var provider = await ScriptedUpstream.StartAsync();
        using var checks = new Checks(time, At(provider) with { HealthCheck = new HealthCheckConfig() });

        await checks.RunAsync();

        Assert.Empty(provider.Received);
        Assert.Null(checks.State.CheckedAt);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reload_that_stops_the_checks_also_forgets_what_they_said_and_one_that_starts_them_checks_at_once(bool forAll)
    {
        await using var provider = await ScriptedUpstream.StartAsync(Status(500));
        using var checks = new Checks(time, At(provider));
        await checks.RunAsync();
        await checks.RunAsync();
        var config = checks.Config.Current;

        checks.Config.Replace(forAll
            ? config with { LoadBalancer = config.LoadBalancer with { HealthChecks = false } }
            : config with { Upstreams = [config.Upstreams[0] with { HealthCheck = new HealthCheckConfig() }] });
        await checks.RunAsync();
        Assert.Equal((null, null, 2), (checks.State.Unhealthy, checks.State.CheckedAt, provider.Received.Count));

        checks.Config.Replace(config);
        await checks.Checker.CheckDueAsync(CancellationToken.None);
        Assert.Equal(3, provider.Received.Count);
    }

    [Fact]
    public async Task A_check_comes_once_in_its_interval_give_or_take_a_tenth()
    {
        await using var provider = await ScriptedUpstream.StartAsync();
        using var checks = new Checks(time, At(provider));
        await checks.Checker.CheckDueAsync(CancellationToken.None);

        for (var second = 0; second < 300; second++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await checks.Checker.CheckDueAsync(CancellationToken.None);
        }

        Assert.InRange(provider.Received.Count, 9, 12);
    }

    [Fact]
    public async Task Only_what_changes_is_logged()
    {
        await using var provider = await ScriptedUpstream.StartAsync(Status(500));
        using var checks = new Checks(time, At(provider));

        foreach (var status in (int[])[500, 500, 500, 500, 200, 200])
        {
            provider.Answer = Status(status);
            await checks.RunAsync();
        }

        Assert.Equal(
            ["Upstream u1 is unhealthy and gets no requests until a check passes: GET /v1/models: status 500", "Upstream u1 is healthy again"], checks.Log.Lines);
    }

    [Fact]
    public async Task Requests_go_elsewhere_while_an_upstream_is_unhealthy_and_come_back_with_it()
    {
        await using var sick = await ScriptedUpstream.StartAsync(http => http.Request.Method == "GET" ? Status(500)(http) : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson));
        await using var other = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync($$"""
            { "upstreams": [
                { "id": "sick", "url": "{{sick.Url}}", "key": "k", "priority": 1, "healthCheck": { "enabled": true, "intervalSeconds": 1 } },
                { "id": "other", "url": "{{other.Url}}", "key": "k", "priority": 2 } ],
              "loadBalancer": { "strategy": "priority", "stickySessions": false } }
            """);

        await Eventually.HoldsAsync(async () => await ServedByAsync(gateway) == "other", "requests avoid the unhealthy upstream");
        sick.Answer = http => AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        await Eventually.HoldsAsync(async () => await ServedByAsync(gateway) == "sick", "requests come back");
    }

    private static async Task<string> ServedByAsync(TestGateway gateway)
    {
        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response.Headers.GetValues("x-ccgate-upstream").Single();
    }

    private static UpstreamConfig At(ScriptedUpstream provider) => At(provider.Url);

    private static UpstreamConfig At(string url) => new() { Id = "u1", Url = new Uri(url), HealthCheck = EveryThirtySeconds };

    private static RequestDelegate Status(int status) => http =>
    {
        http.Response.StatusCode = status;
        return Task.CompletedTask;
    };

    /// <summary>A checker of one upstream.</summary>
    private sealed class Checks : IDisposable
    {
        private readonly ManualTimeProvider time;
        private readonly UpstreamPool pool;

        public Checks(ManualTimeProvider time, UpstreamConfig upstream)
        {
            this.time = time;
            Config = new ConfigSource(new GatewayConfig { Upstreams = [upstream] });
            pool = new UpstreamPool(Config, time, NullLogger<UpstreamConnections>.Instance);
            Checker = new HealthChecker(pool, Config, new Random(1), time, Log);
        }

        public ConfigSource Config { get; }

        public HealthChecker Checker { get; }

        public LogLines Log { get; } = new();

        public UpstreamState State => pool.Current[0].State;

        /// <summary>Lets the interval pass and runs what is due.</summary>
        public Task RunAsync()
        {
            time.Advance(TimeSpan.FromSeconds(34));
            return Checker.CheckDueAsync(CancellationToken.None);
        }

        public void Dispose() => Checker.Dispose();
    }

    private sealed class LogLines : ILogger<HealthChecker>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }
}
