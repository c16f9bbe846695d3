using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary><c>ccgate run</c> as a person meets it: a process, a terminal, a budget.</summary>
public sealed class RunTests
{
    [Fact]
    public async Task The_demo_prints_a_line_that_streams_an_answer_and_the_tools_show_what_it_cost()
    {
        using var files = new GatewayFiles();
        using var gateway = await files.RunAsync();
        await Eventually.HoldsAsync(() => gateway.Output.Contains("claude\n", StringComparison.Ordinal), "the welcome is complete");
        var line = gateway.Output.Split('\n').Single(text => text.TrimStart().StartsWith("curl ", StringComparison.Ordinal)).Trim();

        var answer = await GatewayProcess.RunInShellAsync(line);

        Assert.True(answer.ExitCode == 0, answer.Error);
        Assert.Contains("event: message_start", answer.Output, StringComparison.Ordinal);
        Assert.Contains("text_delta", answer.Output, StringComparison.Ordinal);
        Assert.Contains("event: message_stop", answer.Output, StringComparison.Ordinal);
        var spend = Assert.Single(await files.EventsAsync(1)).SpendUsd;
        Assert.True(spend > 0);

        var table = await GatewayProcess.RunAsync(["usage", .. files.Options]);
        Assert.Equal((0, ""), (table.ExitCode, table.Error));
        Assert.Contains(spend.ToString("0.00##########", CultureInfo.InvariantCulture), table.Output, StringComparison.Ordinal);

        var json = await GatewayProcess.RunAsync(["usage", "--json", "--tenant", "demo", .. files.Options]);
        Assert.Equal((0, ""), (json.ExitCode, json.Error));
        Assert.Equal(spend, JsonElement.Parse(json.Output).GetProperty("total").GetProperty("spendUsd").GetDecimal());

        var health = await GatewayProcess.RunAsync("health", "--url", gateway.Url, "--config", files.Config);
        Assert.Equal((0, "healthy"), (health.ExitCode, JsonElement.Parse(health.Output).GetProperty("status").GetString()));
        await AssertTheBillIsRightAsync(files);
    }

    [Fact]
    public async Task Health_of_a_gateway_that_does_not_run_is_a_failure_that_says_what_to_do()
    {
        using var files = new GatewayFiles();

        var health = await GatewayProcess.RunAsync("health", "--url", "http://127.0.0.1:1", "--config", files.Config);

        Assert.Equal((1, ""), (health.ExitCode, health.Output));
        Assert.Contains("--url", health.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_becomes_an_event_then_spend_then_a_refusal_that_a_restart_does_not_forget()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        using var files = GatewayFiles.With(
            $$"""{ "id": "u1", "url": "{{upstream.Url}}", "key": "k" }""",
            Tenants(AnthropicAnswers.VectorUsd + 0.001m),
            $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""");
        using (var gateway = await files.RunAsync())
        {
            using var first = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false, maxTokens: 10));
            Assert.Equal(HttpStatusCode.OK, first.StatusCode);
            var completed = Assert.Single(await files.EventsAsync(1));
            Assert.Equal((first.RequestId(), AnthropicAnswers.VectorUsd), (completed.RequestId, completed.SpendUsd));
            await Eventually.PassesAsync(async () =>
            {
                var day = (await gateway.Http.AskAsync("/api/usage?by=day")).GetProperty("rows").EnumerateArray().Single();
                Assert.Equal(AnthropicAnswers.VectorUsd, day.GetProperty("spendUsd").GetDecimal());
            });

            using var second = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false));
            Assert.Equal(HttpStatusCode.PaymentRequired, second.StatusCode);
            Assert.Equal(0, await gateway.StopAsync());
        }

        using (var again = await files.RunAsync())
        {
            using var third = await again.Http.PostMessageAsync(TestGateway.Body(stream: false));
            Assert.Equal(HttpStatusCode.PaymentRequired, third.StatusCode);
            Assert.Equal("tenant alice daily.maxUSD", third.Headers.GetValues("x-ccgate-limit").Single());
        }

        Assert.Single(upstream.Received);
    }

    [Fact]
    public async Task A_gateway_that_is_asked_to_stop_lets_the_stream_finish()
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator(chunks: 20, chunkDelayMs: 100));
        using var gateway = await files.RunAsync();

        using var response = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: true));
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await ReadToDeltaAsync(reader);
        await gateway.AskToStopAsync();
        var rest = await reader.ReadToEndAsync();

        Assert.Contains("message_stop", rest, StringComparison.Ordinal);
        Assert.Equal(0, await gateway.ExitAsync());
        using var again = await files.RunAsync();
        var completed = Assert.Single(await files.EventsAsync(1));
        Assert.Equal((RequestOutcome.Succeeded, UsageState.Known), (completed.Outcome, completed.Attempts.Single().UsageState));
    }

    [Fact]
    public async Task A_stream_that_goes_on_for_longer_than_a_stop_may_take_is_cut_and_billed_for_what_was_served()
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator(chunks: 600, chunkDelayMs: 100), server: """{ "limits": { "shutdownSeconds": 1 } }""");
        using var gateway = await files.RunAsync();

        using var response = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: true, maxTokens: 4000));
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await ReadToDeltaAsync(reader);
        await gateway.AskToStopAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => reader.ReadToEndAsync());

        await gateway.ExitAsync();
        using var again = await files.RunAsync();
        var completed = Assert.Single(await files.EventsAsync(1));
        Assert.True(completed.SpendUsd > 0 && completed.SpendUsd < completed.HeldUsd, $"{completed.SpendUsd} of {completed.HeldUsd}");
        Assert.NotEqual(RequestOutcome.Succeeded, completed.Outcome);
    }

    [Fact]
    public async Task A_broken_configuration_is_told_whole_with_file_and_path()
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator());
        files.Write("server.json", """{ "server": { "port": 99999 }, "limits": { "budgetStatus": 410 }, "broker": "http://no" }""");
        files.Write("upstreams.json", """{ "upstreams": [ { "id": "u1" }, { "id": "u2", "url": "${CCGATE_NO_SUCH_VARIABLE}" } ] }""");
        files.Write("tenants.json", "{ \"tenants\": [ }");

        var validate = await GatewayProcess.RunAsync("config", "validate", "--config", files.Config);
        var run = await GatewayProcess.RunAsync(["run", .. files.Options]);

        Assert.Equal((1, 1), (validate.ExitCode, run.ExitCode));
        foreach (var (file, path) in ((string, string)[])
            [
                ("server.json", "$.server.port"), ("server.json", "$.limits.budgetStatus"), ("server.json", "$.broker"),
                ("upstreams.json", "$.upstreams[0].url"), ("upstreams.json", "$.upstreams[1].url"), ("tenants.json", "$"),
            ])
        {
            Assert.Contains(validate.Output.Split('\n'), line => line.Contains(file, StringComparison.Ordinal) && line.Contains(path, StringComparison.Ordinal));
            Assert.Contains(run.Error.Split('\n'), line => line.Contains(file, StringComparison.Ordinal) && line.Contains(path, StringComparison.Ordinal));
        }

        Assert.False(Directory.Exists(files.Data), "nothing is created for a gateway that does not start");
    }

    [Fact]
    public async Task A_running_gateway_keeps_the_last_good_configuration_and_takes_the_corrected_one()
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator());
        using var gateway = await files.RunAsync();

        files.Write("tenants.json", """{ "tenants": [ { "id": "alice", "key": 7 } ] }""");
        await Eventually.HoldsAsync(() => gateway.Output.Contains("the last good one stays", StringComparison.Ordinal), "the bad file is reported");
        using var still = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false));
        Assert.Equal(HttpStatusCode.OK, still.StatusCode);

        files.Write("tenants.json", """{ "tenants": [ { "id": "bob", "key": "key-of-bob" } ] }""");
        await Eventually.PassesAsync(async () =>
        {
            using var bob = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false), "key-of-bob");
            Assert.Equal(HttpStatusCode.OK, bob.StatusCode);
        });
        using var alice = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false));
        Assert.Equal(HttpStatusCode.Unauthorized, alice.StatusCode);
    }

    [Fact]
    public async Task A_second_gateway_over_the_same_data_says_so_and_ends()
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator());
        using var gateway = await files.RunAsync();

        var second = await GatewayProcess.RunAsync(["run", .. files.Options, "--urls", "http://127.0.0.1:0"]);

        Assert.Equal(1, second.ExitCode);
        Assert.Contains(files.Data, second.Error, StringComparison.Ordinal);
        Assert.Contains("--data", second.Error, StringComparison.Ordinal);
        using var response = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task An_address_that_is_taken_is_named()
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator());
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        var run = await GatewayProcess.RunAsync(["run", .. files.Options, "--urls", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")]);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains(port.ToString(CultureInfo.InvariantCulture), run.Error, StringComparison.Ordinal);
        Assert.Contains("in use", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("usage --by nonsense")]
    [InlineData("run --port 3000")]
    [InlineData("billing")]
    [InlineData("usage --from yesterday")]
    public async Task A_command_line_that_makes_no_sense_exits_with_2(string line)
    {
        var result = await GatewayProcess.RunAsync(line.Split(' '));

        Assert.Equal(2, result.ExitCode);
        Assert.NotEqual("", result.Error);
    }

    [Theory]
    [InlineData("proxy", "broker")]
    [InlineData("metering", "broker")]
    [InlineData("projections", "eventStore")]
    public async Task A_role_without_what_it_needs_says_which_setting_is_missing(string role, string setting)
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator(), server: setting == "broker" ? """{ "eventStore": "Host=127.0.0.1" }""" : "{}");

        var result = await GatewayProcess.RunAsync([role, .. files.Options]);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"'{setting}'", result.Error, StringComparison.Ordinal);
    }

    internal static async Task AssertTheBillIsRightAsync(GatewayFiles files)
    {
        var verify = await GatewayProcess.RunAsync(["billing", "verify", .. files.Options]);
        Assert.True(verify.ExitCode == 0, verify.Output + verify.Error);
        Assert.Contains("The bill is right.", verify.Output, StringComparison.Ordinal);

        var rebuild = await GatewayProcess.RunAsync(["billing", "rebuild", .. files.Options]);
        Assert.True(rebuild.ExitCode == 0, rebuild.Output + rebuild.Error);
        Assert.Contains("identical to the live ones", rebuild.Output, StringComparison.Ordinal);
    }

    internal static async Task ReadToDeltaAsync(StreamReader stream)
    {
        while (await stream.ReadLineAsync() is { } line && !line.Contains("text_delta", StringComparison.Ordinal))
        {
        }
    }

    internal static string Tenants(decimal dailyUsd) =>
        TestGateway.Tenant(string.Create(CultureInfo.InvariantCulture, $"\"holdPolicy\": \"refuse\", \"limits\": {{ \"daily\": {{ \"maxUSD\": {dailyUsd} }} }}"));
}
