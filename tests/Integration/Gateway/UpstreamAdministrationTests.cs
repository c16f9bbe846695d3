using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Cli.Commands;
using CCGate.Hosting.Configuration;
using CCGate.Metering.EventStore;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Integration.Projections;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Upstreams and routing that operators change while the gateway runs.</summary>
public sealed class UpstreamAdministrationTests : IAsyncLifetime
{
    private const string Server = $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""";
    private const string Secret = "sk-declared-secret-9876";

    private ScriptedUpstream provider = null!;
    private TestGateway gateway = null!;

    public async Task InitializeAsync()
    {
        provider = await ScriptedUpstream.StartAsync();
        gateway = await TestGateway.StartAsync("""{ "upstreams": [] }""", server: Server);
    }

    public async Task DisposeAsync()
    {
        await gateway.DisposeAsync();
        await provider.DisposeAsync();
    }

    [Fact]
    public async Task A_declared_upstream_serves_at_once_with_its_key_and_shows_it_to_nobody()
    {
        var (status, created) = await CreateAsync("d1", $$"""
            "key": "{{Secret}}", "headers": { "x-team": "team-secret-1234" }
            """);

        Assert.Equal(HttpStatusCode.Created, status);
        Assert.Equal(HttpStatusCode.OK, await PostAsync());
        var received = Assert.Single(provider.Received);
        Assert.Contains(Secret, string.Join(' ', received.Headers.Select(header => header.Value.ToString())), StringComparison.Ordinal);
        Assert.Contains("team-secret-1234", string.Join(' ', received.Headers.Select(header => header.Value.ToString())), StringComparison.Ordinal);
        var list = (await gateway.AskAsync("/api/upstreams")).GetProperty("upstreams")[0];
        Assert.Equal(("operator", created.GetProperty("version").GetInt64()), (list.GetProperty("origin").GetString(), list.GetProperty("version").GetInt64()));
        var stored = await gateway.Services.GetRequiredService<IEventStore>().ReadAsync(0, long.MaxValue, 100, CancellationToken.None);
        var everything = created.GetRawText() + list.GetRawText() + string.Join(' ', stored.Select(found => found.Data));
        Assert.DoesNotContain("secret", everything, StringComparison.Ordinal);
        Assert.Equal("9876", created.GetProperty("keyHints")[0].GetString());
    }

    [Fact]
    public async Task A_secret_that_is_left_out_of_a_change_stays()
    {
        await CreateAsync("d1", $$"""
            "key": "{{Secret}}", "headers": { "x-team": "team-secret-1234" }, "proxy": "http://user:pass-word@127.0.0.1:9"
            """);
        var shown = (await gateway.AskAsync("/api/upstreams")).GetProperty("upstreams")[0];
        Assert.Equal("http://127.0.0.1:9", shown.GetProperty("document").GetProperty("proxy").GetString());

        var (status, _) = await SendAsync("PUT", "/api/upstreams/d1", $$"""{ "document": {{shown.GetProperty("document").GetRawText()}} }""");

        Assert.Equal(HttpStatusCode.OK, status);
        var upstream = Assert.Single(gateway.Services.GetRequiredService<ConfigSource>().Current.Upstreams);
        Assert.Equal((Secret, "team-secret-1234", "user:pass-word"), (Assert.Single(upstream.Keys).Reveal(), upstream.Headers["x-team"].Reveal(), upstream.Proxy!.UserInfo));
    }

    [Theory]
    [InlineData("\"url\": \"ftp://x\"", "$.document.url", "is not an address")]
    [InlineData("\"url\": \"http://x\", \"key\": \"${HOME}\"", "$.document.key", "${NAME} is for the files alone")]
    [InlineData("\"url\": \"https://x\", \"tls\": { \"caFile\": \"/etc/passwd\" }", "$.document.tls.caFile", "names a local file")]
    [InlineData("\"url\": \"http://x\", \"keey\": \"sk-1\"", "$.document.keey", "is not a setting")]
    [InlineData("\"url\": \"http://x\", \"key\": \"sealed:1:v1.x\"", "$.document.key", "begins as kept secrets do")]
    [InlineData("\"url\": \"http://x\", \"keys\": \"sk-secret\"", "$.document.keys", "is a String")]
    public async Task A_document_that_is_not_good_is_refused_by_path(string members, string path, string reason)
    {
        var (status, answer) = await SendAsync("POST", "/api/upstreams", $$"""{ "document": { "id": "d1", {{members}} } }""");

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(reason, answer.GetProperty("errors").GetProperty(path)[0].GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("sk-secret", answer.GetRawText(), StringComparison.Ordinal);
        Assert.Empty(gateway.Services.GetRequiredService<ConfigSource>().Current.Upstreams);
    }

    [Fact]
    public async Task A_drained_upstream_gets_nothing_until_it_is_resumed()
    {
        await CreateAsync("d1", "\"key\": \"sk-1\"");
        Assert.Equal(HttpStatusCode.OK, await PostAsync());

        await SendAsync("POST", "/api/upstreams/d1/drain", """{ "reason": "maintenance" }""");
        Assert.NotEqual(HttpStatusCode.OK, await PostAsync());
        Assert.True((await gateway.AskAsync("/api/upstreams")).GetProperty("upstreams")[0].GetProperty("drained").GetBoolean());
        Assert.Single(provider.Received);

        await SendAsync("POST", "/api/upstreams/d1/resume", "");
        Assert.Equal(HttpStatusCode.OK, await PostAsync());
    }

    [Fact]
    public async Task An_upstream_of_the_files_is_drained_here_and_changed_there()
    {
        gateway.Reload("upstreams.json", TestGateway.Upstreams(provider.Url));

        Assert.Equal(HttpStatusCode.Conflict, (await SendAsync("PUT", "/api/upstreams/u1", """{ "document": { "kind": "simulator" } }""")).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await SendAsync("DELETE", "/api/upstreams/u1", null)).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await CreateAsync("u1", "\"key\": \"sk-1\"")).Status);
        Assert.Equal(HttpStatusCode.OK, (await SendAsync("POST", "/api/upstreams/u1/drain", "")).Status);
        Assert.NotEqual(HttpStatusCode.OK, await PostAsync());
    }

    [Fact]
    public async Task A_change_of_an_older_version_is_refused()
    {
        var version = (await CreateAsync("d1", "\"key\": \"sk-1\"")).Answer.GetProperty("version").GetInt64();

        Assert.Equal(HttpStatusCode.PreconditionFailed, (await SendAsync("DELETE", "/api/upstreams/d1", null, version - 1)).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await SendAsync("DELETE", "/api/upstreams/d1", null, version)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync("DELETE", "/api/upstreams/d1", null)).Status);
    }

    [Fact]
    public async Task Of_operators_who_declare_an_upstream_at_the_same_moment_one_does_and_a_removed_one_can_be_declared_anew()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => CreateAsync("d1", "\"key\": \"sk-1\"")));

        Assert.Equal([HttpStatusCode.Created, .. Enumerable.Repeat(HttpStatusCode.Conflict, 7)], answers.Select(answer => answer.Status).Order());
        await SendAsync("DELETE", "/api/upstreams/d1", null);
        Assert.Equal(HttpStatusCode.Created, (await CreateAsync("d1", "\"key\": \"sk-1\"")).Status);
    }

    [Fact]
    public async Task Orders_that_are_given_at_the_same_moment_are_all_followed()
    {
        await CreateAsync("d1", "\"key\": \"sk-1\"");

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => SendAsync("POST", "/api/upstreams/d1/reset", "")));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.Status));
        Assert.Equal(6, (await gateway.AskAsync("/api/audit?type=upstream_ordered")).GetProperty("items").GetArrayLength());
    }

    [Theory]
    [InlineData("POST", "/api/upstreams", """{ "document": """, "$")]
    [InlineData("POST", "/api/upstreams", "[]", "$")]
    [InlineData("POST", "/api/upstreams", "", "$.document")]
    [InlineData("POST", "/api/upstreams", """{ "document": { "id": "d2", "kind": "simulator" }, "reasn": "x" }""", "$.reasn")]
    [InlineData("POST", "/api/upstreams/d1/drain", """{ "reason": 1 }""", "$.reason")]
    [InlineData("PUT", "/api/routing", """{ "loadBalancer": { "strategy": "best" } }""", "$.loadBalancer.strategy")]
    [InlineData("PUT", "/api/routing", """{ "openai": [] }""", "$.openai")]
    public async Task What_cannot_be_read_is_refused_by_path(string method, string path, string body, string at)
    {
        await CreateAsync("d1", "\"key\": \"sk-1\"");

        var (status, answer) = await SendAsync(method, path, body);

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.True(answer.GetProperty("errors").TryGetProperty(at, out _), answer.GetRawText());
    }

    [Fact]
    public async Task A_declared_upstream_is_shown_with_the_version_that_a_change_may_name()
    {
        var created = await CreateAsync("d1", "\"key\": \"sk-1\"");

        var shown = await gateway.AskAsync("/api/upstreams/d1");

        Assert.Equal(created.Answer.GetRawText(), shown.GetRawText());
        Assert.Equal("operator", shown.GetProperty("origin").GetString());
        Assert.Equal(HttpStatusCode.NotFound, (await SendAsync("GET", "/api/upstreams/d9", null)).Status);
    }

    [Fact]
    public async Task A_declared_upstream_can_be_tested()
    {
        await CreateAsync("d1", $"\"key\": \"{Secret}\"");
        provider.Answer = http => AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream);

        var (status, report) = await SendAsync("POST", "/api/upstreams/d1/test", """{ "model": "claude-haiku-4-5" }""");

        Assert.Equal((HttpStatusCode.OK, true), (status, report.GetProperty("passed").GetBoolean()));
        Assert.DoesNotContain(Secret, report.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_routing_is_changed_section_by_section_and_goes_back_to_the_files()
    {
        var (status, changed) = await SendAsync("PUT", "/api/routing", """{ "loadBalancer": { "strategy": "cheapest" } }""");
        Assert.Equal((HttpStatusCode.OK, "operator"), (status, changed.GetProperty("origin").GetString()));
        await SendAsync("PUT", "/api/routing", """{ "openai": { "models": { "gpt-x": "claude-y" } } }""");
        var config = gateway.Services.GetRequiredService<ConfigSource>();
        Assert.Equal((BalancingStrategy.Cheapest, "claude-y"), (config.Current.LoadBalancer.Strategy, config.Current.OpenAi.Models.Find("gpt-x")));

        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync("PUT", "/api/routing", """{ "loadBalancer": { "strategy": "best" } }""")).Status);
        await SendAsync("PUT", "/api/routing", """{ "loadBalancer": null, "openai": null }""");

        Assert.Equal("file", (await gateway.AskAsync("/api/routing")).GetProperty("origin").GetString());
        Assert.Equal(BalancingStrategy.WeightedRoundRobin, config.Current.LoadBalancer.Strategy);
    }

    [Fact]
    public async Task The_command_adds_changes_drains_and_removes_at_a_running_gateway_and_in_a_store()
    {
        Assert.Equal((0, ""), Outcome(await RunAsync("add", "d1", provider.Url, "anthropic", "--key", Secret, "--url", gateway.Url)));
        Assert.Equal((0, ""), Outcome(await RunAsync("update", "d1", "--weight", "7", "--url", gateway.Url)));
        Assert.Equal((0, ""), Outcome(await RunAsync("drain", "d1", "--url", gateway.Url)));
        var upstream = Assert.Single(gateway.Services.GetRequiredService<UpstreamPool>().Current).Config;
        Assert.Equal((7, true, Secret), (upstream.Weight, upstream.Drained, Assert.Single(upstream.Keys).Reveal()));

        await gateway.StopAsync();
        Assert.Equal((0, ""), Outcome(await RunAsync("resume", "d1")));
        Assert.Contains("\"drained\":false", (await RunAsync("list", "--json")).Output, StringComparison.Ordinal);
        Assert.Equal((0, ""), Outcome(await RunAsync("reset", "d1", "--reason", "paid")));
        Assert.Equal((0, ""), Outcome(await RunAsync("update", "d1", "--weight", "9")));
        Assert.Contains("\"weight\":9", (await RunAsync("list", "--json")).Output, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("remove", "d1")).Exit);
        Assert.Equal((0, ""), Outcome(await RunAsync("remove", "d1", "--yes")));
        Assert.DoesNotContain("d1", (await RunAsync("list", "--json")).Output, StringComparison.Ordinal);
    }

    private static (int Exit, string Error) Outcome(CommandRun run) => (run.Exit, run.Error);

    private Task<CommandRun> RunAsync(params string[] arguments) => CommandRun.OfAsync(
        UpstreamsCommand.Create(new StoreOptions(directory => ConfigCommand.Load(new ConfigDirectory(directory), TextWriter.Null))),
        ["upstreams", .. arguments, "--config", gateway.Config.FullName, "--data", gateway.Data.FullName]);

    private Task<(HttpStatusCode Status, JsonElement Answer)> CreateAsync(string id, string members) =>
        SendAsync("POST", "/api/upstreams", $$"""{ "document": { "id": "{{id}}", "url": "{{provider.Url}}", {{members}} }, "reason": "a new contract" }""");

    private async Task<HttpStatusCode> PostAsync()
    {
        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        await response.Content.ReadAsByteArrayAsync();
        return response.StatusCode;
    }

    private async Task<(HttpStatusCode Status, JsonElement Answer)> SendAsync(string method, string path, string? body, long? version = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = string.IsNullOrEmpty(body) ? null : new StringContent(body, Encoding.UTF8, "application/json");
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));
        if (version is { } known)
        {
            request.Headers.TryAddWithoutValidation("If-Match", FormattableString.Invariant($"\"{known}\""));
        }

        using var response = await gateway.Http.SendAsync(request);
        var answer = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, answer.Length == 0 ? default : JsonElement.Parse(answer));
    }
}
