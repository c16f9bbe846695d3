using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace CCGate.Tests.Infrastructure;

/// <summary>A real outgoing proxy on a real port, for HTTP (CONNECT and absolute addresses), SOCKS4 and SOCKS5; remembers where it was asked to go.</summary>
internal sealed class TestProxy : IAsyncDisposable
{
    private readonly TcpAcceptor acceptor;
    private readonly string? login;

    /// <param name="login"><c>user:password</c>, without which it refuses; null takes anybody.</param>
    /// <param name="port">0 takes a free one.</param>
    public TestProxy(string? login = null, int port = 0)
    {
        this.login = login;
        acceptor = new TcpAcceptor(ServeAsync, port);
    }

    /// <summary>Host and port.</summary>
    public string Address => acceptor.Address;

    /// <summary>What it let through, such as <c>socks5 127.0.0.1:80</c>.</summary>
    public ConcurrentQueue<string> Passed { get; } = new();

    /// <summary>How often somebody came without the right login.</summary>
    public int Refused { get; private set; }

    public ValueTask DisposeAsync() => acceptor.DisposeAsync();

    private async Task ServeAsync(Socket socket, CancellationToken stopping)
    {
        using var client = new NetworkStream(socket, ownsSocket: true);
        try
        {
            var first = new byte[1];
            await client.ReadExactlyAsync(first, stopping);
            await (first[0] switch
            {
                4 => Socks4Async(client),
                5 => Socks5Async(client),
                _ => HttpAsync(client, (char)first[0]),
            });
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException)
        {
        }
    }

    // VER NMETHODS METHODS | VER METHOD | 01 ULEN USER PLEN PASSWORD | 01 STATUS | VER CMD RSV ATYP ADDR PORT | VER REP RSV ATYP ADDR PORT
    private async Task Socks5Async(NetworkStream client)
    {
        var methods = await BytesAsync(client, (await BytesAsync(client, 1))[0]);
        var wanted = (byte)(login is null ? 0 : 2);
        await client.WriteAsync(new byte[] { 5, methods.Contains(wanted) ? wanted : (byte)0xFF }, acceptor.Stopping);
        if (!methods.Contains(wanted))
        {
            Refused++;
            return;
        }

        if (login is not null)
        {
            await BytesAsync(client, 1);
            var user = await TextAsync(client);
            var isRight = $"{user}:{await TextAsync(client)}" == login;
            await client.WriteAsync(new byte[] { 1, (byte)(isRight ? 0 : 1) }, acceptor.Stopping);
            if (!isRight)
            {
                Refused++;
                return;
            }
        }

        var head = await BytesAsync(client, 4);
        var host = head[3] switch
        {
            1 => new IPAddress(await BytesAsync(client, 4)).ToString(),
            4 => new IPAddress(await BytesAsync(client, 16)).ToString(),
            _ => await TextAsync(client),
        };
        var port = PortOf(await BytesAsync(client, 2));
        await TunnelAsync(client, "socks5", host, port, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    }

    // VN CD PORT IP USER 0 [HOST 0] | 0 CD PORT IP
    private async Task Socks4Async(NetworkStream client)
    {
        await BytesAsync(client, 1);
        var port = PortOf(await BytesAsync(client, 2));
        var address = await BytesAsync(client, 4);
        var user = await UntilAsync(client, "\0");
        var isNamed = address is [0, 0, 0, not 0];
        var host = isNamed ? (await UntilAsync(client, "\0")).TrimEnd('\0') : new IPAddress(address).ToString();
        if (login is not null && user.TrimEnd('\0') != login)
        {
            Refused++;
            return;
        }

        await TunnelAsync(client, isNamed ? "socks4a" : "socks4", host, port, [0, 90, 0, 0, 0, 0, 0, 0]);
    }

    private async Task HttpAsync(NetworkStream client, char first)
    {
        var head = first + await UntilAsync(client, "\r\n\r\n");
        while (login is not null && !head.Contains($"Proxy-Authorization: Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(login))}\r\n", StringComparison.OrdinalIgnoreCase))
        {
            Refused++;
            await BytesAsync(client, LengthOf(head));
            await client.WriteAsync("HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"test\"\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), acceptor.Stopping);
            head = await UntilAsync(client, "\r\n\r\n");
        }

        var target = head.Split(' ')[1];
        if (head.StartsWith("CONNECT ", StringComparison.Ordinal))
        {
            var colon = target.LastIndexOf(':');
            var port = int.Parse(target[(colon + 1)..], System.Globalization.CultureInfo.InvariantCulture);
            await TunnelAsync(client, "connect", target[..colon], port, "HTTP/1.1 200 OK\r\n\r\n"u8.ToArray());
            return;
        }

        var address = new Uri(target);
        await TunnelAsync(client, "forward", address.Host, address.Port, [], Encoding.UTF8.GetBytes(head));
    }

    private async Task TunnelAsync(NetworkStream client, string how, string host, int port, byte[] granted, byte[]? sent = null)
    {
        using var upstream = new TcpClient();
        await upstream.ConnectAsync(host, port, acceptor.Stopping);
        Passed.Enqueue($"{how} {host}:{port}");
        await client.WriteAsync(granted, acceptor.Stopping);
        await upstream.GetStream().WriteAsync(sent ?? [], acceptor.Stopping);
        await Task.WhenAny(client.CopyToAsync(upstream.GetStream(), acceptor.Stopping), upstream.GetStream().CopyToAsync(client, acceptor.Stopping));
    }

    private async Task<byte[]> BytesAsync(NetworkStream client, int count)
    {
        var bytes = new byte[count];
        await client.ReadExactlyAsync(bytes, acceptor.Stopping);
        return bytes;
    }

    private async Task<string> TextAsync(NetworkStream client) => Encoding.UTF8.GetString(await BytesAsync(client, (await BytesAsync(client, 1))[0]));

    private async Task<string> UntilAsync(NetworkStream client, string end)
    {
        var text = new StringBuilder();
        while (text.Length < end.Length || text.ToString(text.Length - end.Length, end.Length) != end)
        {
            text.Append((char)(await BytesAsync(client, 1))[0]);
        }

        return text.ToString();
    }

    private static int PortOf(byte[] bytes) => (bytes[0] << 8) | bytes[1];

    private static int LengthOf(string head)
    {
        var line = head.Split("\r\n").FirstOrDefault(line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
        return line is null ? 0 : int.Parse(line["Content-Length:".Length..], System.Globalization.CultureInfo.InvariantCulture);
    }
}
