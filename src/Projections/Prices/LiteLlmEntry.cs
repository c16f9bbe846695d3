using System.Globalization;
using System.Text.Json;

namespace CCGate.Projections.Prices;

/// <summary>One model of LiteLLM's file. Rates are read from their text, since a float between would not be what is written.</summary>
internal sealed class LiteLlmEntry(JsonElement entry)
{
    private readonly List<string> problems = [];

    /// <summary>Why it cannot be used; null when it can.</summary>
    public string? Problem => problems.Count == 0 ? null : string.Join("; ", problems.Distinct());

    public IEnumerable<string> Members => entry.EnumerateObject().Select(member => member.Name);

    public void Refuse(string reason) => problems.Add(reason);

    public bool Has(string name) => Find(name) is not null;

    public bool IsTrue(string name) => Find(name) is { ValueKind: JsonValueKind.True };

    public string? Text(string name) => Find(name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    /// <summary>USD per million tokens; null when it is not given.</summary>
    public decimal? PerMillion(string name) => Number(name, Find(name), 1_000_000m);

    /// <summary>A rate without which the entry would bill something at nothing.</summary>
    public decimal Required(string name)
    {
        if (PerMillion(name) is { } rate)
        {
            return rate;
        }

        if (!Has(name))
        {
            Refuse($"{name} is missing, and the provider bills it");
        }

        return 0m;
    }

    /// <summary>The numbers of a member that is an object.</summary>
    public IReadOnlyDictionary<string, decimal> Numbers(string name, decimal times = 1m) => Find(name) is { ValueKind: JsonValueKind.Object } value
        ? value.EnumerateObject().ToDictionary(member => member.Name, member => Number($"{name}.{member.Name}", member.Value, times) ?? 0m)
        : new Dictionary<string, decimal>();

    private JsonElement? Find(string name) => entry.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private decimal? Number(string name, JsonElement? found, decimal times)
    {
        if (found is not { } value)
        {
            return null;
        }

        var text = value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText();
        if (!decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || number < 0m || number > 1_000m)
        {
            Refuse($"{name} is {(text!.Length > 40 ? "not a number" : text)}");
            return null;
        }

        return number * times / 1.0000000000000000000000000000m;
    }
}
