using System.Buffers;
using System.Text;
using System.Text.Json;

namespace CCGate.Proxy.Surfaces;

/// <summary>A server-sent event that the gateway writes by itself.</summary>
internal static class SseFrame
{
    /// <param name="name">Null for protocols that do not name their events.</param>
    /// <param name="members">Writes the members of its JSON object.</param>
    public static byte[] Write(string? name, Action<Utf8JsonWriter> members)
    {
        var frame = new ArrayBufferWriter<byte>(512);
        if (name is not null)
        {
            frame.Write(Encoding.UTF8.GetBytes($"event: {name}\n"));
        }

        frame.Write("data: "u8);
        using (var json = new Utf8JsonWriter(frame))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        frame.Write("\n\n"u8);
        return frame.WrittenSpan.ToArray();
    }
}
