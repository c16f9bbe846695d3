using System.IO.Pipelines;
using System.Text;
using CCGate.Contracts;
using CCGate.Proxy.Usage;

namespace CCGate.Tests.Unit.Proxy;

public sealed class UsageTapTests
{
    private const string Body = """{"model":"m","usage":{"input_tokens":3,"output_tokens":4}}""";

    [Fact]
    public async Task The_bytes_and_headers_pass_unchanged_on_every_way_of_reading()
    {
        foreach (var read in (Func<HttpContent, Task<string>>[])
        [
            content => content.ReadAsStringAsync(),
            async content => await new StreamReader(await content.ReadAsStreamAsync()).ReadToEndAsync(),
            content => Task.FromResult(new StreamReader(content.ReadAsStream()).ReadToEnd()),
            CopiedAsync,
        ])
        {
            using var meter = new AttemptMeter(new AnthropicUsageReader(), 200, "application/json", null);
            using var tap = new UsageTap(Upstream(), meter, TimeProvider.System);

            Assert.Equal("application/json; charset=utf-8", tap.Headers.ContentType?.ToString());
            Assert.Equal(Body.Length, tap.Headers.ContentLength);
            Assert.Equal(["a", "b"], tap.Headers.ContentEncoding);
            Assert.Equal(Body, await read(tap));
            Assert.Equal((UsageState.Known, 4), (meter.Finish().State, meter.Finish().Usage.OutputTokens));
        }
    }

    [Fact]
    public async Task A_piece_passes_as_soon_as_it_arrived_and_the_first_one_is_timed()
    {
        var pipe = new Pipe();
        using var meter = new AttemptMeter(new AnthropicUsageReader(), 200, "application/json", null);
        using var tap = new UsageTap(new StreamContent(pipe.Reader.AsStream()), meter, TimeProvider.System);
        var stream = await tap.ReadAsStreamAsync();
        var buffer = new byte[100];

        var reading = stream.ReadAsync(buffer);
        Assert.False(reading.IsCompleted);
        Assert.Null(tap.FirstByteAt);
        await pipe.Writer.WriteAsync("abc"u8.ToArray());

        Assert.Equal("abc", Encoding.UTF8.GetString(buffer.AsSpan(0, await reading)));
        var first = tap.FirstByteAt;
        Assert.NotNull(first);
        await pipe.Writer.WriteAsync("d"u8.ToArray());
        Assert.Equal(1, await stream.ReadAsync(buffer));
        Assert.Equal(first, tap.FirstByteAt);
    }

    [Fact]
    public async Task An_answer_without_a_body_has_no_first_byte()
    {
        using var meter = new AttemptMeter(new AnthropicUsageReader(), 200, null, null);
        using var tap = new UsageTap(new ByteArrayContent([]), meter, TimeProvider.System);

        Assert.Empty(await tap.ReadAsByteArrayAsync());
        Assert.Null(tap.FirstByteAt);
    }

    [Fact]
    public async Task A_failure_of_the_upstream_reaches_the_reader_as_it_is()
    {
        var pipe = new Pipe();
        using var meter = new AttemptMeter(new AnthropicUsageReader(), 200, "application/json", null);
        using var tap = new UsageTap(new StreamContent(pipe.Reader.AsStream()), meter, TimeProvider.System);
        var stream = await tap.ReadAsStreamAsync();
        await pipe.Writer.CompleteAsync(new IOException("reset"));

        var failure = await Assert.ThrowsAsync<IOException>(async () => await stream.ReadExactlyAsync(new byte[10]));

        Assert.Equal("reset", failure.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Disposing_the_tap_disposes_what_the_upstream_sent_read_or_not(bool read)
    {
        var source = new MemoryStream(Encoding.UTF8.GetBytes(Body));
        using var meter = new AttemptMeter(new AnthropicUsageReader(), 200, null, null);
        var tap = new UsageTap(new StreamContent(source), meter, TimeProvider.System);
        if (read)
        {
            await tap.ReadAsStreamAsync();
        }

        tap.Dispose();

        Assert.False(source.CanRead);
    }

    private static StringContent Upstream()
    {
        var content = new StringContent(Body, Encoding.UTF8, "application/json");
        content.Headers.ContentLength = Body.Length;
        content.Headers.ContentEncoding.Add("a");
        content.Headers.ContentEncoding.Add("b");
        return content;
    }

    private static async Task<string> CopiedAsync(HttpContent content)
    {
        using var to = new MemoryStream();
        await content.CopyToAsync(to);
        return Encoding.UTF8.GetString(to.ToArray());
    }
}
