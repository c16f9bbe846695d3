using System.Net;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What an upstream may serve in a day: <c>dailyMaxUSD</c>.</summary>
public sealed class UpstreamBudgetTests
{
    [Fact]
    public async Task An_upstream_serves_until_its_day_is_used_up_and_a_restart_does_not_forget_it()
    {
        await using var first = await ScriptedUpstream.StartAsync();
        await using var second = await ScriptedUpstream.StartAsync();
        var upstreams = $$"""
            { "upstreams": [
                { "id": "cheap", "url": "{{first.Url}}", "key": "k", "priority": 1, "dailyMaxUSD": 0.02 },
                { "id": "dear", "url": "{{second.Url}}", "key": "k", "priority": 2 } ],
              "loadBalancer": { "strategy": "priority" } }
            """;
        var root = Directory.CreateTempSubdirectory("ccgate-test-");
        try
        {
            await using (var gateway = await TestGateway.StartAsync(upstreams, over: root))
            {
                // An answer costs 0.0144774: the second begins below the limit and goes over it.
                Assert.Equal(["cheap", "cheap", "dear", "dear"], [await ServedByAsync(gateway), await ServedByAsync(gateway), await ServedByAsync(gateway), await ServedByAsync(gateway)]);
                await gateway.SettledAsync();
            }

            await using var again = await TestGateway.StartAsync(upstreams, over: root);
            Assert.Equal("dear", await ServedByAsync(again));
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_limit_that_is_set_while_the_gateway_runs_counts_what_was_served_before()
    {
        await using var first = await ScriptedUpstream.StartAsync();
        await using var second = await ScriptedUpstream.StartAsync();
        string Upstreams(string limit) => $$"""
            { "upstreams": [
                { "id": "cheap", "url": "{{first.Url}}", "key": "k", "priority": 1 {{limit}} },
                { "id": "dear", "url": "{{second.Url}}", "key": "k", "priority": 2 } ],
              "loadBalancer": { "strategy": "priority" } }
            """;
        var root = Directory.CreateTempSubdirectory("ccgate-test-");
        try
        {
            await using (var gateway = await TestGateway.StartAsync(Upstreams(""), over: root))
            {
                Assert.Equal("cheap", await ServedByAsync(gateway));
                await gateway.SettledAsync();
            }

            await using var again = await TestGateway.StartAsync(Upstreams(""), over: root);
            TestGateway.Write(again.Config, "upstreams.json", Upstreams(", \"dailyMaxUSD\": 0.01"));
            var pool = again.Services.GetRequiredService<UpstreamPool>();
            await Eventually.HoldsAsync(() => pool.Current[0].State.Spend.Today > 0, "what was served before is known");
            Assert.Equal("dear", await ServedByAsync(again));
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    private static async Task<string> ServedByAsync(TestGateway gateway)
    {
        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await response.Content.ReadAsByteArrayAsync();
        return response.Headers.GetValues("x-ccgate-upstream").Single();
    }
}
