using System.Net;
using System.Net.Sockets;

namespace CCGate.Tests.Infrastructure;

/// <summary>Takes connections on a real port and serves each, all at once, until it is disposed.</summary>
internal sealed class TcpAcceptor : IAsyncDisposable
{
    private readonly TcpListener listener;
    private readonly CancellationTokenSource stop = new();
    private readonly Task accepting;

    /// <param name="serve">Serves one connection; ends without an exception.</param>
    /// <param name="port">0 takes a free one.</param>
    public TcpAcceptor(Func<Socket, CancellationToken, Task> serve, int port = 0)
    {
        listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        accepting = AcceptAsync(serve);
    }

    /// <summary>Host and port.</summary>
    public string Address => listener.LocalEndpoint.ToString()!;

    public CancellationToken Stopping => stop.Token;

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await accepting;
        listener.Dispose();
        stop.Dispose();
    }

    private async Task AcceptAsync(Func<Socket, CancellationToken, Task> serve)
    {
        var running = new List<Task>();
        try
        {
            while (true)
            {
                running.Add(serve(await listener.AcceptSocketAsync(stop.Token), stop.Token));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(running);
        }
    }
}
