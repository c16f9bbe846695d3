using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>Members of a client's request: what is missing or null was not said, what is of the wrong type is refused by its name.</summary>
/// <remarks>Places are names such as <c>input[3]</c>; empty is the request itself.</remarks>
internal static class RequestFields
{
    /// <summary>The member, whatever it is; null when it was not said.</summary>
    public static JsonElement? Any(JsonElement holder, string name) =>
        holder.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public static string? Text(JsonElement holder, string name, string place) =>
        Any(holder, name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw Losses.Refuse(Path(place, name), "must be a string");

    public static string RequiredText(JsonElement holder, string name, string place) =>
        Text(holder, name, place) ?? throw Losses.Refuse(Path(place, name), "is missing");

    public static bool? Flag(JsonElement holder, string name, string place) =>
        Any(holder, name) is not { } value ? null
        : value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
        : throw Losses.Refuse(Path(place, name), "must be true or false");

    public static double? Number(JsonElement holder, string name, string place) =>
        Any(holder, name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number) ? number
        : throw Losses.Refuse(Path(place, name), "must be a number");

    public static long? Whole(JsonElement holder, string name, string place) =>
        Any(holder, name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= 0 ? number
        : throw Losses.Refuse(Path(place, name), "must be a whole number");

    public static JsonElement? Object(JsonElement holder, string name, string place) =>
        Any(holder, name) is not { } value ? null : value.ValueKind == JsonValueKind.Object ? value : throw Losses.Refuse(Path(place, name), "must be an object");

    public static JsonElement? Array(JsonElement holder, string name, string place) =>
        Any(holder, name) is not { } value ? null : value.ValueKind == JsonValueKind.Array ? value : throw Losses.Refuse(Path(place, name), "must be an array");

    public static string Path(string place, string name) => place.Length == 0 ? name : $"{place}.{name}";
}
