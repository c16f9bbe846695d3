using System.Buffers;

namespace CCGate.Proxy.Usage;

/// <summary>Bytes that are collected in a rented array; rents nothing until the first byte.</summary>
internal struct PooledBuffer : IDisposable
{
    private byte[]? array;
    private int length;

    public readonly int Length => length;

    public readonly ReadOnlySpan<byte> Span => array.AsSpan(0, length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return;
        }

        if (array is null || array.Length - length < bytes.Length)
        {
            Grow(length + bytes.Length);
        }

        bytes.CopyTo(array.AsSpan(length));
        length += bytes.Length;
    }

    public void Clear() => length = 0;

    public void Dispose()
    {
        length = 0;
        if (array is { } rented)
        {
            array = null;
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private void Grow(int needed)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, 2 * length));
        Span.CopyTo(larger);
        if (array is { } outgrown)
        {
            ArrayPool<byte>.Shared.Return(outgrown);
        }

        array = larger;
    }
}
