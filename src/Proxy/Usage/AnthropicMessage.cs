using System.Text.Json;

namespace CCGate.Proxy.Usage;

/// <summary>The members of a message, an event or an error that metering needs, found without building the document.</summary>
/// <param name="Type">Its <c>type</c>.</param>
/// <param name="Model">The model as served.</param>
/// <param name="Usage">Its <c>usage</c>, when it is an object.</param>
/// <param name="IsComplete">Whether the JSON came to its end.</param>
internal readonly record struct AnthropicMessage(string? Type, string? Model, JsonElement? Usage, bool IsComplete)
{
    /// <summary>Reads an object.</summary>
    /// <param name="json">The object; anything else has no members.</param>
    /// <param name="isWhole">Whether an object that is cut off says nothing; otherwise it says what came before the cut.</param>
    public static AnthropicMessage Read(ReadOnlySpan<byte> json, bool isWhole)
    {
        var message = default(AnthropicMessage);
        try
        {
            var reader = new Utf8JsonReader(json, isWhole, new JsonReaderState(UsageJson.Syntax));
            message = reader.Read() ? ReadObject(ref reader, json, ref message) : default;
            while (reader.Read())
            {
            }

            return message;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return isWhole ? default : message with { IsComplete = false };
        }
    }

    /// <summary>Reads an object that is a member of another one; null when there is none, or the outer one is cut off.</summary>
    public static AnthropicMessage? ReadMember(ReadOnlySpan<byte> json, ReadOnlySpan<byte> name)
    {
        var message = default(AnthropicMessage);
        var found = false;
        try
        {
            var reader = new Utf8JsonReader(json, UsageJson.Syntax);
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName)
                {
                    continue;
                }

                var isMember = reader.CurrentDepth == 1 && reader.ValueTextEquals(name);
                reader.Read();
                if (isMember && reader.TokenType == JsonTokenType.StartObject)
                {
                    found = true;
                    ReadObject(ref reader, json, ref message);
                }
                else
                {
                    reader.Skip();
                }
            }

            return found ? message : null;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static AnthropicMessage ReadObject(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, ref AnthropicMessage message)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return message;
        }

        var depth = reader.CurrentDepth;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = reader.ValueTextEquals("type"u8) ? Member.Type
                : reader.ValueTextEquals("model"u8) ? Member.Model
                : reader.ValueTextEquals("usage"u8) ? Member.Usage
                : Member.Other;
            if (!reader.Read())
            {
                break;
            }

            var start = (int)reader.TokenStartIndex;
            if (!reader.TrySkip())
            {
                break;
            }

            message = (member, reader.TokenType) switch
            {
                (Member.Type, JsonTokenType.String) => message with { Type = reader.GetString() },
                (Member.Model, JsonTokenType.String) => message with { Model = reader.GetString() },
                (Member.Usage, JsonTokenType.EndObject) => message with { Usage = UsageJson.Parse(json[start..(int)reader.BytesConsumed]) },
                _ => message,
            };
        }

        message = message with { IsComplete = reader.TokenType == JsonTokenType.EndObject && reader.CurrentDepth == depth };
        return message;
    }

    private enum Member
    {
        Other,
        Type,
        Model,
        Usage,
    }
}
