using System.Text.Json;

namespace CCGate.Hosting.Configuration;

/// <summary>Reads the members of one JSON object strictly; what is wrong is noted with its path and answered by a default, so that reading goes on.</summary>
internal sealed class JsonObjectReader
{
    private readonly Dictionary<string, JsonElement> members = [];
    private readonly string path;
    private readonly List<(string Path, string Message)> errors;

    /// <param name="element">What should be an object.</param>
    /// <param name="path">Its JSON path.</param>
    /// <param name="errors">Where errors go.</param>
    /// <param name="allowed">The names its members can have; none when they are free.</param>
    public JsonObjectReader(JsonElement element, string path, List<(string Path, string Message)> errors, params ReadOnlySpan<string> allowed)
    {
        this.path = path;
        this.errors = errors;
        if (element.ValueKind != JsonValueKind.Object)
        {
            errors.Add((path, $"must be an object, not {Kind(element)}"));
            return;
        }

        if (!JsonStrings.AreText(element))
        {
            errors.Add((path, JsonStrings.Problem));
            return;
        }

        foreach (var member in element.EnumerateObject())
        {
            if (!allowed.IsEmpty && !allowed.Contains(member.Name))
            {
                Error(member.Name, $"is not known here; allowed: {string.Join(", ", allowed!)}");
            }
            else if (!members.TryAdd(member.Name, member.Value))
            {
                Error(member.Name, "is written twice; remove one");
            }
        }
    }

    public void Error(string member, string message) => errors.Add(($"{path}.{member}", message));

    /// <summary>The members in the order of the file, whatever their names.</summary>
    public IEnumerable<(string Name, JsonPlace Value)> Members() =>
        members.Select(member => (member.Key, new JsonPlace(member.Value, $"{path}.{member.Key}", errors)));

    /// <summary>Empty when it is absent or wrong.</summary>
    public string Text(string name, bool required = false)
    {
        if (Find(name, required) is not { } value)
        {
            return "";
        }

        var text = value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
        if (value.ValueKind != JsonValueKind.String)
        {
            Error(name, $"must be a string, not {Kind(value)}");
        }
        else if (required && text.Length == 0)
        {
            Error(name, "must not be empty");
        }

        return text;
    }

    /// <summary>A required number from 0 to <paramref name="max"/>, as written but for trailing zeros.</summary>
    public decimal Number(string name, decimal max)
    {
        if (Find(name, required: true) is not { } value)
        {
            return 0m;
        }

        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDecimal(out var number))
        {
            Error(name, $"must be a number, not {Kind(value)}");
            return 0m;
        }

        if (number < 0m || number > max)
        {
            Error(name, $"{value.GetRawText()} is outside of 0 to {max}");
            return 0m;
        }

        return number / 1.0000000000000000000000000000m;
    }

    /// <summary>Null when it is absent; an absent one that is required is an error.</summary>
    public JsonObjectReader? Object(string name, bool required, params ReadOnlySpan<string> allowed) =>
        Find(name, required) is { } value ? new JsonObjectReader(value, $"{path}.{name}", errors, allowed) : null;

    public IEnumerable<JsonPlace> Array(string name, bool required = false)
    {
        if (Find(name, required) is not { } value)
        {
            return [];
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            Error(name, $"must be an array, not {Kind(value)}");
            return [];
        }

        return value.EnumerateArray().Select((element, index) => new JsonPlace(element, $"{path}.{name}[{index}]", errors));
    }

    private JsonElement? Find(string name, bool required)
    {
        if (members.TryGetValue(name, out var value))
        {
            return value;
        }

        if (required)
        {
            Error(name, "is missing");
        }

        return null;
    }

    private static string Kind(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Undefined => "nothing",
        JsonValueKind.Null => "null",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        JsonValueKind.String => "a string",
        JsonValueKind.Array => "an array",
        JsonValueKind.Object => "an object",
        _ => element.GetRawText(),
    };
}

/// <summary>A JSON value and where it stands.</summary>
internal readonly record struct JsonPlace(JsonElement Element, string Path, List<(string Path, string Message)> Errors)
{
    public JsonObjectReader Object(params ReadOnlySpan<string> allowed) => new(Element, Path, Errors, allowed);
}
