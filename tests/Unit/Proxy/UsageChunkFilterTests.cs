using System.Text;
using CCGate.Proxy.Usage;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>The one chunk is left out, wherever the bytes are cut, and nothing else.</summary>
public sealed class UsageChunkFilterTests
{
    private const string Delta = "data: {\"choices\":[{\"delta\":{\"content\":\"世 \\\"prompt_tokens\\\"\"}}],\"usage\":null}\n\n";
    private const string Usage = "data: {\"id\":\"x\",\"choices\": [ ],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n\n";
    private const string Done = "data: [DONE]\n\n";

    [Theory]
    [InlineData(Delta + Usage + Done, Delta + Done)]
    [InlineData(Usage + Done, Done)]
    [InlineData(Delta + Usage, Delta)]
    [InlineData(": comment\n\n" + Delta + Done, ": comment\n\n" + Delta + Done)]
    [InlineData("data: {\"choices\":[],\"prompt_filter_results\":[\"prompt_tokens\"]}\n\n", "data: {\"choices\":[],\"prompt_filter_results\":[\"prompt_tokens\"]}\n\n")]
    [InlineData("data: {\"choices\":[],\"usage\":null,\"x\":\"prompt_tokens\"}\n\n", "data: {\"choices\":[],\"usage\":null,\"x\":\"prompt_tokens\"}\n\n")]
    [InlineData("data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":3}}\n\n", "data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":3}}\n\n")]
    [InlineData("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3}}", "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3}}")]
    [InlineData("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3}\n\n" + Done, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3}\n\n" + Done)]
    public async Task What_is_left_does_not_depend_on_where_the_stream_is_cut(string stream, string left)
    {
        foreach (var lineEnd in new[] { "\n", "\r\n" })
        {
            var bytes = Encoding.UTF8.GetBytes(stream.Replace("\n", lineEnd, StringComparison.Ordinal));
            for (var size = 1; size <= bytes.Length; size += size < 8 ? 1 : 13)
            {
                Assert.Equal(left.Replace("\n", lineEnd, StringComparison.Ordinal), await FilterAsync(bytes, size));
            }
        }
    }

    [Fact]
    public async Task An_event_too_long_to_be_a_usage_chunk_goes_on_as_it_comes()
    {
        var longEvent = "data: {\"choices\":[{\"delta\":{\"content\":\"" + new string('a', 100_000) + "\"}}]}\n\n";

        Assert.Equal(longEvent + Done, await FilterAsync(Encoding.UTF8.GetBytes(longEvent + Usage + Done), 4096));
    }

    private static async Task<string> FilterAsync(byte[] bytes, int size)
    {
        await using var filter = new UsageChunkFilter(new Pieces(bytes, size));
        using var result = new MemoryStream();
        var buffer = new byte[7];
        Assert.Equal(0, await filter.ReadAsync(Memory<byte>.Empty));
        while (await filter.ReadAsync(buffer) is > 0 and var count)
        {
            result.Write(buffer, 0, count);
        }

        return Encoding.UTF8.GetString(result.ToArray());
    }

    /// <summary>Bytes that arrive so many at a time.</summary>
    private sealed class Pieces(byte[] bytes, int size) : ForwardOnlyStream
    {
        private int position;

        public override int Read(Span<byte> buffer)
        {
            var count = Math.Min(Math.Min(size, buffer.Length), bytes.Length - position);
            bytes.AsSpan(position, count).CopyTo(buffer);
            position += count;
            return count;
        }
    }
}
