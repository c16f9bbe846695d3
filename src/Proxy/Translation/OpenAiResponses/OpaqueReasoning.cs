namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>What stands in the <c>encrypted_content</c> of a reasoning item: the only place of this protocol for another provider's opaque bytes.</summary>
/// <remarks>
/// <code>
/// gAAAAABo…                      OpenAI's own: kept as ccgate.responses.rs_1|gAAAAABo…, for the item goes back with its id
/// ccgate.anthropic.EqQB…         another's signature of the thought
/// redacted:ccgate.anthropic.…    the same, of a thought without text
/// call:ccgate.gemini.CiQB…       the signature of the call that comes next: calls have no place for one
/// </code>
/// </remarks>
internal static class OpaqueReasoning
{
    public const string Maker = "responses";
    private const string Redacted = "redacted:";
    private const string Call = "call:";

    /// <summary>Marks what a provider of this protocol made.</summary>
    public static string Own(string? id, string encrypted) => Signatures.Mark(Maker, $"{id}|{encrypted}");

    /// <summary>The id (empty when there was none) and the bytes of what a provider of this protocol made; null when another one made it.</summary>
    public static (string Id, string Encrypted)? TryOwn(string? signature)
    {
        if (Signatures.For(Maker, signature) is not { } own)
        {
            return null;
        }

        var bar = own.IndexOf('|', StringComparison.Ordinal);
        return bar < 0 ? (string.Empty, own) : (own[..bar], own[(bar + 1)..]);
    }

    /// <summary>For a client, of a thought.</summary>
    public static string ForThought(string signature, bool isRedacted) =>
        TryOwn(signature) is { } own ? own.Encrypted : isRedacted ? Redacted + signature : signature;

    /// <summary>For a client, of the call that comes next.</summary>
    public static string ForCall(string signature) => Call + signature;

    /// <summary>Whether a client's item is there for the call behind it only.</summary>
    public static bool IsForCall(string encrypted, out string signature) => Strip(Call, encrypted, out signature);

    /// <summary>As it was kept before <see cref="ForThought"/>.</summary>
    public static (string Signature, bool IsRedacted) Read(string? id, string encrypted) =>
        Strip(Redacted, encrypted, out var signature) ? (signature, true)
        : encrypted.StartsWith(Signatures.Prefix, StringComparison.Ordinal) ? (encrypted, false)
        : (Own(id, encrypted), false);

    private static bool Strip(string prefix, string encrypted, out string signature)
    {
        var has = encrypted.StartsWith(prefix, StringComparison.Ordinal) && encrypted.AsSpan(prefix.Length).StartsWith(Signatures.Prefix);
        signature = has ? encrypted[prefix.Length..] : string.Empty;
        return has;
    }
}
