using System.Runtime.CompilerServices;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Surfaces;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Upstreams;

/// <summary>Sees to it that an event stream that breaks off, or falls silent, ends for the client with its protocol's own error event.</summary>
/// <remarks>
/// <code>
/// event: content_block_delta
/// data: {"type":"content_blo              what came of a broken frame is closed by an empty line, without half a character
///
/// event: error
/// data: {"type":"error","error":{…}}      and nothing after it: no message_stop, no [DONE]
/// </code>
/// Then the connection is cut: there are SDKs, OpenAI's for .NET among them, that pass over an error in a stream and would take half an answer for a whole one.
/// </remarks>
internal sealed class StreamEnding : IDisposable
{
    /// <summary>What is cut at once may never have left, on a busy machine least of all: the error event gets this long.</summary>
    private static readonly TimeSpan Parting = TimeSpan.FromMilliseconds(500);

    private readonly UpstreamConfig upstream;
    private readonly ISurface surface;
    private readonly string requestId;
    private readonly AttemptMeter meter;
    private readonly AttemptClock clock;
    private readonly TimeProvider time;
    private CancellationTokenSource? reads;
    private bool hasBegun;

    public StreamEnding(AttemptRequest request, string requestId, AttemptMeter meter, AttemptClock clock, TimeProvider time)
    {
        (upstream, surface, this.requestId, this.meter, this.clock, this.time) = (request.Upstream.Config, request.Surface, requestId, meter, clock, time);
    }

    /// <summary>How the stream broke off; null as long as it has not.</summary>
    public string? Reason { get; private set; }

    /// <summary>What reads of the upstream's stream are cancelled by: what cancels the caller's, and silence.</summary>
    public CancellationToken TokenFor(CancellationToken cancellationToken) =>
        (reads ??= CancellationTokenSource.CreateLinkedTokenSource(cancellationToken)).Token;

    /// <summary>The stream as the client is to have it.</summary>
    /// <param name="answer">The stream as the upstream sends it.</param>
    /// <param name="onEnd">Called before the bytes that end it are handed on.</param>
    public Stream Over(Stream answer, Action onEnd) => new EndedStream(answer, this, onEnd);

    /// <summary>The upstream has been silent for too long.</summary>
    public void StopReading()
    {
        try
        {
            reads?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It ended in the same instant.
        }
    }

    public void Dispose() => reads?.Dispose();

    private bool Breaks(Exception? broken)
    {
        var isUntranslated = broken is { InnerException: UnreadableAnswerException };
        if (!isUntranslated && broken is not EndOfStreamException && (broken is null ? !meter.IsCutShort() : meter.HasEnded || meter.StreamError is not null))
        {
            return false;
        }

        Reason = clock.Exceeded switch
        {
            null when isUntranslated => "sent what cannot be translated",
            null => "broke off its answer",
            AttemptClock.TotalSetting => $"took too long ({AttemptClock.TotalSetting})",
            var setting => $"fell silent ({setting})",
        };
        return true;
    }

    private byte[] Event() => surface.BrokenStream($"The upstream {upstream.Id} {Reason}: the answer is not complete.", requestId, meter.Events);

    private sealed class EndedStream(Stream answer, StreamEnding ending, Action onEnd) : ForwardOnlyStream
    {
        private const int LongestCharacter = 4;

        private readonly byte[] half = new byte[LongestCharacter]; // The beginning of a character whose rest has not come.
        private int halfLength;
        private uint lastFour;
        private byte[] last = [];
        private int lastGiven;
        private bool isOver;

        public override int Read(Span<byte> buffer) => throw new NotSupportedException("An answer is read asynchronously.");

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = 0;
            while (count == 0 && !isOver)
            {
                Exception? broken = null;
                var carried = buffer.IsEmpty ? 0 : TakeHalf(buffer.Span);
                try
                {
                    count = await answer.ReadAsync(buffer[carried..], ending.TokenFor(cancellationToken));
                }
                catch (Exception failed) when (!cancellationToken.IsCancellationRequested && failed is IOException or HttpRequestException or OperationCanceledException)
                {
                    broken = failed;
                }

                if (buffer.IsEmpty && broken is null)
                {
                    return 0; // There are bytes now, or it is over: the next read tells.
                }

                count = count > 0 ? KeepHalf(buffer.Span[..(carried + count)]) : End(broken) ? 0 : carried;
            }

            if (count == 0 && !buffer.IsEmpty && last.Length > 0 && lastGiven == last.Length)
            {
                await Task.Delay(Parting, ending.time, cancellationToken);
                throw new IOException($"The upstream {ending.Reason}.");
            }

            return count > 0 ? count : GiveLast(buffer.Span);
        }

        public override async ValueTask DisposeAsync()
        {
            await answer.DisposeAsync();
            await base.DisposeAsync();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                answer.Dispose();
            }

            base.Dispose(disposing);
        }

        /// <summary>Whether the client still had to be told that its stream is not whole.</summary>
        private bool End(Exception? broken)
        {
            isOver = true;
            onEnd();
            if (!ending.Breaks(broken))
            {
                return false;
            }

            if (!ending.hasBegun)
            {
                throw new IOException($"The upstream {ending.Reason}.", broken); // A status can still be given instead.
            }

            var frame = ending.Event();
            last = IsBetweenFrames() ? frame : [.. "\n\n"u8, .. frame];
            return true;
        }

        private int GiveLast(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, last.Length - lastGiven);
            last.AsSpan(lastGiven, count).CopyTo(buffer);
            lastGiven += count;
            return count;
        }

        private int TakeHalf(Span<byte> buffer)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(buffer.Length, LongestCharacter);
            var count = halfLength;
            half.AsSpan(0, count).CopyTo(buffer);
            halfLength = 0;
            return count;
        }

        /// <summary>How much of the bytes is whole characters; the rest waits for more.</summary>
        private int KeepHalf(ReadOnlySpan<byte> bytes)
        {
            halfLength = HalfCharacter(bytes);
            var whole = bytes[..^halfLength];
            bytes[^halfLength..].CopyTo(half);
            foreach (var next in whole[^Math.Min(4, whole.Length)..])
            {
                lastFour = (lastFour << 8) | next;
            }

            ending.hasBegun |= whole.Length > 0;
            return whole.Length;
        }

        private bool IsBetweenFrames() => (lastFour & 0xFFFF) == 0x0A0A || (lastFour & 0xFFFF) == 0x0D0D || lastFour == 0x0D0A0D0A;

        /// <summary>The length of a UTF-8 sequence at the end that is not complete.</summary>
        private static int HalfCharacter(ReadOnlySpan<byte> bytes)
        {
            for (var length = 1; length < LongestCharacter && length <= bytes.Length; length++)
            {
                var next = bytes[^length];
                if ((next & 0xC0) != 0x80)
                {
                    var needed = next switch { >= 0xF0 => 4, >= 0xE0 => 3, >= 0xC0 => 2, _ => 1 };
                    return needed > length ? length : 0;
                }
            }

            return 0;
        }
    }
}
