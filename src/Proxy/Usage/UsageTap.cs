using System.Net;
using System.Runtime.CompilerServices;
using CCGate.Proxy.Translation;
using CCGate.Proxy.Upstreams;

namespace CCGate.Proxy.Usage;

/// <summary>Stands in for an upstream's response content: the same headers, the same bytes at the same time, seen by the meter as they are read.</summary>
internal sealed class UsageTap : HttpContent
{
    private readonly HttpContent upstream;
    private readonly AttemptMeter meter;
    private readonly TimeProvider time;
    private readonly bool hidesUsage;
    private readonly AttemptClock? clock;
    private Action? onEnd;
    private long unread;
    private int metered;

    /// <param name="upstream">The content as the upstream sends it.</param>
    /// <param name="meter">Sees every byte.</param>
    /// <param name="time">Times the first byte.</param>
    /// <param name="onEnd">Called once, before the last bytes that matter are handed on: a client that has them may ask again at once.</param>
    /// <param name="hidesUsage">Whether the chunk that tells a chat stream's usage is left out of what is handed on.</param>
    /// <param name="clock">Told when the upstream is waited for.</param>
    public UsageTap(HttpContent upstream, AttemptMeter meter, TimeProvider time, Action? onEnd = null, bool hidesUsage = false, AttemptClock? clock = null)
    {
        this.clock = clock;
        this.hidesUsage = hidesUsage;
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

        if (hidesUsage)
        {
            Headers.Remove("Content-Length");
        }
    }

    /// <summary>The beginning of the answer, which the meter has seen, and the rest; null when nothing was held back.</summary>
    public AnswerOpening? Opening
    {
        get;
        init
        {
            field = value;
            metered = value?.Held ?? 0;
        }
    }

    /// <summary>What a stream that breaks off ends with; null when it just ends.</summary>
    public StreamEnding? Ending { get; init; }

    /// <summary>How the client is told the answer when it speaks another protocol; null when the bytes are its own.</summary>
    public TranslatedCall? Translation { get; init; }

    /// <summary>When the first byte of the body was read; null as long as there is none.</summary>
    public DateTimeOffset? FirstByteAt { get; private set; }

    protected override async Task<Stream> CreateContentReadStreamAsync() => await CreateContentReadStreamAsync(CancellationToken.None);

    protected override async Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) =>
        Shown(new TapStream(Opening ?? await upstream.ReadAsStreamAsync(cancellationToken), this));

    protected override Stream CreateContentReadStream(CancellationToken cancellationToken) => Shown(new TapStream(Opening ?? upstream.ReadAsStream(cancellationToken), this));

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

    private Stream Shown(TapStream tapped)
    {
        Stream shown = Translation is { } translation ? translation.Over(tapped, upstream.Headers.ContentType?.MediaType)
            : hidesUsage ? new UsageChunkFilter(tapped)
            : tapped;
        return Ending?.Over(shown, End) ?? shown;
    }

    private void Observe(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.IsEmpty)
        {
            if (FirstByteAt is null)
            {
                FirstByteAt = time.GetUtcNow();
                clock?.Begin();
            }

            var seen = Math.Min(metered, bytes.Length);
            metered -= seen;
            meter.Observe(bytes[seen..]);
            unread -= bytes.Length;
            if (meter.HasEnded || unread <= 0)
            {
                End();
            }
        }
    }

    private void End()
    {
        if (onEnd is { } end)
        {
            onEnd = null;
            end();
        }
    }

    /// <summary>What a read of the upstream gave; without a buffer to fill it gave nothing, and with one nothing is the end.</summary>
    private int Saw(ReadOnlySpan<byte> buffer, int count)
    {
        clock?.EndRead();
        Observe(buffer[..count]);
        if (count == 0 && !buffer.IsEmpty)
        {
            End();
        }

        return count;
    }

    private sealed class TapStream(Stream inner, UsageTap tap) : ForwardOnlyStream
    {
        public override int Read(Span<byte> buffer)
        {
            return tap.Saw(buffer, inner.Read(buffer));
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var reading = inner.ReadAsync(buffer, cancellationToken);
            if (!reading.IsCompletedSuccessfully)
            {
                tap.clock?.BeginRead();
                return FinishReadAsync(reading, buffer);
            }

            return new ValueTask<int>(tap.Saw(buffer.Span, reading.Result));
        }

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
            return tap.Saw(buffer.Span, count);
        }
    }
}
