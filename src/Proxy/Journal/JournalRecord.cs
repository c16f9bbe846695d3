using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;

namespace CCGate.Proxy.Journal;

/// <summary>One entry of the journal, as it is on disk: a request makes two, and most of their bytes are only ever copied.</summary>
/// <param name="IsOpening">
/// True before the first attempt of a request: the event is then what becomes true if this process dies, and it is void once one with the same id is complete.
/// </param>
/// <param name="Id">The event's id, which is the request's.</param>
/// <param name="Bytes">
/// <code>
/// | kind: 1 | id: 16 | timestamp ticks: 8 | stream: text | type: text | data: text |    text = length (7 bits a byte) and UTF-8
/// </code>
/// Checksums and torn writes are SQLite's business.
/// </param>
internal readonly record struct JournalRecord(bool IsOpening, Guid Id, ReadOnlyMemory<byte> Bytes)
{
    private const int HeadLength = 1 + 16 + 8;

    /// <summary>When what it says happened: of a request, when it was complete.</summary>
    public DateTimeOffset Timestamp => new(BinaryPrimitives.ReadInt64LittleEndian(Bytes.Span[17..]), TimeSpan.Zero);

    // As the serializer writes by itself.
    private static readonly JsonWriterOptions Syntax = new() { SkipValidation = true, MaxDepth = 64 };

    // One for each thread: nothing waits between the first byte and the last.
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? scratch;

    [ThreadStatic]
    private static Utf8JsonWriter? json;

    /// <summary>The same as of <see cref="EventRecord.From(RequestCompleted)"/>, without the text in between.</summary>
    public static JournalRecord Of(bool isOpening, RequestCompleted completed)
    {
        scratch ??= new ArrayBufferWriter<byte>(2048);
        scratch.ResetWrittenCount();
        json ??= new Utf8JsonWriter(scratch, Syntax);
        json.Reset(scratch); // Also when the one before failed half way.
        JsonSerializer.Serialize(json, completed, ContractsJson.Default.RequestCompleted);
        var stream = EventRecord.UsageStream(completed.TenantId, completed.AdmittedAt);
        return Of(isOpening, completed.RequestId, completed.CompletedAt, stream, EventTypes.RequestCompleted, scratch.WrittenSpan);
    }

    public static JournalRecord Of(bool isOpening, EventRecord record) =>
        Of(isOpening, record.Id, record.Timestamp, record.Stream, record.Type, Encoding.UTF8.GetBytes(record.Data));

    /// <summary>The records of a commit, in order.</summary>
    public static IEnumerable<JournalRecord> ReadAll(ReadOnlyMemory<byte> commit)
    {
        while (!commit.IsEmpty)
        {
            var length = Length(commit.Span);
            yield return new JournalRecord(commit.Span[0] != 0, new Guid(commit.Span.Slice(1, 16)), commit[..length]);
            commit = commit[length..];
        }
    }

    /// <summary>What became true because the process died.</summary>
    public JournalRecord AsFact()
    {
        var bytes = Bytes.ToArray();
        bytes[0] = 0;
        return new JournalRecord(IsOpening: false, Id, bytes);
    }

    public EventRecord ReadEvent()
    {
        var rest = Bytes.Span[HeadLength..];
        var stream = Encoding.UTF8.GetString(TakeText(ref rest));
        var type = Encoding.UTF8.GetString(TakeText(ref rest));
        var data = Encoding.UTF8.GetString(TakeText(ref rest));
        return new EventRecord(Id, stream, type, Timestamp, data);
    }

    private static JournalRecord Of(bool isOpening, Guid id, DateTimeOffset timestamp, string stream, string type, ReadOnlySpan<byte> data)
    {
        var bytes = new byte[HeadLength + TextLength(Encoding.UTF8.GetByteCount(stream)) + TextLength(Encoding.UTF8.GetByteCount(type)) + TextLength(data.Length)];
        bytes[0] = isOpening ? (byte)1 : (byte)0;
        id.TryWriteBytes(bytes.AsSpan(1));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(17), timestamp.UtcTicks);
        var rest = bytes.AsSpan(HeadLength);
        PutLength(ref rest, Encoding.UTF8.GetByteCount(stream));
        rest = rest[Encoding.UTF8.GetBytes(stream, rest)..];
        PutLength(ref rest, Encoding.UTF8.GetByteCount(type));
        rest = rest[Encoding.UTF8.GetBytes(type, rest)..];
        PutLength(ref rest, data.Length);
        data.CopyTo(rest);
        return new JournalRecord(isOpening, id, bytes);
    }

    private static int Length(ReadOnlySpan<byte> commit)
    {
        var rest = commit[HeadLength..];
        TakeText(ref rest); // stream
        TakeText(ref rest); // type
        TakeText(ref rest); // data
        return commit.Length - rest.Length;
    }

    private static int TextLength(int bytes)
    {
        var length = 1 + bytes;
        for (var rest = (uint)bytes; rest >= 0x80; rest >>= 7)
        {
            length++;
        }

        return length;
    }

    private static void PutLength(ref Span<byte> target, int length)
    {
        var (rest, at) = ((uint)length, 0);
        for (; rest >= 0x80; rest >>= 7)
        {
            target[at++] = (byte)(rest | 0x80);
        }

        target[at] = (byte)rest;
        target = target[(at + 1)..];
    }

    private static ReadOnlySpan<byte> TakeText(ref ReadOnlySpan<byte> source)
    {
        var (length, shift, at) = (0, 0, 0);
        for (; source[at] >= 0x80; at++, shift += 7)
        {
            length |= (source[at] & 0x7F) << shift;
        }

        length |= source[at] << shift;
        var text = source.Slice(at + 1, length);
        source = source[(at + 1 + length)..];
        return text;
    }
}
