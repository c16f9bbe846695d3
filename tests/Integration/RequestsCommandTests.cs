using System.Text.Json;
using CCGate.Cli.Commands;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Integration.Projections;

namespace CCGate.Tests.Integration;

/// <summary>What happened, as commands show it: of a gateway that runs, and of its store alone.</summary>
public sealed class RequestsCommandTests : IAsyncLifetime
{
    private const string Operator = $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""";

    private ScriptedUpstream provider = null!;
    private TestGateway gateway = null!;

    public async Task InitializeAsync()
    {
        provider = await ScriptedUpstream.StartAsync();
        gateway = await TestGateway.StartAsync(provider, server: Operator);
        using var answer = await gateway.PostAsync(TestGateway.Body(stream: false));
        await gateway.SettledAsync();
    }

    public async Task DisposeAsync()
    {
        await gateway.DisposeAsync();
        await provider.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_requests_are_the_same_from_the_gateway_and_from_its_store(bool running)
    {
        var list = await RunAsync(running, "requests", "list", "--tenant", "alice", "--sort", "spend", "--order", "desc", "--min-usd", "0.001");
        var id = (await gateway.EventAsync()).RequestId.ToString();
        var show = await RunAsync(running, "requests", "show", id);

        Assert.Equal((0, ""), (list.Exit, list.Error));
        Assert.Contains(id, list.Output, StringComparison.Ordinal);
        Assert.Contains("0.014477", list.Output, StringComparison.Ordinal);
        Assert.Contains("0.0144774 USD", show.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_used_most_is_ranked(bool running)
    {
        var run = await RunAsync(running, "leaderboard", "--by", "tenant", "--order", "spend", "--json");

        Assert.Equal((0, ""), (run.Exit, run.Error));
        Assert.Equal("alice", JsonElement.Parse(run.Output).GetProperty("items")[0].GetProperty("id").GetString());
    }

    [Theory]
    [InlineData("requests", "list", "--key", "default", "--model", "m", "--upstream", "u1", "--session", "s", "--surface", "anthropic", "--outcome", "Failed", "--state", "Known", "--status", "200", "--from", "2026-01-01", "--to", "2026-01-02", "--q", "x", "--limit", "3")]
    [InlineData("sessions", "--tenant", "alice", "--active", "true", "--limit", "3")]
    [InlineData("leaderboard", "--from", "2026-01-01", "--to", "2026-01-02", "--limit", "3")]
    public async Task The_API_knows_every_filter_that_a_command_offers(params string[] arguments)
    {
        var run = await RunAsync(running: false, arguments);

        Assert.Equal((0, ""), (run.Exit, run.Error));
    }

    [Fact]
    public async Task Top_shows_the_running_gateway()
    {
        var run = await RunAsync(running: true, "top", "--once", "--json");
        var text = await RunAsync(running: true, "top", "--once");

        Assert.Equal((0, ""), (run.Exit, run.Error));
        var read = JsonElement.Parse(run.Output);
        Assert.Equal("u1", read.GetProperty("upstreams").GetProperty("upstreams")[0].GetProperty("id").GetString());
        Assert.Equal(1, read.GetProperty("overview").GetProperty("requestsToday").GetInt32());
        Assert.Contains("1 requests today", text.Output, StringComparison.Ordinal);
    }

    private Task<CommandRun> RunAsync(bool running, params string[] arguments)
    {
        var command = CommandLine.Create().Subcommands.Single(command => command.Name == arguments[0]);
        string[] where = running ? ["--url", gateway.Url] : ["--data", gateway.Data.FullName];
        return CommandRun.OfAsync(command, [.. arguments, .. where, "--config", gateway.Config.FullName]);
    }
}
