using CCGate.Contracts;

namespace CCGate.Proxy.Usage;

/// <summary>What the beginning of an answer shows.</summary>
internal enum Opening
{
    /// <summary>Nothing yet: the answer may come, or an error in place of it.</summary>
    Undecided,
    Content,
    Error,
}

/// <summary>Reads the usage out of one attempt's answer from a copy of the bytes as they pass.</summary>
/// <remarks>Whatever the upstream sends, nothing here throws: a bill that cannot be read must not break an answer that can. One thread at a time.</remarks>
internal sealed class AttemptMeter : IDisposable
{
    private const int MaxBodyBytes = 32 * 1024 * 1024;

    private readonly int status;
    private readonly IUsageReader reader;
    private readonly SseScanner scanner;
    private readonly ContentDecoder? decoder;
    private readonly DecodedBytes decoded;
    private PooledBuffer body;
    private Form form;
    private string? doubt;
    private MeteredUsage? finished;

    public AttemptMeter(IUsageReader reader, int status, string? contentType, string? contentEncoding)
    {
        this.reader = reader;
        this.status = status;
        scanner = new SseScanner(reader.TakeEvent);
        decoded = Take;
        form = FormOf(contentType);
        try
        {
            decoder = ContentDecoder.For(contentEncoding);
        }
        catch (NotSupportedException unreadable)
        {
            doubt = unreadable.Message;
        }
    }

    private enum Form
    {
        /// <summary>The first byte will tell.</summary>
        Unknown,
        Events,
        Json,
    }

    /// <summary>Whether the model has begun to generate: from here on, the answer is the client's.</summary>
    public bool HasOutput => reader.HasOutput;

    /// <summary>Whether a stream has said that nothing of worth follows.</summary>
    public bool HasEnded => reader.IsOver;

    /// <summary>The type of the error event seen so far.</summary>
    public string? StreamError => reader.StreamError;

    /// <summary>How many events of a stream were read.</summary>
    public long Events => scanner.Found;

    /// <summary>Whether some of what came could not be read, so that nobody knows whether the answer was whole.</summary>
    public bool IsUnreadable => doubt is not null || scanner.Skipped > 0;

    /// <summary>Whether this is the client's answer or a failure that another upstream may make good. What cannot be read is an answer.</summary>
    public Opening Opening => (HasOutput || doubt is not null, StreamError, form) switch
    {
        (true, _, _) => Opening.Content,
        (_, not null, _) => Opening.Error,
        (_, _, Form.Json) => reader.IsError(body.Span) switch { null => Opening.Undecided, true => Opening.Error, false => Opening.Content },
        _ => HasEnded ? Opening.Content : Opening.Undecided,
    };

    /// <summary>Whether a stream that has come to its last byte is only the beginning of one, and has not said so.</summary>
    public bool IsCutShort()
    {
        Finish();
        return !IsUnreadable && !reader.IsComplete && reader.StreamError is null;
    }

    /// <summary>Takes bytes of the answer's body, as they came from the upstream.</summary>
    public void Observe(ReadOnlySpan<byte> raw)
    {
        if (doubt is not null || finished is not null || IsUnbilled || raw.IsEmpty)
        {
            return;
        }

        try
        {
            if (decoder is null)
            {
                Take(raw);
            }
            else
            {
                decoder.Push(raw, decoded);
            }
        }
#pragma warning disable CA1031 // Whatever is wrong with the metering, the client's answer goes on; what was read so far counts, and the doubt is on record.
        catch (Exception unreadable)
#pragma warning restore CA1031
        {
            doubt = $"the answer could not be read: {unreadable.Message}";
        }
    }

    /// <summary>The answer has ended, however it did. Gives back what was rented; asking again gives the same.</summary>
    public MeteredUsage Finish()
    {
        finished ??= Conclude();
        Dispose();
        return finished;
    }

    public void Dispose()
    {
        decoder?.Dispose();
        scanner.Dispose();
        body.Dispose();
    }

    // The provider bills no error, and no redirection, in place of an answer.
    private bool IsUnbilled => status >= 300;

    private MeteredUsage Conclude()
    {
        if (IsUnbilled)
        {
            return new MeteredUsage(new TokenUsage(), UsageState.KnownZero, null, Ended: true, null);
        }

        scanner.Complete();
        if (body.Length > 0)
        {
            reader.TakeBody(body.Span);
        }

        var (usage, state) = reader.Conclude();
        return new MeteredUsage(usage, state, reader.Model, reader.Ended, reader.StreamError, DoubtOf(state));
    }

    private string? DoubtOf(UsageState state) => state switch
    {
        UsageState.Known or UsageState.KnownZero => null,
        _ when doubt is not null => doubt,
        _ when scanner.Skipped > 0 => $"{scanner.Skipped} events were too long to be read",
        _ when reader.StreamError is { } error => $"the stream ended with {error}",
        UsageState.Estimated => "the stream ended before its final usage",
        _ => "the answer has no usage",
    };

    private void Take(ReadOnlySpan<byte> bytes)
    {
        if (form == Form.Unknown)
        {
            var text = bytes.TrimStart(" \t\r\n"u8);
            form = text.IsEmpty ? Form.Unknown : text[0] is (byte)'{' or (byte)'[' ? Form.Json : Form.Events;
        }

        if (form == Form.Events)
        {
            scanner.Push(bytes);
        }
        else if (form == Form.Json)
        {
            TakeBody(bytes);
        }
    }

    private void TakeBody(ReadOnlySpan<byte> bytes)
    {
        if (doubt is null && body.Length + bytes.Length <= MaxBodyBytes)
        {
            body.Append(bytes);
            return;
        }

        body.Dispose();
        doubt ??= $"the answer is longer than {MaxBodyBytes} bytes";
    }

    private static Form FormOf(string? contentType) => contentType switch
    {
        not null when contentType.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase) => Form.Events,
        not null when contentType.Contains("json", StringComparison.OrdinalIgnoreCase) => Form.Json,
        _ => Form.Unknown,
    };
}
