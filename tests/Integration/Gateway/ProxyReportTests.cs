using CCGate.Hosting.Storage;
using CCGate.Tests.Infrastructure;
using Dapper;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What a proxy tells of itself reaches the overview, and its loss stops nothing.</summary>
public sealed class ProxyReportTests
{
    private const string Server = """{"admin":{"username":"admin","password":"operator-password"}}""";

    [Fact]
    public async Task The_overview_shows_what_only_the_proxy_knows()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: Server);

        await Eventually.HoldsAsync(async () => (await gateway.AskAsync("/api/overview")).TryGetProperty("inFlight", out _), "the proxy reports");

        var overview = await gateway.AskAsync("/api/overview");
        Assert.Equal(0, overview.GetProperty("inFlight").GetInt32());
        Assert.Equal((1, 1, 0), (
            overview.GetProperty("upstreams").GetProperty("total").GetInt32(),
            overview.GetProperty("upstreams").GetProperty("usable").GetInt32(),
            overview.GetProperty("upstreams").GetProperty("open").GetInt32()));
        Assert.Equal(0, overview.GetProperty("openHolds").GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task A_proxy_whose_reports_cannot_be_written_serves_as_before()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: Server);
        await using (var connection = await gateway.Services.GetRequiredService<Database>().OpenAsync(CancellationToken.None))
        {
            await connection.ExecuteAsync("drop table proxy_report");
        }

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.True(response.IsSuccessStatusCode);
        await gateway.EventAsync();
    }
}
