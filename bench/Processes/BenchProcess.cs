using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace CCGate.Bench.Processes;

/// <summary>One process of a run, from its start to its end; read from outside, by <c>/proc</c>, and through <see cref="StartupHook"/>.</summary>
internal sealed class BenchProcess : IAsyncDisposable
{
    public const string ListensOn = "listens on ";
    public const string ProbeVariable = "CCGATE_BENCH_PROBE";

    // USER_HZ, in which Linux tells processor time to every program: 100 on all architectures .NET runs on.
    private const double TicksPerSecond = 100;

    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(60);

    private readonly Process process;
    private readonly Socket probe;

    private BenchProcess(Process process, Socket probe, Uri url)
    {
        this.process = process;
        this.probe = probe;
        Url = url;
    }

    /// <summary>This program.</summary>
    public static string Bench { get; } = typeof(BenchProcess).Assembly.Location;

    /// <summary>The gateway that was built with it.</summary>
    public static string Gateway { get; } = Path.Combine(AppContext.BaseDirectory, "ccgate.dll");

    public Uri Url { get; }

    /// <summary>Processor time of all its threads so far.</summary>
    public TimeSpan ProcessorTime()
    {
        // Behind the name, which may contain anything, utime and stime are the 12th and 13th field: proc_pid_stat(5).
        var stat = File.ReadAllText($"/proc/{process.Id}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return TimeSpan.FromSeconds((long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksPerSecond);
    }

    public long ResidentBytes()
    {
        process.Refresh();
        return process.WorkingSet64;
    }

    /// <summary>What its managed code allocated so far.</summary>
    public long AllocatedBytes()
    {
        var answer = new byte[sizeof(long)];
        probe.Send(answer.AsSpan(..1));
        return probe.Receive(answer) == answer.Length
            ? BinaryPrimitives.ReadInt64LittleEndian(answer)
            : throw new BenchFailedException($"{process.StartInfo.ArgumentList[0]} ended during the run.");
    }

    /// <summary>Starts a .NET program that says where it listens.</summary>
    public static async Task<BenchProcess> StartAsync(
        DirectoryInfo directory, string program, string[] arguments, IEnumerable<KeyValuePair<string, string>> environment, CancellationToken cancellationToken)
    {
        var probePath = Path.Combine(directory.FullName, $"{Guid.CreateVersion7():N}.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(probePath));
        listener.Listen(1);

        var process = Process.Start(StartInfo(program, arguments, [KeyValuePair.Create("DOTNET_STARTUP_HOOKS", Bench), KeyValuePair.Create(ProbeVariable, probePath), .. environment]))!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LongestStart);
        try
        {
            var url = await ReadUrlAsync(process, patience.Token);
            var probe = await listener.AcceptAsync(patience.Token);
            return new BenchProcess(process, probe, url);
        }
        catch (Exception failure)
        {
            process.Kill(entireProcessTree: true);
            process.Dispose();
            throw failure is OperationCanceledException && !cancellationToken.IsCancellationRequested
                ? new BenchFailedException($"{program} {string.Join(' ', arguments)} does not listen after {LongestStart.TotalSeconds:0} s.")
                : failure;
        }
    }

    /// <summary>Runs a .NET program to its end; gives its exit code and what it printed.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        using var process = Process.Start(StartInfo(program, arguments, []))!;
        try
        {
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, output);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync(CancellationToken.None);
        process.Dispose();
        probe.Dispose();
    }

    private static ProcessStartInfo StartInfo(string program, string[] arguments, IEnumerable<KeyValuePair<string, string>> environment)
    {
        var start = new ProcessStartInfo("dotnet", [program, .. arguments]) { RedirectStandardOutput = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private static async Task<Uri> ReadUrlAsync(Process process, CancellationToken cancellationToken)
    {
        while (await process.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.IndexOf(ListensOn, StringComparison.Ordinal) is >= 0 and var at)
            {
                // What it prints from now on is read and dropped, or a full pipe would stop it.
                _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null, CancellationToken.None);
                return new Uri(line[(at + ListensOn.Length)..].Trim());
            }
        }

        throw new BenchFailedException($"{string.Join(' ', process.StartInfo.ArgumentList)} ended before it listened; see above.");
    }
}
