using System.Buffers;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Upstreams;

/// <summary>Holds back the beginning of an answer until it shows whether the upstream answers or fails; then gives the answer from its first byte on.</summary>
internal sealed class AnswerOpening(Stream upstream, AttemptMeter meter, TimeProvider time) : ForwardOnlyStream
{
    /// <summary>More than this is not held back, whatever it shows.</summary>
    public const int MostBytes = 64 * 1024;

    /// <summary>A client that waits for the first token is to see the pings.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(3);

    private const int ReadBytes = 16 * 1024;

    private readonly byte[] incoming = ArrayPool<byte>.Shared.Rent(ReadBytes);
    private PooledBuffer held;
    private int given;
    private Task<int>? reading; // May outlast the holding: a read that is given up would take the connection with it.
    private bool atEnd;
    private bool disposed;

    public DateTimeOffset? FirstByteAt { get; private set; }

    /// <summary>Why this is not the answer, in the words of the event; null when it may be.</summary>
    public string? Complaint { get; private set; }

    /// <summary>How much of what this stream gives has been metered already.</summary>
    public int Held => held.Length;

    /// <summary>Reads until the answer is seen to begin, or to fail.</summary>
    public async Task<AttemptFailure> HoldAsync(CancellationToken cancellationToken)
    {
        try
        {
            var since = time.GetTimestamp();
            while (meter.Opening == Opening.Undecided && held.Length < MostBytes && !atEnd)
            {
                reading ??= upstream.ReadAsync(incoming.AsMemory(0, ReadBytes), cancellationToken).AsTask();
                if (!await IsReadAsync(Longest - time.GetElapsedTime(since)))
                {
                    return AttemptFailure.None;
                }

                var count = await TakeAsync();
                meter.Observe(held.Span[^count..]);
            }

            return Judge();
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            return AttemptFailure.UpstreamTimeout;
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException or OperationCanceledException)
        {
            Complaint = held.Length == 0 ? "broke off before the first byte of its answer" : "broke off before its answer had begun";
            return AttemptFailure.UpstreamTruncated;
        }
    }

    public override int Read(Span<byte> buffer) => throw new NotSupportedException("An answer is read asynchronously.");

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (given < held.Length || atEnd)
        {
            return new ValueTask<int>(Give(buffer));
        }

        return reading is null ? upstream.ReadAsync(buffer, cancellationToken) : FinishReadAsync(buffer);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !disposed)
        {
            disposed = true;
            upstream.Dispose();
            held.Dispose();
            if (reading is null)
            {
                ArrayPool<byte>.Shared.Return(incoming); // Else somebody may still write into it.
            }
        }

        base.Dispose(disposing);
    }

    /// <summary>Waits for the read, but no longer than the client may be kept waiting for what is held already.</summary>
    private async ValueTask<bool> IsReadAsync(TimeSpan left)
    {
        if (held.Length > 0 && !reading!.IsCompleted)
        {
            if (left > TimeSpan.Zero)
            {
                await ((Task)reading).WaitAsync(left, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            return reading.IsCompleted;
        }

        return true;
    }

    private async ValueTask<int> FinishReadAsync(Memory<byte> buffer)
    {
        held.Clear();
        given = 0;
        await TakeAsync();
        return Give(buffer);
    }

    private int Give(Memory<byte> buffer)
    {
        var count = Math.Min(buffer.Length, held.Length - given);
        held.Span.Slice(given, count).CopyTo(buffer.Span);
        given += count;
        return count;
    }

    private async ValueTask<int> TakeAsync()
    {
        var count = await reading!;
        reading = null;
        atEnd = count == 0;
        held.Append(incoming.AsSpan(0, count));
        FirstByteAt ??= atEnd ? null : time.GetUtcNow();
        return count;
    }

    private AttemptFailure Judge()
    {
        if (meter.Opening == Opening.Error)
        {
            Complaint = $"{meter.Finish().StreamError} before its answer had begun";
            return AttemptFailure.UpstreamStreamError;
        }

        if (atEnd && meter.Opening == Opening.Undecided && meter.IsCutShort())
        {
            Complaint = held.Length == 0 ? "an empty answer" : "its answer ended before it had begun";
            return AttemptFailure.UpstreamTruncated;
        }

        return AttemptFailure.None;
    }
}
