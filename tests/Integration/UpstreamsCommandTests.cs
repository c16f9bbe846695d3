using System.Text.Json;
using CCGate.Cli.Commands;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Integration.Projections;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration;

/// <summary><c>ccgate upstreams</c> as people and scripts use it.</summary>
public sealed class UpstreamsCommandTests : IAsyncLifetime
{
    private const string Operator = """{ "admin": { "username": "admin", "password": "operator-password" } }""";

    private ScriptedUpstream provider = null!;
    private TestGateway gateway = null!;

    public async Task InitializeAsync()
    {
        provider = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream));
        gateway = await TestGateway.StartAsync(provider, server: Operator);
    }

    public async Task DisposeAsync()
    {
        await gateway.DisposeAsync();
        await provider.DisposeAsync();
    }

    [Fact]
    public async Task The_list_of_a_running_gateway_says_why_a_key_is_benched()
    {
        State.Keys.Keys[0].Breaker.Bench(TimeSpan.FromMinutes(10), "upstream: status 401");

        var table = await RunAsync("list", "--url", gateway.Url);
        var json = await RunAsync("list", "--url", gateway.Url, "--json");

        Assert.Contains("upstream: status 401", table.Output, StringComparison.Ordinal);
        var upstream = JsonElement.Parse(json.Output).GetProperty("upstreams")[0];
        Assert.Equal(("u1", "open"), (upstream.GetProperty("id").GetString(), upstream.GetProperty("keys")[0].GetProperty("state").GetString()));
    }

    [Fact]
    public async Task Without_a_gateway_the_list_is_what_is_configured()
    {
        var run = await RunAsync("list", "--json");

        var upstream = JsonElement.Parse(run.Output).GetProperty("upstreams")[0];
        Assert.Equal(provider.Url + "/", upstream.GetProperty("url").GetString());
        Assert.False(upstream.TryGetProperty("circuit", out _));
    }

    [Fact]
    public async Task A_reset_closes_the_circuit_of_the_running_gateway()
    {
        State.Breaker.Bench(TimeSpan.FromHours(1), "status 503");

        var run = await RunAsync("reset", "u1", "--url", gateway.Url);
        var unknown = await RunAsync("reset", "u9", "--url", gateway.Url);

        Assert.Equal((0, CircuitState.Closed), (run.Exit, State.Breaker.State));
        Assert.Equal(1, unknown.Exit);
        Assert.Contains("u9", unknown.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_test_that_passes_exits_with_0_and_shows_what_it_cost()
    {
        var run = await RunAsync("test", "u1");

        Assert.Equal((0, ""), (run.Exit, run.Error));
        Assert.Contains("0.0144774 USD", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("FAILED", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_test_that_fails_exits_with_1_and_names_the_setting()
    {
        provider.Answer = http => AnthropicAnswers.ErrorAsync(http, 401, "authentication_error");

        var run = await RunAsync("test", "u1", "--json");

        Assert.Equal(1, run.Exit);
        Assert.False(JsonElement.Parse(run.Output).GetProperty("passed").GetBoolean());
        Assert.Contains("Look at key of the upstream in upstreams.json", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("upstream-secret", run.Output + run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upstream_that_is_not_configured_cannot_be_tested()
    {
        var run = await RunAsync("test", "u9");

        Assert.Equal(1, run.Exit);
        Assert.Contains("there are: u1", run.Error, StringComparison.Ordinal);
    }

    private UpstreamState State => gateway.Services.GetRequiredService<UpstreamPool>().Current[0].State;

    private Task<CommandRun> RunAsync(params string[] arguments) => CommandRun.OfAsync(
        UpstreamsCommand.Create(new StoreOptions(directory => ConfigCommand.Load(new ConfigDirectory(directory), TextWriter.Null))),
        ["upstreams", .. arguments, "--config", gateway.Config.FullName]);
}
