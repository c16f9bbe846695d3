using System.Net;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Simulator;

/// <summary>A streamed answer that is written while it is read.</summary>
internal sealed class SimulatorContent(SimulatorFrames frames, SimulatorConfig config, TimeProvider time) : HttpContent
{
    protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult<Stream>(new FrameStream(frames, config, time));

    protected override Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) => CreateContentReadStreamAsync();

    protected override Stream CreateContentReadStream(CancellationToken cancellationToken) => new FrameStream(frames, config, time);

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await using var source = new FrameStream(frames, config, time);
        await source.CopyToAsync(stream, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    /// <summary>Gives the frames as a socket would: all that is there by now, or a wait for the next.</summary>
    private sealed class FrameStream(SimulatorFrames frames, SimulatorConfig config, TimeProvider time) : ForwardOnlyStream
    {
        // Only a stream that waits needs to be woken when it is disposed.
        private readonly CancellationTokenSource? closing = config.ChunkDelay > TimeSpan.Zero ? new() : null;
        private int next = -1;
        private ReadOnlyMemory<byte> ready = frames.Head;
        private bool closed;

        private bool IsCut => config.TruncateAfterChunks is { } chunks && next + 1 >= Math.Min(chunks, frames.Deltas.Length);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                return ValueTask.FromCanceled<int>(cancellationToken);
            }

            var count = Fill(buffer.Span);
            return count > 0 || buffer.IsEmpty || !MustWait ? new ValueTask<int>(count) : WaitAndReadAsync(buffer, cancellationToken);
        }

        public override int Read(Span<byte> buffer)
        {
            var count = Fill(buffer);
            return count > 0 || buffer.IsEmpty || !MustWait ? count : throw new NotSupportedException("An answer that takes its time can only be read asynchronously.");
        }

        protected override void Dispose(bool disposing)
        {
            if (!closed)
            {
                closed = true;
                closing?.Cancel();
                closing?.Dispose();
            }

            base.Dispose(disposing);
        }

        /// <summary>A wait lies between two deltas.</summary>
        private bool MustWait => ready.IsEmpty && closing is not null && !IsCut && next >= 0 && next + 1 < frames.Deltas.Length;

        private async ValueTask<int> WaitAndReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(closing!.Token, cancellationToken);
            try
            {
                await Task.Delay(config.ChunkDelay, time, either.Token);
            }
            catch (OperationCanceledException) when (closed)
            {
                throw new ObjectDisposedException(nameof(FrameStream));
            }

            Advance();
            return Fill(buffer.Span);
        }

        /// <summary>Copies what needs no wait.</summary>
        private int Fill(Span<byte> buffer)
        {
            ObjectDisposedException.ThrowIf(closed, this);
            var filled = 0;
            while (filled < buffer.Length)
            {
                if (ready.IsEmpty && (MustWait || !Advance(isFirst: filled == 0)))
                {
                    break;
                }

                var count = Math.Min(ready.Length, buffer.Length - filled);
                ready.Span[..count].CopyTo(buffer[filled..]);
                ready = ready[count..];
                filled += count;
            }

            return filled;
        }

        /// <summary>False at the end of the answer, and before its cut until everything sent is read.</summary>
        private bool Advance(bool isFirst = true)
        {
            if (IsCut)
            {
                return isFirst ? throw new HttpIOException(HttpRequestError.ResponseEnded, "The response ended prematurely.") : false;
            }

            if (next > frames.Deltas.Length)
            {
                return false;
            }

            next++;
            ready = next < frames.Deltas.Length ? frames.Deltas[next] : next == frames.Deltas.Length ? frames.Tail : default;
            return !ready.IsEmpty;
        }
    }
}
