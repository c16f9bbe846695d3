using System.Net;
using System.Text;
using System.Text.Json;
using CCGate.Tests.Infrastructure;
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

    private string Server(string more = "\"access\": true") => $$"""{ "telemetry": { "logs": { "directory": "{{logs.FullName}}", {{more}} } } }""";

    private List<JsonElement> Lines() =>
        [.. logs.GetFiles().SelectMany(file => File.ReadAllLines(file.FullName)).Select(line => JsonElement.Parse(line)).Where(line => line.GetProperty("category").GetString() == "CCGate.Access")];
}
