using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary><c>/metrics</c>: what Prometheus makes of it, and who may read it.</summary>
public sealed class MetricsEndpointTests
{
    private const string Admin = $$"""{ "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" }""";

    [Theory]
    [InlineData("text/plain", "text/plain; version=0.0.4; charset=utf-8")]
    [InlineData("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text; version=1.0.0; charset=utf-8")]
    public async Task Prometheus_own_tool_finds_nothing_to_say_of_the_metrics(string accept, string contentType)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await UsedAsync(upstream);

        using var answer = await ScrapeAsync(gateway, headers => headers.Accept.ParseAdd(accept));

        var text = await answer.Content.ReadAsStringAsync();
        Assert.Equal((HttpStatusCode.OK, contentType), (answer.StatusCode, answer.Content.Headers.ContentType!.ToString()));
        Assert.Contains("http_server_request_duration_seconds_count{", text, StringComparison.Ordinal);
        Assert.Contains("ccgate_attempts_total{", text, StringComparison.Ordinal);
        Assert.Contains("ccgate_role=\"run\"", text, StringComparison.Ordinal);
        Assert.Equal(contentType.StartsWith("application", StringComparison.Ordinal), text.EndsWith("\n# EOF\n", StringComparison.Ordinal));
        if (!contentType.StartsWith("application", StringComparison.Ordinal))
        {
            Assert.Equal((0, ""), await PromtoolAsync(text));
        }
    }

    [Fact]
    public async Task A_real_Prometheus_scrapes_it_without_a_warning()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await UsedAsync(upstream);
        using var prometheus = await PrometheusServer.StartAsync(gateway.Url);

        await prometheus.TargetsAreUpAsync();

        await Eventually.PassesAsync(async () => Assert.True(Assert.Single(await prometheus.QueryAsync("sum(ccgate_attempts_total)")).Value >= 2));
        Assert.Equal(1, Assert.Single(await prometheus.QueryAsync("up{job=\"ccgate\"}")).Value);
        Assert.Equal("ccgate", Assert.Single(await prometheus.QueryAsync("target_info")).Labels["service_name"]);
        Assert.Empty(prometheus.Warnings);

        // Nothing failed: that is a 0 from which the first failure is an increase.
        Assert.Equal(0, Assert.Single(await prometheus.QueryAsync("ccgate_publish_events_total{result=\"failed\"}")).Value);
    }

    [Theory]
    [InlineData("local", "", HttpStatusCode.OK)]
    [InlineData("local", "X-Forwarded-For: 192.0.2.1", HttpStatusCode.Unauthorized)]
    [InlineData("local", "Forwarded: for=192.0.2.1", HttpStatusCode.Unauthorized)]
    [InlineData("operator", "", HttpStatusCode.Unauthorized)]
    [InlineData("operator", "x-api-key: " + TestGateway.Key, HttpStatusCode.Forbidden)]
    [InlineData("open", "X-Forwarded-For: 192.0.2.1", HttpStatusCode.OK)]
    [InlineData("off", "", HttpStatusCode.NotFound)]
    public async Task Who_may_read_the_metrics_is_a_setting_that_a_refusal_names(string scrape, string header, HttpStatusCode expected)
    {
        await using var gateway = await StartAsync($$""" "metrics": { "scrape": "{{scrape}}" } """);

        using var answer = await ScrapeAsync(gateway, headers =>
        {
            if (header.Split(": ") is [var name, var value])
            {
                headers.Add(name, value);
            }
        });

        Assert.Equal(expected, answer.StatusCode);
        Assert.Equal(expected != HttpStatusCode.OK, (await answer.Content.ReadAsStringAsync()).Contains("telemetry.metrics.scrape", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_operator_and_a_token_that_may_read_get_the_metrics_from_anywhere()
    {
        await using var gateway = await StartAsync(""" "metrics": { "scrape": "local" } """);
        using var made = new HttpRequestMessage(HttpMethod.Post, "/api/tokens") { Content = new StringContent("""{ "name": "prometheus", "scope": "read" }""", Encoding.UTF8, "application/json") };
        made.Headers.Authorization = Basic(TestGateway.Password);
        using var issued = await gateway.Http.SendAsync(made);
        var token = System.Text.Json.JsonElement.Parse(await issued.Content.ReadAsStringAsync()).GetProperty("token").GetString();

        foreach (var (authorization, expected) in ((AuthenticationHeaderValue, HttpStatusCode)[])[
            (Basic(TestGateway.Password), HttpStatusCode.OK), (new AuthenticationHeaderValue("Bearer", token), HttpStatusCode.OK), (Basic("wrong"), HttpStatusCode.Unauthorized)])
        {
            using var answer = await ScrapeAsync(gateway, headers =>
            {
                headers.Add("X-Forwarded-For", "192.0.2.1");
                headers.Authorization = authorization;
            });
            Assert.Equal(expected, answer.StatusCode);
        }
    }

    [Fact]
    public async Task Without_metrics_there_are_none()
    {
        await using var gateway = await StartAsync(""" "metrics": { "enabled": false } """);

        using var answer = await ScrapeAsync(gateway);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    private static Task<TestGateway> StartAsync(string telemetry) => TestGateway.StartAsync("{}", server: $$"""{ "admin": {{Admin}}, "telemetry": { {{telemetry}} } }""");

    /// <summary>A gateway that has answered, streamed and refused.</summary>
    private static async Task<TestGateway> UsedAsync(ScriptedUpstream upstream)
    {
        var gateway = await TestGateway.StartAsync(upstream, server: $$"""{ "admin": {{Admin}}, "telemetry": {} }""");
        foreach (var (body, key) in ((string, string?)[])[(TestGateway.Body(stream: false), TestGateway.Key), (TestGateway.Body(stream: true), TestGateway.Key), (TestGateway.Body(stream: false), "wrong")])
        {
            using var answer = await gateway.PostAsync(Encoding.UTF8.GetBytes(body), key: key);
            await answer.Content.ReadAsByteArrayAsync();
        }

        await gateway.EventsAsync(2);
        await gateway.AskAsync("/api/overview");
        return gateway;
    }

    private static async Task<HttpResponseMessage> ScrapeAsync(TestGateway gateway, Action<HttpRequestHeaders>? headers = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        headers?.Invoke(request.Headers);
        return await gateway.Http.SendAsync(request);
    }

    private static AuthenticationHeaderValue Basic(string password) => new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{password}")));

    private static async Task<(int ExitCode, string Said)> PromtoolAsync(string metrics)
    {
        var start = new ProcessStartInfo("/usr/bin/promtool", ["check", "metrics"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var promtool = Process.Start(start)!;
        var said = Task.WhenAll(promtool.StandardOutput.ReadToEndAsync(), promtool.StandardError.ReadToEndAsync());
        await promtool.StandardInput.WriteAsync(metrics);
        promtool.StandardInput.Close();
        await promtool.WaitForExitAsync();
        return (promtool.ExitCode, string.Concat(await said));
    }
}
