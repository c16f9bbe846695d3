using System.Net;
using System.Text.Json;
using CCGate.Cli.Commands;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Integration.Projections;

namespace CCGate.Tests.Integration;

/// <summary>Tenants and keys from the command line, over the store of a gateway that runs beside it.</summary>
public sealed class TenantsCommandTests : IAsyncLifetime
{
    private ScriptedUpstream provider = null!;
    private TestGateway gateway = null!;

    public async Task InitializeAsync()
    {
        provider = await ScriptedUpstream.StartAsync();
        gateway = await TestGateway.StartAsync(provider);
    }

    public async Task DisposeAsync()
    {
        await gateway.DisposeAsync();
        await provider.DisposeAsync();
    }

    [Fact]
    public async Task A_key_that_was_issued_works_in_the_gateway_until_it_is_revoked()
    {
        await DoneAsync("tenants", "add", "bob", "--name", "Bob", "--daily-usd", "5", "--allow", "claude-*", "--reason", "joined");
        var issued = JsonElement.Parse(await DoneAsync("keys", "issue", "bob", "--id", "laptop", "--label", "Laptop", "--json"));
        var secret = issued.GetProperty("secret").GetString()!;
        await AnswersAsync(secret, HttpStatusCode.OK);

        var rotated = JsonElement.Parse(await DoneAsync("keys", "rotate", "bob", "laptop", "--yes", "--json")).GetProperty("secret").GetString()!;
        await AnswersAsync(secret, HttpStatusCode.Unauthorized);
        await AnswersAsync(rotated, HttpStatusCode.OK);

        await DoneAsync("keys", "revoke", "bob", "laptop", "--reason", "lost", "--yes");
        await AnswersAsync(rotated, HttpStatusCode.Unauthorized);
        var audit = await DoneAsync("audit", "--subject", "bob");
        Assert.Contains(Environment.UserName, audit, StringComparison.Ordinal);
        Assert.DoesNotContain(rotated, audit, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_update_changes_what_it_names_and_nothing_else()
    {
        await DoneAsync("tenants", "add", "bob", "--name", "Bob", "--daily-usd", "5");
        await DoneAsync("keys", "issue", "bob", "--id", "laptop", "--label", "Laptop", "--daily-usd", "1");

        await DoneAsync("tenants", "update", "bob", "--monthly-usd", "100");
        await DoneAsync("keys", "update", "bob", "laptop", "--label", "Desk");

        var shown = JsonElement.Parse(await DoneAsync("tenants", "show", "bob", "--json"));
        var limits = shown.GetProperty("document").GetProperty("limits");
        Assert.Equal((5m, 100m), (limits.GetProperty("daily").GetProperty("maxUSD").GetDecimal(), limits.GetProperty("monthly").GetProperty("maxUSD").GetDecimal()));
        Assert.Equal("Bob", shown.GetProperty("document").GetProperty("name").GetString());
        var key = Assert.Single(shown.GetProperty("keys").EnumerateArray());
        Assert.Equal(("Desk", 1m), (key.GetProperty("label").GetString(), key.GetProperty("limits").GetProperty("daily").GetProperty("maxUSD").GetDecimal()));
        Assert.Contains("Desk", await DoneAsync("keys", "list", "--tenant", "bob"), StringComparison.Ordinal);
        Assert.Contains("Bob", await DoneAsync("tenants", "show", "bob"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tenant_of_the_files_cannot_be_removed_and_the_message_names_the_file()
    {
        var run = await RunAsync("tenants", "remove", "alice", "--yes");
        await DoneAsync("tenants", "add", "bob");
        await DoneAsync("tenants", "remove", "bob", "--yes");

        Assert.Equal(1, run.Exit);
        Assert.Contains("tenants.json", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("bob", await DoneAsync("tenants", "list"), StringComparison.Ordinal);
    }

    private Task AnswersAsync(string secret, HttpStatusCode status) => Eventually.HoldsAsync(async () =>
    {
        using var answer = await gateway.PostAsync(System.Text.Encoding.UTF8.GetBytes(TestGateway.Body(stream: false)), key: secret);
        return answer.StatusCode == status;
    }, $"the key is answered with {status}");

    private async Task<string> DoneAsync(params string[] arguments)
    {
        var run = await RunAsync(arguments);
        Assert.Equal((0, ""), (run.Exit, run.Error));
        return run.Output;
    }

    private Task<CommandRun> RunAsync(params string[] arguments) => CommandRun.OfAsync(
        CommandLine.Create().Subcommands.Single(command => command.Name == arguments[0]), [.. arguments, "--data", gateway.Data.FullName, "--config", gateway.Config.FullName]);
}
