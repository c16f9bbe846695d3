using System.Globalization;

namespace CCGate.Projections.Settings;

/// <summary>Variables of the environment that stand in a file for secrets, each with a name of its own.</summary>
internal sealed class SecretPlaceholders
{
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);
    private readonly List<string> inFile = [];

    /// <summary>A new variable, as a file writes it.</summary>
    public string Add(string name)
    {
        var wanted = string.Concat($"CCGATE_{name}".ToUpperInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'));
        var given = wanted;
        for (var number = 2; !taken.Add(given); number++)
        {
            given = string.Create(CultureInfo.InvariantCulture, $"{wanted}_{number}");
        }

        inFile.Add(given);
        return $"${{{given}}}";
    }

    /// <summary>The address with its password, or a user name alone, behind a variable.</summary>
    public string WithoutLogin(Uri address, string name)
    {
        if (address.UserInfo.Length == 0)
        {
            return address.OriginalString;
        }

        var user = address.UserInfo.IndexOf(':', StringComparison.Ordinal) is var colon and >= 0 ? address.UserInfo[..(colon + 1)] : "";
        var begin = address.OriginalString.IndexOf("://", StringComparison.Ordinal) + 3;
        return $"{address.OriginalString[..begin]}{user}{Add(name)}{address.OriginalString[address.OriginalString.LastIndexOf('@')..]}";
    }

    /// <summary>Those that were added since this was asked last.</summary>
    public IReadOnlyList<string> Take()
    {
        string[] names = [.. inFile];
        inFile.Clear();
        return names;
    }
}
