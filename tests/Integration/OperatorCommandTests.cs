using System.Text.Json;
using CCGate.Cli.Commands;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Integration.Projections;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration;

/// <summary>The commands that ask the operator's API, against a peer that answers as the test says.</summary>
public sealed class OperatorCommandTests : IAsyncLifetime
{
    private readonly DirectoryInfo config = Directory.CreateTempSubdirectory("ccgate-test-");
    private ScriptedUpstream peer = null!;

    public async Task InitializeAsync()
    {
        peer = await ScriptedUpstream.StartAsync();
        TestGateway.Write(config, "server.json", """{ "admin": { "username": "admin", "password": "operator-password" } }""");
    }

    public async Task DisposeAsync()
    {
        await peer.DisposeAsync();
        config.Delete(recursive: true);
    }

    [Fact]
    public async Task A_list_is_a_table_for_people_and_the_answer_itself_for_programs()
    {
        const string Answer = """{"items":[{"id":"r1","completedAt":"2026-11-21T10:00:00Z","tenant":"alice","key":"default","requestedModel":"m","outcome":"Succeeded","durationMs":1234,"outputTokens":5,"spendUsd":0.25}],"next":"c2"}""";
        Answers(200, Answer);

        var table = await RunAsync("requests", "list", "--tenant", "al ice", "--min-usd", "0.1", "--limit", "5");
        var json = await RunAsync("requests", "list", "--json");

        Assert.Equal((0, ""), (table.Exit, table.Error));
        Assert.Contains("2026-11-21 10:00:00", table.Output, StringComparison.Ordinal);
        Assert.Contains("1,234", table.Output, StringComparison.Ordinal);
        Assert.Contains("--cursor c2", table.Output, StringComparison.Ordinal);
        Assert.Equal(Answer, json.Output.Trim());
        Assert.Equal("?tenant=al%20ice&minUsd=0.1&limit=5", peer.Received.First().Query);
        Assert.StartsWith("Basic ", peer.Received.First().Headers["Authorization"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/sessions", "sessions", "--active", "true")]
    [InlineData("/api/leaderboard", "leaderboard", "--by", "model", "--order", "tokens")]
    [InlineData("/api/audit", "audit", "--subject", "alice")]
    [InlineData("/api/tenants", "tenants", "list", "--parent", "team")]
    [InlineData("/api/keys", "keys", "list", "--tenant", "alice")]
    [InlineData("/api/tokens", "tokens", "list")]
    [InlineData("/api/notifications", "notifications", "list")]
    public async Task Every_list_asks_its_own_path(string path, params string[] arguments)
    {
        Answers(200, """{"items":[{}]}""");

        var run = await RunAsync(arguments);

        Assert.Equal((0, "", path), (run.Exit, run.Error, Assert.Single(peer.Received).Path));
    }

    [Fact]
    public async Task A_tenant_is_added_with_what_was_said()
    {
        Answers(201, "{}");

        var run = await RunAsync("tenants", "add", "bob", "--daily-usd", "2.5", "--allow", "claude-*", "--enabled", "false", "--requests-per-minute", "3", "--reason", "new");

        Assert.Equal((0, ""), (run.Exit, run.Error));
        Assert.Equal(
            """{"document":{"id":"bob","limits":{"daily":{"maxUSD":2.5},"requestsPerMinute":3},"allowedModels":["claude-*"],"enabled":false},"reason":"new"}""", peer.Received.Single().Text);
    }

    [Fact]
    public async Task An_update_keeps_what_it_does_not_name_and_what_somebody_else_changed_meanwhile()
    {
        Answers(200, """{"id":"bob","version":42,"document":{"id":"bob","name":"Bob","limits":{"daily":{"maxUSD":1,"maxTokens":7}}}}""");

        var run = await RunAsync("tenants", "update", "bob", "--daily-usd", "5");

        Assert.Equal((0, ""), (run.Exit, run.Error));
        var put = peer.Received.Last();
        Assert.Equal(("PUT", "/api/tenants/bob", "\"42\""), (put.Method, put.Path, put.Headers["If-Match"]));
        Assert.Equal("""{"document":{"id":"bob","name":"Bob","limits":{"daily":{"maxUSD":5,"maxTokens":7}}}}""", put.Text);
    }

    [Theory]
    [InlineData("tenants", "remove", "bob")]
    [InlineData("keys", "revoke", "bob", "laptop")]
    [InlineData("keys", "rotate", "bob", "laptop")]
    [InlineData("tokens", "revoke", "t1")]
    public async Task What_cannot_be_undone_is_refused_without_a_terminal_and_without_yes(params string[] arguments)
    {
        Answers(200, "{}");

        var refused = await RunAsync(arguments);
        var asked = peer.Received.Count;
        var done = await RunAsync([.. arguments, "--yes"]);

        Assert.Equal((2, 0), (refused.Exit, asked));
        Assert.Contains("--yes", refused.Error, StringComparison.Ordinal);
        Assert.Equal((0, 1), (done.Exit, peer.Received.Count));
    }

    [Fact]
    public async Task A_new_secret_is_printed()
    {
        Answers(201, """{"tenant":"bob","id":"laptop","secret":"ck-secret"}""");

        var issued = await RunAsync("keys", "issue", "bob", "--id", "laptop", "--label", "Laptop", "--daily-usd", "1");
        var rotated = await RunAsync("keys", "rotate", "bob", "laptop", "--overlap-minutes", "30");

        Assert.Contains("bob/laptop: ck-secret", issued.Output, StringComparison.Ordinal);
        Assert.Equal("""{"id":"laptop","limits":{"daily":{"maxUSD":1}},"label":"Laptop"}""", peer.Received.First().Text);
        Assert.Contains("30 minutes", rotated.Output, StringComparison.Ordinal);
        Assert.Equal(("/api/tenants/bob/keys/laptop/rotate", """{"overlapMinutes":30}"""), (peer.Received.Last().Path, peer.Received.Last().Text));
    }

    [Fact]
    public async Task A_refusal_names_the_settings_that_are_wrong()
    {
        Answers(400, """{"title":"Bad Request","detail":"The tenant cannot be used.","errors":{"limits.daily.maxUSD":["is -1","0 to 9000000"]}}""");

        var run = await RunAsync("tenants", "add", "bob");

        Assert.Equal((1, "The tenant cannot be used.\n  limits.daily.maxUSD: is -1 0 to 9000000"), (run.Exit, run.Error.Trim().ReplaceLineEndings("\n")));
    }

    [Fact]
    public async Task Wrong_credentials_say_where_they_come_from()
    {
        Answers(401, "<html>no</html>");

        var run = await RunAsync("audit");

        Assert.Equal(1, run.Exit);
        Assert.Contains("CCGATE_TOKEN", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("<html>", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_configuration_in_force_is_written_and_nothing_is_replaced()
    {
        Answers(200, """{"server.json":"// Set these.\n{\"server\":{\"port\":1}}","tenants.json":"{\"tenants\":[]}","../evil":"{}"}""");
        var target = Path.Combine(config.FullName, "export");

        var written = await RunAsync("export-config", target);
        var again = await RunAsync("export-config", target);

        Assert.Equal((0, 1), (written.Exit, again.Exit));
        Assert.Equal(["server.json", "tenants.json"], Directory.EnumerateFiles(target).Select(Path.GetFileName).Order());
        Assert.Equal("// Set these.\n{\"server\":{\"port\":1}}", await File.ReadAllTextAsync(Path.Combine(target, "server.json")));
        Assert.Contains("--force", again.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_channel_that_does_not_take_the_message_is_a_failure()
    {
        Answers(200, """{"channel":"ops","state":"failed","error":"status 500"}""");

        var run = await RunAsync("notifications", "test", "ops");

        Assert.Equal((1, """{"channel":"ops"}"""), (run.Exit, peer.Received.Single().Text));
        Assert.Contains("status 500", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Top_shows_what_the_gateway_knows_and_leaves_out_the_rest()
    {
        peer.Answer = http => WriteAsync(http, 200, http.Request.Path.Value switch
        {
            "/api/overview" => """{"requestsPerSecond":12.34,"spendTodayUsd":3.5,"latencyMs":{"p50":800}}""",
            "/api/upstreams" => """{"upstreams":[{"id":"main","kind":"anthropic","inFlight":4}]}""",
            "/api/leaderboard" => """{"items":[{"id":"alice","name":"Alice","spendUsd":3.5,"share":1}]}""",
            _ => """{"items":[]}""",
        });

        var text = await RunAsync("top", "--once");
        var json = await RunAsync("top", "--once", "--json");

        Assert.Equal((0, ""), (text.Exit, text.Error));
        Assert.Contains("12.3 requests/s   3.50 USD today   800 ms p50", text.Output, StringComparison.Ordinal);
        Assert.Contains("Alice", text.Output, StringComparison.Ordinal);
        var read = JsonElement.Parse(json.Output);
        Assert.Equal(4, read.GetProperty("upstreams").GetProperty("upstreams")[0].GetProperty("inFlight").GetInt32());
        Assert.Equal(12.34m, read.GetProperty("overview").GetProperty("requestsPerSecond").GetDecimal());
    }

    [Fact]
    public async Task Using_one_upstream_resumes_it_before_the_others_are_drained()
    {
        AnswersUpstreams();

        var run = await RunAsync("use", "1", "--reason", "maintenance");
        var unknown = await RunAsync("use", "nobody");

        Assert.Equal((0, ""), (run.Exit, run.Error));
        Assert.Equal(
            [("/api/upstreams/b/resume", """{"reason":"maintenance"}"""), ("/api/upstreams/a/drain", """{"reason":"maintenance"}""")],
            peer.Received.Where(received => received.Method == "POST").Select(received => (received.Path, received.Text)));
        Assert.Equal(1, unknown.Exit);
        Assert.Contains("there are: a, b", unknown.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Balancing_keeps_the_other_settings_and_resumes_what_was_drained()
    {
        AnswersUpstreams();

        var run = await RunAsync("balance", "round-robin");
        var shown = await RunAsync("balance");

        Assert.Equal((0, ""), (run.Exit, run.Error));
        Assert.Equal("""{"loadBalancer":{"strategy":"round_robin","maxAttempts":5}}""", peer.Received.Single(received => received.Method == "PUT").Text);
        Assert.Equal("/api/upstreams/b/resume", peer.Received.Single(received => received.Method == "POST").Path);
        Assert.Contains("strategy random", shown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clearing_gives_every_upstream_a_new_chance_and_removing_asks_first()
    {
        AnswersUpstreams();

        var cleared = await RunAsync("clear");
        var refused = await RunAsync("remove", "Second");
        var removed = await RunAsync("remove", "Second", "--yes");

        Assert.Equal((0, 2, 0), (cleared.Exit, refused.Exit, removed.Exit));
        Assert.Equal(["/api/upstreams/a/reset", "/api/upstreams/b/reset"], peer.Received.Where(received => received.Method == "POST").Select(received => received.Path));
        Assert.Equal("/api/upstreams/b", peer.Received.Single(received => received.Method == "DELETE").Path);
    }

    private void AnswersUpstreams() => peer.Answer = http => WriteAsync(http, 200, (http.Request.Method, http.Request.Path.Value) switch
    {
        ("GET", "/api/upstreams") => """{"upstreams":[{"id":"a","name":"First"},{"id":"b","name":"Second","drained":true}]}""",
        ("GET", _) => """{"loadBalancer":{"strategy":"random","maxAttempts":5}}""",
        _ => "{}",
    });

    private void Answers(int status, string body) => peer.Answer = http => WriteAsync(http, status, body);

    private static Task WriteAsync(HttpContext http, int status, string body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(body);
    }

    private Task<CommandRun> RunAsync(params string[] arguments)
    {
        var name = arguments[0];
        var command = CommandLine.Create().Subcommands.Single(command => command.Name == name);
        return CommandRun.OfAsync(command, [.. arguments, "--url", peer.Url, "--config", config.FullName]);
    }
}
