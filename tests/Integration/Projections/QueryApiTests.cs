using System.Net;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>The query API over HTTP.</summary>
public sealed class QueryApiTests : IAsyncLifetime
{
    private ProjectionsServer server = null!;

    public async Task InitializeAsync() => server = await ProjectionsServer.StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData(null)]
    [InlineData("admin:wrong")]
    [InlineData("Admin:s3cret:with colon")]
    [InlineData("admin")]
    public async Task Nobody_but_the_operator_is_answered(string? credentials)
    {
        foreach (var path in (string[])["/api/usage", "/api/events", "/api/projections", "/api/quotas", "/api/budgets/extensions", "/api/requests/x"])
        {
            using var response = await server.GetAsync(path, credentials);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.Equal("Basic", Assert.Single(response.Headers.WwwAuthenticate).Scheme);
            Assert.Contains("'admin'", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            server.Time.Advance(TimeSpan.FromMinutes(16)); // Else these are too many guesses.
        }
    }

    [Fact]
    public async Task Without_an_operator_in_the_configuration_nobody_is_and_the_answer_names_the_setting()
    {
        await using var open = await ProjectionsServer.StartAsync(ProjectionsServer.Config with { Admin = null });
        using var response = await open.GetAsync("/api/usage", "admin:");

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Contains("set 'admin'", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Usage_by_day_is_by_the_tenants_own_day_and_exact()
    {
        // 12:00 UTC is 17:45 in Kathmandu, 18:30 UTC the next day there.
        await server.AppendAsync(
            EventRecord.From(Events.Request(spendUsd: 0.000000000001m)),
            EventRecord.From(Events.Request() with { AdmittedAt = Events.Noon.AddHours(6.5) }),
            EventRecord.From(Events.Request("bob")));

        var answer = await server.GetJsonAsync("/api/usage?tenant=alice&by=day");

        Assert.Equal("""
            {"by":"day","from":null,"to":null,"timezone":"Asia/Kathmandu","rows":[
            {"day":"2026-11-21","requests":1,"errors":0,"inputTokens":1000,"cacheReadTokens":0,"cacheWrite5mTokens":0,"cacheWrite1hTokens":0,"outputTokens":500,"reasoningTokens":0,"webSearches":0,"totalTokens":1500,"spendUsd":0.000000000001,"durationMs":2000},
            {"day":"2026-11-22","requests":1,"errors":0,"inputTokens":1000,"cacheReadTokens":0,"cacheWrite5mTokens":0,"cacheWrite1hTokens":0,"outputTokens":500,"reasoningTokens":0,"webSearches":0,"totalTokens":1500,"spendUsd":0.0105,"durationMs":-23398000}],
            "total":{"requests":2,"errors":0,"inputTokens":2000,"cacheReadTokens":0,"cacheWrite5mTokens":0,"cacheWrite1hTokens":0,"outputTokens":1000,"reasoningTokens":0,"webSearches":0,"totalTokens":3000,"spendUsd":0.010500000001,"durationMs":-23396000}}
            """.ReplaceLineEndings(""), answer.ToJsonString());
    }

    [Theory]
    [InlineData("model", "model", "claude-sonnet-4-5")]
    [InlineData("tenant", "tenant", "alice")]
    [InlineData("key", "key", "laptop")]
    [InlineData("upstream", "upstream", "u1")]
    [InlineData("hour", "hour", "2026-11-21T12:00+00:00")]
    public async Task Usage_can_be_asked_for_by_everything_it_is_kept_by(string by, string property, string first)
    {
        await server.AppendAsync([.. Events.Records(3), .. Events.Records(2, "bob")]);

        var answer = await server.GetJsonAsync($"/api/usage?by={by}");

        Assert.Equal(first, (string?)answer["rows"]![0]![property]);
        Assert.Equal(5, (int)answer["total"]!["requests"]!);
        Assert.Equal(5, answer["rows"]!.AsArray().Sum(row => (int)row!["requests"]!));
    }

    [Fact]
    public async Task Filters_and_periods_choose_the_rows()
    {
        await server.AppendAsync([.. Events.Records(3), .. Events.Records(2, "bob")]);

        Assert.Equal(2, await CountAsync("tenant=bob&key=laptop&model=claude-sonnet-4-5&upstream=u1"));
        Assert.Equal(0, await CountAsync("tenant=carol"));
        Assert.Equal(5, await CountAsync("from=2026-11-21&to=2026-11-21"));
        Assert.Equal(0, await CountAsync("to=2026-11-20"));
        Assert.Equal(0, await CountAsync("to=2026-11-21T12:00:00Z"));
        Assert.Equal(5, await CountAsync("from=2026-11-21T12:00:00Z&to=2026-11-21T12:15:00Z"));

        async Task<int> CountAsync(string query) => (int)(await server.GetJsonAsync("/api/usage?" + query))["total"]!["requests"]!;
    }

    [Theory]
    [InlineData("/api/usage?from=yesterday", "from", "2026-11-21")]
    [InlineData("/api/usage?by=colour", "by", "day, hour, model")]
    [InlineData("/api/usage?timezone=Mars", "timezone", "IANA")]
    [InlineData("/api/usage?tennant=alice", "tennant", "tenant")]
    [InlineData("/api/usage?tenant=alice&tenant=bob", "tenant", "once")]
    [InlineData("/api/quotas?tenant=carol", "tenant", "tenants.json")]
    [InlineData("/api/quotas?key=ci&tenant=alice", "key", "tenants.json")]
    [InlineData("/api/quotas?tennant=alice", "tennant", "tenant, key")]
    [InlineData("/api/events?after=-1", "after", "from 0")]
    [InlineData("/api/events?limit=0", "limit", "from 1 to 1000")]
    [InlineData("/api/events?limit=1001", "limit", "from 1 to 1000")]
    [InlineData("/api/events?after=a", "after", "whole number")]
    public async Task A_bad_question_is_answered_with_what_is_wrong_and_what_is_allowed(string path, string parameter, string allowed)
    {
        using var response = await server.GetAsync(path);
        var problem = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains(allowed, (string?)problem["errors"]![parameter]![0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_ledger_can_be_read_in_pieces()
    {
        var records = Events.Records(3);
        await server.AppendAsync(records);

        var first = await server.GetJsonAsync("/api/events?limit=2");
        var rest = await server.GetJsonAsync("/api/events?after=2");

        Assert.Equal([1, 2], first["events"]!.AsArray().Select(stored => (int)stored!["position"]!));
        Assert.Equal(3, (int)first["highWaterMark"]!);
        var stored = Assert.Single(rest["events"]!.AsArray())!;
        Assert.Equal((records[2].Stream, 3, "request_completed"), ((string)stored["stream"]!, (int)stored["version"]!, (string)stored["type"]!));
        Assert.Equal(Events.Noon.AddSeconds(2), (DateTimeOffset)stored["timestamp"]!);
        Assert.Equal(records[2].Id, (Guid)stored["data"]!["RequestId"]!);
    }

    [Fact]
    public async Task A_projection_says_how_far_it_is_and_stands_visibly_still_in_front_of_what_it_cannot_read()
    {
        await server.AppendAsync(Events.Records(2, "bob"));
        var current = (await server.GetJsonAsync("/api/projections"))["projections"]![0]!;
        Assert.Equal(("spend", 2, 2, 0, "current"), Describe(current));

        server.Time.Advance(TimeSpan.FromSeconds(12));
        await server.AppendAsync(Events.Record() with { Data = "[]" }, Events.Record());

        var stopped = (await server.GetJsonAsync("/api/projections"))["projections"]![0]!;
        Assert.Equal(("spend", 2, 4, 2, "stopped"), Describe(stopped));
        Assert.True((double)stopped["lagSeconds"]! > 0);
        Assert.Contains("position 3", (string?)stopped["failure"], StringComparison.Ordinal);
        Assert.Equal("degraded", (string?)(await server.GetJsonAsync("/health"))["status"]);

        static (string, int, int, int, string) Describe(JsonNode state) =>
            ((string)state["name"]!, (int)state["position"]!, (int)state["highWaterMark"]!, (int)state["lag"]!, (string)state["state"]!);
    }

    [Fact]
    public async Task Health_names_every_check()
    {
        foreach (var path in (string[])["/health", "/health/ready"])
        {
            var health = JsonNode.Parse(await server.Client.GetStringAsync(path))!;
            Assert.Equal("healthy", (string?)health["status"]);
            Assert.NotEmpty((string)health["version"]!);
            Assert.Equal("projections", (string?)health["checks"]![0]!["name"]);
        }

        Assert.Equal("healthy", (string?)JsonNode.Parse(await server.Client.GetStringAsync("/health/live"))!["status"]);
    }
}
