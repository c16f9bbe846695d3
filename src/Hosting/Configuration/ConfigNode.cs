using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Hosting.Secrets;

namespace CCGate.Hosting.Configuration;

/// <summary>Something wrong, or worth knowing, about one setting.</summary>
/// <param name="File">The file's name, such as <c>tenants.json</c>.</param>
/// <param name="Path">JSON path, such as <c>$.tenants[0].key</c>.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Allowed">What would be right; null when the message says it.</param>
/// <param name="IsWarning">The file can be used as it is.</param>
internal sealed record ConfigProblem(string File, string Path, string Message, string? Allowed, bool IsWarning)
{
    public override string ToString() =>
        $"{File}: {Path}: {(IsWarning ? "warning: " : "")}{Message}{(Allowed is null ? "" : $" (allowed: {Allowed})")}";
}

/// <summary>One JSON object of a configuration file, read member by member; every problem is noted and reading goes on.</summary>
/// <param name="element">The object.</param>
/// <param name="file">Where it comes from, for what is reported.</param>
/// <param name="path">Its JSON path there.</param>
/// <param name="problems">Where problems are noted.</param>
/// <param name="isLiteral">Whether <c>${NAME}</c> means itself: the environment is for whoever can write the files, not for who can call the API.</param>
internal sealed partial class ConfigNode(JsonElement element, string file, string path, List<ConfigProblem> problems, bool isLiteral = false)
{
    /// <summary>Of the name of a model: it goes into the event, which is kept for ever.</summary>
    public const int LongestModel = 200;

    private static readonly string[] InstantFormats = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd"];

    private readonly HashSet<string> known = new(StringComparer.Ordinal);

    public string Path => path;

    public JsonElement Element => element;

    public void Error(string name, string message, string? allowed = null) => problems.Add(new ConfigProblem(file, At(name), message, allowed, IsWarning: false));

    public void Warn(string name, string message) => problems.Add(new ConfigProblem(file, At(name), message, null, IsWarning: true));

    public bool Has(string name) => TryGet(name, out _);

    /// <summary>Whether somebody asked for such a member.</summary>
    public bool Knows(string name) => known.Contains(name);

    public string? String(string name)
    {
        if (!TryGet(name, out var value))
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.String)
        {
            // Not what it says: it may be a key somebody forgot to quote.
            Error(name, $"is not a string but a {value.ValueKind}", "a string");
            return null;
        }

        return Substitute(name, value.GetString()!);
    }

    public string? RequiredString(string name)
    {
        var value = String(name);
        if (string.IsNullOrWhiteSpace(value) && (value is not null || !Has(name)))
        {
            Error(name, value is null ? "is missing" : "is empty", "a string");
            return null;
        }

        return value;
    }

    public bool Boolean(string name, bool otherwise)
    {
        if (!TryGet(name, out var value))
        {
            return otherwise;
        }

        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
        {
            Error(name, $"is {Describe(value)}", "true or false");
            return otherwise;
        }

        return value.GetBoolean();
    }

    public decimal? Number(string name, decimal min, decimal max, bool whole = false)
    {
        if (!TryGet(name, out var value))
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDecimal(out var number) || number < min || number > max || (whole && number != decimal.Truncate(number)))
        {
            Error(name, $"is {Describe(value)}", string.Create(CultureInfo.InvariantCulture, $"{(whole ? "a whole number" : "a number")} from {min} to {max}"));
            return null;
        }

        return number;
    }

    public long Integer(string name, long otherwise, long min, long max) => (long?)Number(name, min, max, whole: true) ?? otherwise;

    public TimeSpan Seconds(string name, TimeSpan otherwise) =>
        Number(name, 0.001m, 86_400m) is { } seconds ? TimeSpan.FromSeconds((double)seconds) : otherwise;

    public TimeSpan Milliseconds(string name, TimeSpan otherwise) =>
        Number(name, 0m, 86_400_000m) is { } milliseconds ? TimeSpan.FromMilliseconds((double)milliseconds) : otherwise;

    public T Choice<T>(string name, T otherwise, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        if (String(name) is not { } written)
        {
            return otherwise;
        }

        foreach (var choice in choices)
        {
            if (string.Equals(choice.Name, written, StringComparison.OrdinalIgnoreCase))
            {
                return choice.Value;
            }
        }

        var names = new string[choices.Length];
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = choices[i].Name;
        }

        Error(name, $"is \"{written}\"", string.Join(", ", names));
        return otherwise;
    }

    /// <summary>A point in time; without an offset it is in UTC, and a date is its first instant.</summary>
    public DateTimeOffset? Instant(string name)
    {
        if (String(name) is not { } written)
        {
            return null;
        }

        if (DateTimeOffset.TryParseExact(written, InstantFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var instant))
        {
            return instant;
        }

        Error(name, $"is \"{written}\"", "an instant such as 2027-01-31T18:00:00Z");
        return null;
    }

    /// <summary><c>abort</c> of the server or of a tenant.</summary>
    public AbortPolicy Abort() => Choice("abort", AbortPolicy.Cancel, ("cancel", AbortPolicy.Cancel), ("drain", AbortPolicy.Drain));

    public Uri? Url(string name, params ReadOnlySpan<string> schemes)
    {
        if (String(name) is not { } written)
        {
            return null;
        }

        if (!Uri.TryCreate(written, UriKind.Absolute, out var url) || !schemes.Contains(url.Scheme) || url.Host.Length == 0)
        {
            Error(name, "is not an address", string.Join(" or ", schemes.ToArray().Select(scheme => $"{scheme}://host[:port][/path]")));
            return null;
        }

        return url;
    }

    public ImmutableArray<string> Strings(string name, ImmutableArray<string> otherwise)
    {
        if (!TryGet(name, out var value))
        {
            return otherwise;
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            Error(name, $"is {DescribeUnquoted(value)}", "an array of strings");
            return otherwise;
        }

        var strings = ImmutableArray.CreateBuilder<string>();
        foreach (var (index, item) in value.EnumerateArray().Index())
        {
            if (item.ValueKind != JsonValueKind.String)
            {
                Error($"{name}[{index}]", $"is not a string but a {item.ValueKind}", "a string");
                continue;
            }

            strings.Add(Substitute($"{name}[{index}]", item.GetString()!));
        }

        return strings.ToImmutable();
    }

    public ImmutableArray<decimal> Numbers(string name, decimal min, decimal max, ImmutableArray<decimal> otherwise)
    {
        if (!TryGet(name, out var value))
        {
            return otherwise;
        }

        var numbers = ImmutableArray.CreateBuilder<decimal>();
        foreach (var item in value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : default)
        {
            if (item.ValueKind == JsonValueKind.Number && item.TryGetDecimal(out var number) && number >= min && number <= max)
            {
                numbers.Add(number);
            }
        }

        if (value.ValueKind != JsonValueKind.Array || numbers.Count < value.GetArrayLength())
        {
            Error(name, $"is {Describe(value)}", string.Create(CultureInfo.InvariantCulture, $"an array of numbers from {min} to {max}"));
        }

        return numbers.ToImmutable();
    }

    public ImmutableDictionary<string, string> Map(string name)
    {
        var map = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.OrdinalIgnoreCase);
        if (Object(name) is { } node)
        {
            foreach (var member in node.Element.EnumerateObject())
            {
                if (node.String(member.Name) is { } value)
                {
                    map[member.Name] = value;
                }
            }
        }

        return map.ToImmutable();
    }

    /// <summary>As <see cref="Map"/>, with values that nobody may read.</summary>
    public ImmutableDictionary<string, Secret> Secrets(string name) => Map(name).ToImmutableDictionary(pair => pair.Key, pair => new Secret(pair.Value), StringComparer.OrdinalIgnoreCase);

    /// <summary>Names of models, with <c>*</c> for anything, and the model that each stands for.</summary>
    public ModelMap Models(string name)
    {
        var map = Map(name);
        foreach (var (pattern, target) in map)
        {
            CheckModel($"{name}.{pattern}", target);
        }

        return map.IsEmpty ? ModelMap.Empty : new ModelMap(map);
    }

    /// <summary>One model, not a pattern of several.</summary>
    public string? Model(string name)
    {
        var model = String(name);
        if (model is not null)
        {
            CheckModel(name, model);
        }

        return model;
    }

    private void CheckModel(string name, string model)
    {
        if (string.IsNullOrWhiteSpace(model) || model.Length > LongestModel || model.Contains('*', StringComparison.Ordinal))
        {
            Error(name, model.Length > LongestModel ? "is too long" : $"is \"{model}\"", $"the name of one model, without *, at most {LongestModel} characters");
        }
    }

    public ConfigNode? Object(string name)
    {
        if (!TryGet(name, out var value))
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            Error(name, $"is {DescribeUnquoted(value)}", "an object");
            return null;
        }

        return new ConfigNode(value, file, At(name), problems, isLiteral);
    }

    public IEnumerable<ConfigNode> Objects(string name)
    {
        if (!TryGet(name, out var value))
        {
            yield break;
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            Error(name, $"is {Describe(value)}", "an array of objects");
            yield break;
        }

        foreach (var (index, item) in value.EnumerateArray().Index())
        {
            if (item.ValueKind == JsonValueKind.Object)
            {
                yield return new ConfigNode(item, file, $"{At(name)}[{index}]", problems, isLiteral);
            }
            else
            {
                Error($"{name}[{index}]", $"is {Describe(item)}", "an object");
            }
        }
    }

    /// <summary>Says of settings that are valid but have no effect what to use instead.</summary>
    public void Ignored(string instead, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (Has(name))
            {
                Warn(name, $"has no effect here; {instead}");
            }
        }
    }

    /// <summary>Reports members nobody asked for. Where a typo would silently lift a limit it is an error.</summary>
    public void Finish(bool unknownIsError = false)
    {
        foreach (var member in element.EnumerateObject().Where(member => !known.Contains(member.Name)))
        {
            problems.Add(new ConfigProblem(file, At(member.Name), "is not a setting", string.Join(", ", known.Order(StringComparer.Ordinal)), !unknownIsError));
        }
    }

    private bool TryGet(string name, out JsonElement value)
    {
        known.Add(name);
        return element.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;
    }

    private string At(string name) => name.Length == 0 ? path : $"{path}.{name}";

    private static string Describe(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length > 40 ? value.ValueKind.ToString() : text;
    }

    /// <summary>Without what it says when that may be a key that was written in the wrong place.</summary>
    private static string DescribeUnquoted(JsonElement value) => value.ValueKind is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.Array ? $"a {value.ValueKind}" : Describe(value);

    private string Substitute(string name, string value) => !isLiteral && value.Contains("${", StringComparison.Ordinal)
        ? Variable().Replace(value, match =>
        {
            if (Environment.GetEnvironmentVariable(match.Groups[1].Value) is { } found)
            {
                return found;
            }

            Error(name, $"names the environment variable {match.Groups[1].Value}, which is not set");
            return match.Value;
        })
        : value;

    [GeneratedRegex(@"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")]
    private static partial Regex Variable();
}
