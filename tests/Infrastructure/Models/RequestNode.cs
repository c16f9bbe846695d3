using System.Text.Json;
using System.Text.RegularExpressions;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>A member of a request, read as an API does that validates: what is wrong is refused by its name.</summary>
internal readonly record struct RequestNode(JsonElement Json, string Path)
{
    public RequestNode this[string name] => Find(name) ?? throw Refusal(name, "Field required");

    public string Text => Json.ValueKind == JsonValueKind.String ? Json.GetString()! : throw Refusal("Input should be a valid string");

    public string NonEmptyText => Text is { Length: > 0 } text ? text : throw Refusal("must be non-empty");

    public long Number => Json.ValueKind == JsonValueKind.Number && Json.TryGetInt64(out var number) ? number : throw Refusal("Input should be a valid integer");

    public bool IsTrue => Json.ValueKind == JsonValueKind.True;

    public bool IsText => Json.ValueKind == JsonValueKind.String;

    public IReadOnlyList<RequestNode> Items
    {
        get
        {
            if (Json.ValueKind != JsonValueKind.Array)
            {
                throw Refusal("Input should be a valid array");
            }

            var items = new List<RequestNode>();
            foreach (var item in Json.EnumerateArray())
            {
                items.Add(new RequestNode(item, $"{Path}[{items.Count}]"));
            }

            return items;
        }
    }

    /// <summary>Null where it is missing or null.</summary>
    public RequestNode? Find(string name) =>
        AnObject().Json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? new RequestNode(value, Named(name)) : null;

    public IReadOnlyList<RequestNode> ItemsOf(string name) => Find(name)?.Items ?? [];

    public RequestNode AnObject() => Json.ValueKind == JsonValueKind.Object ? this : throw Refusal("Input should be a valid object");

    /// <summary>An object that has no other members.</summary>
    public RequestNode Only(params string[] names)
    {
        foreach (var member in AnObject().Json.EnumerateObject())
        {
            if (!names.Contains(member.Name))
            {
                throw Refusal(member.Name, "Extra inputs are not permitted");
            }
        }

        return this;
    }

    public string OneOf(params string[] values) => values.Contains(Text) ? Text : throw Refusal($"'{Text}' is none of {string.Join(", ", values)}");

    public string Matching(string pattern) => Regex.IsMatch(Text, pattern) ? Text : throw Refusal($"'{Text}' should match pattern '{pattern}'");

    /// <summary>Base64 with its length in bytes.</summary>
    public int Bytes
    {
        get
        {
            var bytes = new byte[Text.Length];
            return Convert.TryFromBase64String(Text, bytes, out var count) && count > 0 ? count : throw Refusal("invalid base64 data");
        }
    }

    /// <summary>JSON in a text, as OpenAI keeps the arguments of calls.</summary>
    public string JsonText
    {
        get
        {
            try
            {
                JsonElement.Parse(Text);
                return Text;
            }
            catch (JsonException)
            {
                throw Refusal("is not JSON");
            }
        }
    }

    public ModelRefusalException Refusal(string why) => new(400, $"{Path}: {why}");

    private ModelRefusalException Refusal(string name, string why) => new(400, $"{Named(name)}: {why}");

    private string Named(string name) => Path.Length == 0 ? name : $"{Path}.{name}";
}
