using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CCGate.Proxy.Translation;

/// <summary>Names of tools as an upstream allows them, and back.</summary>
/// <remarks>Names that differ stay different: what is cut off or replaced is told by the hash of the whole name.</remarks>
internal static class ToolNames
{
    private const int HashLength = 9;
    private const int MostLetters = 64; // developers.openai.com/api/reference: function names of both its protocols.
    private static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    /// <summary>The name itself where it is allowed: letters, digits, <c>_</c> and <c>-</c>, and no more than <paramref name="max"/> of them.</summary>
    public static string Fit(string name, int max = MostLetters) => IsAllowed(name, max) ? name : string.Create(CultureInfo.InvariantCulture, $"{Prefix(name, max - HashLength)}_{Hash(name):x8}");

    /// <summary>The name that a client gave the tool which an upstream calls by the fitted one, whatever length was allowed.</summary>
    public static string Restore(List<Tool> tools, string fitted)
    {
        foreach (var tool in tools)
        {
            if (tool.Name == fitted)
            {
                return fitted;
            }
        }

        foreach (var tool in tools)
        {
            // Of a name that was allowed nothing was cut, so its fitted form has its length.
            if (fitted.Length > HashLength && Fit(tool.Name, fitted.Length) == fitted)
            {
                return tool.Name;
            }
        }

        return fitted;
    }

    private static uint Hash(string name) => BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name)));

    private static bool IsAllowed(string name, int max) => name.Length > 0 && name.Length <= max && !name.AsSpan().ContainsAnyExcept(Allowed);

    private static string Prefix(string name, int length)
    {
        var prefix = new StringBuilder(name, 0, Math.Min(name.Length, length), length + HashLength);
        for (var at = 0; at < prefix.Length; at++)
        {
            prefix[at] = Allowed.Contains(prefix[at]) ? prefix[at] : '_';
        }

        return prefix.ToString();
    }
}
