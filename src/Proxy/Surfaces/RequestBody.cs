using System.Buffers;
using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Telemetry;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Surfaces;

/// <summary>Where a value stands in the body.</summary>
internal readonly record struct BodySpan(int Start, int Length)
{
    public int End => Start + Length;

    public bool IsMissing => Length == 0;
}

/// <summary>Where an output limit stands, or could stand, in the body.</summary>
/// <param name="Span">What is replaced; of no length where the limit is put in.</param>
/// <param name="Value">The limit the client gave; null when it gave none.</param>
/// <param name="Before">What a limit that is put in needs before it, its name at least.</param>
/// <param name="After">And after it.</param>
internal readonly record struct OutputLimit(BodySpan Span, long? Value, string Before = "", string After = "");

/// <summary>Bytes that take the place of others; at a span of no length they are put in.</summary>
internal readonly record struct BodyEdit(BodySpan Span, string Text);

/// <summary>The client's bytes as they came, and where in them stand the values the gateway may have to change.</summary>
/// <remarks>Never parsed and written again: what is not changed goes out byte for byte, because a signature or an unknown member may depend on it.</remarks>
internal sealed class RequestBody(byte[] buffer, int length) : IDisposable
{
    private byte[]? rented = buffer;

    public ReadOnlyMemory<byte> Bytes => new(rented ?? throw new ObjectDisposedException(nameof(RequestBody)), 0, length);

    /// <summary>Missing where the model is not named in the body.</summary>
    public BodySpan Model { get; set; }

    /// <summary>More than one where a protocol has several names for it.</summary>
    public IReadOnlyList<OutputLimit> OutputLimits { get; set; } = [];

    /// <summary>What every upstream is asked besides, so that its answer tells its usage.</summary>
    public BodyEdit? Addition { get; set; }

    /// <summary>Reads the whole body into a pooled buffer; refuses what is larger than the bound as soon as that shows.</summary>
    public static async Task<RequestBody> ReadAsync(HttpRequest request, long maxBytes, CancellationToken cancellationToken)
    {
        if (request.ContentLength > maxBytes)
        {
            throw TooLarge(maxBytes);
        }

        var buffer = ArrayPool<byte>.Shared.Rent((int)(request.ContentLength ?? 16 * 1024) + 1);
        var length = 0;
        try
        {
            while (true)
            {
                if (length == buffer.Length)
                {
                    buffer = Grow(buffer, length);
                }

                var read = await request.Body.ReadAsync(buffer.AsMemory(length), cancellationToken);
                if (read == 0)
                {
                    request.HttpContext.Features.Get<RequestTelemetry>()?.BodyRead();
                    return new RequestBody(buffer, length);
                }

                length += read;
                if (length > maxBytes)
                {
                    throw TooLarge(maxBytes);
                }
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    /// <summary>The bytes for an upstream: the client's own, with the model and the token limit replaced where they differ.</summary>
    public ReadOnlyMemory<byte> With(string? model, long? maxOutputTokens)
    {
        if (model is null && maxOutputTokens is null && Addition is null)
        {
            return Bytes;
        }

        var edits = new List<(BodySpan Span, byte[] Text)>(3);
        if (Addition is { } addition)
        {
            edits.Add((addition.Span, Encoding.UTF8.GetBytes(addition.Text)));
        }

        if (model is not null && !Model.IsMissing)
        {
            edits.Add((Model, JsonEncodedText.Encode(model).EncodedUtf8Bytes is var text ? [(byte)'"', .. text, (byte)'"'] : []));
        }

        foreach (var place in OutputLimits)
        {
            if (maxOutputTokens is { } limit && !(place.Value <= limit))
            {
                edits.Add((place.Span, Encoding.UTF8.GetBytes(FormattableString.Invariant($"{place.Before}{limit}{place.After}"))));
            }
        }

        edits.Sort((left, right) => left.Span.Start.CompareTo(right.Span.Start));
        return Splice(edits);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref rented, null) is { } returned)
        {
            ArrayPool<byte>.Shared.Return(returned);
        }
    }

    private ReadOnlyMemory<byte> Splice(List<(BodySpan Span, byte[] Text)> edits)
    {
        var source = Bytes.Span;
        var result = new byte[length + edits.Sum(edit => edit.Text.Length - edit.Span.Length)];
        var target = result.AsSpan();
        var position = 0;
        foreach (var (span, text) in edits)
        {
            source[position..span.Start].CopyTo(target);
            target = target[(span.Start - position)..];
            text.CopyTo(target);
            target = target[text.Length..];
            position = span.End;
        }

        source[position..].CopyTo(target);
        return result;
    }

    private static byte[] Grow(byte[] buffer, int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }

    private static RefusedException TooLarge(long maxBytes) =>
        new(RefusalReason.BodyTooLarge, $"The request body is larger than {maxBytes} bytes (server.json: limits.maxBodyBytes).");
}
