using System.Text.Json.Nodes;
using CCGate.Hosting.Storage;
using CCGate.Projections.Notifications;
using CCGate.Tests.Infrastructure;
using Dapper;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>From a request to the person who is told of it.</summary>
public sealed class AlertTests
{
    [Fact]
    public async Task A_request_that_reaches_a_threshold_is_seen_in_the_quotas_and_told_to_the_webhook_even_of_a_tenant_above()
    {
        await using var receiver = await ScriptedUpstream.StartAsync(http => http.Response.WriteAsync("ok"));
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(
            upstream,
            $$"""{ "tenants": [ { "id": "alice", "key": "{{TestGateway.Key}}", "parent": "team" }, { "id": "team", "keys": [], "limits": { "monthly": { "maxRequests": 2 }, "alertAt": [0.5] } } ] }""",
            $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" }, "alerts": { "webhook": "{{receiver.Url}}/alerts", "secret": "s" } }""");
        await Eventually.HoldsAsync(() => IsFollowedAsync(gateway), "the webhook follows the ledger");

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        await Eventually.HoldsAsync(() => !receiver.Received.IsEmpty, "the alert has come");
        var alert = JsonNode.Parse(receiver.Received.Single().Text)!;
        Assert.Equal(("team", "monthly.maxRequests", 1m, 2m), ((string)alert["data"]!["TenantId"]!, (string)alert["data"]!["Limit"]!, (decimal)alert["data"]!["Used"]!, (decimal)alert["data"]!["Max"]!));
        Assert.True(receiver.Received.Single().Headers.ContainsKey(WebhookClient.SignatureHeader));
        Assert.Equal(0.5m, (await gateway.AskAsync("/api/quotas?tenant=team")).GetProperty("quotas")[0].GetProperty("fraction").GetDecimal());
    }

    private static async Task<bool> IsFollowedAsync(TestGateway gateway)
    {
        await using var connection = await gateway.Services.GetRequiredService<Database>().OpenAsync(CancellationToken.None);
        return await connection.ExecuteScalarAsync<long>("select count(*) from projection_checkpoint where name = 'webhook'") == 1;
    }
}
