using System.Net;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary><c>/usage</c>, as scripts written for the Node project ask it.</summary>
public sealed class NodeUsageTests : IAsyncLifetime
{
    private ProjectionsServer server = null!;

    public async Task InitializeAsync()
    {
        server = await ProjectionsServer.StartAsync();
        await server.AppendAsync(
            Events.Record(),
            EventRecord.From(Events.Request() with { Outcome = RequestOutcome.Failed }),
            EventRecord.From(Events.Request() with { AdmittedAt = Events.Noon.AddDays(-1), CompletedAt = Events.Noon.AddDays(-1) }));
    }

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task A_tenant_sees_its_own_day()
    {
        var (status, answer) = await PostAsync("""{"type":"tenant","apiKey":"alice-key"}""");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal((true, "tenant"), ((bool)answer["success"]!, (string)answer["type"]!));
        Assert.Equal("""{"id":"alice","name":"Alice"}""", answer["data"]!["tenant"]!.ToJsonString());

        var usage = answer["data"]!["usage"]!;
        Assert.Equal(("alice", "2026-11-21"), ((string)usage["tenantId"]!, (string)usage["date"]!));
        Assert.Equal("""{"used":0.021,"limit":0.02,"percentage":105,"exceeded":true}""", usage["limits"]!["usd"]!.ToJsonString());

        const string Numbers = "\"totalRequests\":2,\"totalTokens\":3000,\"inputTokens\":2000,\"outputTokens\":1000,\"cacheCreationTokens\":0,"
            + "\"cacheReadTokens\":0,\"totalCost\":0.021,\"errorCount\":1,\"errorRate\":50,\"avgDuration\":2000";
        var today = usage["todayUsage"]!.AsObject();
        Assert.Equal("{" + Numbers + "}", today["byModel"]!["claude-sonnet-4-5"]!.ToJsonString());
        Assert.Equal("{" + Numbers + "}", today["byHour"]!["17"]!.ToJsonString());
        Assert.Equal(2, (int)today["totalRequests"]!);
    }

    [Fact]
    public async Task The_operator_sees_everybody()
    {
        var (status, answer) = await PostAsync("""{"type":"admin","username":"admin","password":"s3cret:with colon"}""");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("admin", (string?)answer["type"]);
        Assert.Equal(
            """{"totalRequests":2,"totalCost":0.021,"activeTenants":1,"totalUpstreams":2,"healthyUpstreams":1}""", answer["data"]!["system"]!.ToJsonString());
        Assert.Equal(0.021m, (decimal)answer["data"]!["usage"]!["todayUsage"]!["totalCost"]!);
        Assert.Equal(["alice", "bob"], answer["data"]!["usage"]!["tenants"]!.AsArray().Select(tenant => (string)tenant!["tenantId"]!));
        Assert.Equal(
            """{"id":"u1","name":"One","url":"https://one.example","healthy":true}""", answer["data"]!["upstreams"]![0]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"type":"tenant","apiKey":"nobody"}""", HttpStatusCode.Unauthorized)]
    [InlineData("""{"type":"tenant"}""", HttpStatusCode.Unauthorized)]
    [InlineData("""{"type":"tenant","apiKey":"bob-key"}""", HttpStatusCode.Unauthorized)]
    [InlineData("""{"type":"admin","username":"admin","password":"wrong"}""", HttpStatusCode.Unauthorized)]
    [InlineData("""{"type":"admin"}""", HttpStatusCode.Unauthorized)]
    [InlineData("""{"type":"robot"}""", HttpStatusCode.BadRequest)]
    [InlineData("{}", HttpStatusCode.BadRequest)]
    [InlineData("null", HttpStatusCode.BadRequest)]
    [InlineData("", HttpStatusCode.BadRequest)]
    [InlineData("not json", HttpStatusCode.BadRequest)]
    public async Task Who_is_not_known_or_not_understood_learns_that_and_nothing_else(string body, HttpStatusCode expected)
    {
        var (status, answer) = await PostAsync(body);

        Assert.Equal(expected, status);
        Assert.NotEmpty((string)answer["error"]!);
        Assert.Single(answer.AsObject());
    }

    [Fact]
    public async Task A_key_in_a_header_gets_the_same_answer()
    {
        var (_, posted) = await PostAsync("""{"type":"tenant","apiKey":"alice-key"}""");
        foreach (var (name, value) in (ReadOnlySpan<(string, string)>)[("x-api-key", "alice-key"), ("Authorization", "Bearer alice-key")])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/usage");
            request.Headers.TryAddWithoutValidation(name, value);
            using var response = server.Client.Send(request);
            Assert.Equal(posted.ToJsonString(), new StreamReader(response.Content.ReadAsStream()).ReadToEnd());
        }

        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Client.GetAsync(new Uri("/usage", UriKind.Relative))).StatusCode);
    }

    private async Task<(HttpStatusCode Status, JsonNode Answer)> PostAsync(string body)
    {
        using var content = new StringContent(body);
        using var response = await server.Client.PostAsync(new Uri("/usage", UriKind.Relative), content);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync())!);
    }
}
