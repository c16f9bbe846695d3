using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;

namespace CCGate.Hosting.Administration;

/// <summary>The secrets in the document of an upstream: its keys, the values of its headers, the login of its proxy.</summary>
/// <remarks>In an event <c>sealed:HINT:CIPHERTEXT</c> stands for each; what is sealed for one upstream opens for no other.</remarks>
internal static class UpstreamSecrets
{
    private const string Prefix = "sealed:";

    /// <summary>The text of an element keeps the comments that it had in its file.</summary>
    private static readonly JsonDocumentOptions AsFiles = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>The document as it may be shown: without keys and the login of the proxy, null for the value of each header.</summary>
    /// <param name="document">An object.</param>
    /// <param name="isKnown">Whether a member is a setting: what nobody knows may be a misspelt key.</param>
    public static JsonElement Redact(JsonElement document, Func<string, bool> isKnown)
    {
        var shown = new JsonObject();
        foreach (var member in document.EnumerateObject())
        {
            if (member.Name is not ("key" or "keys") && isKnown(member.Name))
            {
                shown[member.Name] = (member.Name, member.Value.ValueKind) switch
                {
                    ("headers", JsonValueKind.Object) => new JsonObject(member.Value.EnumerateObject().DistinctBy(header => header.Name).Select(header => KeyValuePair.Create(header.Name, (JsonNode?)null))),
                    ("proxy", JsonValueKind.String) => JsonValue.Create(WithoutLogin(member.Value.GetString()!).Address),
                    _ => Node(member.Value),
                };
            }
        }

        return Element(shown);
    }

    /// <summary>The hints of its keys, in their order, each the last characters of one.</summary>
    public static IReadOnlyList<string> KeyHints(JsonElement kept) => [.. Texts(kept, "key").Concat(Texts(kept, "keys")).Select(HintIn)];

    /// <summary>Whether somebody wrote what only <see cref="Seal"/> writes.</summary>
    public static bool IsSealed(string text) => text.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Puts the secrets that were left out of a changed document into it, sealed as they were kept.</summary>
    public static void Keep(JsonObject document, JsonElement before)
    {
        if (document["key"] is null && document["keys"] is null)
        {
            Copy("key");
            Copy("keys");
        }

        if (document["headers"] is null)
        {
            Copy("headers");
        }
        else if (document["headers"] is JsonObject headers && before.TryGetProperty("headers", out var kept) && kept.ValueKind == JsonValueKind.Object)
        {
            foreach (var left in headers.Where(header => header.Value is null).Select(header => header.Key).ToList())
            {
                var known = kept.EnumerateObject().FirstOrDefault(header => string.Equals(header.Name, left, StringComparison.OrdinalIgnoreCase));
                headers[left] = known.Value.ValueKind == JsonValueKind.Undefined ? null : Node(known.Value);
            }
        }

        // The login stays with the proxy it is for, and goes to no other.
        if (Text(document["proxy"]) is { } proxy && Texts(before, "proxy").FirstOrDefault() is { } last && WithoutLogin(last).Address == proxy)
        {
            document["proxy"] = last;
        }

        void Copy(string name)
        {
            if (before.TryGetProperty(name, out var value))
            {
                document[name] = Node(value);
            }
        }
    }

    /// <summary>Seals every secret of a document that is good, but for those that are.</summary>
    public static JsonElement Seal(JsonObject document, string upstreamId, SecretBox box)
    {
        var purpose = EventRecord.UpstreamStream(upstreamId);
        if (Text(document["key"]) is { } key)
        {
            document["key"] = Sealed(key);
        }

        if (document["keys"] is JsonArray keys)
        {
            document["keys"] = new JsonArray([.. keys.Select(text => (JsonNode)Sealed(Text(text)!))]);
        }

        foreach (var (name, value) in document["headers"] is JsonObject headers ? headers.ToList() : [])
        {
            document["headers"]![name] = Text(value) is { } text ? Sealed(text) : null;
        }

        if (Text(document["proxy"]) is { } proxy && WithoutLogin(proxy) is { Login: { } login } parts && !IsSealed(Uri.UnescapeDataString(login)))
        {
            // Without a hint: the end of a password is too much of it.
            document["proxy"] = parts.Address.Insert(parts.Address.IndexOf("://", StringComparison.Ordinal) + 3, Uri.EscapeDataString($"{Prefix}:{box.Seal(purpose, login)}") + "@");
        }

        return Element(document);

        string Sealed(string text) => IsSealed(text) ? text : $"{Prefix}{HintOf(text)}:{box.Seal(purpose, text)}";
    }

    /// <summary>The upstream with its secrets open; one that no request can use when they cannot be opened here.</summary>
    public static UpstreamConfig Open(UpstreamConfig kept, Func<SecretBox>? secrets)
    {
        var login = kept.Proxy is { } proxy && Uri.UnescapeDataString(proxy.UserInfo) is var text && IsSealed(text) ? text : null;
        if (login is null && !kept.Keys.Concat(kept.Headers.Values).Any(secret => IsSealed(secret.Reveal())))
        {
            return kept;
        }

        try
        {
            var box = secrets?.Invoke() ?? throw new InvalidOperationException("there is no key here to open its secrets with");
            return kept with
            {
                Keys = [.. kept.Keys.Select(key => new Secret(Opened(key.Reveal())))],
                Headers = kept.Headers.SetItems(kept.Headers.Select(header => KeyValuePair.Create(header.Key, new Secret(Opened(header.Value.Reveal()))))),
                Proxy = login is null ? kept.Proxy : WithLogin(kept.Proxy!, Opened(login)),
            };

            string Opened(string written) => !IsSealed(written) ? written
                : box.Unseal(EventRecord.UpstreamStream(kept.Id), written[(written.LastIndexOf(':') + 1)..])
                    ?? throw new InvalidOperationException($"its secrets were sealed with another key; give every process the same secretsKey in {ServerFile.Name}, or declare its secrets again");
        }
        catch (Exception error) when (error is InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            return kept with { Enabled = false, Keys = [], Headers = kept.Headers.Clear(), Proxy = null, Fault = error.Message };
        }
    }

    /// <summary>The end of a secret, which tells it from others and nobody anything.</summary>
    private static string HintOf(string secret) => secret.Length > 8 ? secret[^4..] : "";

    private static string HintIn(string written) => IsSealed(written) ? written[Prefix.Length..written.LastIndexOf(':')] : "";

    /// <summary>An address as it is written, which in a file may be no address yet, apart from its login.</summary>
    private static (string Address, string? Login) WithoutLogin(string address)
    {
        var begin = address.IndexOf("://", StringComparison.Ordinal) is var scheme and >= 0 ? scheme + 3 : 0;
        var at = address.LastIndexOf('@');
        return at < begin ? (address, null) : (address.Remove(begin, at + 1 - begin), address[begin..at]);
    }

    /// <summary>As it would be written, so that what follows is the same whoever declared it.</summary>
    private static Uri WithLogin(Uri address, string login) => new(address.AbsoluteUri.Replace($"://{address.UserInfo}@", $"://{login}@", StringComparison.Ordinal));

    private static IEnumerable<string> Texts(JsonElement document, string name) => !document.TryGetProperty(name, out var value) ? []
        : value.ValueKind == JsonValueKind.String ? [value.GetString()!]
        : value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)
        : [];

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static JsonNode? Node(JsonElement value) => JsonNode.Parse(value.GetRawText(), nodeOptions: null, AsFiles);

    private static JsonElement Element(JsonObject node) => JsonElement.Parse(node.ToJsonString());
}
