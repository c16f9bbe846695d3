using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using CCGate.Hosting.Configuration;

namespace CCGate.Projections.Notifications;

/// <summary>Hands an e-mail to a mail server (RFC 5321, 3207, 4954). The one of .NET cannot speak TLS from the first byte, which RFC 8314 asks for.</summary>
internal sealed class SmtpClient(TimeProvider time)
{
    private const int MaxReply = 64 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Null when the server took it, else why not.</summary>
    public async Task<string?> SendAsync(EmailConfig email, string message, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            using var connection = new TcpClient();
            await connection.ConnectAsync(email.Host, email.Port, either.Token);
            await TalkAsync(connection.GetStream(), email, message, either.Token);
            return null;
        }
        catch (SmtpException refused)
        {
            return refused.Message;
        }
        catch (Exception failure) when (failure is SocketException or IOException or AuthenticationException
            || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return patience.IsCancellationRequested ? "no answer in time" : "it cannot be reached: " + failure.Message;
        }
    }

    private static async Task TalkAsync(Stream plain, EmailConfig email, string message, CancellationToken cancellationToken)
    {
        Stream stream = email.Security == SmtpSecurity.Tls ? await SecureAsync(plain, email.Host, cancellationToken) : plain;
        await ExpectAsync(stream, 220, "the greeting", cancellationToken);
        var offers = await AskAsync(stream, "EHLO ccgate", 250, "EHLO", cancellationToken);
        if (email.Security == SmtpSecurity.StartTls)
        {
            // Not secured means not sent: whoever sits between can take the offer out of the answer.
            await AskAsync(stream, "STARTTLS", 220, "STARTTLS", cancellationToken);
            stream = await SecureAsync(plain, email.Host, cancellationToken);
            offers = await AskAsync(stream, "EHLO ccgate", 250, "EHLO", cancellationToken);
        }

        if (email is { Username: { } username, Password: { } password })
        {
            await SignInAsync(stream, offers, username, password.Reveal(), cancellationToken);
        }

        await AskAsync(stream, $"MAIL FROM:<{email.From}>", 250, "MAIL FROM", cancellationToken);
        foreach (var address in email.To)
        {
            await AskAsync(stream, $"RCPT TO:<{address}>", 250, "RCPT TO", cancellationToken);
        }

        await AskAsync(stream, "DATA", 354, "DATA", cancellationToken);
        await AskAsync(stream, message.TrimEnd() + "\r\n.", 250, "the message", cancellationToken);
        try
        {
            await WriteAsync(stream, "QUIT", cancellationToken);
        }
        catch (IOException)
        {
            // It is taken; sending it again because the goodbye failed would deliver it twice.
        }
    }

    private static async Task SignInAsync(Stream stream, string offers, string username, string password, CancellationToken cancellationToken)
    {
        static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

        var ways = offers.Split('\n').FirstOrDefault(line => line.Length > 4 && line[4..].StartsWith("AUTH", StringComparison.OrdinalIgnoreCase)) ?? "";
        if (ways.Contains("PLAIN", StringComparison.OrdinalIgnoreCase) || !ways.Contains("LOGIN", StringComparison.OrdinalIgnoreCase))
        {
            await AskAsync(stream, "AUTH PLAIN " + Base64($"\0{username}\0{password}"), 235, "AUTH", cancellationToken);
            return;
        }

        await AskAsync(stream, "AUTH LOGIN", 334, "AUTH", cancellationToken);
        await AskAsync(stream, Base64(username), 334, "AUTH", cancellationToken);
        await AskAsync(stream, Base64(password), 235, "AUTH", cancellationToken);
    }

    private static async Task<SslStream> SecureAsync(Stream plain, string host, CancellationToken cancellationToken)
    {
        var secured = new SslStream(plain, leaveInnerStreamOpen: false);
        await secured.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = host }, cancellationToken);
        return secured;
    }

    private static async Task<string> AskAsync(Stream stream, string command, int expected, string name, CancellationToken cancellationToken)
    {
        await WriteAsync(stream, command, cancellationToken);
        return await ExpectAsync(stream, expected, name, cancellationToken);
    }

    private static Task WriteAsync(Stream stream, string line, CancellationToken cancellationToken) => stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\r\n"), cancellationToken).AsTask();

    /// <summary>Reads a reply: lines of <c>250-text</c>, the last one <c>250 text</c>. A byte at a time, so that nothing of what TLS will say is swallowed.</summary>
    /// <exception cref="SmtpException">It is another one. The message names the step and the code; the server's own words may repeat what it was sent.</exception>
    private static async Task<string> ExpectAsync(Stream stream, int expected, string name, CancellationToken cancellationToken)
    {
        var reply = new StringBuilder();
        var one = new byte[1];
        for (var line = 0; ;)
        {
            if (reply.Length >= MaxReply || await stream.ReadAsync(one, cancellationToken) == 0)
            {
                throw new SmtpException($"the mail server ended the conversation at {name}");
            }

            reply.Append((char)one[0]);
            if (one[0] != '\n')
            {
                continue;
            }

            if (reply.Length - line < 4 || reply[line + 3] != '-')
            {
                var code = reply.ToString(line, Math.Min(3, reply.Length - line));
                return int.TryParse(code, out var number) && number == expected
                    ? reply.ToString()
                    : throw new SmtpException($"the mail server answered {number} to {name}");
            }

            line = reply.Length;
        }
    }

    private sealed class SmtpException(string message) : Exception(message);
}
