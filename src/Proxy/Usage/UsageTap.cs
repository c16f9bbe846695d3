using System.Net;
using System.Runtime.CompilerServices;

namespace CCGate.Proxy.Usage;

/// <summary>Stands in for an upstream's response content: the same headers, the same bytes at the same time, seen by the meter as they are read.</summary>
internal sealed class UsageTap : HttpContent
{
    private readonly HttpContent upstream;
    private readonly AttemptMeter meter;
    private readonly TimeProvider time;
    private Action? onEnd;
    private long unread;

    /// <param name="upstream">The content as the upstream sends it.</param>
    /// <param name="meter">Sees every byte.</param>
    /// <param name="time">Times the first byte.</param>
    /// <param name="onEnd">Called once, before the last bytes that matter are handed on: a client that has them may ask again at once.</param>
    public UsageTap(HttpContent upstream, AttemptMeter meter, TimeProvider time, Action? onEnd = null)
    {
        this.onEnd = onEnd;
        unread = upstream.Headers.ContentLength ?? long.MaxValue;
        this.upstream = upstream;
        this.meter = meter;
        this.time = time;
        foreach (var (name, values) in upstream.Headers.NonValidated)
        {
            // Most headers have one value, and a list of it would be one more object.
            if (values.Count == 1)
            {
                Headers.TryAddWithoutValidation(name, values.ToString());
            }
            else
            {
                Headers.TryAddWithoutValidation(name, values);
            }
        }
    }

    /// <summary>When the first byte of the body was read; null as long as there is none.</summary>
    public DateTimeOffset? FirstByteAt { get; private set; }

    protected override async Task<Stream> CreateContentReadStreamAsync() => await CreateContentReadStreamAsync(CancellationToken.None);

    protected override async Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) =>
        new TapStream(await upstream.ReadAsStreamAsync(cancellationToken), this);

    protected override Stream CreateContentReadStream(CancellationToken cancellationToken) => new TapStream(upstream.ReadAsStream(cancellationToken), this);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await using var tapped = await CreateContentReadStreamAsync(cancellationToken);
        await tapped.CopyToAsync(stream, cancellationToken);
    }

    // Where the length is known it is in the copied Content-Length.
    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            upstream.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Observe(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.IsEmpty)
        {
            FirstByteAt ??= time.GetUtcNow();
            meter.Observe(bytes);
            unread -= bytes.Length;
            if (onEnd is { } end && (meter.HasEnded || unread <= 0))
            {
                onEnd = null;
                end();
            }
        }
    }

    private sealed class TapStream(Stream inner, UsageTap tap) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            var count = inner.Read(buffer);
            tap.Observe(buffer[..count]);
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var reading = inner.ReadAsync(buffer, cancellationToken);
            if (!reading.IsCompletedSuccessfully)
            {
                return FinishReadAsync(reading, buffer);
            }

            var count = reading.Result;
            tap.Observe(buffer.Span[..count]);
            return new ValueTask<int>(count);
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

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

        // Every delta of a stream waits here once; a pooled state machine makes that wait cost no allocation.
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        private async ValueTask<int> FinishReadAsync(ValueTask<int> reading, Memory<byte> buffer)
        {
            var count = await reading;
            tap.Observe(buffer.Span[..count]);
            return count;
        }
    }
}
