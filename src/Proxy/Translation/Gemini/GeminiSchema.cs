using System.Buffers;
using System.Text.Json;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Gemini's own kind of schema, a subset of OpenAPI's, as JSON Schema.</summary>
/// <remarks>
/// <code>
/// {"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": true}}, "propertyOrdering": ["type"]}
/// {"type": "object", "properties": {"type": {"type": ["string", "null"]}}}
/// </code>
/// Its members: https://ai.google.dev/api/caching#Schema.
/// </remarks>
internal static class GeminiSchema
{
    public static JsonElement ToJsonSchema(JsonElement schema)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { MaxDepth = 2048 }))
        {
            WriteSchema(json, schema);
        }

        return JsonElement.Parse(buffer.WrittenSpan, GeminiJson.Syntax);
    }

    private static void WriteSchema(Utf8JsonWriter json, JsonElement schema)
    {
        if (schema.ValueKind != JsonValueKind.Object)
        {
            schema.WriteTo(json);
            return;
        }

        json.WriteStartObject();
        var isNullable = GeminiJson.IsTrue(schema, "nullable");
        foreach (var member in schema.EnumerateObject())
        {
            WriteMember(json, GeminiJson.Camel(member.Name), member.Value, isNullable);
        }

        json.WriteEndObject();
    }

    private static void WriteMember(Utf8JsonWriter json, string name, JsonElement value, bool isNullable)
    {
        switch (name)
        {
            case "nullable" or "propertyOrdering":
                return;
            case "type":
                json.WritePropertyName(name);
                WriteType(json, value, isNullable);
                return;
            case "properties" or "$defs" or "defs":
                json.WritePropertyName(name == "defs" ? "$defs" : name);
                WriteNamed(json, value);
                return;
            case "items" or "additionalProperties":
                json.WritePropertyName(name);
                WriteSchema(json, value);
                return;
            case "anyOf" or "prefixItems":
                json.WritePropertyName(name);
                WriteList(json, value);
                return;
            case "minItems" or "maxItems" or "minLength" or "maxLength" or "minProperties" or "maxProperties" when GeminiJson.Whole(value) is { } count:
                json.WriteNumber(name, count); // A whole number of 64 bits may be written as a text.
                return;
            default:
                json.WritePropertyName(name is "ref" ? "$ref" : name);
                value.WriteTo(json);
                return;
        }
    }

    private static void WriteType(Utf8JsonWriter json, JsonElement type, bool isNullable)
    {
        if (type.ValueKind != JsonValueKind.String)
        {
            type.WriteTo(json);
            return;
        }

        var name = type.GetString()!.ToLowerInvariant();
        if (!isNullable)
        {
            json.WriteStringValue(name);
            return;
        }

        json.WriteStartArray();
        json.WriteStringValue(name);
        json.WriteStringValue("null"u8);
        json.WriteEndArray();
    }

    /// <summary>The names are the client's own: one called <c>type</c> or <c>title</c> is a property like any other.</summary>
    private static void WriteNamed(Utf8JsonWriter json, JsonElement schemas)
    {
        if (schemas.ValueKind != JsonValueKind.Object)
        {
            schemas.WriteTo(json);
            return;
        }

        json.WriteStartObject();
        foreach (var schema in schemas.EnumerateObject())
        {
            json.WritePropertyName(schema.Name);
            WriteSchema(json, schema.Value);
        }

        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, JsonElement schemas)
    {
        if (schemas.ValueKind != JsonValueKind.Array)
        {
            schemas.WriteTo(json);
            return;
        }

        json.WriteStartArray();
        foreach (var schema in schemas.EnumerateArray())
        {
            WriteSchema(json, schema);
        }

        json.WriteEndArray();
    }
}
