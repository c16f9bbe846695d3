using System.Collections.Immutable;

namespace CCGate.Contracts;

/// <summary>A model name in which <c>*</c> stands for anything, also nothing; case does not matter, the whole name must match.</summary>
public static class ModelPattern
{
    public static bool Matches(string pattern, string model)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(model);
        var (p, m) = (0, 0);
        var (star, resume) = (-1, 0);
        while (m < model.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, resume) = (p++, m);
            }
            else if (p < pattern.Length && char.ToUpperInvariant(pattern[p]) == char.ToUpperInvariant(model[m]))
            {
                p++;
                m++;
            }
            else if (star >= 0)
            {
                // Only the last star needs to be tried again: an earlier one already matched as little as it can.
                (p, m) = (star + 1, ++resume);
            }
            else
            {
                return false;
            }
        }

        return pattern.AsSpan(p).TrimStart('*').IsEmpty;
    }

    /// <summary>Whether one of the patterns stands for the model.</summary>
    public static bool MatchesAny(ImmutableArray<string> patterns, string model)
    {
        foreach (var pattern in patterns)
        {
            if (Matches(pattern, model))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the pattern stands for more than one name.</summary>
    public static bool IsWildcard(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return pattern.Contains('*', StringComparison.Ordinal);
    }

    /// <summary>Whether the pattern stands for every name.</summary>
    public static bool IsCatchAll(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return pattern.Length > 0 && pattern.AsSpan().Trim('*').IsEmpty;
    }

    /// <summary>Higher is more specific: a name without a star beats any pattern, then more literal text beats less.</summary>
    public static int Specificity(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var literals = pattern.Length - pattern.AsSpan().Count('*');
        return literals == pattern.Length ? int.MaxValue : literals;
    }
}
