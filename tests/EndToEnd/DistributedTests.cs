using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Tests.Infrastructure;
using Xunit.Abstractions;

namespace CCGate.Tests.EndToEnd;

/// <summary>Many processes that need the machine for themselves: they run one after the other, after everything else.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WholeMachine
{
    public const string Name = "whole machine";
}

/// <summary>The roles as they are deployed: two proxies, metering and projections over a real broker and a real database.</summary>
[Collection(WholeMachine.Name)]
public sealed class DistributedTests(ITestOutputHelper output)
{
    private const int Requests = 10_000;
    private const int AtOnce = 32;

    private static readonly string Tenants = $$"""
        { "tenants": [ { "id": "alice", "key": "{{TestGateway.Key}}" },
                       { "id": "bob", "key": "key-of-bob", "holdPolicy": "refuse", "limits": { "daily": { "maxUSD": 0.02 } } } ] }
        """;

    [Fact]
    public async Task Ten_thousand_requests_survive_a_killed_metering_and_a_killed_broker_each_billed_once()
    {
        using var rabbit = await RabbitMqServer.StartAsync();
        using var postgres = await PostgresServer.StartAsync();
        await using var roles = RoleFiles.Create(await rabbit.CreateVirtualHostAsync(), await postgres.CreateDatabaseAsync(), Tenants);
        using var projections = await roles.StartProjectionsAsync();
        using var first = await roles.StartProxyAsync(1);
        using var second = await roles.StartProxyAsync(2);
        var killed = await roles.StartMeteringAsync();

        var load = new Load([first.Http, second.Http]);
        var answers = load.RunAsync();
        await load.AnsweredAsync(2_000);
        killed.Kill();
        await load.AnsweredAsync(4_000);
        using var metering = await roles.StartMeteringAsync();
        await load.AnsweredAsync(5_000);
        await rabbit.QueueIsOnDiskAsync();
        await rabbit.KillAndResumeAsync();
        await answers;

        await roles.StoredAsync(Requests);
        var (_, ids, spendUsd) = await roles.LedgerAsync();
        Assert.Equal(Requests, ids);
        await RunTests.AssertTheBillIsRightAsync(roles.Files);
        await Eventually.PassesAsync(async () =>
        {
            var total = (await second.Http.AskAsync("/api/usage?tenant=alice")).GetProperty("total");
            Assert.Equal((Requests, spendUsd), (total.GetProperty("requests").GetInt64(), total.GetProperty("spendUsd").GetDecimal()));
        });
        await AssertALimitReachedOnOneHoldsOnTheOtherAsync(first.Http, second.Http);
        Assert.Equal((0, 0), (await first.StopAsync(), await second.StopAsync()));
    }

    [Fact]
    public async Task A_price_set_at_one_proxy_is_charged_by_all_of_them_and_the_bill_stays_right()
    {
        using var rabbit = await RabbitMqServer.StartAsync();
        using var postgres = await PostgresServer.StartAsync();
        await using var roles = RoleFiles.Create(await rabbit.CreateVirtualHostAsync(), await postgres.CreateDatabaseAsync(), Tenants);
        using var projections = await roles.StartProjectionsAsync();
        using var metering = await roles.StartMeteringAsync();
        using var first = await roles.StartProxyAsync(1);
        using var second = await roles.StartProxyAsync(2);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(second.Http, TestGateway.Key));

        var set = await GatewayProcess.RunAsync(
        [
            "prices", "set", AnthropicAnswers.VectorModel, "--input", "1", "--output", "1", "--cache-read", "1", "--cache-write-5m", "1", "--cache-write-1h", "1",
            "--url", first.Url, "--config", roles.Files.Config,
        ]);

        Assert.True(set.ExitCode == 0, set.Error);
        foreach (var proxy in (GatewayProcess[])[first, second])
        {
            await Eventually.HoldsAsync(() => proxy.Output.Contains("What operators changed is in force", StringComparison.Ordinal), "the change reached the proxy");
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(proxy.Http, TestGateway.Key));
        }

        await roles.StoredAsync(3);
        var versions = await roles.PriceVersionsAsync();
        Assert.Equal((1, 2), (versions.Count(version => !version.Contains('+', StringComparison.Ordinal)), versions.Count(version => version.Contains('+', StringComparison.Ordinal))));
        await RunTests.AssertTheBillIsRightAsync(roles.Files);
    }

    [Fact]
    public async Task An_upstream_declared_once_is_used_with_its_key_by_all_proxies_until_it_is_drained()
    {
        using var rabbit = await RabbitMqServer.StartAsync();
        using var postgres = await PostgresServer.StartAsync();
        await using var provider = await ScriptedUpstream.StartAsync();
        await using var roles = RoleFiles.Create(
            await rabbit.CreateVirtualHostAsync(), await postgres.CreateDatabaseAsync(), Tenants, ", \"secretsKey\": \"0123456789abcdef0123456789abcdef\"");
        using var projections = await roles.StartProjectionsAsync();
        using var metering = await roles.StartMeteringAsync();
        using var first = await roles.StartProxyAsync(1);
        using var second = await roles.StartProxyAsync(2);
        string[] at = ["--url", first.Url, "--config", roles.Files.Config];

        var added = await GatewayProcess.RunAsync(["upstreams", "add", "d1", provider.Url, "anthropic", "--key", "sk-declared-by-cli", "--models", AnthropicAnswers.VectorModel, .. at]);
        Assert.True(added.ExitCode == 0, added.Error);

        // The conversation of the first request would stay with the upstream of the file; a drained one it leaves.
        var moved = await GatewayProcess.RunAsync(["upstreams", "drain", "sim", .. at]);
        Assert.True(moved.ExitCode == 0, moved.Error);
        foreach (var proxy in (GatewayProcess[])[first, second])
        {
            var before = provider.Received.Count;
            await Eventually.PassesAsync(async () =>
            {
                Assert.Equal(HttpStatusCode.OK, await StatusAsync(proxy.Http, TestGateway.Key));
                Assert.True(provider.Received.Count > before);
            });
        }

        Assert.All(provider.Received, received => Assert.Contains("sk-declared-by-cli", string.Join(' ', received.Headers.Select(header => header.Value.ToString())), StringComparison.Ordinal));
        await GatewayProcess.RunAsync(["upstreams", "resume", "sim", .. at]);
        var drained = await GatewayProcess.RunAsync(["upstreams", "drain", "d1", .. at]);
        Assert.True(drained.ExitCode == 0, drained.Error);
        foreach (var proxy in (GatewayProcess[])[first, second])
        {
            await Eventually.PassesAsync(async () => Assert.Matches("\"id\":\"d1\".*\"drained\":true", (await proxy.Http.AskAsync("/api/upstreams")).GetRawText()));
        }

        var sent = provider.Received.Count;
        await StatusAsync(first.Http, TestGateway.Key);
        await StatusAsync(second.Http, TestGateway.Key);
        Assert.Equal(sent, provider.Received.Count);
        Assert.DoesNotContain("sk-declared-by-cli", first.Output + second.Output + projections.Output + metering.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_issued_at_one_proxy_is_served_by_all_of_them_until_it_is_revoked()
    {
        using var rabbit = await RabbitMqServer.StartAsync();
        using var postgres = await PostgresServer.StartAsync();
        await using var roles = RoleFiles.Create(await rabbit.CreateVirtualHostAsync(), await postgres.CreateDatabaseAsync(), Tenants);
        using var projections = await roles.StartProjectionsAsync();
        using var metering = await roles.StartMeteringAsync();
        using var first = await roles.StartProxyAsync(1);
        using var second = await roles.StartProxyAsync(2);
        HttpClient[] proxies = [first.Http, second.Http];
        var secret = JsonElement.Parse(await OperateAsync(first.Http, HttpMethod.Post, "/api/tenants/alice/keys", """{ "id": "ci" }""")).GetProperty("secret").GetString()!;
        await Eventually.PassesAsync(async () => Assert.All(await Task.WhenAll(proxies.Select(proxy => StatusAsync(proxy, secret))), status => Assert.Equal(HttpStatusCode.OK, status)));

        var start = Stopwatch.GetTimestamp();
        await OperateAsync(first.Http, HttpMethod.Delete, "/api/tenants/alice/keys/ci?reason=lost");
        var answered = Stopwatch.GetElapsedTime(start);
        await Eventually.PassesAsync(async () => Assert.All(await Task.WhenAll(proxies.Select(proxy => StatusAsync(proxy, secret))), status => Assert.Equal(HttpStatusCode.Unauthorized, status)));
        var refused = Stopwatch.GetElapsedTime(start);

        // A second on an idle machine; this one may be busy.
        Assert.True(refused < TimeSpan.FromSeconds(5), $"answered after {answered}, refused by both after {refused}");
        output.WriteLine($"answered after {answered}, refused by both after {refused}");
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await StatusAsync(first.Http, TestGateway.Key), await StatusAsync(second.Http, TestGateway.Key)));
        Assert.DoesNotContain(secret, first.Output + second.Output + projections.Output + metering.Output, StringComparison.Ordinal);
    }

    private static async Task<string> OperateAsync(HttpClient http, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode} {text}");
        return text;
    }

    private static async Task AssertALimitReachedOnOneHoldsOnTheOtherAsync(HttpClient first, HttpClient second)
    {
        var answered = 0;
        while (await StatusAsync(first, "key-of-bob") == HttpStatusCode.OK)
        {
            Assert.True(++answered < 1_000, "a budget of two cents is used up");
        }

        Assert.True(answered > 0);
        await Eventually.PassesAsync(async () => Assert.Equal(HttpStatusCode.PaymentRequired, await StatusAsync(second, "key-of-bob")));
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient http, string key)
    {
        using var response = await http.PostMessageAsync(TestGateway.Body(stream: false), key);
        await response.Content.ReadAsStringAsync();
        return response.StatusCode;
    }

    /// <summary>All requests, spread over the proxies, streamed and not, so many at a time; every one must be answered whole.</summary>
    private sealed class Load(HttpClient[] proxies)
    {
        private int answered;

        public Task RunAsync() => Parallel.ForAsync(0, Requests, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (number, cancellationToken) =>
        {
            var stream = number / 2 % 2 == 0;
            using var response = await proxies[number % proxies.Length].PostMessageAsync(TestGateway.Body(stream), cancellationToken: cancellationToken);
            var text = await response.Content.ReadAsStringAsync(cancellationToken);
            Assert.True(response.StatusCode == HttpStatusCode.OK, string.Create(CultureInfo.InvariantCulture, $"request {number}: {(int)response.StatusCode} {text}"));
            Assert.Contains(stream ? "message_stop" : "end_turn", text, StringComparison.Ordinal);
            Interlocked.Increment(ref answered);
        });

        public Task AnsweredAsync(int count) => Eventually.HoldsAsync(() => Volatile.Read(ref answered) >= count, $"{count} requests are answered");
    }
}
