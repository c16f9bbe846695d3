using System.Text;

namespace CCGate.Tests.Unit.Proxy.Translation;

/// <summary>Documents as a broken or malicious peer sends them.</summary>
internal static class Hostile
{
    private static readonly string[] Values = ["null", "true", "-1", "1e99", "\"\\ud800\"", "[]", "{}", "\"\"", "[[]]"];

    /// <summary>Cuts a document off, changes a letter of it, or puts another value in the place of one.</summary>
    public static string Mutate(string document, Random random)
    {
        var at = random.Next(document.Length);
        switch (random.Next(4))
        {
            case 0:
                return document[..at];
            case 1:
                return new StringBuilder(document) { [at] = (char)random.Next(32, 127) }.ToString();
            default:
                var colon = document.IndexOf(':', at);
                var end = colon < 0 ? -1 : document.IndexOfAny([',', '}'], colon);
                return end < 0 ? document : document[..(colon + 1)] + Values[random.Next(Values.Length)] + document[end..];
        }
    }
}
