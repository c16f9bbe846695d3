using System.Diagnostics;
using System.Text.Json;

namespace CCGate.Tests.Infrastructure;

/// <summary>A script of <c>tests/Clients</c> in a process of its own, asked line by line. It ends when its input does, so it cannot outlive the tests.</summary>
internal sealed class NodeClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process process;

    private NodeClient(Process process) => this.process = process;

    /// <summary>Where the clients are: beside the tests' sources, because node finds packages from the script's directory upwards.</summary>
    public static string Directory { get; } = FindDirectory();

    public static NodeClient Start(string script)
    {
        var start = new ProcessStartInfo("node", [Path.Combine(Directory, script)]) { RedirectStandardInput = true, RedirectStandardOutput = true, WorkingDirectory = Directory };
        return new NodeClient(Process.Start(start)!);
    }

    /// <summary>One question, one answer.</summary>
    public async Task<string> AskAsync<T>(T question)
    {
        using var patience = new CancellationTokenSource(Patience);
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(question, JsonSerializerOptions.Web).AsMemory(), patience.Token);
        await process.StandardInput.FlushAsync(patience.Token);
        return await process.StandardOutput.ReadLineAsync(patience.Token) ?? throw new InvalidOperationException("The client has ended.");
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
        }

        process.Dispose();
    }

    private static string FindDirectory()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var clients = Path.Combine(directory.FullName, "tests", "Clients");
            if (File.Exists(Path.Combine(clients, "package.json")))
            {
                return System.IO.Directory.Exists(Path.Combine(clients, "node_modules"))
                    ? clients
                    : throw new InvalidOperationException("Run npm ci --prefix tests/Clients --ignore-scripts, or ./test.sh.");
            }
        }

        throw new InvalidOperationException("tests/Clients is not found above the tests.");
    }
}
