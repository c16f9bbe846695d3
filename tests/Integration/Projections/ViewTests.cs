using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.Fleet;
using CCGate.Projections.Fleet;
using CCGate.Projections.Live;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary>The overview, the live feed, rankings and what a tenant sees, over HTTP.</summary>
public sealed class ViewTests : IAsyncLifetime
{
    private ProjectionsServer server = null!;

    public async Task InitializeAsync() => server = await ProjectionsServer.StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Fact]
    public async Task The_overview_is_of_today_and_leaves_out_what_only_proxies_know()
    {
        await server.AppendAsync(
            EventRecord.From(Events.Request()),
            EventRecord.From(Events.Request("bob") with { Outcome = RequestOutcome.Failed, CompletedAt = Events.Noon.AddSeconds(9) }),
            EventRecord.From(Events.Request() with { AdmittedAt = Events.Noon.AddDays(-1) }));

        var overview = await server.GetJsonAsync("/api/overview");

        Assert.Equal((2, 1, 0.5, 0.021m), ((int)overview["requestsToday"]!, (int)overview["errorsToday"]!, (double)overview["errorShare"]!, (decimal)overview["spendTodayUsd"]!));
        Assert.Equal((2000, 9000), ((int)overview["latencyMs"]!["p50"]!, (int)overview["latencyMs"]!["p95"]!));
        Assert.Equal((0, 2), ((int)overview["projectionLag"]!["events"]!, (int)overview["upstreams"]!["total"]!));
        Assert.Equal("""[{"requests":2,"errors":1,"spendUsd":0.021,"outputTokens":1000}]""", Without(overview["series"]!, "at"));
        foreach (var unknown in (string[])["inFlight", "journal", "openHolds", "firstByteMs"])
        {
            Assert.Null(overview[unknown]);
        }
    }

    [Fact]
    public async Task The_month_can_be_asked_for_by_two_dimensions_and_as_csv()
    {
        await server.AppendAsync([.. Events.Records(2), .. Events.Records(1, "bob"), EventRecord.From(Events.Request() with { AdmittedAt = Events.Noon.AddDays(1) })]);

        var report = await server.GetJsonAsync("/api/usage?by=day,tenant");
        Assert.Equal("day,tenant", (string?)report["by"]);
        Assert.Equal(
            ["2026-11-21 alice 2", "2026-11-21 bob 1", "2026-11-22 alice 1"],
            report["rows"]!.AsArray().Select(row => $"{row!["day"]} {row["tenant"]} {row["requests"]}"));

        using var csv = await server.GetAsync("/api/usage?by=key,day&format=csv");
        Assert.StartsWith(
            "day,tenant,key,requests,errors,input_tokens,cache_read_tokens,cache_write_5m_tokens,cache_write_1h_tokens,output_tokens,reasoning_tokens,web_searches,total_tokens,spend_usd,duration_ms\r\n2026-11-21,alice,laptop,2,",
            await csv.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/usage?by=day,day", "by")]
    [InlineData("/api/usage?by=day,model,tenant", "by")]
    [InlineData("/api/usage?by=day,", "by")]
    [InlineData("/api/usage?format=pdf", "format")]
    [InlineData("/api/leaderboard?by=day", "by")]
    [InlineData("/api/leaderboard?order=name", "order")]
    [InlineData("/api/leaderboard?limit=0", "limit")]
    [InlineData("/api/leaderboard?from=2026-11-22&to=2026-11-20", "from")]
    [InlineData("/api/leaderboard?cursor=x", "cursor")]
    public async Task A_question_that_makes_no_sense_is_answered_with_what_is_wrong(string path, string parameter)
    {
        using var response = await server.GetAsync(path);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.NotNull(JsonNode.Parse(await response.Content.ReadAsStringAsync())!["errors"]![parameter]);
    }

    [Theory]
    [InlineData("by=tenant", "1 bob bob 0.75|2 alice Alice 0.25")]
    [InlineData("by=tenant&order=requests", "1 alice Alice 0.666667|2 bob bob 0.333333")]
    [InlineData("by=key&limit=1", "1 bob/laptop bob/laptop 0.75")]
    [InlineData("by=upstream", "1 u1 One 1")]
    [InlineData("by=model&to=2026-11-20", "")]
    public async Task The_leaderboard_ranks_by_what_is_asked_for(string question, string expected)
    {
        await server.AppendAsync(
            EventRecord.From(Events.Request(spendUsd: 0.005m)), EventRecord.From(Events.Request(spendUsd: 0.005m)), EventRecord.From(Events.Request("bob", 0.03m)));

        var rows = (await server.GetJsonAsync("/api/leaderboard?" + question))["items"]!.AsArray();

        Assert.Equal(expected, string.Join('|', rows.Select(row => $"{row!["rank"]} {row["id"]} {row["name"]} {row["share"]}")));
    }

    [Fact]
    public async Task Who_watches_sees_the_overview_and_requests_as_they_are_projected()
    {
        using var response = await server.Client.SendAsync(Live(), HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await ReadUntilAsync(reader, "event: overview");

        var request = Events.Request();
        await server.AppendAsync(EventRecord.From(request));
        var page = JsonNode.Parse((await ReadUntilAsync(reader, "event: requests"))["data: ".Length..])!;

        Assert.Equal(request.RequestId.ToString(), (string?)page["items"]![0]!["id"]);
    }

    [Fact]
    public async Task Listeners_are_bounded_and_end_with_the_host()
    {
        var listening = await Task.WhenAll(Enumerable.Range(0, LiveFeed.MostListeners).Select(_ => server.Client.SendAsync(Live(), HttpCompletionOption.ResponseHeadersRead)));
        Assert.All(listening, response => Assert.Equal(HttpStatusCode.OK, response.StatusCode));

        using var tooMany = await server.Client.SendAsync(Live(), HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, tooMany.StatusCode);

        await server.StopAsync().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.All(listening, response => response.Dispose());
    }

    [Theory]
    [InlineData("/api/me", null)]
    [InlineData("/api/me", "wrong")]
    [InlineData("/api/me/requests", "bob-key")]
    [InlineData("/api/me/usage", null)]
    [InlineData("/api/me/requests/x", null)]
    public async Task Only_tenants_see_themselves(string path, string? key)
    {
        using var response = await AskAsync(path, key);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task A_tenant_sees_its_own_requests_and_not_where_they_went()
    {
        var (own, other) = (Events.Request(), Events.Request("bob"));
        own.Attempts = [own.Attempts[0] with { UpstreamKeyHint = "x9Qa", Reason = "failover: u2 answered status 503", Failure = "upstream: u2 refused" }];
        await server.AppendAsync(EventRecord.From(own), EventRecord.From(other));

        var me = await JsonAsync("/api/me");
        Assert.Equal(("alice", "laptop", "daily.maxUSD"), ((string)me["id"]!, (string)me["key"]!, (string)me["limits"]![0]!["limit"]!));
        Assert.Equal(1, (int)(await JsonAsync("/api/me/usage?by=model"))["total"]!["requests"]!);
        var row = Assert.Single((await JsonAsync("/api/me/requests"))["items"]!.AsArray())!;
        Assert.Equal(own.RequestId.ToString(), (string?)row["id"]);
        Assert.Empty((await JsonAsync("/api/me/requests?q=u1"))["items"]!.AsArray());

        foreach (var text in (string[])[row.ToJsonString(), (await JsonAsync($"/api/me/requests/{own.RequestId}")).ToJsonString(), await (await AskAsync("/api/me/requests?format=csv", "alice-key")).Content.ReadAsStringAsync()])
        {
            Assert.DoesNotContain("u1", text, StringComparison.Ordinal);
            Assert.DoesNotContain("u2", text, StringComparison.Ordinal);
            Assert.DoesNotContain("x9Qa", text, StringComparison.Ordinal);
            Assert.DoesNotContain("proxy-1", text, StringComparison.Ordinal);
        }

        using var others = await AskAsync($"/api/me/requests/{other.RequestId}", "alice-key");
        Assert.Equal(HttpStatusCode.NotFound, others.StatusCode);
    }

    [Theory]
    [InlineData("/api/me/requests?tenant=bob", "tenant")]
    [InlineData("/api/me/requests?upstream=u1", "upstream")]
    [InlineData("/api/me/usage?tenant=bob", "tenant")]
    [InlineData("/api/me/usage?by=upstream", "by")]
    [InlineData("/api/me/usage?by=day,upstream", "by")]
    public async Task A_tenant_cannot_ask_about_others_or_upstreams(string path, string parameter)
    {
        using var response = await AskAsync(path, "alice-key");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.NotNull(JsonNode.Parse(await response.Content.ReadAsStringAsync())!["errors"]![parameter]);
    }

    [Fact]
    public void Of_an_upstream_that_many_proxies_use_the_worst_circuit_and_all_requests_are_shown()
    {
        ProxyReport Report(string upstream) => new() { Upstreams = [JsonElement.Parse(upstream)] };

        var merged = FleetUpstreams.Merge(
        [
            Report("""{"id":"u1","enabled":true,"health":{"state":"healthy"},"circuit":{"state":"closed"},"inFlight":2}"""),
            Report("""{"id":"u1","enabled":true,"health":{"state":"healthy"},"circuit":{"state":"open","reason":"503"},"inFlight":3}"""),
            Report("""{"id":"u2","enabled":true,"health":{"state":"unknown"},"circuit":{"state":"half_open"},"inFlight":0}"""),
            Report("[1]"),
        ]);

        Assert.Equal(["u1", "u2"], merged.Select(upstream => (string?)upstream["id"]));
        Assert.Equal((5L, "503"), ((long)merged[0]["inFlight"]!, (string?)merged[0]["circuit"]!["reason"]));
        Assert.Equal([false, true], merged.Select(FleetUpstreams.IsUsable));
    }

    private static HttpRequestMessage Live()
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/api/live");
        request.Headers.Authorization = new("Basic", Convert.ToBase64String("admin:s3cret:with colon"u8));
        return request;
    }

    /// <summary>Lets time go by until a line comes, and gives the next one.</summary>
    private async Task<string> ReadUntilAsync(StreamReader reader, string line)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        for (var next = reader.ReadLineAsync(patience.Token).AsTask(); ; next = reader.ReadLineAsync(patience.Token).AsTask())
        {
            var reading = next;
            await Eventually.HoldsAsync(
                () =>
                {
                    server.Time.Advance(reading.IsCompleted ? TimeSpan.Zero : TimeSpan.FromSeconds(1));
                    return reading.IsCompleted;
                },
                $"a line comes, on the way to '{line}'");
            if (await next == line)
            {
                return (await reader.ReadLineAsync(patience.Token))!;
            }
        }
    }

    private Task<HttpResponseMessage> AskAsync(string path, string? key)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (key is not null)
        {
            request.Headers.Add("x-api-key", key);
        }

        return server.Client.SendAsync(request);
    }

    private async Task<JsonNode> JsonAsync(string path)
    {
        using var response = await AskAsync(path, "alice-key");
        var body = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, body);
        return JsonNode.Parse(body)!;
    }

    private static string Without(JsonNode rows, string member)
    {
        foreach (var row in rows.AsArray())
        {
            row!.AsObject().Remove(member);
        }

        return rows.ToJsonString();
    }
}
