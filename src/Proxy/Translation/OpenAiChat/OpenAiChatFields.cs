using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Members of a client's request, of the type they must have: null says nothing, another type is refused by name.</summary>
internal static class OpenAiChatFields
{
    public static JsonElement? Member(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined) ? value : null;

    public static string Text(JsonElement value, string field) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Losses.Refuse(field, "must be a string");

    public static double Number(JsonElement value, string field) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number : throw Losses.Refuse(field, "must be a number");

    public static long Whole(JsonElement value, string field) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : throw Losses.Refuse(field, "must be a whole number");

    public static bool Flag(JsonElement value, string field) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.ValueKind == JsonValueKind.True : throw Losses.Refuse(field, "must be true or false");

    public static JsonElement Object(JsonElement value, string field) => value.ValueKind == JsonValueKind.Object ? value : throw Losses.Refuse(field, "must be an object");

    public static JsonElement List(JsonElement value, string field) => value.ValueKind == JsonValueKind.Array ? value : throw Losses.Refuse(field, "must be an array");

    public static string RequiredText(JsonElement parent, string name, string field) =>
        Member(parent, name) is { } value ? Text(value, field) : throw Losses.Refuse(field, "is required");

    public static JsonElement RequiredObject(JsonElement parent, string name, string field) =>
        Member(parent, name) is { } value ? Object(value, field) : throw Losses.Refuse(field, "is required");
}
