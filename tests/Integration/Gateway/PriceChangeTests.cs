using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Billing;
using CCGate.Projections.Engine;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Prices that change while requests are served.</summary>
public sealed class PriceChangeTests
{
    private const string Server = $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""";

    private const string Dearer = $$"""
        { "reason": "a new contract", "prices": [ { "model": "{{AnthropicAnswers.VectorModel}}", "effectiveFrom": "2025-01-01",
          "perMillion": { "input": 30, "output": 150, "cacheRead": 3, "cacheWrite5m": 37.5, "cacheWrite1h": 60 } } ] }
        """;

    [Fact]
    public async Task A_request_is_priced_by_the_book_in_force_when_it_was_admitted()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: Server);

        await SpendAsync(gateway);
        var changed = await ChangeAsync(gateway, Dearer);
        Assert.Equal(HttpStatusCode.OK, changed.Status);
        await InForceAsync(gateway);
        await SpendAsync(gateway);

        var events = (await gateway.EventsAsync(2)).OrderBy(completed => completed.AdmittedAt).ToList();
        Assert.Equal([AnthropicAnswers.VectorUsd, AnthropicAnswers.VectorUsd * 10], events.Select(completed => completed.SpendUsd));
        Assert.Equal(["shipped-2026-11", gateway.Services.GetRequiredService<ConfigSource>().Current.Prices.Version], events.Select(completed => completed.Attempts[0].PriceVersion));
        Assert.Matches(@"^shipped-2026-11\+\d+$", events[1].Attempts[0].PriceVersion);
        await VerifyAsync(gateway);
    }

    [Fact]
    public async Task A_file_is_imported_over_the_api_once_it_was_looked_at()
    {
        const string File = """{ "gpt-9": { "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05 }, "gpt-8": { "litellm_provider": "openai" } }""";
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: Server);

        foreach (var (query, dryRun) in ((string, bool)[])[("?dryRun=true&from=2026-11-21", true), ("?from=2026-11-21", false)])
        {
            var (status, report) = await ImportAsync(gateway, query, File);
            Assert.Equal((HttpStatusCode.OK, dryRun), (status, report.GetProperty("dryRun").GetBoolean()));
            Assert.Equal("gpt-9 from 2026-11-21", Assert.Single(report.GetProperty("imported").EnumerateArray()).GetString());
            Assert.Equal("gpt-8", Assert.Single(report.GetProperty("skipped").EnumerateArray()).GetProperty("model").GetString());
        }

        var (_, again) = await ImportAsync(gateway, "?from=2026-11-21", File);
        Assert.Equal((0, 1), (again.GetProperty("imported").GetArrayLength(), again.GetProperty("unchanged").GetArrayLength()));
        Assert.Equal(HttpStatusCode.BadRequest, (await ImportAsync(gateway, "", "{}")).Status);
    }

    [Fact]
    public async Task A_restart_keeps_the_price_from_the_first_request_on()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        var root = Directory.CreateTempSubdirectory("ccgate-test-");
        await using (var before = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url), server: Server, over: root))
        {
            await ChangeAsync(before, Dearer);
            await InForceAsync(before);
        }

        await using var after = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url), server: Server, over: root);
        await SpendAsync(after);

        Assert.Equal(AnthropicAnswers.VectorUsd * 10, (await after.EventAsync()).SpendUsd);
        await VerifyAsync(after);
        await after.StopAsync();
        root.Delete(recursive: true);
    }

    [Fact]
    public async Task A_price_taken_back_is_not_charged_any_more()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: Server);
        await ChangeAsync(gateway, Dearer);
        await InForceAsync(gateway);
        var version = gateway.Services.GetRequiredService<ConfigSource>().Current.Prices.Version;

        await ChangeAsync(gateway, $$"""{ "withdraw": [ { "model": "{{AnthropicAnswers.VectorModel}}", "effectiveFrom": "2025-01-01" } ] }""");
        await Eventually.HoldsAsync(() => gateway.Services.GetRequiredService<ConfigSource>().Current.Prices.Version != version, "the withdrawal is in force");
        await SpendAsync(gateway);

        Assert.Equal(AnthropicAnswers.VectorUsd, (await gateway.EventAsync()).SpendUsd);
        await VerifyAsync(gateway);
    }

    [Theory]
    [InlineData("""{ "prices": [ { "model": "m", "perMillion": { "input": -1, "output": 1, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } } ] }""", "$.prices[0].perMillion.input", "-1 is outside of 0 to 1000000")]
    [InlineData("""{ "prices": [ { "model": "m", "perMillion": { "input": 1, "output": 1, "cacheRead": 1, "cacheWrite5m": 1 } } ] }""", "$.prices[0].perMillion.cacheWrite1h", "is missing")]
    [InlineData("""{ "prices": [] }""", "$.prices", "is empty")]
    [InlineData("""{ "price": [] }""", "$.price", "is not known here")]
    [InlineData("""{ "prices": [ """, "$", "is not JSON")]
    public async Task A_change_that_could_not_be_billed_by_is_refused_with_the_reason(string body, string path, string reason)
    {
        await using var gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""", server: Server);

        var (status, answer) = await ChangeAsync(gateway, body);

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(reason, answer.GetProperty("errors").GetProperty(path)[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_operator_sees_and_changes_prices()
    {
        await using var gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""", server: Server);

        using var read = await gateway.Http.GetAsync("/api/prices");
        using var changed = await gateway.PostAsync(Dearer, "/api/prices");

        // The change came with the key of a tenant.
        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden), (read.StatusCode, changed.StatusCode));
    }

    [Fact]
    public async Task The_list_says_where_each_price_comes_from_and_the_event_who_changed_it()
    {
        await using var gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""", server: Server);
        TestGateway.Write(gateway.Config, "prices.json", """
            { "version": "own-1", "prices": [ { "model": "claude-haiku-*", "perMillion": { "input": 7, "output": 1, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } } ] }
            """);
        await Eventually.HoldsAsync(() => gateway.Services.GetRequiredService<ConfigSource>().Current.Prices.Version == "own-1", "the file is in force");
        await ChangeAsync(gateway, Dearer);

        var prices = (await gateway.AskAsync("/api/prices?at=2026-11-21")).GetProperty("prices").EnumerateArray()
            .ToDictionary(entry => entry.GetProperty("model").GetString()! + entry.GetProperty("source").GetString(), entry => entry.GetProperty("perMillion").GetProperty("input").GetDecimal());
        Assert.Equal((30m, 7m, 4m), (prices[AnthropicAnswers.VectorModel + "operator"], prices["claude-haiku-*file"], prices["claude-opus-5-5*shipped"]));
        Assert.DoesNotContain("claude-haiku-4-5*shipped", prices.Keys);

        var stored = await gateway.Services.GetRequiredService<IEventStore>().ReadAsync(0, long.MaxValue, 100, CancellationToken.None);
        var change = stored.Select(found => JsonSerializer.Deserialize(found.Data, ContractsJson.Default.PriceBookPublished)!).Single(published => published.IsChange);
        Assert.Equal((TestGateway.Admin, "a new contract"), (change.By, change.Reason));
    }

    private static async Task SpendAsync(TestGateway gateway)
    {
        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await response.Content.ReadAsByteArrayAsync();
    }

    private static Task<(HttpStatusCode Status, JsonElement Answer)> ChangeAsync(TestGateway gateway, string body) => PostAsync(gateway, "/api/prices", body);

    private static Task<(HttpStatusCode Status, JsonElement Answer)> ImportAsync(TestGateway gateway, string query, string file) => PostAsync(gateway, "/api/prices/import" + query, file);

    private static async Task<(HttpStatusCode Status, JsonElement Answer)> PostAsync(TestGateway gateway, string address, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));
        using var response = await gateway.Http.SendAsync(request);
        return (response.StatusCode, JsonElement.Parse(await response.Content.ReadAsStringAsync()));
    }

    private static Task InForceAsync(TestGateway gateway) => Eventually.HoldsAsync(
        () => gateway.Services.GetRequiredService<ConfigSource>().Current.Prices.Find(AnthropicAnswers.VectorModel, Events.Noon)?.PerMillion.Input == 30m, "the change is in force");

    private static async Task VerifyAsync(TestGateway gateway)
    {
        await gateway.SettledAsync();
        var (database, store) = (gateway.Services.GetRequiredService<Database>(), gateway.Services.GetRequiredService<IEventStore>());
        await Eventually.HoldsAsync(
            async () => (await gateway.Services.GetRequiredService<ProjectionStates>().ReadAsync(CancellationToken.None)).All(state => state.State == "current"), "the read models are current");

        var report = await new BillingVerify(database, store).RunAsync(new BillingPeriod(null, null), CancellationToken.None);

        Assert.Empty(report.Differences);
    }
}
