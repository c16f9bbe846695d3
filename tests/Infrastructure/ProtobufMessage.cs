using System.Buffers.Binary;
using System.Text;

namespace CCGate.Tests.Infrastructure;

/// <summary>The fields of one message by their numbers, as they stand on the wire: https://protobuf.dev/programming-guides/encoding/</summary>
internal sealed class ProtobufMessage
{
    private readonly List<(int Number, ulong Value, ReadOnlyMemory<byte> Bytes)> fields = [];

    public ProtobufMessage(ReadOnlyMemory<byte> message)
    {
        var position = 0;
        while (position < message.Length)
        {
            var tag = Varint(message.Span, ref position);
            var (value, length) = (tag & 7) switch
            {
                0 => (Varint(message.Span, ref position), 0),
                1 => (BinaryPrimitives.ReadUInt64LittleEndian(message.Span[position..]), 8),
                2 => (0UL, (int)Varint(message.Span, ref position)),
                5 => (BinaryPrimitives.ReadUInt32LittleEndian(message.Span[position..]), 4),
                var type => throw new InvalidDataException($"wire type {type} at {position}"),
            };
            fields.Add(((int)(tag >> 3), value, message.Slice(position, length)));
            position += length;
        }
    }

    public bool Has(int number) => fields.Exists(field => field.Number == number);

    public ulong Unsigned(int number) => fields.FindLast(field => field.Number == number).Value;

    public long Signed(int number) => (long)Unsigned(number);

    public double Double(int number) => BitConverter.UInt64BitsToDouble(Unsigned(number));

    public string Text(int number) => Encoding.UTF8.GetString(fields.FindLast(field => field.Number == number).Bytes.Span);

    /// <summary>In lower case, empty when there are none.</summary>
    public string Hexadecimal(int number) => Convert.ToHexStringLower(fields.FindLast(field => field.Number == number).Bytes.Span);

    public ProtobufMessage Message(int number) => new(fields.FindLast(field => field.Number == number).Bytes);

    public IEnumerable<ProtobufMessage> Messages(int number) => fields.Where(field => field.Number == number).Select(field => new ProtobufMessage(field.Bytes));

    /// <summary>Numbers of eight bytes, packed or not.</summary>
    public IEnumerable<ulong> Fixed64s(int number)
    {
        foreach (var (_, _, bytes) in fields.Where(field => field.Number == number))
        {
            for (var at = 0; at < bytes.Length; at += 8)
            {
                yield return BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span[at..]);
            }
        }
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int position)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[position++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
