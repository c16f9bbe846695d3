using System.Globalization;
using System.Text;

namespace CCGate.Projections.Export;

/// <summary>Comma-separated values as RFC 4180 has them: lines end with CRLF, and what holds a comma, a quote or a line end is quoted.</summary>
internal static class CsvText
{
    public const string LineEnd = "\r\n";

    public static string Line(IEnumerable<object?> values) => string.Join(',', values.Select(Field));

    /// <summary>The records of a text, blank ones left out.</summary>
    /// <exception cref="FormatException">A quote is not closed.</exception>
    public static IEnumerable<IReadOnlyList<string>> Read(string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var fields = new List<string>();
            do
            {
                fields.Add(ReadField(text, ref at));
            }
            while (at < text.Length && text[at++] == ',');

            if (at < text.Length && text[at] == '\n' && text[at - 1] == '\r')
            {
                at++;
            }

            if (fields is not [""])
            {
                yield return fields;
            }
        }
    }

    private static string ReadField(string text, ref int at)
    {
        if (at >= text.Length || text[at] != '"')
        {
            var length = text.AsSpan(at).IndexOfAny(",\r\n");
            var plain = length < 0 ? text[at..] : text.Substring(at, length);
            at += plain.Length;
            return plain;
        }

        var quoted = new StringBuilder();
        for (at++; ; at++)
        {
            if (at >= text.Length)
            {
                throw new FormatException("A quote is not closed.");
            }

            if (text[at] != '"')
            {
                quoted.Append(text[at]);
            }
            else if (at + 1 < text.Length && text[at + 1] == '"')
            {
                quoted.Append('"');
                at++;
            }
            else
            {
                at++;
                return quoted.ToString();
            }
        }
    }

    private static string Field(object? value) => value switch
    {
        string text => Quoted(Harmless(text)),
        DateTimeOffset instant => instant.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture),
        DateOnly day => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        decimal amount => amount.ToString("0.############################", CultureInfo.InvariantCulture),
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    /// <summary>A spreadsheet runs a text that begins like this as a formula, and clients choose the names of models and sessions. Numbers are never touched.</summary>
    private static string Harmless(string text) => text is ['=' or '+' or '-' or '@' or '\t' or '\r' or '\n', ..] ? "'" + text : text;

    private static string Quoted(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : '"' + text.Replace("\"", "\"\"", StringComparison.Ordinal) + '"';
}
