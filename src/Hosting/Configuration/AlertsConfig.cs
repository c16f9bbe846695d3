using System.Collections.Immutable;
using CCGate.Hosting.Secrets;

namespace CCGate.Hosting.Configuration;

/// <summary>Where operators are told of what needs them, and of what. It writes neither secrets nor addresses down: those of chat services are secrets too.</summary>
/// <param name="Webhook">Null when there is none.</param>
/// <param name="Secret">Signs what is posted.</param>
internal sealed record AlertsConfig(Uri? Webhook, Secret? Secret)
{
    /// <summary>Null when nobody is written to.</summary>
    public EmailConfig? Email { get; init; }

    public ImmutableArray<string> Kinds { get; init; } = AlertKinds.All;

    public override string ToString() => string.Join(" and ", ((string?[])[Webhook?.Host, Email?.Host]).OfType<string>());
}

/// <summary>What operators can be told of.</summary>
internal static class AlertKinds
{
    public const string SoftLimit = "soft_limit";
    public const string BudgetExhausted = "budget_exhausted";
    public const string BreakerOpen = "breaker_open";
    public const string UnknownUsage = "unknown_usage";
    public const string CaptureRatio = "capture_ratio";
    public const string ProjectionStopped = "projection_stopped";
    public const string SignInLocked = "sign_in_locked";

    public static readonly ImmutableArray<string> All = [SoftLimit, BudgetExhausted, BreakerOpen, UnknownUsage, CaptureRatio, ProjectionStopped, SignInLocked];
}

/// <summary>How the connection to a mail server is protected.</summary>
internal enum SmtpSecurity
{
    /// <summary>It begins in the clear and must be turned into TLS before anything is said.</summary>
    StartTls,

    /// <summary>From the first byte.</summary>
    Tls,

    /// <summary>Not at all.</summary>
    None,
}

/// <summary>A mail server, and who writes to whom.</summary>
internal sealed record EmailConfig(string Host, int Port, SmtpSecurity Security, string? Username, Secret? Password, string From, ImmutableArray<string> To)
{
    public override string ToString() => Host;
}

/// <summary>Reads <c>alerts</c> of server.json.</summary>
internal static class AlertsSection
{
    public static AlertsConfig? Read(ConfigNode? node)
    {
        if (node is null)
        {
            return null;
        }

        var webhook = node.Url("webhook", "http", "https");
        var secret = node.String("secret");
        if (secret is { Length: 0 })
        {
            node.Error("secret", "is empty", "a string that the receiver knows as well; leave it out to send without a signature");
        }

        var email = ReadEmail(node.Object("email"));
        var kinds = node.Strings("kinds", AlertKinds.All);
        if (kinds.FirstOrDefault(kind => !AlertKinds.All.Contains(kind)) is { } unknown)
        {
            node.Error("kinds", $"has \"{unknown}\"", string.Join(", ", AlertKinds.All));
        }

        node.Finish();
        return webhook is null && email is null ? null : new AlertsConfig(webhook, secret) { Email = email, Kinds = kinds };
    }

    private static EmailConfig? ReadEmail(ConfigNode? node)
    {
        if (node is null)
        {
            return null;
        }

        var security = node.Choice("tls", SmtpSecurity.StartTls, ("starttls", SmtpSecurity.StartTls), ("tls", SmtpSecurity.Tls), ("none", SmtpSecurity.None));
        var port = (int)node.Integer("port", security switch { SmtpSecurity.StartTls => 587, SmtpSecurity.Tls => 465, _ => 25 }, 1, 65_535);
        var (host, from) = (node.RequiredString("host"), node.RequiredString("from"));
        var (username, password) = (node.String("username"), node.String("password"));
        var to = node.Strings("to", []);
        CheckAddresses(node, from, to);
        if (username is null != password is null)
        {
            node.Error(username is null ? "username" : "password", "is missing", "both username and password, or neither");
        }

        if (password is not null && security == SmtpSecurity.None && host is not ("localhost" or "127.0.0.1" or "::1"))
        {
            node.Error("tls", "is \"none\" while there is a password", "starttls or tls, so that nobody on the way reads it");
        }

        node.Finish();
        return host is null || from is null ? null : new EmailConfig(host, port, security, username, password, from, to);
    }

    private static void CheckAddresses(ConfigNode node, string? from, ImmutableArray<string> to)
    {
        if (to.IsEmpty)
        {
            node.Error("to", "is missing", "the addresses that are written to");
        }

        foreach (var (member, address) in to.Select(address => ("to", address)).Append(("from", from ?? "a@b")))
        {
            // It becomes a line of the protocol: nothing may end that line early.
            if (!address.Contains('@', StringComparison.Ordinal) || address.Any(letter => letter <= ' ' || letter is '<' or '>' or '\x7f'))
            {
                node.Error(member, "is not an address", "such as operations@example.com, without a name");
            }
        }
    }
}
