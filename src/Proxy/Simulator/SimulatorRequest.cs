using System.Text.Json;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Simulator;

/// <summary>What the simulator looks at in a request.</summary>
/// <param name="Model">Null when the body is no JSON object, or names none.</param>
/// <param name="Stream">Whether events are wanted.</param>
/// <param name="MaxTokens">The most it may answer; null when the request does not say.</param>
/// <param name="InputTokens">Its length, as tokens.</param>
internal readonly record struct SimulatorRequest(string? Model, bool Stream, long? MaxTokens, long InputTokens)
{
    public static async Task<SimulatorRequest> ReadAsync(HttpContent? content, CancellationToken cancellationToken)
    {
        if (content is null)
        {
            return default;
        }

        // Content that is forwarded can only be copied, and only once.
        using var body = new BodySink();
        await content.CopyToAsync(body, cancellationToken);
        return Read(body.Bytes);
    }

    private static SimulatorRequest Read(ReadOnlySpan<byte> body)
    {
        var request = new SimulatorRequest { InputTokens = Math.Max(1, body.Length / 4) };
        try
        {
            var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = 1024 });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                request = ReadMember(ref reader, request);
            }

            return request;
        }
        catch (JsonException)
        {
            return request with { Model = null };
        }
    }

    private static SimulatorRequest ReadMember(ref Utf8JsonReader reader, SimulatorRequest request)
    {
        var (isModel, isStream, isMaxTokens) = (reader.ValueTextEquals("model"u8), reader.ValueTextEquals("stream"u8), reader.ValueTextEquals("max_tokens"u8));
        reader.Read();
        reader.Skip();
        return reader.TokenType switch
        {
            JsonTokenType.String when isModel => request with { Model = reader.GetString() },
            JsonTokenType.True when isStream => request with { Stream = true },
            JsonTokenType.Number when isMaxTokens && reader.TryGetInt64(out var tokens) => request with { MaxTokens = tokens },
            _ => request,
        };
    }

    private sealed class BodySink : Stream
    {
        private PooledBuffer bytes;

        public ReadOnlySpan<byte> Bytes => bytes.Span;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => bytes.Length;

        public override long Position
        {
            get => bytes.Length;
            set => throw new NotSupportedException();
        }

        public override void Write(ReadOnlySpan<byte> buffer) => bytes.Append(buffer);

        public override void Write(byte[] buffer, int offset, int count) => bytes.Append(buffer.AsSpan(offset, count));

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            bytes.Append(buffer.Span);
            return ValueTask.CompletedTask;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            bytes.Append(buffer.AsSpan(offset, count));
            return Task.CompletedTask;
        }

        public override void Flush()
        {
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            bytes.Dispose();
            base.Dispose(disposing);
        }
    }
}
