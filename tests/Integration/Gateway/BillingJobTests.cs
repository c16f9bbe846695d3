using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Projections.Billing;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Proving, making again, re-rating and comparing the bill over HTTP, in the process that serves.</summary>
public sealed class BillingJobTests
{
    private static readonly string Server = $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""";

    [Fact]
    public async Task The_bill_is_verified_made_again_and_rerated_under_traffic_and_a_jobs_end_is_announced()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: Server);
        var told = new System.Collections.Concurrent.ConcurrentQueue<BillingJob>();
        gateway.Services.GetRequiredService<BillingJobs>().Changed += told.Enqueue;
        (await gateway.PostAsync(TestGateway.Body(stream: false))).Dispose();
        await gateway.SettledAsync();
        await Eventually.HoldsAsync(async () => (await gateway.AskAsync("/api/usage")).GetProperty("total").GetProperty("requests").GetInt64() == 1, "it is counted");

        var verified = await EndAsync(gateway, "verify", "{}");
        var rebuilt = await EndAsync(gateway, "rebuild", """{"projection":"spend"}""");
        var looked = await EndAsync(gateway, "rerate", Rerate(apply: false));
        var applied = await EndAsync(gateway, "rerate", Rerate(apply: true));
        var again = await EndAsync(gateway, "rerate", Rerate(apply: true));

        Assert.True(verified.GetProperty("result").GetProperty("isRight").GetBoolean());
        Assert.Equal(TestGateway.Admin, verified.GetProperty("by").GetString());
        Assert.Equal(("spend", true), (rebuilt.GetProperty("result").GetProperty("projections")[0].GetProperty("projection").GetString(), rebuilt.GetProperty("result").GetProperty("identical").GetBoolean()));
        Assert.Equal((1, false), (looked.GetProperty("result").GetProperty("requestsThatDiffer").GetInt32(), looked.GetProperty("result").TryGetProperty("adjusted", out _)));
        Assert.Equal(1, applied.GetProperty("result").GetProperty("adjusted").GetInt32());
        Assert.Equal(0, again.GetProperty("result").GetProperty("requestsThatDiffer").GetInt32());
        Assert.Equal(5, (await gateway.AskAsync("/api/billing/jobs")).GetProperty("items").GetArrayLength());
        await Eventually.HoldsAsync(() => told.Count(job => job.State == BillingJob.Done) == 5, "the ends are told");
    }

    [Fact]
    public async Task One_of_a_kind_runs_at_a_time_and_a_cancelled_one_makes_room()
    {
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(), server: Server);
        var jobs = gateway.Services.GetRequiredService<BillingJobs>();
        var begun = new TaskCompletionSource();
        var job = jobs.Start("verify", "me", async (_, stop) =>
        {
            begun.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop);
            return default;
        })!;
        await begun.Task;

        using var refused = await SendAsync(gateway, HttpMethod.Post, "/api/billing/verify", "{}");
        using var cancelled = await SendAsync(gateway, HttpMethod.Delete, "/api/billing/jobs/" + job.Id);
        await Eventually.HoldsAsync(() => jobs.Find(job.Id)!.State == BillingJob.Failed, "it ends");
        using var late = await SendAsync(gateway, HttpMethod.Delete, "/api/billing/jobs/" + job.Id);
        using var nobody = await SendAsync(gateway, HttpMethod.Delete, "/api/billing/jobs/other");

        Assert.Equal((HttpStatusCode.Conflict, HttpStatusCode.Accepted, HttpStatusCode.Conflict, HttpStatusCode.NotFound), (refused.StatusCode, cancelled.StatusCode, late.StatusCode, nobody.StatusCode));
        Assert.Equal("It was cancelled.", jobs.Find(job.Id)!.Error);
        Assert.Equal(BillingJob.Done, (await EndAsync(gateway, "verify", "")).GetProperty("state").GetString());
    }

    [Fact]
    public async Task The_last_jobs_are_kept_and_no_more()
    {
        using var jobs = new BillingJobs(TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger<BillingJobs>.Instance);
        for (var number = 0; number < BillingJobs.MaxKept + 5; number++)
        {
            var job = jobs.Start("verify", "me", (_, _) => throw new DivideByZeroException("a secret"))!;
            await Eventually.HoldsAsync(() => jobs.Find(job.Id)!.State == BillingJob.Failed, "it ends");
        }

        Assert.Equal(BillingJobs.MaxKept, jobs.All.Count);
        Assert.All(jobs.All, job => Assert.DoesNotContain("secret", job.Error, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("verify", """{"from":"yesterday"}""", "from")]
    [InlineData("verify", "[]", "body")]
    [InlineData("rebuild", """{"projection":"none"}""", "projection")]
    [InlineData("rerate", "", "body")]
    [InlineData("rerate", """{"prices":{"prices":[{"model":1}]},"from":"2026-01-01","to":"2026-01-02"}""", "prices")]
    [InlineData("rerate", """{"prices":{"version":"x","prices":[]},"from":"2026-01-01","to":"2026-01-02","apply":true}""", "reason")]
    [InlineData("rerate", """{"prices":{"version":"x","prices":[]},"from":"2026-01-01","to":"2026-01-02","tenant":"nobody"}""", "tenant")]
    [InlineData("reconcile", """{"upstream":"nobody","report":"date,input_tokens\n"}""", "upstream")]
    [InlineData("reconcile", """{"upstream":"u1","report":"nonsense"}""", "report")]
    public async Task What_cannot_be_done_is_refused_with_the_member_that_is_wrong(string kind, string body, string member)
    {
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams("http://127.0.0.1:9"), server: Server);

        using var refused = await SendAsync(gateway, HttpMethod.Post, "/api/billing/" + kind, body);

        var problem = JsonElement.Parse(await refused.Content.ReadAsStringAsync());
        Assert.Equal((HttpStatusCode.BadRequest, "application/problem+json"), (refused.StatusCode, refused.Content.Headers.ContentType!.MediaType));
        Assert.Equal([member], problem.GetProperty("errors").EnumerateObject().Select(error => error.Name));
    }

    [Fact]
    public async Task A_providers_report_is_compared_whether_it_is_text_or_JSON_and_a_body_too_large_is_refused()
    {
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams("http://127.0.0.1:9"), server: Server);

        using var text = await SendAsync(gateway, HttpMethod.Post, "/api/billing/reconcile", """{"upstream":"u1","report":"date,input_tokens\n2026-11-20,5\n"}""");
        using var json = await SendAsync(gateway, HttpMethod.Post, "/api/billing/reconcile", """{"upstream":"u1","format":"openai-costs","from":"2026-11-20","to":"2026-11-20","report":{"data":[]}}""");
        using var large = await SendAsync(gateway, HttpMethod.Post, "/api/billing/reconcile", $$"""{"upstream":"u1","report":"{{new string('a', (int)BillingEndpoints.MaxBodyBytes)}}"}""");

        Assert.False(JsonElement.Parse(await text.Content.ReadAsStringAsync()).GetProperty("agrees").GetBoolean());
        Assert.True(JsonElement.Parse(await json.Content.ReadAsStringAsync()).GetProperty("agrees").GetBoolean());
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
    }

    private static string Rerate(bool apply) => $$"""
        { "from": "2020-01-01", "to": "2099-01-01", "apply": {{(apply ? "true" : "false")}}, "reason": "offer",
          "prices": { "version": "offer", "prices": [ { "model": "{{AnthropicAnswers.VectorModel}}", "perMillion": { "input": 1234, "output": 1234, "cacheRead": 0, "cacheWrite5m": 0, "cacheWrite1h": 0 } } ] } }
        """;

    private static async Task<JsonElement> EndAsync(TestGateway gateway, string kind, string body)
    {
        using var started = await SendAsync(gateway, HttpMethod.Post, "/api/billing/" + kind, body);
        Assert.Equal((HttpStatusCode.Accepted, ""), (started.StatusCode, started.StatusCode == HttpStatusCode.Accepted ? "" : await started.Content.ReadAsStringAsync()));
        var path = started.Headers.Location!.OriginalString;
        JsonElement job = default;
        await Eventually.HoldsAsync(async () => (job = await gateway.AskAsync(path)).GetProperty("state").GetString() != BillingJob.Running, "the job ends");
        Assert.Equal((BillingJob.Done, false), (job.GetProperty("state").GetString(), job.TryGetProperty("error", out var error) && error.GetString() is not null));
        return job;
    }

    private static async Task<HttpResponseMessage> SendAsync(TestGateway gateway, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));
        request.Headers.ExpectContinue = body?.Length > 1_000_000;
        return await gateway.Http.SendAsync(request);
    }
}
