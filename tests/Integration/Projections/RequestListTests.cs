using System.Net;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Projections;

/// <summary><c>/api/requests</c> and <c>/api/sessions</c> over HTTP.</summary>
public sealed class RequestListTests : IAsyncLifetime
{
    private ProjectionsServer server = null!;

    public async Task InitializeAsync() => server = await ProjectionsServer.StartAsync();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [Theory]
    [InlineData("/api/requests?limit=0", "limit")]
    [InlineData("/api/requests?limit=501", "limit")]
    [InlineData("/api/requests?limit=-1", "limit")]
    [InlineData("/api/requests?cursor=nonsense", "cursor")]
    [InlineData("/api/requests?cursor=VGltZS1kZXNjIDEgeA", "cursor")]
    [InlineData("/api/requests?tennant=alice", "tennant")]
    [InlineData("/api/requests?from=2026-11-22&to=2026-11-20", "from")]
    [InlineData("/api/requests?from=yesterday", "from")]
    [InlineData("/api/requests?status=7", "status")]
    [InlineData("/api/requests?minUsd=-1", "minUsd")]
    [InlineData("/api/requests?minUsd=1e9", "minUsd")]
    [InlineData("/api/requests?outcome=Fine", "outcome")]
    [InlineData("/api/requests?state=maybe", "state")]
    [InlineData("/api/requests?sort=id", "sort")]
    [InlineData("/api/requests?order=up", "order")]
    [InlineData("/api/requests?format=xml", "format")]
    [InlineData("/api/requests?tenant=a&tenant=b", "tenant")]
    [InlineData("/api/sessions?active=perhaps", "active")]
    [InlineData("/api/sessions?limit=0", "limit")]
    [InlineData("/api/sessions?cursor=x", "cursor")]
    [InlineData("/api/sessions?key=laptop", "key")]
    public async Task A_question_that_makes_no_sense_is_answered_with_what_is_wrong(string path, string parameter)
    {
        using var response = await server.GetAsync(path);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        Assert.NotNull(JsonNode.Parse(await response.Content.ReadAsStringAsync())!["errors"]![parameter]);
    }

    [Theory]
    [InlineData("tenant=alice", 2)]
    [InlineData("tenant=nobody", 0)]
    [InlineData("key=laptop", 3)]
    [InlineData("session=s1", 1)]
    [InlineData("model=claude-sonnet-4-5", 3)]
    [InlineData("upstream=u1&surface=anthropic&status=200&state=known&outcome=succeeded", 2)]
    [InlineData("outcome=Failed", 1)]
    [InlineData("minUsd=0.02", 1)]
    [InlineData("q=S1", 1)]
    [InlineData("q=%25", 0)]
    [InlineData("from=2026-11-21&to=2026-11-21", 3)]
    [InlineData("to=2026-11-20", 0)]
    [InlineData("q='; drop table requests --", 0)]
    public async Task Requests_are_found_by_everything_there_is_a_filter_for(string filter, int count)
    {
        await server.AppendAsync(
            EventRecord.From(Events.Request(session: "s1")),
            EventRecord.From(Events.Request(spendUsd: 0.02m)),
            EventRecord.From(Events.Request("bob") with { Outcome = RequestOutcome.Failed }));

        foreach (var sort in (string[])["time", "spend", "duration"])
        {
            var page = await server.GetJsonAsync($"/api/requests?{filter}&sort={sort}");
            Assert.Equal(count, page["items"]!.AsArray().Count);
            Assert.Null(page["next"]);
        }
    }

    [Fact]
    public async Task A_row_says_what_became_of_the_request()
    {
        var request = Events.Request(session: "s1") with { Streaming = true };
        await server.AppendAsync(EventRecord.From(request));

        var page = await server.GetJsonAsync("/api/requests");

        Assert.Equal(
            $$"""{"items":[{"id":"{{request.RequestId}}","admittedAt":"2026-11-21T12:00:00+00:00","completedAt":"2026-11-21T12:00:02+00:00","tenant":"alice","key":"laptop","session":"s1","surface":"anthropic","requestedModel":"claude-sonnet-4-5","model":"claude-sonnet-4-5","upstream":"u1","streaming":true,"outcome":"Succeeded","status":200,"attempts":1,"durationMs":2000,"inputTokens":1000,"cacheReadTokens":0,"cacheWriteTokens":0,"outputTokens":500,"reasoningTokens":0,"webSearches":0,"usageState":"Known","spendUsd":0.0105,"heldUsd":0.5}]}""",
            page.ToJsonString().Replace("\\u002B", "+", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_page_of_csv_has_the_cursor_of_the_next_and_no_formula()
    {
        await server.AppendAsync([.. Enumerable.Range(0, 3).Select(_ => EventRecord.From(Events.Request(session: "=cmd()")))]);

        using var response = await server.GetAsync("/api/requests?format=csv&limit=2");
        var lines = (await response.Content.ReadAsStringAsync()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("text/csv", response.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith("id,admitted_at,", lines[0], StringComparison.Ordinal);
        Assert.Equal(3, lines.Length);
        Assert.Contains(",'=cmd(),", lines[1], StringComparison.Ordinal);

        using var rest = await server.GetAsync("/api/requests?format=csv&limit=2&cursor=" + response.Headers.GetValues("x-ccgate-next").Single());
        Assert.Equal(2, (await rest.Content.ReadAsStringAsync()).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task A_cursor_of_another_order_is_refused()
    {
        await server.AppendAsync(Events.Records(3));
        var next = (string?)(await server.GetJsonAsync("/api/requests?limit=1"))["next"];

        using var response = await server.GetAsync($"/api/requests?limit=1&sort=spend&cursor={next}");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task Sessions_come_the_last_used_first_with_their_sums()
    {
        await server.AppendAsync(
            EventRecord.From(Events.Request(session: "old") with { AdmittedAt = Events.Noon.AddHours(-2) }),
            EventRecord.From(Events.Request(session: "new") with { AdmittedAt = Events.Noon.AddMinutes(-20) }),
            EventRecord.From(Events.Request(session: "new") with { AdmittedAt = Events.Noon.AddMinutes(-1) }),
            EventRecord.From(Events.Request("bob", session: "new") with { AdmittedAt = Events.Noon.AddHours(-1) }),
            EventRecord.From(Events.Request()));

        var first = await server.GetJsonAsync("/api/sessions?limit=2");
        var rest = await server.GetJsonAsync($"/api/sessions?limit=2&cursor={first["next"]}");

        Assert.Equal(
            ["new alice 2 True", "new bob 1 False", "old alice 1 False"],
            first["items"]!.AsArray().Concat(rest["items"]!.AsArray()).Select(row => $"{row!["id"]} {row["tenant"]} {row["requests"]} {(bool)row["active"]!}"));
        Assert.Null(rest["next"]);
        Assert.Equal(0.021m, (decimal)first["items"]![0]!["spendUsd"]!);
        Assert.Single((await server.GetJsonAsync("/api/sessions?active=true"))["items"]!.AsArray());
        Assert.Single((await server.GetJsonAsync("/api/sessions?tenant=bob"))["items"]!.AsArray());
    }
}
