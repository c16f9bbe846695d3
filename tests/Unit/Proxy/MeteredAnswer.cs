using System.IO.Compression;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Usage;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>Drives a meter through an answer that arrives in pieces.</summary>
internal static class MeteredAnswer
{
    /// <summary>What is billed for the prompt of an answer that broke off before it told.</summary>
    public const long LikelyPromptTokens = 77;

    public static MeteredUsage Of(byte[] bytes, string? type, string? encoding = null, int status = 200, int[]? cuts = null, UpstreamKind kind = UpstreamKind.Anthropic)
    {
        using var meter = new AttemptMeter(UsageReaders.For(kind, LikelyPromptTokens), status, type, encoding);
        var from = 0;
        foreach (var cut in (int[])[.. cuts ?? [], bytes.Length])
        {
            // A copy of its own, wiped afterwards: nothing may keep a view of what was passed.
            var piece = bytes[from..cut];
            meter.Observe(piece);
            Array.Fill(piece, (byte)'#');
            from = cut;
        }

        return meter.Finish();
    }

    public static MeteredUsage InChunks(byte[] bytes, string? type, string? encoding, int size, UpstreamKind kind = UpstreamKind.Anthropic) =>
        Of(bytes, type, encoding, kind: kind, cuts: [.. Enumerable.Range(1, (bytes.Length - 1) / size).Select(i => i * size)]);

    public static IEnumerable<(string Encoding, byte[] Bytes)> Compressed(byte[] bytes) =>
    [
        ("gzip", Compress(bytes, to => new GZipStream(to, CompressionLevel.Optimal))),
        ("deflate", Compress(bytes, to => new ZLibStream(to, CompressionLevel.Optimal))),
        ("deflate", Compress(bytes, to => new DeflateStream(to, CompressionLevel.Optimal))),
        ("br", Compress(bytes, to => new BrotliStream(to, CompressionLevel.Optimal))),
    ];

    public static byte[] Compress(byte[] bytes, Func<Stream, Stream> compressor)
    {
        using var compressed = new MemoryStream();
        using (var stream = compressor(compressed))
        {
            stream.Write(bytes);
        }

        return compressed.ToArray();
    }
}
