using System.Buffers.Binary;
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

    /// <summary>The records of a commit that are asked for; what is passed over costs no string.</summary>
    public static List<JournalRecord> ReadAll(ReadOnlySpan<byte> commit, Func<bool, Guid, bool>? isWanted = null)
    {
        var records = new List<JournalRecord>();
        while (!commit.IsEmpty)
        {
            var opening = commit[0] != 0;
            var id = new Guid(commit.Slice(1, 16));
            var timestamp = new DateTimeOffset(BinaryPrimitives.ReadInt64LittleEndian(commit[17..]), TimeSpan.Zero);
            commit = commit[25..];
            var stream = TakeText(ref commit);
            var type = TakeText(ref commit);
            var data = TakeText(ref commit);
            if (isWanted is null || isWanted(opening, id))
            {
                records.Add(new JournalRecord(opening, new EventRecord(id, Encoding.UTF8.GetString(stream), Encoding.UTF8.GetString(type), timestamp, Encoding.UTF8.GetString(data))));
            }
        }

        return records;
    }

    /// <summary>Reads as <see cref="BinaryWriter.Write(string)"/> writes.</summary>
    private static ReadOnlySpan<byte> TakeText(ref ReadOnlySpan<byte> commit)
    {
        var (length, shift, at) = (0, 0, 0);
        for (; commit[at] >= 0x80; at++, shift += 7)
        {
            length |= (commit[at] & 0x7F) << shift;
        }

        length |= commit[at] << shift;
        var text = commit.Slice(at + 1, length);
        commit = commit[(at + 1 + length)..];
        return text;
    }
}
