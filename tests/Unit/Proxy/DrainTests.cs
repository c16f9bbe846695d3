using CCGate.Hosting.Configuration;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace CCGate.Tests.Unit.Proxy;

/// <summary>What an attempt sees of a client that leaves.</summary>
public sealed class DrainTests
{
    private readonly ManualTimeProvider time = new();
    private readonly DefaultHttpContext http = new();
    private readonly CancellationTokenSource leaving = new();
    private readonly Drains drains;
    private readonly ClientPresence client;

    public DrainTests()
    {
        http.Features.Set<IHttpRequestLifetimeFeature>(new HttpRequestLifetimeFeature { RequestAborted = leaving.Token });
        client = ClientPresence.Of(http);
        drains = new Drains(time);
    }

    [Fact]
    public async Task Under_cancel_the_attempt_sees_the_client_leave()
    {
        Assert.Null(Drain.For(http, AbortPolicy.Cancel, client, drains));
        await leaving.CancelAsync();

        Assert.True(http.RequestAborted.IsCancellationRequested);
    }

    [Fact]
    public async Task A_drain_goes_on_until_it_has_taken_too_long_and_then_it_was_none()
    {
        using var drain = Drain.For(http, AbortPolicy.Drain, client, drains);
        Assert.False(Drain.IsApplied(drain));
        await leaving.CancelAsync();
        Assert.True(Drain.IsApplied(drain));

        time.Advance(Drains.Longest - TimeSpan.FromSeconds(1));
        Assert.False(http.RequestAborted.IsCancellationRequested);
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(http.RequestAborted.IsCancellationRequested);
        Assert.False(Drain.IsApplied(drain));
    }

    [Fact]
    public async Task Its_place_is_free_and_the_clients_departure_seen_once_the_attempt_is_over()
    {
        var drain = Drain.For(http, AbortPolicy.Drain, client, drains)!;
        await leaving.CancelAsync();
        Assert.Equal(1, drains.Running);

        drain.Dispose();

        Assert.Equal(0, drains.Running);
        Assert.True(http.RequestAborted.IsCancellationRequested);
    }

    [Fact]
    public async Task Beyond_the_bound_a_client_that_leaves_is_seen_to_leave()
    {
        for (var taken = 0; taken < Drains.Most; taken++)
        {
            Assert.True(drains.TryBegin());
        }

        using (var drain = Drain.For(http, AbortPolicy.Drain, client, drains))
        {
            await leaving.CancelAsync();

            Assert.False(Drain.IsApplied(drain));
            Assert.True(http.RequestAborted.IsCancellationRequested);
        }

        Assert.Equal(Drains.Most, drains.Running);
    }
}
