using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>What a command that came to its end left behind.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Error);

/// <summary>The built <c>ccgate</c> as a process of its own: started, asked, stopped, killed. It cannot outlive the tests.</summary>
internal sealed partial class GatewayProcess : IDisposable
{
    // A shell waits for the gateway to write down its exit code; it survives the SIGTERM that is meant for the gateway.
    private const string Supervisor = "trap : TERM; \"$@\"; echo $? >\"$0\"";

    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "ccgate.dll");
    private static readonly string Dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
    private static int started;

    private readonly ServerProcess process;
    private readonly string log;
    private readonly string exit;
    private bool ended;

    private GatewayProcess(ServerProcess process, string log, string exit)
    {
        this.process = process;
        this.log = log;
        this.exit = exit;
    }

    /// <summary>Everything it has written.</summary>
    public string Output
    {
        get
        {
            using var file = new StreamReader(new FileStream(log, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite));
            return file.ReadToEnd();
        }
    }

    /// <summary>Where it listens.</summary>
    public string Url { get; private set; } = "";

    public HttpClient Http { get; private set; } = new();

    /// <summary>Starts it, and returns once it listens.</summary>
    /// <param name="directory">Where its output is kept.</param>
    /// <param name="arguments">Of <c>ccgate</c>; without <c>--urls</c> it takes a free port.</param>
    public static Task<GatewayProcess> StartAsync(string directory, params string[] arguments) => StartAsync(directory, arguments, new Dictionary<string, string>());

    /// <summary>Starts it with these variables in its environment.</summary>
    public static async Task<GatewayProcess> StartAsync(string directory, string[] arguments, Dictionary<string, string> environment)
    {
        var name = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $"{arguments[0]}-{Interlocked.Increment(ref started)}"));
        string[] urls = arguments.Contains("--urls") ? [] : ["--urls", "http://127.0.0.1:0"];
        var server = ServerProcess.Start(
            name + ".log", "KILL", ["/bin/sh", "-c", Supervisor, name + ".exit", Dotnet, Program, .. arguments, .. urls], environment);
        var gateway = new GatewayProcess(server, name + ".log", name + ".exit");
        try
        {
            await Eventually.HoldsAsync(() => Listens().IsMatch(gateway.Output) || File.Exists(gateway.exit), "the gateway listens");
            Assert.True(Listens().IsMatch(gateway.Output), gateway.Output);
        }
        catch
        {
            gateway.Dispose();
            throw;
        }

        gateway.Url = Listens().Match(gateway.Output).Groups[1].Value;
        gateway.Http = new HttpClient { BaseAddress = new Uri(gateway.Url), Timeout = TimeSpan.FromSeconds(100) };
        return gateway;
    }

    /// <summary>Runs a command to its end.</summary>
    public static Task<CommandResult> RunAsync(params string[] arguments) => RunAsync(arguments, new Dictionary<string, string>());

    /// <summary>Runs a command to its end, with these variables in its environment.</summary>
    public static Task<CommandResult> RunAsync(IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment) =>
        RunProgramAsync(Dotnet, [Program, .. arguments], environment);

    /// <summary>Runs a line as a person would who pastes it into a terminal.</summary>
    public static Task<CommandResult> RunInShellAsync(string line) => RunProgramAsync("/bin/bash", ["-c", line], new Dictionary<string, string>());

    /// <summary>As kill -9 does it: nothing is flushed and nobody is told.</summary>
    public void Kill()
    {
        if (!ended)
        {
            ended = true;
            process.Dispose();
        }
    }

    /// <summary>Asks it to stop, as a service manager does; gives its exit code.</summary>
    public async Task<int> StopAsync()
    {
        await AskToStopAsync();
        return await ExitAsync();
    }

    /// <summary>Only asks: what is in flight may go on.</summary>
    public Task AskToStopAsync() => process.SignalAsync("TERM");

    /// <summary>Returns when it has ended.</summary>
    public async Task<int> ExitAsync()
    {
        await Eventually.HoldsAsync(() => File.Exists(exit) && File.ReadAllText(exit).EndsWith('\n'), "the gateway has ended");
        Kill();
        return int.Parse(await File.ReadAllTextAsync(exit), CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        Kill();
        Http.Dispose();
    }

    private static async Task<CommandResult> RunProgramAsync(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        var output = process.StandardOutput.ReadToEndAsync(patience.Token);
        var error = process.StandardError.ReadToEndAsync(patience.Token);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', start.ArgumentList)} does not end");
        }

        return new CommandResult(process.ExitCode, await output, await error);
    }

    [GeneratedRegex(@"^CCGate listens on (\S+)$", RegexOptions.Multiline)]
    private static partial Regex Listens();
}
