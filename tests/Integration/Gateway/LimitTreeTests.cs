using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Limits of a key, its tenant and the tenants above, over HTTP: all of them hold, and none refuses what fits.</summary>
public sealed class LimitTreeTests
{
    private const string Model = AnthropicAnswers.VectorModel;

    // The whole company may spend less than its teams together, and a team less than its members.
    private const string Tree = """
        { "tenants": [
          { "id": "company", "keys": [], "limits": { "monthly": { "maxUSD": 1.5, "maxTokens": 150000 } } },
          { "id": "red", "parent": "company", "keys": [], "limits": { "weekly": { "maxUSD": 1.0 }, "daily": { "maxRequests": 200 } } },
          { "id": "blue", "parent": "company", "keys": [], "limits": { "total": { "maxUSD": 1.1 } } },
          { "id": "ann", "parent": "red", "holdPolicy": "refuse", "limits": { "daily": { "maxUSD": 0.6 } }, "keys": [ { "id": "k", "key": "key-ann" } ] },
          { "id": "bob", "parent": "red", "holdPolicy": "clamp", "minOutputTokens": 20, "limits": { "fiveHours": { "maxTokens": 60000 } }, "keys": [ { "id": "k", "key": "key-bob", "limits": { "daily": { "maxUSD": 0.5 } } } ] },
          { "id": "eve", "parent": "blue", "holdPolicy": "refuse", "limits": { "daily": { "maxUSD": 0.9 } }, "keys": [ { "id": "k", "key": "key-eve" } ] }
        ] }
        """;

    [Fact]
    public async Task Of_2000_concurrent_requests_no_more_is_spent_than_every_level_allows_and_what_fits_is_admitted()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            // An upstream that uses every token it may, and as much of the prompt as two bytes a token allow.
            var body = ((MemoryStream)http.Items["body"]!).ToArray();
            var asked = JsonElement.Parse(body).GetProperty("max_tokens").GetInt64();
            await AnthropicAnswers.JsonAsync(http, $$$"""{"type":"message","model":"{{{Model}}}","content":[],"usage":{"input_tokens":{{{body.Length / 2}}},"output_tokens":{{{asked}}}}}""");
        });
        await using var gateway = await TestGateway.StartAsync(upstream, Tree);
        var random = new Random(17);
        string[] keys = ["key-ann", "key-bob", "key-eve"];
        var requests = Enumerable.Range(0, 2_000).Select(_ => (Key: keys[random.Next(3)], Tokens: random.Next(20, 4_000))).ToList();

        var answers = await Task.WhenAll(requests.Select(async request =>
        {
            using var response = await PostAsync(gateway, request.Key, request.Tokens);
            await response.Content.ReadAsByteArrayAsync();
            return response.StatusCode;
        }));

        Assert.All(answers, status => Assert.True(status is HttpStatusCode.OK or HttpStatusCode.PaymentRequired, status.ToString()));
        var served = answers.Count(status => status == HttpStatusCode.OK);
        var spent = await SpentAsync(gateway, served);
        Assert.True(served > 30, $"{served} requests fit");
        AssertWithin(spent);

        // Nothing is in flight now: a request that fits what is left is admitted, and one that does not is refused.
        await gateway.SettledAsync();
        foreach (var (tenant, key) in new[] { ("ann", "key-ann"), ("eve", "key-eve") })
        {
            var left = Left(spent, tenant);
            var prompt = Body(100).Length;
            var fits = (long)((left - (((prompt + 1) / 2) * 6m / 1_000_000m)) / (15m / 1_000_000m));
            if (fits is < 11 or > 4_000)
            {
                continue;
            }

            using var tooMuch = await PostAsync(gateway, key, fits + 60);
            Assert.Equal(HttpStatusCode.PaymentRequired, tooMuch.StatusCode);
            using var fitting = await PostAsync(gateway, key, fits - 10);
            Assert.Equal(HttpStatusCode.OK, fitting.StatusCode);
            await fitting.Content.ReadAsByteArrayAsync();
            spent = await SpentAsync(gateway, ++served);
        }

        AssertWithin(spent);
    }

    [Fact]
    public async Task An_answer_says_what_the_tightest_budget_leaves_and_a_refusal_which_limit_it_was()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, TestGateway.Tenant(
            """ "holdPolicy": "refuse", "limits": { "daily": { "maxUSD": 5, "maxRequests": 2 }, "monthly": { "maxUSD": 4, "maxTokens": 1000000 } } """));

        using var first = await gateway.PostAsync(TestGateway.Body(stream: false));
        await first.Content.ReadAsByteArrayAsync();
        using var second = await gateway.PostAsync(TestGateway.Body(stream: false));
        await second.Content.ReadAsByteArrayAsync();
        using var third = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal("1", Header(first, "x-ccgate-remaining-requests"));
        Assert.Equal("0", Header(second, "x-ccgate-remaining-requests"));
        var held = (await gateway.EventsAsync(2))[1].HeldUsd;
        Assert.Equal(decimal.Round(4m - AnthropicAnswers.VectorUsd - held, 6, MidpointRounding.ToZero), decimal.Parse(Header(second, "x-ccgate-remaining-usd"), CultureInfo.InvariantCulture));
        Assert.InRange(long.Parse(Header(second, "x-ccgate-remaining-tokens"), CultureInfo.InvariantCulture), 900_000, 980_000);
        Assert.Equal((HttpStatusCode.PaymentRequired, "tenant alice daily.maxRequests"), (third.StatusCode, Header(third, "x-ccgate-limit")));
        Assert.Contains("2 requests are spent", await third.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rate_is_429_with_the_time_to_wait()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, TestGateway.Tenant(""" "limits": { "requestsPerMinute": 1 } """));
        using var first = await gateway.PostAsync(TestGateway.Body(stream: false));
        await first.Content.ReadAsByteArrayAsync();

        using var second = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal((HttpStatusCode.TooManyRequests, "tenant alice requestsPerMinute"), (second.StatusCode, Header(second, "x-ccgate-limit")));
        Assert.InRange(int.Parse(Header(second, "retry-after"), CultureInfo.InvariantCulture), 50, 65);
        Assert.False(second.Headers.Contains("x-should-retry"));
        Assert.Equal("rate_limit_error", JsonElement.Parse(await second.Content.ReadAsStringAsync()).GetProperty("error").GetProperty("type").GetString());
    }

    private static void AssertWithin(Dictionary<string, (decimal Usd, long Tokens, long Requests)> spent)
    {
        Assert.True(spent["ann"].Usd <= 0.6m, $"ann {spent["ann"]}");
        Assert.True(spent["bob"].Usd <= 0.5m && spent["bob"].Tokens <= 60_000, $"bob {spent["bob"]}");
        Assert.True(spent["eve"].Usd <= 0.9m, $"eve {spent["eve"]}");
        Assert.True(spent["ann"].Usd + spent["bob"].Usd <= 1.0m && spent["ann"].Requests + spent["bob"].Requests <= 200, "red");
        Assert.True(spent["eve"].Usd <= 1.1m, "blue");
        Assert.True(spent.Values.Sum(sum => sum.Usd) <= 1.5m && spent.Values.Sum(sum => sum.Tokens) <= 150_000, "company");
    }

    /// <summary>In dollars, over the levels that limit dollars.</summary>
    private static decimal Left(Dictionary<string, (decimal Usd, long Tokens, long Requests)> spent, string tenant)
    {
        var company = 1.5m - spent.Values.Sum(sum => sum.Usd);
        return tenant == "ann"
            ? Math.Min(company, Math.Min(0.6m - spent["ann"].Usd, 1.0m - spent["ann"].Usd - spent["bob"].Usd))
            : Math.Min(company, Math.Min(0.9m - spent["eve"].Usd, 1.1m - spent["eve"].Usd));
    }

    private static async Task<Dictionary<string, (decimal Usd, long Tokens, long Requests)>> SpentAsync(TestGateway gateway, int served)
    {
        var sums = (await gateway.EventsAsync(served))
            .GroupBy(completed => completed.TenantId)
            .ToDictionary(group => group.Key, group => (group.Sum(completed => completed.SpendUsd), group.Sum(completed => completed.Usage.TotalTokens), (long)group.Count()));
        foreach (var tenant in (string[])["ann", "bob", "eve"])
        {
            sums.TryAdd(tenant, default);
        }

        return sums;
    }

    private static string Body(long tokens) => $$"""{"model":"{{Model}}","max_tokens":{{tokens}},"messages":[{"role":"user","content":"Hello"}]}""";

    private static Task<HttpResponseMessage> PostAsync(TestGateway gateway, string key, long tokens) => gateway.PostAsync(Encoding.UTF8.GetBytes(Body(tokens)), key: key);

    private static string Header(HttpResponseMessage response, string name) => response.Headers.GetValues(name).Single();
}
