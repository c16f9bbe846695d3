using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace CCGate.Tests.Infrastructure;

/// <summary>A real server as a child process that cannot outlive the tests, however they end.</summary>
/// <remarks>
/// The shell between us holds the reading end of a pipe. When this process goes, even by kill -9, the pipe closes and the shell kills the whole process
/// group. (Linux's parent-death signal would not do: it fires when the thread that started the child ends, and the thread pool ends threads.)
/// </remarks>
internal sealed class ServerProcess : IDisposable
{
    private const string Guard = """
        exec 2>/dev/null; trap : HUP INT TERM; set -m; log=$1; signal=$2; shift 2
        "$@" </dev/null >>"$log" 2>&1 & child=$!
        echo $child
        while read -r _ || [ $? -gt 128 ]; do :; done
        kill -s "$signal" -- "-$child" 2>/dev/null; n=0
        while kill -0 "$child" 2>/dev/null && [ $n -lt 100 ]; do n=$((n+1)); sleep 0.1; done
        kill -s KILL -- "-$child" 2>/dev/null
        """;

    private readonly Process guard;
    private readonly string group;

    private ServerProcess(Process guard, string group)
    {
        this.guard = guard;
        this.group = group;
    }

    /// <param name="log">Where its output goes.</param>
    /// <param name="signal">The signal that ends it, such as <c>KILL</c>.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="environment">Added to ours.</param>
    public static ServerProcess Start(string log, string signal, IEnumerable<string> command, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("/bin/bash", ["-c", Guard, "guard", log, signal, .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = "/",
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        return new ServerProcess(process, process.StandardOutput.ReadLine()!);
    }

    /// <summary>Sends the server a signal, such as <c>STOP</c>, after which it holds its connections and answers nothing.</summary>
    public Task SignalAsync(string signal) => RunAsync("/bin/kill", "-s", signal, "--", "-" + group);

    /// <summary>Asks the server to end, and waits until it has.</summary>
    public async Task StopAsync()
    {
        await SignalAsync("TERM");
        await Eventually.HoldsAsync(() => !Directory.Exists("/proc/" + group) || File.ReadAllText($"/proc/{group}/cmdline").Length == 0, "the server ends");
        Dispose();
    }

    /// <summary>Ends the server and waits until it is gone.</summary>
    public void Dispose()
    {
        guard.StandardInput.Close();
        guard.WaitForExit();
        guard.Dispose();
    }

    /// <summary>Runs a tool to its end; throws with what it said when it fails.</summary>
    public static async Task RunAsync(params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', command)} exited with {process.ExitCode}: {await output}{await error}");
        }
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>A new directory for a server's data; what dead test runs left behind is removed on the way.</summary>
    public static string NewDirectory(string kind)
    {
        var root = Path.Combine(Path.GetTempPath(), "ccgate-tests-" + Environment.UserName);
        Directory.CreateDirectory(root);
        foreach (var old in Directory.EnumerateDirectories(root))
        {
            var owner = Path.GetFileName(old).Split('-')[1];
            if (!Directory.Exists("/proc/" + owner))
            {
                KillUsersOf(old);
                TryDelete(old);
            }
        }

        var name = string.Create(CultureInfo.InvariantCulture, $"{kind}-{Environment.ProcessId}-{Path.GetRandomFileName()}");
        return Directory.CreateDirectory(Path.Combine(root, name)).FullName;
    }

    /// <summary>A test run whose whole process tree was killed leaves servers without a guard.</summary>
    private static void KillUsersOf(string directory)
    {
        foreach (var process in Process.GetProcesses())
        {
            try
            {
                var its = File.ReadAllText($"/proc/{process.Id}/cmdline") + File.ReadAllText($"/proc/{process.Id}/environ");
                if (its.Contains(directory, StringComparison.Ordinal))
                {
                    process.Kill();
                }
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidOperationException)
            {
                // Gone meanwhile, or somebody else's.
            }
        }
    }

    public static void TryDelete(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Another test run is sweeping too, or it belongs to another account.
        }
    }
}
