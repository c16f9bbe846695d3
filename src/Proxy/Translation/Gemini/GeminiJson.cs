using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>What requests, answers and streams of Gemini have in common: names in two spellings, parts, signatures, and models.</summary>
internal static class GeminiJson
{
    public const string Maker = "gemini";

    // Deeper than any surface lets a request be; what a model wrote as arguments may be deep too.
    public static readonly JsonDocumentOptions Syntax = new() { MaxDepth = 1024 };

    private const string Redacted = "ccgate:redacted:";

    /// <summary>Whether reading broken JSON, or text that is not Unicode, throws this.</summary>
    public static bool IsUnreadable(Exception error) =>
        error is JsonException or InvalidOperationException or FormatException or OverflowException or ArgumentException or KeyNotFoundException;

    /// <summary>The API takes <c>max_output_tokens</c> for <c>maxOutputTokens</c>.</summary>
    public static string Camel(string name)
    {
        if (!name.Contains('_', StringComparison.Ordinal))
        {
            return name;
        }

        var camel = new StringBuilder(name.Length);
        var isStart = false;
        foreach (var letter in name)
        {
            if (letter != '_')
            {
                camel.Append(isStart ? char.ToUpperInvariant(letter) : letter);
            }

            isStart = letter == '_' && camel.Length > 0;
        }

        return camel.ToString();
    }

    /// <summary>A member in either spelling; null when it is missing or null.</summary>
    public static JsonElement? Member(JsonElement parent, string camel)
    {
        if (parent.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        if (!parent.TryGetProperty(camel, out var value) && !parent.TryGetProperty(JsonNamingPolicy.SnakeCaseLower.ConvertName(camel), out value))
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Null ? null : value;
    }

    public static string? Text(JsonElement parent, string camel) => Member(parent, camel) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    public static bool IsTrue(JsonElement parent, string camel) => Member(parent, camel) is { ValueKind: JsonValueKind.True };

    /// <summary>A whole number, which may be written as a text.</summary>
    public static long? Whole(JsonElement? value) => value switch
    {
        { ValueKind: JsonValueKind.Number } number when number.TryGetDecimal(out var whole) && decimal.Truncate(whole) == whole && Math.Abs(whole) < long.MaxValue => (long)whole,
        { ValueKind: JsonValueKind.String } text when long.TryParse(text.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
        _ => null,
    };

    public static void WriteRaw(Utf8JsonWriter json, JsonElement value) => json.WriteRawValue(JsonMarshal.GetRawUtf8Value(value), skipInputValidation: true);

    /// <summary>Code that the provider ran, and what came of it, as text; null when the part is neither.</summary>
    public static string? CodeAsText(JsonElement part)
    {
        if (Member(part, "executableCode") is { ValueKind: JsonValueKind.Object } code)
        {
            return $"\n```{Text(code, "language")?.ToLowerInvariant()}\n{Text(code, "code")}\n```\n";
        }

        return Member(part, "codeExecutionResult") is { ValueKind: JsonValueKind.Object } result ? $"\n```\n{Text(result, "output")}\n```\n" : null;
    }

    /// <summary>What stands for a picture or a sound of the model's, for which no other protocol's answers have a place.</summary>
    public static string? MediaAsText(JsonElement part)
    {
        var media = Member(part, "inlineData") ?? Member(part, "fileData");
        return media is { ValueKind: JsonValueKind.Object } left ? $"\n[{Text(left, "mimeType") ?? "a file"} left out: a translated answer has no place for it]\n" : null;
    }

    /// <summary>Writes the arguments of a call as the object they have to be; a text that is none becomes its only member.</summary>
    public static void WriteArguments(Utf8JsonWriter json, string arguments, bool isFreeForm = false)
    {
        // Line breaks stand between the tokens only, and would end the frame of an event.
        if (!isFreeForm && ObjectIn(arguments.Replace('\n', ' ').Replace('\r', ' ')) is { } parsed)
        {
            WriteRaw(json, parsed);
            return;
        }

        json.WriteStartObject();
        if (isFreeForm || !string.IsNullOrWhiteSpace(arguments))
        {
            json.WriteString("input"u8, arguments);
        }

        json.WriteEndObject();
    }

    /// <summary>The object that a text is; null when it is something else.</summary>
    public static JsonElement? ObjectIn(string text)
    {
        if (!text.AsSpan().TrimStart().StartsWith('{'))
        {
            return null;
        }

        try
        {
            return JsonElement.Parse(text, Syntax);
        }
        catch (Exception error) when (IsUnreadable(error))
        {
            return null;
        }
    }

    /// <summary>A signature for a client, whose SDK reads the member as bytes in Base64 and fails where it is something else: that of another maker is wrapped.</summary>
    /// <remarks><c>thought_signature: Optional[bytes]</c> in https://googleapis.github.io/python-genai/genai.html#genai.types.Part.</remarks>
    public static string ForClient(string marked, bool isRedacted = false) =>
        Signatures.For(Maker, marked) ?? Convert.ToBase64String(Encoding.UTF8.GetBytes(isRedacted ? Redacted + marked : marked));

    /// <summary>A client's signature with its maker's name; see <see cref="ForClient"/>.</summary>
    public static (string Marked, bool IsRedacted) FromClient(string signature)
    {
        // What "ccgate" begins with in Base64.
        if (!signature.StartsWith("Y2NnYXRl", StringComparison.Ordinal) || Unwrap(signature) is not { } wrapped)
        {
            return (Signatures.Mark(Maker, signature), false);
        }

        var isRedacted = wrapped.StartsWith(Redacted, StringComparison.Ordinal);
        return (isRedacted ? wrapped[Redacted.Length..] : wrapped, isRedacted);
    }

    /// <summary>Whether the model is of Gemini 3 or newer; null when its name does not tell a generation that thinks.</summary>
    public static bool? IsThree(string model)
    {
        var start = model.LastIndexOf("gemini-", StringComparison.OrdinalIgnoreCase);
        if (start < 0)
        {
            return null;
        }

        var version = model.AsSpan(start + "gemini-".Length);
        if (version.StartsWith("2.5", StringComparison.Ordinal))
        {
            return false;
        }

        // gemini-pro-latest, gemini-flash-latest
        return !version.IsEmpty && (version[0] >= '3' || version.IndexOf("-latest", StringComparison.OrdinalIgnoreCase) > 0) ? true : null;
    }

    private static string? Unwrap(string signature)
    {
        var base64 = signature.Replace('-', '+').Replace('_', '/').TrimEnd('=');
        var bytes = new byte[base64.Length];
        var padded = base64.PadRight((base64.Length + 3) / 4 * 4, '=');
        if (!Convert.TryFromBase64String(padded, bytes, out var length))
        {
            return null;
        }

        var text = Encoding.UTF8.GetString(bytes, 0, length);
        return text.StartsWith(Signatures.Prefix, StringComparison.Ordinal) || text.StartsWith(Redacted + Signatures.Prefix, StringComparison.Ordinal) ? text : null;
    }
}
