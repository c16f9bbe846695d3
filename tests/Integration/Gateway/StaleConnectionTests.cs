using System.Net;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>A connection that the upstream closed while it was idle costs the client nothing, and no request is ever served twice.</summary>
public sealed class StaleConnectionTests
{
    [Theory]
    [InlineData(200)]
    [InlineData(300_000)]
    public async Task A_request_on_a_connection_that_was_closed_while_idle_is_sent_again_on_a_fresh_one(int textLength)
    {
        await using var upstream = new KeptConnectionUpstream(exchange => exchange is { Connection: 1, Request: 2 } ? CutAsync(exchange) : exchange.AnswerAsync());
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url));
        var body = TestGateway.Body(stream: false, text: new string('x', textLength));

        for (var i = 0; i < 2; i++)
        {
            using var response = await gateway.PostAsync(body);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(AnthropicAnswers.VectorJson, await response.Content.ReadAsStringAsync());
        }

        Assert.Equal((2, 3), (upstream.Connections, upstream.Requests));
        var events = await gateway.EventsAsync(2);
        Assert.All(events, completed => Assert.Equal((RequestOutcome.Succeeded, 1, AnthropicAnswers.VectorUsd), (completed.Outcome, completed.Attempts.Count, completed.SpendUsd)));
    }

    [Fact]
    public async Task It_is_sent_again_only_once()
    {
        await using var upstream = new KeptConnectionUpstream(exchange => exchange is { Connection: 1, Request: 1 } ? exchange.AnswerAsync() : CutAsync(exchange));
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url));

        using var first = await gateway.PostAsync(TestGateway.Body(stream: false));
        using var second = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
        Assert.Equal((2, 3), (upstream.Connections, upstream.Requests));
    }

    [Fact]
    public async Task A_request_that_breaks_on_a_fresh_connection_may_have_been_served_and_is_not_sent_again()
    {
        await using var upstream = new KeptConnectionUpstream(CutAsync);
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Equal(1, upstream.Requests);
    }

    [Fact]
    public async Task A_request_whose_answer_had_begun_is_not_sent_again()
    {
        await using var upstream = new KeptConnectionUpstream(async exchange =>
        {
            if (exchange.Request == 1)
            {
                await exchange.AnswerAsync();
                return;
            }

            await exchange.ReadAsync();
            await exchange.WriteAsync("HTTP/1.1 2");
            exchange.Finish();
        });
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url));

        using var first = await gateway.PostAsync(TestGateway.Body(stream: false));
        using var second = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
        Assert.Equal((1, 2), (upstream.Connections, upstream.Requests));
    }

    [Fact]
    public async Task A_request_that_was_silent_for_long_may_have_been_served_and_is_not_sent_again()
    {
        await using var upstream = new KeptConnectionUpstream(async exchange =>
        {
            if (exchange.Request == 1)
            {
                await exchange.AnswerAsync();
                return;
            }

            await Task.Delay(TimeSpan.FromSeconds(1.5), TimeProvider.System, CancellationToken.None); // An upstream at work, in real time as connections are.
            exchange.Cut();
        });
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url));

        using var first = await gateway.PostAsync(TestGateway.Body(stream: false));
        using var second = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
        Assert.Equal(2, upstream.Requests);
    }

    private static Task CutAsync(RawExchange exchange)
    {
        exchange.Cut();
        return Task.CompletedTask;
    }
}
