using System.Globalization;
using System.Text;
using CCGate.Hosting.Configuration;

namespace CCGate.Projections.Notifications;

/// <summary>A notification as an e-mail (RFC 5322): one plain text in UTF-8, as base64, so that no line of it can mean anything to the protocol.</summary>
internal static class EmailText
{
    private const int MaxSubject = 200;

    // An encoded word has at most 75 characters; 30 of UTF-16 are at most 90 bytes, too many, so 12 at a time.
    private const int WordLength = 12;

    public static string Of(Notification notification, EmailConfig email)
    {
        var domain = email.From[(email.From.LastIndexOf('@') + 1)..];
        var body = Convert.ToBase64String(Encoding.UTF8.GetBytes(notification.Text.ReplaceLineEndings("\r\n") + "\r\n"), Base64FormattingOptions.InsertLineBreaks);
        return string.Join(
            "\r\n",
            $"From: CCGate <{email.From}>",
            $"To: {string.Join(",\r\n ", email.To.Select(address => $"<{address}>"))}",
            $"Date: {notification.At.ToString("ddd, dd MMM yyyy HH:mm:ss", CultureInfo.InvariantCulture)} +0000",
            $"Message-ID: <{notification.Id}@{domain}>",
            $"Subject: {Subject("[CCGate] " + notification.Subject)}",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            "",
            body,
            "");
    }

    /// <summary>What is not plain ASCII becomes encoded words; a line break, which would begin another header, a space.</summary>
    private static string Subject(string written)
    {
        var line = new string([.. written.Select(letter => char.IsControl(letter) ? ' ' : letter).Take(MaxSubject)]);
        if (line.All(letter => letter is >= ' ' and <= '~') && !line.Contains("=?", StringComparison.Ordinal))
        {
            return line;
        }

        var words = new List<string>();
        for (var start = 0; start < line.Length;)
        {
            var length = Math.Min(WordLength, line.Length - start);
            length -= char.IsHighSurrogate(line[start + length - 1]) && length > 1 ? 1 : 0;
            words.Add($"=?utf-8?B?{Convert.ToBase64String(Encoding.UTF8.GetBytes(line.Substring(start, length)))}?=");
            start += length;
        }

        return string.Join("\r\n ", words);
    }
}
