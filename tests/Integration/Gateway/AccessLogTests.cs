using System.Net;
using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Surfaces;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>A line for each request, read from the file it was written to.</summary>
public sealed class AccessLogTests : IDisposable
{
    private readonly DirectoryInfo logs = Directory.CreateTempSubdirectory("ccgate-logs-");

    public void Dispose() => logs.Delete(recursive: true);

    [Fact]
    public async Task A_success_says_who_asked_and_what_it_cost()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        decimal spend;
        await using (var gateway = await TestGateway.StartAsync(upstream, server: Server()))
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false), "/v1/messages?beta=hidden");
            await response.Content.ReadAsStringAsync();
            spend = (await gateway.EventAsync()).SpendUsd;
            await gateway.StopAsync();
        }

        var line = Assert.Single(Lines());
        Assert.DoesNotContain("hidden", line.GetRawText(), StringComparison.Ordinal);
        var properties = line.GetProperty("properties");
        Assert.Equal(("/v1/messages", "alice", "u1", spend), (
            properties.GetProperty("path").GetString(), properties.GetProperty("tenant").GetString(), properties.GetProperty("upstream").GetString(), properties.GetProperty("spendUsd").GetDecimal()));
        Assert.Equal(32, line.GetProperty("traceId").GetString()!.Length);
    }

    [Fact]
    public async Task A_refusal_has_a_line_and_nobody_forges_another_one()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using (var gateway = await TestGateway.StartAsync(upstream, server: Server()))
        {
            using var unknown = await gateway.PostAsync(Encoding.UTF8.GetBytes(TestGateway.Body(stream: false)), key: "wrong-key");
            Assert.Equal(HttpStatusCode.Unauthorized, unknown.StatusCode);
            using var forged = await gateway.PostAsync(TestGateway.Body(stream: false, model: "m\\nPOST /v1/messages 200 tenant=bob"));
            await gateway.StopAsync();
        }

        var lines = Lines();
        Assert.Equal(2, lines.Count);
        Assert.Equal("Unauthenticated", lines[0].GetProperty("properties").GetProperty("refusal").GetString());
        Assert.DoesNotContain(" tenant=bob", lines[1].GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-key", string.Concat(lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Levels_and_the_access_log_change_while_the_gateway_runs()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: Server());
        var factory = gateway.Services.GetRequiredService<ILoggerFactory>();
        var (ours, framework) = (factory.CreateLogger("CCGate.Some"), factory.CreateLogger("Microsoft.AspNetCore.Hosting.Diagnostics"));
        Assert.False(ours.IsEnabled(LogLevel.Debug));

        gateway.Reload("server.json", Server(""" "access": false, "level": "trace", "levels": { "CCGate.Other": "error" } """));

        Assert.True(ours.IsEnabled(LogLevel.Trace));
        Assert.False(factory.CreateLogger("CCGate.Other.Part").IsEnabled(LogLevel.Warning));
        Assert.False(framework.IsEnabled(LogLevel.Information), "what the framework says of a request has its query in it");
        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        await gateway.EventAsync();
        await gateway.StopAsync();
        Assert.Empty(Lines());
    }

    [Fact]
    public async Task A_client_that_left_before_its_answer_began_is_a_499()
    {
        var asked = new TaskCompletionSource();
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            asked.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted);
        });
        await using (var gateway = await TestGateway.StartAsync(upstream, server: Server()))
        {
            using var leaving = new CancellationTokenSource();
            var left = gateway.PostAsync(TestGateway.Body(stream: false), cancellationToken: leaving.Token);
            await asked.Task;
            await leaving.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
            await gateway.EventAsync();
            await gateway.StopAsync();
        }

        Assert.Equal(499, Assert.Single(Lines()).GetProperty("properties").GetProperty("status").GetInt32());
    }

    [Fact]
    public async Task A_failover_names_the_upstream_that_answered_and_how_many_were_asked()
    {
        await using var broken = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, 500, "api_error"));
        await using var good = await ScriptedUpstream.StartAsync();
        var upstreams = $$"""
            { "upstreams": [ { "id": "broken", "url": "{{broken.Url}}", "key": "k1", "priority": 1 }, { "id": "good", "url": "{{good.Url}}", "key": "k2", "priority": 2 } ],
              "loadBalancer": { "strategy": "priority", "failoverEnabled": true, "maxAttempts": 2 } }
            """;
        await using (var gateway = await TestGateway.StartAsync(upstreams, server: Server()))
        {
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
            await response.Content.ReadAsStringAsync();
            await gateway.EventAsync();
            await gateway.StopAsync();
        }

        var properties = Assert.Single(Lines()).GetProperty("properties");
        Assert.Equal((200, "good", 2), (properties.GetProperty("status").GetInt32(), properties.GetProperty("upstream").GetString(), properties.GetProperty("attempts").GetInt32()));
    }

    [Fact]
    public async Task What_the_gateway_fails_at_is_no_success()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using (var gateway = await TestGateway.StartAsync(upstream, server: Server()))
        {
            var pipeline = gateway.Services.GetRequiredService<GatewayPipeline>();
            var http = new DefaultHttpContext { RequestServices = gateway.Services };
            await Assert.ThrowsAsync<InvalidOperationException>(() => pipeline.AnswerAsync(http, new AnthropicSurface(), _ => throw new InvalidOperationException()));
            await gateway.StopAsync();
        }

        Assert.Equal(500, Assert.Single(Lines()).GetProperty("properties").GetProperty("status").GetInt32());
    }

    private string Server(string more = "\"access\": true") => $$"""{ "telemetry": { "logs": { "directory": "{{logs.FullName}}", {{more}} } } }""";

    private List<JsonElement> Lines() =>
        [.. logs.GetFiles().SelectMany(file => File.ReadAllLines(file.FullName)).Select(line => JsonElement.Parse(line)).Where(line => line.GetProperty("category").GetString() == "CCGate.Access")];
}
