using System.Net;
using System.Runtime.Versioning;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>The ways in: <c>ccgate init</c>, two variables in the environment, and the shell's completion.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class InitTests
{
    private static readonly Dictionary<string, string> NoProvider = new() { ["ANTHROPIC_API_KEY"] = "", ["OPENAI_API_KEY"] = "", ["GEMINI_API_KEY"] = "" };

    [Fact]
    public async Task A_new_configuration_is_right_and_serves_the_key_it_printed()
    {
        using var files = new GatewayFiles();
        var init = await GatewayProcess.RunAsync(["init", "--yes", "--tenant", "alice", "--daily-usd", "2.5", "--config", files.Config], NoProvider);
        Assert.True(init.ExitCode == 0, init.Error);
        var key = Word(init.Output, "key");
        var password = Word(init.Output, "password");

        var validate = await GatewayProcess.RunAsync("config", "validate", "--config", files.Config);
        using var gateway = await files.RunAsync();
        using var answer = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false), key);

        Assert.Equal((0, 1), (validate.ExitCode, validate.Output.Trim().Split('\n').Length));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains($"ANTHROPIC_AUTH_TOKEN={key} claude", init.Output, StringComparison.Ordinal);
        var written = string.Join('\n', Directory.EnumerateFiles(files.Config).Select(File.ReadAllText));
        Assert.DoesNotContain(key, written, StringComparison.Ordinal);
        Assert.DoesNotContain(password, written, StringComparison.Ordinal);
        Assert.All(Directory.EnumerateFiles(files.Config), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));

        var quotas = await GatewayProcess.RunAsync(
            ["quotas", "--json", "--url", gateway.Url, "--config", files.Config], new Dictionary<string, string> { ["CCGATE_ADMIN_PASSWORD"] = password });
        Assert.True(quotas.ExitCode == 0, quotas.Error);
        Assert.Contains("2.5", quotas.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_upstreams_keep_their_keys_in_the_environment_or_in_the_file()
    {
        using var files = new GatewayFiles();

        var init = await GatewayProcess.RunAsync(
            [
                "init", "--yes", "--config", files.Config, "--admin-password", "${CCGATE_ADMIN_PASSWORD}",
                "--upstream", "main=https://api.anthropic.com", "--kind", "anthropic", "--key", "${ANTHROPIC_API_KEY}", "--upstream", "gemini", "--kind", "gemini", "--key", "literal-key",
            ],
            new Dictionary<string, string> { ["ANTHROPIC_API_KEY"] = "sk-of-environment", ["CCGATE_ADMIN_PASSWORD"] = "password-of-environment" });

        Assert.True(init.ExitCode == 0, init.Error);
        var upstreams = await File.ReadAllTextAsync(Path.Combine(files.Config, "upstreams.json"));
        Assert.Contains("\"${ANTHROPIC_API_KEY}\"", upstreams, StringComparison.Ordinal);
        Assert.Contains("\"literal-key\"", upstreams, StringComparison.Ordinal);
        Assert.DoesNotContain("literal-key", init.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("of-environment", init.Output + upstreams, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_there_is_not_replaced_and_what_would_be_wrong_is_not_written()
    {
        using var files = new GatewayFiles();
        files.Write("tenants.json", "{}");

        var present = await GatewayProcess.RunAsync(["init", "--yes", "--config", files.Config], NoProvider);
        var wrong = await GatewayProcess.RunAsync(["init", "--yes", "--force", "--upstream", "a=nowhere", "--key", "k", "--config", files.Config], NoProvider);
        var missing = await GatewayProcess.RunAsync(["init", "--yes", "--force", "--upstream", "anthropic", "--config", files.Config], NoProvider);

        Assert.Equal((1, 1, 1), (present.ExitCode, wrong.ExitCode, missing.ExitCode));
        Assert.Contains("--force", present.Error, StringComparison.Ordinal);
        Assert.Contains("upstreams[0].url", wrong.Error, StringComparison.Ordinal);
        Assert.Contains("upstreams[0].key", missing.Error, StringComparison.Ordinal);
        Assert.Equal(["tenants.json"], Directory.EnumerateFiles(files.Config).Select(Path.GetFileName));
        Assert.Equal("{}", await File.ReadAllTextAsync(Path.Combine(files.Config, "tenants.json")));
    }

    [Fact]
    public async Task Two_variables_are_a_gateway_for_one_person()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        using var files = new GatewayFiles();
        var environment = new Dictionary<string, string> { ["PROXY_ACCESS_KEY"] = "my-access-key", ["ANTHROPIC_API_KEY"] = "sk-upstream", ["ANTHROPIC_BASE_URL"] = upstream.Url };

        using var gateway = await GatewayProcess.StartAsync(files.Root, ["run", .. files.Options], environment);
        using var answer = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false), "my-access-key");
        using var refused = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false), "sk-upstream");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Unauthorized), (answer.StatusCode, refused.StatusCode));
        Assert.Contains("sk-upstream", string.Join(' ', Assert.Single(upstream.Received).Headers.Values), StringComparison.Ordinal);
        Assert.DoesNotContain("my-access-key", gateway.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("sk-upstream", gateway.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ccgate ten", "tenants")]
    [InlineData("ccgate tenants a", "add")]
    [InlineData("ccgate tenants add x --dai", "--daily-usd")]
    [InlineData("ccgate completion z", "zsh")]
    public async Task Bash_completes_commands_options_and_values(string line, string completed)
    {
        using var files = new GatewayFiles();
        var program = Path.Combine(files.Root, "ccgate");
        await File.WriteAllTextAsync(program, $"#!/bin/sh\nexec \"{Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet"}\" \"{Path.Combine(AppContext.BaseDirectory, "ccgate.dll")}\" \"$@\"\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var words = line.Split(' ');

        var shell = await GatewayProcess.RunInShellAsync(
            $"PATH={files.Root}:$PATH; source <(ccgate completion bash); COMP_LINE='{line}'; COMP_POINT={line.Length}; COMP_WORDS=({line}); COMP_CWORD={words.Length - 1}; "
            + "_ccgate; echo \"${COMPREPLY[*]}\"; complete -p ccgate");

        Assert.True(shell.ExitCode == 0, shell.Error);
        Assert.Equal($"{completed}\ncomplete -o default -F _ccgate ccgate\n", shell.Output);
    }

    private static string Word(string output, string before)
    {
        var words = output.Split([' ', '\n', ','], StringSplitOptions.RemoveEmptyEntries);
        return words[Array.IndexOf(words, before) + 1];
    }
}
