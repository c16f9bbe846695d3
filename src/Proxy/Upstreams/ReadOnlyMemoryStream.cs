using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Upstreams;

/// <summary>Pooled bytes read as a stream, until they are taken back.</summary>
/// <remarks>
/// An upstream that answers before it has read everything leaves a sender behind that goes on reading. Once the bytes belong to somebody else's request,
/// it must find an error and not those.
/// </remarks>
internal sealed class ReadOnlyMemoryStream(ReadOnlyMemory<byte> bytes) : ForwardOnlyStream
{
    private readonly Lock gate = new();
    private int position;
    private bool takenBack;

    public override int Read(Span<byte> buffer)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(takenBack, this);
            var count = Math.Min(buffer.Length, bytes.Length - position);
            bytes.Span.Slice(position, count).CopyTo(buffer);
            position += count;
            return count;
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
}
