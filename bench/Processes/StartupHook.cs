using System.Buffers.Binary;
using System.Net.Sockets;
using CCGate.Bench.Processes;

/// <summary>
/// Loaded by the runtime into every measured process (DOTNET_STARTUP_HOOKS, which wants this name and no namespace), the forwarder's and the
/// gateway's alike: it tells the bench what the process has allocated, and ends the process when the bench is gone, however it went.
/// </summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(BenchProcess.ProbeVariable) is not { } path)
        {
            return;
        }

        var bench = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        bench.Connect(new UnixDomainSocketEndPoint(path));
        new Thread(() => Answer(bench)) { IsBackground = true, Name = "bench probe" }.Start();
    }

    private static void Answer(Socket bench)
    {
        var question = new byte[1];
        var answer = new byte[sizeof(long)];
        try
        {
            while (bench.Receive(question) > 0)
            {
                BinaryPrimitives.WriteInt64LittleEndian(answer, GC.GetTotalAllocatedBytes(precise: true));
                bench.Send(answer);
            }
        }
        catch (SocketException)
        {
        }

        Environment.Exit(1);
    }
}
