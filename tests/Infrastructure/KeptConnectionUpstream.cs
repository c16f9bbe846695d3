using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CCGate.Tests.Infrastructure;

/// <summary>An upstream below HTTP: the test decides for each connection and each request on it what is written and when the connection is closed.</summary>
internal sealed class KeptConnectionUpstream : IAsyncDisposable
{
    private readonly TcpAcceptor acceptor;
    private readonly Func<RawExchange, Task> answer;
    private int connections;
    private int requests;

    public KeptConnectionUpstream(Func<RawExchange, Task> answer)
    {
        this.answer = answer;
        acceptor = new TcpAcceptor(ServeAsync);
    }

    public string Url => $"http://{acceptor.Address}";

    public int Connections => Volatile.Read(ref connections);

    /// <summary>Requests whose first bytes arrived.</summary>
    public int Requests => Volatile.Read(ref requests);

    public ValueTask DisposeAsync() => acceptor.DisposeAsync();

    private async Task ServeAsync(Socket socket, CancellationToken stop)
    {
        var connection = Interlocked.Increment(ref connections);
        using (socket)
        {
            try
            {
                var buffer = new byte[64 * 1024];
                for (var request = 1; await socket.ReceiveAsync(buffer.AsMemory(0, 1), SocketFlags.Peek, stop) > 0; request++)
                {
                    Interlocked.Increment(ref requests);
                    var exchange = new RawExchange(socket, connection, request, stop);
                    await answer(exchange);
                    if (exchange.IsClosed)
                    {
                        return;
                    }
                }
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }
}

/// <summary>One request that has begun to arrive at a <see cref="KeptConnectionUpstream"/>.</summary>
internal sealed class RawExchange(Socket socket, int connection, int request, CancellationToken stop)
{
    /// <summary>From 1 on.</summary>
    public int Connection => connection;

    /// <summary>On this connection, from 1 on.</summary>
    public int Request => request;

    public bool IsClosed { get; private set; }

    /// <summary>Reads the request to its end and answers it; the connection stays.</summary>
    public async Task AnswerAsync()
    {
        await ReadAsync();
        await WriteAsync($"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(AnthropicAnswers.VectorJson)}\r\n\r\n{AnthropicAnswers.VectorJson}");
    }

    /// <summary>Reads the request to its end and gives its text.</summary>
    public async Task<string> ReadAsync()
    {
        var buffer = new byte[64 * 1024];
        var text = "";
        while (true)
        {
            text += Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, stop));
            if (text.IndexOf("\r\n\r\n", StringComparison.Ordinal) is var end and >= 0 && text.Length - end - 4 >= LengthOf(text[..end]))
            {
                return text;
            }
        }
    }

    public async Task WriteAsync(string text) => await socket.SendAsync(Encoding.UTF8.GetBytes(text), stop);

    /// <summary>Cuts the connection: what was not read is answered by a reset, as by a peer that had closed it before.</summary>
    public void Cut()
    {
        IsClosed = true;
        socket.Close(timeout: 0);
    }

    /// <summary>Closes the connection after what was written.</summary>
    public void Finish()
    {
        IsClosed = true;
        socket.Shutdown(SocketShutdown.Both);
    }

    private static int LengthOf(string head)
    {
        var line = head.Split("\r\n").FirstOrDefault(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        return line is null ? 0 : int.Parse(line["Content-Length:".Length..], System.Globalization.CultureInfo.InvariantCulture);
    }
}
