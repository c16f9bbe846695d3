using System.Buffers;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Upstreams;

/// <summary>Pooled bytes read as a stream, until they are taken back.</summary>
/// <remarks>
/// An upstream that answers before it has read everything leaves a sender behind that goes on reading. Once the bytes belong to somebody else's request,
/// it must find an error and not those.
/// </remarks>
internal sealed class ReadOnlyMemoryStream(ReadOnlyMemory<byte> bytes) : ForwardOnlyStream
{
    private const int CopyBytes = 64 * 1024;

    private readonly Lock gate = new();
    private int position;
    private bool takenBack;

    public int Size => bytes.Length;

    /// <summary>Whether any of them may have been sent.</summary>
    public bool WasRead { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        var count = ReadAt(position, buffer);
        position += count;
        return count;
    }

    /// <summary>Copies them from the first one on, whatever was read before: a body may have to be sent again.</summary>
    public async Task CopyAllToAsync(Stream destination, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(CopyBytes, bytes.Length));
        try
        {
            for (var copied = 0; copied < bytes.Length;)
            {
                var count = ReadAt(copied, buffer);
                await destination.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
                copied += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>When it returns, nobody reads the bytes any more.</summary>
    public void TakeBack()
    {
        lock (gate)
        {
            takenBack = true;
        }
    }

    private int ReadAt(int start, Span<byte> buffer)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(takenBack, this);
            WasRead = true;
            var count = Math.Min(buffer.Length, bytes.Length - start);
            bytes.Span.Slice(start, count).CopyTo(buffer);
            return count;
        }
    }
}
