namespace CCGate.Proxy.Usage;

/// <summary>An event of a stream; both spans are gone when the call returns.</summary>
/// <param name="name">Empty when the event has none.</param>
/// <param name="data">The data lines, joined by LF.</param>
internal delegate void SseEvent(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data);

/// <summary>Finds the server-sent events in bytes that arrive cut anywhere.</summary>
/// <remarks>
/// <code>
/// event: message_delta         a line ends with LF, CR or CR LF
/// data: {"type":               "data" may repeat
/// data: "message_delta"}
/// : anything                   comment
///                              an empty line ends the event
/// </code>
/// An event that lies within one chunk, in one data line, is handed over where it is; only what a cut divides is copied.
/// </remarks>
internal sealed class SseScanner(SseEvent onEvent, int maxEventBytes = SseScanner.DefaultMaxEventBytes) : IDisposable
{
    public const int DefaultMaxEventBytes = 4 * 1024 * 1024;

    private PooledBuffer line;
    private PooledBuffer name;
    private PooledBuffer data;
    private int dataLines;
    private bool afterCr;
    private bool afterFirstLine;
    private bool skipping;
    private bool skippedLineHasBytes;

    /// <summary>Events that were handed over.</summary>
    public long Found { get; private set; }

    /// <summary>Events that were longer than the bound and were passed over.</summary>
    public int Skipped { get; private set; }

    public void Push(ReadOnlySpan<byte> chunk)
    {
        var here = ReadOnlySpan<byte>.Empty;
        while (!chunk.IsEmpty)
        {
            if (afterCr)
            {
                // The LF of a CR LF, which may be the first byte of the next chunk.
                afterCr = false;
                if (chunk[0] == '\n')
                {
                    chunk = chunk[1..];
                    continue;
                }
            }

            var end = chunk.IndexOfAny((byte)'\n', (byte)'\r');
            if (end < 0)
            {
                KeepLine(chunk, ref here);
                break;
            }

            afterCr = chunk[end] == '\r';
            EndLine(chunk[..end], ref here);
            chunk = chunk[(end + 1)..];
        }

        data.Append(here);
    }

    /// <summary>The stream has ended: an event that lacks its empty line counts all the same, since what it says was sent.</summary>
    public void Complete()
    {
        var here = ReadOnlySpan<byte>.Empty;
        EndLine([], ref here);
        EndEvent(here);
    }

    public void Dispose()
    {
        line.Dispose();
        name.Dispose();
        data.Dispose();
    }

    private void KeepLine(ReadOnlySpan<byte> part, ref ReadOnlySpan<byte> here)
    {
        if (skipping)
        {
            skippedLineHasBytes = true;
        }
        else if (line.Length + data.Length + here.Length + part.Length > maxEventBytes)
        {
            Skip(ref here);
            skippedLineHasBytes = true;
        }
        else
        {
            line.Append(part);
        }
    }

    /// <param name="rest">The end of the line; its beginning is in <see cref="line"/>, if it began in an earlier chunk.</param>
    /// <param name="here">The event's data so far, as long as it lies within the chunk at hand.</param>
    private void EndLine(ReadOnlySpan<byte> rest, ref ReadOnlySpan<byte> here)
    {
        if (skipping)
        {
            skipping = skippedLineHasBytes || !rest.IsEmpty;
            skippedLineHasBytes = false;
        }
        else if (line.Length == 0)
        {
            TakeLine(rest, isInChunk: true, ref here);
        }
        else
        {
            line.Append(rest);
            TakeLine(line.Span, isInChunk: false, ref here);
            line.Clear();
        }
    }

    private void TakeLine(ReadOnlySpan<byte> whole, bool isInChunk, ref ReadOnlySpan<byte> here)
    {
        if (!afterFirstLine)
        {
            afterFirstLine = true;
            whole = whole.StartsWith("\uFEFF"u8) ? whole[3..] : whole;
        }

        if (whole.IsEmpty)
        {
            EndEvent(here);
            here = [];
            return;
        }

        var colon = whole.IndexOf((byte)':');
        var field = colon < 0 ? whole : whole[..colon];
        var value = colon < 0 ? [] : whole[(colon + 1)..];
        value = value.StartsWith(" "u8) ? value[1..] : value;
        if (field.SequenceEqual("data"u8))
        {
            TakeData(value, isInChunk, ref here);
        }
        else if (field.SequenceEqual("event"u8))
        {
            name.Clear();
            name.Append(value);
        }
    }

    private void TakeData(ReadOnlySpan<byte> value, bool isInChunk, ref ReadOnlySpan<byte> here)
    {
        if (data.Length + here.Length + value.Length > maxEventBytes)
        {
            Skip(ref here);
        }
        else if (dataLines++ == 0 && isInChunk)
        {
            here = value;
        }
        else
        {
            data.Append(here);
            here = [];
            if (dataLines > 1)
            {
                data.Append("\n"u8);
            }

            data.Append(value);
        }
    }

    private void EndEvent(ReadOnlySpan<byte> here)
    {
        // Data lies in one place or the other: TakeData moves what is in the chunk before it adds to it.
        var whole = data.Length > 0 ? data.Span : here;
        if (!whole.IsEmpty)
        {
            Found++;
            onEvent(name.Span, whole);
        }

        name.Clear();
        data.Clear();
        dataLines = 0;
    }

    private void Skip(ref ReadOnlySpan<byte> here)
    {
        Skipped++;
        skipping = true;
        here = [];
        line.Clear();
        name.Clear();
        data.Clear();
        dataLines = 0;
    }
}
