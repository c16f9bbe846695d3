using System.Buffers;
using System.Text;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Translation;

/// <summary>An upstream's stream in the client's protocol: each event goes on as soon as it is whole, wherever the bytes are cut.</summary>
internal sealed class TranslatedStream : ForwardOnlyStream
{
    private const int ReadBytes = 16 * 1024;

    private readonly Stream upstream;
    private readonly TranslatedCall translation;
    private readonly IAnswerReader reader;
    private readonly IAnswerWriter writer;
    private readonly SseScanner scanner;
    private readonly ArrayBufferWriter<byte> ready = new(4 * 1024);
    private readonly List<AnswerEvent> events = [];
    private readonly byte[] incoming = ArrayPool<byte>.Shared.Rent(ReadBytes);
    private int given;
    private StringBuilder? freeForm; // The arguments of a call whose text can only be told when all of it is there.
    private bool atEnd;
    private bool isWhole; // The client has been told the end, or the failure: what comes behind it is not for it.
    private IOException? broken; // Told after what came before it.
    private bool disposed;

    public TranslatedStream(Stream upstream, TranslatedCall translation)
    {
        (this.upstream, this.translation) = (upstream, translation);
        reader = translation.Upstream.StartReading();
        writer = translation.Client.StartWriting(translation.Conversation);
        scanner = new SseScanner(Take);
    }

    public override int Read(Span<byte> buffer) => throw new NotSupportedException("An answer is read asynchronously.");

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty && given == ready.WrittenCount)
        {
            return await upstream.ReadAsync(buffer, cancellationToken); // Waits for bytes without a buffer to put them in.
        }

        while (!buffer.IsEmpty && given == ready.WrittenCount && !atEnd)
        {
            ThrowIfBroken();
            TakeBytes(await ReadUpstreamAsync(cancellationToken));
        }

        if (given == ready.WrittenCount)
        {
            ThrowIfBroken();
        }

        var count = Math.Min(buffer.Length, ready.WrittenCount - given);
        ready.WrittenSpan.Slice(given, count).CopyTo(buffer.Span);
        given += count;
        return count;
    }

    public override async ValueTask DisposeAsync()
    {
        await upstream.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !disposed)
        {
            disposed = true;
            upstream.Dispose();
            scanner.Dispose();
            ArrayPool<byte>.Shared.Return(incoming);
        }

        base.Dispose(disposing);
    }

    private async ValueTask<int> ReadUpstreamAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await upstream.ReadAsync(incoming.AsMemory(0, ReadBytes), cancellationToken);
        }
        catch (Exception cut) when (!isWhole && (cut is IOException or HttpRequestException))
        {
            throw new EndOfStreamException("The upstream's stream was cut before its answer had ended.", cut);
        }
    }

    private void TakeBytes(int count)
    {
        ready.ResetWrittenCount();
        given = 0;
        try
        {
            if (count > 0)
            {
                scanner.Push(incoming.AsSpan(0, count));
            }
            else
            {
                atEnd = true;
                scanner.Complete();
                EndReading();
            }

            if (scanner.Skipped > 0 && !isWhole)
            {
                throw new UnreadableAnswerException($"an event is longer than {SseScanner.DefaultMaxEventBytes} bytes");
            }
        }
        catch (UnreadableAnswerException unreadable)
        {
            broken = new IOException($"The upstream's stream cannot be translated: {unreadable.Message}", unreadable);
        }
    }

    private void ThrowIfBroken()
    {
        if (broken is not null)
        {
            throw broken;
        }
    }

    /// <summary>Whatever the meter made of the stream, a client that was not told its end must not take it for whole.</summary>
    private void EndReading()
    {
        if (!isWhole)
        {
            reader.End(events);
            WriteEvents();
        }

        if (!isWhole)
        {
            broken = new EndOfStreamException("The upstream's stream ended before its answer had.");
        }
    }

    private void Take(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data)
    {
        if (!isWhole)
        {
            reader.Read(name, data, events);
            WriteEvents();
        }
    }

    private void WriteEvents()
    {
        foreach (var next in events)
        {
            isWhole |= next is AnswerEnded or AnswerFailed;
            switch (next)
            {
                case ToolCallDelta delta when freeForm is not null:
                    freeForm.Append(delta.Arguments);
                    if (freeForm.Length > SseScanner.DefaultMaxEventBytes)
                    {
                        throw new UnreadableAnswerException("a tool call is longer than any event may be");
                    }

                    break;
                case ToolCallBegan call:
                    EndFreeForm();
                    var name = ToolNames.Restore(translation.Conversation.Tools, call.Name);
                    freeForm = translation.Conversation.IsFreeForm(name) ? new StringBuilder() : null;
                    writer.Write(call with { Name = name }, ready);
                    break;
                default:
                    EndFreeForm();
                    writer.Write(next, ready);
                    break;
            }
        }

        events.Clear();
    }

    private void EndFreeForm()
    {
        if (freeForm is not null)
        {
            writer.Write(new ToolCallDelta(FreeForm.Unwrap(freeForm.ToString())), ready);
            freeForm = null;
        }
    }
}

/// <summary>An upstream's whole answer in the client's protocol: nothing of it can be told before its end is there.</summary>
internal sealed class TranslatedBody(Stream upstream, TranslatedCall translation) : ForwardOnlyStream
{
    private const int MostBytes = 32 * 1024 * 1024;

    private ReadOnlyMemory<byte>? rest;

    public override int Read(Span<byte> buffer) => throw new NotSupportedException("An answer is read asynchronously.");

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        rest ??= await TranslateAsync(cancellationToken);
        var count = Math.Min(buffer.Length, rest.Value.Length);
        rest.Value[..count].CopyTo(buffer);
        rest = rest.Value[count..];
        return count;
    }

    /// <summary>Reads a body to its end.</summary>
    /// <exception cref="IOException">It is too long.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAllAsync(Stream stream, int mostBytes, CancellationToken cancellationToken)
    {
        var body = new ArrayBufferWriter<byte>();
        while (await stream.ReadAsync(body.GetMemory(16 * 1024), cancellationToken) is > 0 and var count)
        {
            body.Advance(count);
            if (body.WrittenCount > mostBytes)
            {
                throw new IOException($"The upstream's answer is longer than {mostBytes} bytes.");
            }
        }

        return body.WrittenMemory;
    }

    public override async ValueTask DisposeAsync()
    {
        await upstream.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            upstream.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task<ReadOnlyMemory<byte>> TranslateAsync(CancellationToken cancellationToken)
    {
        var body = await ReadAllAsync(upstream, MostBytes, cancellationToken);
        try
        {
            return translation.Answer(body);
        }
        catch (UnreadableAnswerException unreadable)
        {
            throw new IOException($"The upstream's answer cannot be translated: {unreadable.Message}", unreadable);
        }
    }
}
