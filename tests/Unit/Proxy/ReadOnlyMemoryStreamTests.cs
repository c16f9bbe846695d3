using CCGate.Proxy.Upstreams;

namespace CCGate.Tests.Unit.Proxy;

public sealed class ReadOnlyMemoryStreamTests
{
    [Fact]
    public async Task Everything_is_read_once_and_then_the_end()
    {
        await using var stream = new ReadOnlyMemoryStream(new byte[] { 1, 2, 3, 4, 5 }.AsMemory(1, 3));

        var buffer = new byte[2];
        Assert.Equal(2, await stream.ReadAsync(buffer));
        Assert.Equal([2, 3], buffer);
        Assert.Equal(1, await stream.ReadAsync(buffer));
        Assert.Equal(0, await stream.ReadAsync(buffer));
    }

    [Fact]
    public void A_sender_that_was_left_behind_cannot_read_what_the_buffer_holds_next()
    {
        using var stream = new ReadOnlyMemoryStream(new byte[10]);
        stream.ReadExactly(new byte[4]);

        stream.TakeBack();

        Assert.Throws<ObjectDisposedException>(() => stream.Read(new byte[4]));
    }
}
