using CCGate.Cli.Hosts;
using CCGate.Hosting.Configuration;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Builder;

namespace CCGate.Tests.Integration.Gateway;

/// <summary><c>/metrics</c> of the processes of an installation in roles.</summary>
public sealed class RoleMetricsTests
{
    [Fact]
    public async Task Every_role_is_scraped_and_says_which_it_is()
    {
        var root = Directory.CreateDirectory(ServerProcess.NewDirectory("roles"));
        var directory = root.CreateSubdirectory("config");
        var (database, broker) = (await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(), await (await RabbitMqServer.SharedAsync()).CreateVirtualHostAsync());
        TestGateway.Write(directory, "server.json", $$"""{ "eventStore": "{{database}}", "broker": "{{broker}}" }""");
        var start = new HostStart(new ConfigDirectory(directory).Read().Config!, null, root, "http://127.0.0.1:0");
        await using var projections = await StartAsync(GatewayHosts.Projections(start));
        await using var metering = await StartAsync(GatewayHosts.Metering(start));
        await using var proxy = await StartAsync(GatewayHosts.Proxy(start));
        using var prometheus = await PrometheusServer.StartAsync(projections.Urls.First(), metering.Urls.First(), proxy.Urls.First());

        await prometheus.TargetsAreUpAsync();

        await Eventually.PassesAsync(async () => Assert.Equal(
            ["metering", "projections", "proxy"],
            (await prometheus.QueryAsync("target_info")).Select(target => target.Labels["ccgate_role"]).Order(StringComparer.Ordinal)));
        Assert.Empty(prometheus.Warnings);
    }

    private static async Task<WebApplication> StartAsync(WebApplication app)
    {
        await app.StartAsync();
        return app;
    }
}
