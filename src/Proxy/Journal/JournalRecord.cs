using System.Text;
using CCGate.Contracts;

namespace CCGate.Proxy.Journal;

/// <summary>One entry of the journal.</summary>
/// <param name="IsOpening">
/// True before the first attempt of a request: the event is then what becomes true if this process dies, and it is void once one with the same id is complete.
/// </param>
/// <param name="Event">The fact, its id the request's.</param>
internal sealed record JournalRecord(bool IsOpening, EventRecord Event)
{
    /// <summary>
    /// <code>
    /// | kind: 1 | id: 16 | timestamp ticks: 8 | stream: text | type: text | data: text |    text = length (7 bits a byte) and UTF-8
    /// </code>
    /// Checksums and torn writes are SQLite's business.
    /// </summary>
    public void Write(BinaryWriter writer)
    {
        writer.Write(IsOpening);
        Span<byte> id = stackalloc byte[16];
        Event.Id.TryWriteBytes(id);
        writer.Write(id);
        writer.Write(Event.Timestamp.UtcTicks);
        writer.Write(Event.Stream);
        writer.Write(Event.Type);
        writer.Write(Event.Data);
    }

    public static IEnumerable<JournalRecord> ReadAll(byte[] commit)
    {
        using var reader = new BinaryReader(new MemoryStream(commit, writable: false), Encoding.UTF8);
        while (reader.BaseStream.Position < reader.BaseStream.Length)
        {
            var opening = reader.ReadBoolean();
            var id = new Guid(reader.ReadBytes(16));
            var timestamp = new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero);
            yield return new JournalRecord(opening, new EventRecord(id, reader.ReadString(), reader.ReadString(), timestamp, reader.ReadString()));
        }
    }
}
