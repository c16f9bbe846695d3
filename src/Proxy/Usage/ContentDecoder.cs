using System.IO.Compression;

namespace CCGate.Proxy.Usage;

/// <summary>Takes decoded bytes; the span is gone when the call returns.</summary>
internal delegate void DecodedBytes(ReadOnlySpan<byte> bytes);

/// <summary>Decodes a compressed body that is pushed in pieces, each as far as it goes.</summary>
internal abstract class ContentDecoder : IDisposable
{
    /// <summary>Null when the body is not encoded.</summary>
    /// <exception cref="NotSupportedException">This encoding cannot be read.</exception>
    public static ContentDecoder? For(string? contentEncoding) => contentEncoding?.Trim().ToUpperInvariant() switch
    {
        null or "" or "IDENTITY" => null,
        "GZIP" or "X-GZIP" => new InflateDecoder(fed => new GZipStream(fed, CompressionMode.Decompress)),
        "DEFLATE" => new DeflateDecoder(),
        "BR" => new BrotliPushDecoder(),
        _ => throw new NotSupportedException($"content-encoding {contentEncoding} cannot be read"),
    };

    /// <exception cref="InvalidDataException">The bytes are not of this encoding.</exception>
    public abstract void Push(ReadOnlySpan<byte> encoded, DecodedBytes decoded);

    public abstract void Dispose();

    private sealed class BrotliPushDecoder : ContentDecoder
    {
        private readonly byte[] output = new byte[8 * 1024];
        private BrotliDecoder brotli;

        public override void Push(ReadOnlySpan<byte> encoded, DecodedBytes decoded)
        {
            while (true)
            {
                var status = brotli.Decompress(encoded, output, out var consumed, out var written);
                encoded = encoded[consumed..];
                if (written > 0)
                {
                    decoded(output.AsSpan(0, written));
                }

                switch (status)
                {
                    case System.Buffers.OperationStatus.DestinationTooSmall:
                        continue;
                    case System.Buffers.OperationStatus.InvalidData:
                        throw new InvalidDataException("not brotli");
                    default:
                        return;
                }
            }
        }

        public override void Dispose() => brotli.Dispose();
    }

    /// <summary>"deflate" is zlib by the standard (RFC 9110) and bare deflate from servers that got it wrong; the first byte tells.</summary>
    private sealed class DeflateDecoder : ContentDecoder
    {
        private InflateDecoder? inner;

        public override void Push(ReadOnlySpan<byte> encoded, DecodedBytes decoded)
        {
            if (encoded.IsEmpty)
            {
                return;
            }

            inner ??= (encoded[0] & 0x0F) == 8
                ? new InflateDecoder(fed => new ZLibStream(fed, CompressionMode.Decompress))
                : new InflateDecoder(fed => new DeflateStream(fed, CompressionMode.Decompress));
            inner.Push(encoded, decoded);
        }

        public override void Dispose() => inner?.Dispose();
    }

    /// <summary>
    /// The framework inflates only what it can pull, so it pulls from a stream that says "end" whenever it has run dry: the inflater does not remember an end
    /// and pulls again at the next read.
    /// </summary>
    private sealed class InflateDecoder : ContentDecoder
    {
        private readonly byte[] output = new byte[8 * 1024];
        private readonly FedStream fed = new();
        private readonly Stream inflater;

        public InflateDecoder(Func<Stream, Stream> inflate) => inflater = inflate(fed);

        public override void Push(ReadOnlySpan<byte> encoded, DecodedBytes decoded)
        {
            fed.Feed(encoded);
            while (inflater.Read(output) is > 0 and var count)
            {
                decoded(output.AsSpan(0, count));
            }
        }

        public override void Dispose()
        {
            inflater.Dispose();
            fed.Dispose();
        }
    }

    private sealed class FedStream : ForwardOnlyStream
    {
        private PooledBuffer bytes;
        private int position;

        public void Feed(ReadOnlySpan<byte> more)
        {
            if (position == bytes.Length)
            {
                bytes.Clear();
                position = 0;
            }

            bytes.Append(more);
        }

        public override int Read(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, bytes.Length - position);
            bytes.Span.Slice(position, count).CopyTo(buffer);
            position += count;
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            bytes.Dispose();
            base.Dispose(disposing);
        }
    }
}
