using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using CCGate.Metering.EventStore;

namespace CCGate.Projections.Engine;

/// <summary>Reads what an event says, for readers that cannot do without it.</summary>
internal static class StoredJson
{
    /// <exception cref="UnreadableEventException">It does not say that.</exception>
    public static T Read<T>(StoredEvent stored, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(stored.Data, type) ?? throw new JsonException("it is null.");
        }
        catch (JsonException malformed)
        {
            throw new UnreadableEventException(stored, malformed.Message, malformed);
        }
    }
}
