using System.Text.Json;

namespace CCGate.Proxy.Usage;

/// <summary>A chat stream without the chunk that tells its usage, for a client that did not ask for it; every other byte is as it came.</summary>
/// <remarks>
/// <code>
/// data: {"id":…,"choices":[],"usage":{"prompt_tokens":…}}     this event is left out: no choices, and a usage
///                                                             with the empty line behind it
/// </code>
/// An event goes on when it is complete; one longer than any such chunk goes on as it comes.
/// </remarks>
internal sealed class UsageChunkFilter(Stream inner) : ForwardOnlyStream
{
    private const int LongestChunk = 16 * 1024;
    private const int ReadBytes = 8 * 1024;

    private readonly byte[] incoming = new byte[ReadBytes];
    private PooledBuffer pending; // Belongs to an event whose end has not come.
    private PooledBuffer ready;
    private int taken;
    private bool passing; // In the middle of an event that is too long.
    private byte last;
    private byte beforeLast;
    private byte thirdLast;

    public override int Read(Span<byte> buffer)
    {
        while (!buffer.IsEmpty && taken == ready.Length)
        {
            if (!Take(inner.Read(incoming)))
            {
                break;
            }
        }

        return Give(buffer);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty && taken == ready.Length)
        {
            return await inner.ReadAsync(buffer, cancellationToken); // Waits for bytes without a buffer to put them in.
        }

        while (!buffer.IsEmpty && taken == ready.Length)
        {
            if (!Take(await inner.ReadAsync(incoming, cancellationToken)))
            {
                break;
            }
        }

        return Give(buffer.Span);
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
            pending.Dispose();
            ready.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>False when nothing more will come; what was held back until then is given as it is.</summary>
    private bool Take(int count)
    {
        if (taken == ready.Length)
        {
            ready.Clear();
            taken = 0;
        }

        if (count == 0)
        {
            ready.Append(pending.Span);
            pending.Clear();
            return false;
        }

        var bytes = incoming.AsSpan(0, count);
        var start = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            if (EndsEvent(bytes[i]))
            {
                EndEvent(bytes[start..(i + 1)]);
                start = i + 1;
            }
        }

        Hold(bytes[start..]);
        return true;
    }

    /// <summary>Whether an empty line ends here: LF LF, or CR LF CR LF. (Nobody who serves this protocol ends a line with CR alone.)</summary>
    private bool EndsEvent(byte next)
    {
        var ends = next == '\n' && (last == '\n' || (last == '\r' && beforeLast == '\n' && thirdLast == '\r'));
        (thirdLast, beforeLast, last) = (beforeLast, last, next);
        return ends;
    }

    private void EndEvent(ReadOnlySpan<byte> rest)
    {
        if (passing)
        {
            ready.Append(rest);
            passing = false;
            return;
        }

        pending.Append(rest);
        if (!IsUsageChunk(pending.Span))
        {
            ready.Append(pending.Span);
        }

        pending.Clear();
    }

    private void Hold(ReadOnlySpan<byte> rest)
    {
        passing |= pending.Length + rest.Length > LongestChunk;
        if (passing)
        {
            ready.Append(pending.Span);
            pending.Clear();
            ready.Append(rest);
        }
        else
        {
            pending.Append(rest);
        }
    }

    private int Give(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, ready.Length - taken);
        ready.Span.Slice(taken, count).CopyTo(buffer);
        taken += count;
        return count;
    }

    private static bool IsUsageChunk(ReadOnlySpan<byte> frame)
    {
        // Nearly all are not, and this finds it out without reading them.
        var data = frame.IndexOf("data:"u8);
        if (data < 0 || frame.IndexOf("\"prompt_tokens\""u8) < 0)
        {
            return false;
        }

        var json = frame[(data + 5)..];
        var (noChoices, hasUsage) = (false, false);
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 256 });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var (isChoices, isUsage) = (reader.ValueTextEquals("choices"u8), reader.ValueTextEquals("usage"u8));
                reader.Read();
                hasUsage |= isUsage && reader.TokenType == JsonTokenType.StartObject;
                var start = reader.BytesConsumed;
                var isArray = reader.TokenType == JsonTokenType.StartArray;
                reader.Skip();
                noChoices |= isChoices && isArray && json[(int)start..((int)reader.BytesConsumed - 1)].Trim(" \t\r\n"u8).IsEmpty;
            }

            return noChoices && hasUsage;
        }
        catch (Exception unreadable) when (unreadable is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
