using System.Collections.Concurrent;

namespace CCGate.Proxy.Telemetry;

/// <summary>The first names that come, each as itself, and all others as one: a label must not grow with what clients choose.</summary>
/// <param name="max">How many are told apart.</param>
internal sealed class BoundedNames(int max)
{
    public const string Other = "other";

    /// <summary>No tenant, and no model that can be asked for, has a longer one.</summary>
    private const int LongestName = 256;

    private readonly Lock gate = new();
    private readonly ConcurrentDictionary<string, string> names = new(StringComparer.Ordinal);
    private volatile bool full = max <= 0;

    public string Of(string name)
    {
        // Without a lock, which every request would wait for.
        if (names.TryGetValue(name, out var known))
        {
            return known;
        }

        return full || name.Length > LongestName ? Other : Add(name);
    }

    private string Add(string name)
    {
        lock (gate)
        {
            if (full)
            {
                return names.GetValueOrDefault(name, Other);
            }

            names.TryAdd(name, name);
            full = names.Count >= max;
            return name;
        }
    }
}
