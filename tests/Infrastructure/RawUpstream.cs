using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CCGate.Tests.Infrastructure;

/// <summary>An upstream that is precise about the bytes it sends and about where it cuts: one script for every connection, no HTTP of its own.</summary>
internal sealed class RawUpstream : IAsyncDisposable
{
    private readonly TcpAcceptor acceptor;
    private readonly Func<RawConnection, Task> script;
    private int requests;

    private RawUpstream(Func<RawConnection, Task> script)
    {
        this.script = script;
        acceptor = new TcpAcceptor(PlayAsync);
    }

    public string Url => $"http://{acceptor.Address}";

    public int Requests => Volatile.Read(ref requests);

    /// <param name="script">Run for each request, once that was read; when it returns, the connection is closed.</param>
    public static RawUpstream Start(Func<RawConnection, Task> script) => new(script);

    /// <summary>An address where nobody listens.</summary>
    public static string Refusing()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return $"http://{socket.LocalEndPoint}";
    }

    public ValueTask DisposeAsync() => acceptor.DisposeAsync();

    private async Task PlayAsync(Socket socket, CancellationToken stopping)
    {
        using (socket)
        {
            try
            {
                var connection = new RawConnection(socket, stopping);
                await connection.ReadRequestAsync();
                Interlocked.Increment(ref requests);
                await script(connection);
                await connection.CloseAsync();
            }
            catch (Exception gone) when (gone is OperationCanceledException or SocketException)
            {
                // The gateway left first, or the test is over.
            }
        }
    }
}

/// <summary>One connection to a <see cref="RawUpstream"/>.</summary>
internal sealed class RawConnection(Socket socket, CancellationToken stopping)
{
    private long sent;

    /// <summary>Bytes the other side's network has taken.</summary>
    public long Sent => Volatile.Read(ref sent);

    public Socket Socket => socket;

    /// <summary>The head of an answer of unknown length, with a header that must not be seen once another upstream answers.</summary>
    public Task HeadAsync(string contentType = "text/event-stream", string status = "200 OK", string headers = "") =>
        SendAsync($"HTTP/1.1 {status}\r\nContent-Type: {contentType}\r\nX-Of-The-Broken: 1\r\nTransfer-Encoding: chunked\r\n{headers}\r\n");

    public Task ChunkAsync(string text) => ChunkAsync(Encoding.UTF8.GetBytes(text));

    public async Task ChunkAsync(ReadOnlyMemory<byte> bytes)
    {
        await SendAsync($"{bytes.Length:x}\r\n");
        await SendAsync(bytes);
        await SendAsync("\r\n");
    }

    /// <summary>The proper end of chunks.</summary>
    public Task EndAsync() => SendAsync("0\r\n\r\n");

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var count = await socket.SendAsync(bytes, stopping);
            Volatile.Write(ref sent, sent + count);
            bytes = bytes[count..];
        }
    }

    /// <summary>Says nothing until the gateway gives up.</summary>
    public async Task SilenceAsync()
    {
        while (await socket.ReceiveAsync(new byte[1024], stopping) > 0)
        {
        }
    }

    public async Task ReadRequestAsync()
    {
        var request = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (!IsWhole(Encoding.Latin1.GetString(request.GetBuffer(), 0, (int)request.Length)))
        {
            var count = await socket.ReceiveAsync(buffer, stopping);
            if (count == 0)
            {
                throw new OperationCanceledException("no request");
            }

            request.Write(buffer, 0, count);
        }
    }

    /// <summary>Ends what is sent; a reset would destroy what the other side has not read yet.</summary>
    public async Task CloseAsync()
    {
        socket.Shutdown(SocketShutdown.Send);
        await SilenceAsync();
    }

    private static bool IsWhole(string request)
    {
        var end = request.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0)
        {
            return false;
        }

        var length = request[..end].Split("\r\n").Single(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        return request.Length - end - 4 >= int.Parse(length.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture);
    }
}
