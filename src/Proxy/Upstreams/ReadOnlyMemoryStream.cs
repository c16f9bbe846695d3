namespace CCGate.Proxy.Upstreams;

/// <summary>Pooled bytes read as a stream, until they are taken back.</summary>
/// <remarks>
/// An upstream that answers before it has read everything leaves a sender behind that goes on reading. Once the bytes belong to somebody else's request,
/// it must find an error and not those.
/// </remarks>
internal sealed class ReadOnlyMemoryStream(ReadOnlyMemory<byte> bytes) : Stream
{
    private readonly Lock gate = new();
    private int position;
    private bool takenBack;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => bytes.Length;

    public override long Position { get => position; set => throw new NotSupportedException(); }

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

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => Task.FromResult(Read(buffer.AsSpan(offset, count)));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
