using System.Security.Cryptography;
using System.Text;

namespace CCGate.Proxy.Translation;

/// <summary>Names of tools within the bounds of a provider.</summary>
internal static class ToolNames
{
    private const int HashChars = 8;

    /// <summary>The name itself where it fits, else its beginning and a hash of the whole: the same for the same name, another one for another.</summary>
    public static string Fit(string name, int max = 64)
    {
        if (name.Length is not 0 && name.Length <= max && name.AsSpan().IndexOfAnyExcept(Allowed) < 0)
        {
            return name;
        }

        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, HashChars / 2));
        var fitted = new StringBuilder(max);
        foreach (var letter in name.AsSpan(0, Math.Min(name.Length, max - HashChars - 1)))
        {
            fitted.Append(Allowed.Contains(letter) ? letter : '_');
        }

        return fitted.Append('_').Append(hash).ToString();
    }

    private static readonly System.Buffers.SearchValues<char> Allowed =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
}
