using System.Diagnostics;
using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Conformance;

/// <summary>What an agent that came to its end left behind.</summary>
internal sealed record AgentResult(int ExitCode, string Output, string Error)
{
    public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Error}";
}

/// <summary>A command-line agent from npm, run without a terminal, in an empty directory and with a home of its own.</summary>
/// <param name="Speaks">Its protocol, by the upstream's word for it.</param>
internal sealed record CommandLineAgent(string Name, string Speaks)
{
    // It kills the agent with all that the agent has started, even when these tests are killed themselves.
    private static readonly string[] Bounded = ["timeout", "--kill-after=5", "90"];

    /// <summary>How it would write a file: a call for each tool that one of its versions has for that.</summary>
    public static (string Tool, string Arguments)[] Writing(string file, string text) =>
    [
        ("Write", JsonSerializer.Serialize(new { file_path = file, content = text })),
        ("write_file", JsonSerializer.Serialize(new { file_path = file, content = text })),
        ("exec_command", JsonSerializer.Serialize(new { cmd = $"printf %s '{text}' > '{file}'" })),
        ("shell_command", JsonSerializer.Serialize(new { command = $"printf %s '{text}' > '{file}'" })),
        ("shell", JsonSerializer.Serialize(new { command = (string[])["bash", "-c", $"printf %s '{text}' > '{file}'"] })),
    ];

    /// <summary>Gives it one task.</summary>
    /// <param name="gateway">Its address.</param>
    /// <param name="directory">Gets a home and a working directory.</param>
    public async Task<AgentResult> RunAsync(string gateway, string model, DirectoryInfo directory, string task)
    {
        var home = directory.CreateSubdirectory("home");
        var (command, environment) = Name switch
        {
            "claude" => Claude(gateway, model, task),
            "codex" => Codex(gateway, model, task),
            _ => Gemini(gateway, model, task, home),
        };
        var start = new ProcessStartInfo(Bounded[0], [.. Bounded[1..], .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory.CreateSubdirectory("work").FullName,
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment.Append(("HOME", home.FullName)).Append(("PATH", Environment.GetEnvironmentVariable("PATH")!)))
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new AgentResult(process.ExitCode, await output, await error);
    }

    private static (string[] Command, (string, string)[] Environment) Claude(string gateway, string model, string task) => (
        [ClaudeBinary(), "-p", task, "--model", model, "--permission-mode", "acceptEdits", "--allowedTools", "Write"],
        [
            ("ANTHROPIC_BASE_URL", gateway + "/anthropic"), ("ANTHROPIC_AUTH_TOKEN", TestGateway.Key),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"), ("DISABLE_AUTOUPDATER", "1"),
        ]);

    private static (string[] Command, (string, string)[] Environment) Codex(string gateway, string model, string task) => (
        [
            Bin("codex"), "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", model, "-c", "model_provider=\"gateway\"",
            "-c", $$"""model_providers.gateway={ name = "gateway", base_url = "{{gateway}}/openai/v1", env_key = "GATEWAY_KEY", wire_api = "responses" }""",
            "-c", "analytics.enabled=false", "-c", "check_for_update_on_startup=false", task,
        ],
        [("GATEWAY_KEY", TestGateway.Key)]);

    private static (string[] Command, (string, string)[] Environment) Gemini(string gateway, string model, string task, DirectoryInfo home)
    {
        TestGateway.Write(home.CreateSubdirectory(".gemini"), "settings.json", """
            { "security": { "auth": { "selectedType": "gemini-api-key" } }, "privacy": { "usageStatisticsEnabled": false }, "general": { "enableAutoUpdate": false } }
            """);
        return (
            [Bin("gemini"), "--model", model, "--approval-mode", "yolo", "--prompt", task],
            [("GOOGLE_GEMINI_BASE_URL", gateway + "/gemini"), ("GEMINI_API_KEY", TestGateway.Key), ("GEMINI_CLI_TRUST_WORKSPACE", "true")]);
    }

    private static string Bin(string name) => Path.Combine(NodeClient.Directory, "node_modules", ".bin", name);

    /// <summary>The package's own command is put in place by an install script; the program itself is a package for each kind of machine.</summary>
    private static string ClaudeBinary()
    {
        var packages = new DirectoryInfo(Path.Combine(NodeClient.Directory, "node_modules", "@anthropic-ai"));
        return packages.EnumerateDirectories("claude-code-*").Select(package => Path.Combine(package.FullName, "claude")).First(File.Exists);
    }
}
