using System.Runtime.CompilerServices;

namespace CCGate.Proxy.Upstreams;

/// <summary>What one request met on the HTTP/1.1 connection it was written to.</summary>
internal sealed class ConnectionUse
{
    // The pool does not tell which connection a request is given, but it writes the request in the request's own flow.
    private static readonly AsyncLocal<ConnectionUse?> Flowing = new();

    private UsedConnection? connection;
    private bool isReused;
    private long heardBefore;

    /// <summary>The use that the calling flow of control belongs to.</summary>
    public static ConnectionUse? Current { get => Flowing.Value; set => Flowing.Value = value; }

    /// <summary>Whether it was written to a connection that had served another request before, and not a byte of an answer came.</summary>
    public bool HeardNothingOnAnOldConnection => connection is { } used && isReused && used.Heard == heardBefore;

    public void Claim(UsedConnection next)
    {
        if (connection != next)
        {
            (connection, isReused, heardBefore) = (next, next.BeginUse(), next.Heard);
        }
    }
}

/// <summary>An HTTP/1.1 connection that knows whether it served a request before, and how much it has heard.</summary>
internal sealed class UsedConnection(Stream inner) : Stream
{
    private long heard;
    private bool wasUsed;

    /// <summary>Bytes read so far.</summary>
    public long Heard => Volatile.Read(ref heard);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Gives whether there was a use before.</summary>
    public bool BeginUse()
    {
        var before = wasUsed;
        wasUsed = true;
        return before;
    }

    // A stream of deltas reads here often; a pooled state machine makes that wait cost no allocation.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await inner.ReadAsync(buffer, cancellationToken);
        Volatile.Write(ref heard, heard + count);
        return count;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ConnectionUse.Current?.Claim(this);
        return inner.WriteAsync(buffer, cancellationToken);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush() => inner.Flush();

    // The proxy sends nothing synchronously.
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override async ValueTask DisposeAsync()
    {
        await inner.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
