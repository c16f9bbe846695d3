using System.Collections.Frozen;
using System.Collections.Immutable;
using CCGate.Contracts;

namespace CCGate.Hosting.Configuration;

/// <summary>Names of models and what each stands for; a name comes before a pattern, and a pattern before one that says less.</summary>
internal sealed class ModelMap
{
    public static readonly ModelMap Empty = new([]);

    private readonly FrozenDictionary<string, string> names;
    private readonly ImmutableArray<KeyValuePair<string, string>> patterns;

    public ModelMap(IEnumerable<KeyValuePair<string, string>> entries)
    {
        var all = entries.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
        names = all.Where(entry => !ModelPattern.IsWildcard(entry.Key)).ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);
        patterns = [.. all.Where(entry => ModelPattern.IsWildcard(entry.Key)).OrderByDescending(entry => ModelPattern.Specificity(entry.Key)).ThenBy(entry => entry.Key, StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>The names that are no patterns.</summary>
    public ImmutableArray<string> Names => names.Keys;

    public IEnumerable<KeyValuePair<string, string>> Entries => names.Concat(patterns);

    /// <summary>What the name stands for; null when it stands for nothing but itself.</summary>
    public string? Find(string model)
    {
        if (names.TryGetValue(model, out var target))
        {
            return target;
        }

        foreach (var (pattern, meant) in patterns)
        {
            if (ModelPattern.Matches(pattern, model))
            {
                return meant;
            }
        }

        return null;
    }

    /// <summary>These entries, and of the others those whose names are not among them.</summary>
    public ModelMap Over(ModelMap others) => others == Empty ? this : new(Entries.UnionBy(others.Entries, entry => entry.Key, StringComparer.OrdinalIgnoreCase));
}
