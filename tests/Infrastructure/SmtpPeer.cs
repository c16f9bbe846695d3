using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace CCGate.Tests.Infrastructure;

/// <summary>A mail server that plays a script: it takes every message, or answers as it is told, and keeps what it heard.</summary>
internal sealed class SmtpPeer : IAsyncDisposable
{
    private readonly TcpAcceptor acceptor;

    public SmtpPeer() => acceptor = new TcpAcceptor(ServeAsync);

    public int Port => int.Parse(acceptor.Address.Split(':')[^1], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Every line heard that is not part of a message.</summary>
    public ConcurrentQueue<string> Commands { get; } = new();

    /// <summary>The messages it took.</summary>
    public ConcurrentQueue<string> Messages { get; } = new();

    /// <summary>What it answers to a command, in place of what is usual; null for that. A message is the command <c>.</c>.</summary>
    public Func<string, string?> Answer { get; set; } = _ => null;

    public ValueTask DisposeAsync() => acceptor.DisposeAsync();

    private async Task ServeAsync(Socket socket, CancellationToken stopping)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        try
        {
            await SayAsync(stream, "220 test ESMTP");
            while (await reader.ReadLineAsync(stopping) is { } command && command != "QUIT")
            {
                Commands.Enqueue(command);
                await SayAsync(stream, Answer(command) ?? (command.Split(' ')[0] switch { "EHLO" => "250-test\r\n250 AUTH PLAIN LOGIN", "AUTH" => "235 ok", "DATA" => "354 go on", _ => "250 ok" }));
                if (command == "DATA")
                {
                    await TakeAsync(stream, reader, stopping);
                }
            }
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException)
        {
            // The client left, or the test is over.
        }
    }

    private async Task TakeAsync(NetworkStream stream, StreamReader reader, CancellationToken stopping)
    {
        var message = new StringBuilder();
        while (await reader.ReadLineAsync(stopping) is { } line && line != ".")
        {
            message.Append(line).Append("\r\n");
        }

        if (Answer(".") is { } refusal)
        {
            await SayAsync(stream, refusal);
            return;
        }

        Messages.Enqueue(message.ToString());
        await SayAsync(stream, "250 taken");
    }

    private static async Task SayAsync(NetworkStream stream, string line) => await stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"));
}
