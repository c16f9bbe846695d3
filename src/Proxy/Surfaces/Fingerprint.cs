using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace CCGate.Proxy.Surfaces;

/// <summary>A hash over a sequence of texts, taken in as they are met. It lives as long as the process: nothing stores it.</summary>
/// <remarks>
/// HashCode has 32 bits, of which a hundred thousand conversations share some; System.IO.Hashing is not served by every registry, and its 128-bit hash allocates.
/// Not for secrets: who crafts a collision finds another conversation of the same tenant.
/// </remarks>
internal record struct Fingerprint
{
    // Digits of pi: any odd numbers with about as many ones as zeros do.
    private const ulong First = 0x243F6A8885A308D3;
    private const ulong Second = 0x13198A2E03707345;

    public ulong Value { get; private set; }

    public void Add(ulong number) => Value = Fold(Value ^ First, number ^ Second);

    public void Add(ReadOnlySpan<char> text) => Add(MemoryMarshal.AsBytes(text));

    public void Add(ReadOnlySpan<byte> text)
    {
        // The length first, or "ab" and "c" would be "a" and "bc".
        Add((ulong)text.Length);
        while (text.Length >= 2 * sizeof(ulong))
        {
            Value = Fold(BinaryPrimitives.ReadUInt64LittleEndian(text) ^ First, BinaryPrimitives.ReadUInt64LittleEndian(text[sizeof(ulong)..]) ^ Value);
            text = text[(2 * sizeof(ulong))..];
        }

        if (!text.IsEmpty)
        {
            Span<byte> rest = stackalloc byte[2 * sizeof(ulong)];
            rest.Clear();
            text.CopyTo(rest);
            Value = Fold(BinaryPrimitives.ReadUInt64LittleEndian(rest) ^ Second, BinaryPrimitives.ReadUInt64LittleEndian(rest[sizeof(ulong)..]) ^ Value);
        }
    }

    // The two halves of a product depend on every bit of its factors. Turned, so that the factors' order counts.
    private static ulong Fold(ulong left, ulong right)
    {
        var high = Math.BigMul(left, BitOperations.RotateLeft(right, 29), out var low);
        return high ^ low;
    }
}
