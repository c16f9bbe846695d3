using System.Text;
using CCGate.Proxy.Usage;

namespace CCGate.Tests.Unit.Proxy;

public sealed class SseScannerTests
{
    private const string Short = "\uFEFFevent: ä\r\ndata: é1\r\ndata:2\r\n: c\r\n\r\ndata: x\n\nid: 7\revent: last\rdata: {\"a\":\"東\"}\r\r";
    private static readonly string[] ShortEvents = ["ä|é1\n2", "|x", "last|{\"a\":\"東\"}"];

    [Fact]
    public void Events_are_the_same_whichever_two_bytes_the_stream_is_cut_at()
    {
        var bytes = Encoding.UTF8.GetBytes(Short);
        for (var first = 0; first <= bytes.Length; first++)
        {
            for (var second = first; second <= bytes.Length; second++)
            {
                Assert.Equal(ShortEvents, Scan([bytes[..first], bytes[first..second], bytes[second..]]));
            }
        }
    }

    [Theory]
    [InlineData("data: a\n\n", new[] { "|a" })]
    [InlineData("data:a\n\ndata:  b\n\n", new[] { "|a", "| b" })]
    [InlineData("event: e\n\ndata: a\n\n", new[] { "|a" })]
    [InlineData("event: e\nevent: f\ndata: a\n\n", new[] { "f|a" })]
    [InlineData("data\ndata\ndata: a\n\n", new[] { "|\n\na" })]
    [InlineData("data:\n\n\n\n", new string[0])]
    [InlineData(": comment\ndata: a\nretry: 10\nother: x\n\n", new[] { "|a" })]
    [InlineData("data: a", new[] { "|a" })]
    [InlineData("data: a\n", new[] { "|a" })]
    [InlineData("data: a\r\n\r\ndata: b\r\n", new[] { "|a", "|b" })]
    [InlineData("datax: a\n\n", new string[0])]
    [InlineData("", new string[0])]
    public void Events_are_found_as_the_specification_says(string stream, string[] events)
    {
        var bytes = Encoding.UTF8.GetBytes(stream);

        Assert.Equal(events, Scan([bytes]));
        Assert.Equal(events, Scan([.. bytes.Select(single => new[] { single })]));
    }

    [Fact]
    public void An_event_is_handed_over_with_the_byte_that_ends_it()
    {
        var events = 0;
        using var scanner = new SseScanner((_, _) => events++);

        scanner.Push("data: a\r\n"u8);
        Assert.Equal(0, events);
        scanner.Push("\r"u8);
        Assert.Equal(1, events);
        scanner.Push("\n"u8);
        scanner.Complete();
        Assert.Equal(1, events);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(10_000)]
    public void An_event_that_is_too_long_is_passed_over_and_counted(int size)
    {
        var found = new List<string>();
        using var scanner = new SseScanner((name, data) => found.Add(Encoding.UTF8.GetString(name) + "|" + Encoding.UTF8.GetString(data)), maxEventBytes: 64);
        var line = "event: long\ndata: " + new string('a', 40) + "\ndata: " + new string('b', 40) + "\ndata: c\n\n";
        var noEnd = "event: e\ndata: " + new string('d', 1000) + "\nevent: g\n\n";
        foreach (var piece in Encoding.UTF8.GetBytes("data: 1\n\n" + line + "data: 2\n\n" + noEnd + "data: 3\n\n").Chunk(size))
        {
            scanner.Push(piece);
        }

        Assert.Equal(["|1", "|2", "|3"], found);
        Assert.Equal(2, scanner.Skipped);
    }

    [Fact]
    public void A_line_that_never_ends_is_given_up_at_the_bound_and_not_kept()
    {
        using var scanner = new SseScanner((_, _) => { }, maxEventBytes: 64);
        var part = new byte[50];

        scanner.Push(part);
        Assert.Equal(0, scanner.Skipped);
        scanner.Push(part);
        scanner.Push(part);
        Assert.Equal(1, scanner.Skipped);
    }

    [Fact]
    public void Scanning_allocates_nothing_once_it_runs()
    {
        var events = 0;
        using var scanner = new SseScanner((_, _) => events++);
        var stream = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("event: content_block_delta\ndata: {\"type\":\"content_block_delta\"}\n\n", 100)));
        void Push()
        {
            for (var from = 0; from < stream.Length; from += 100)
            {
                scanner.Push(stream.AsSpan(from, Math.Min(100, stream.Length - from)));
            }
        }

        Push();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Push();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(200, events);
    }

    private static List<string> Scan(IEnumerable<byte[]> pieces)
    {
        var found = new List<string>();
        using var scanner = new SseScanner((name, data) => found.Add(Encoding.UTF8.GetString(name) + "|" + Encoding.UTF8.GetString(data)));
        foreach (var piece in pieces)
        {
            var passing = piece.ToArray();
            scanner.Push(passing);
            Array.Fill(passing, (byte)'#');
        }

        scanner.Complete();
        return found;
    }
}
