using System.Net.Sockets;
using System.Text;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What is held back of an answer, for how long, and what a client that leaves or reads nothing makes of it.</summary>
public sealed class HeldAnswerTests
{
    private const string Ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n";

    [Fact]
    public async Task A_client_that_waits_for_the_model_sees_the_pings()
    {
        await using var upstream = RawUpstream.Start(async upstream =>
        {
            await upstream.HeadAsync();
            await upstream.ChunkAsync(Ping);
            await upstream.SilenceAsync();
        });
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url, upstream.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));
        await using var stream = await response.Content.ReadAsStreamAsync();
        var ping = new byte[Ping.Length];
        await stream.ReadExactlyAsync(ping).AsTask().WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(Ping, Encoding.UTF8.GetString(ping));
        Assert.Equal(1, upstream.Requests);
    }

    [Fact]
    public async Task An_answer_that_went_on_after_it_was_let_go_is_whole()
    {
        var seen = new TaskCompletionSource();
        await using var upstream = RawUpstream.Start(async upstream =>
        {
            await upstream.HeadAsync();
            await upstream.ChunkAsync(Ping);
            await seen.Task;
            await upstream.ChunkAsync(AnthropicAnswers.VectorStream);
            await upstream.EndAsync();
        });
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url, upstream.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));
        seen.SetResult();

        Assert.Equal(Ping + AnthropicAnswers.VectorStream, await response.Content.ReadAsStringAsync());
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.Succeeded, AnthropicAnswers.VectorUsd), (completed.Outcome, completed.SpendUsd));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task An_error_that_comes_compressed_is_seen_too(string encoding)
    {
        const string Error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
        await using var bad = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.StreamAsync(http, Error, encoding));
        await using var good = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(bad.Url, good.Url));

        for (var i = 0; i < 2; i++)
        {
            using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(TestGateway.Body(stream: true)), headers: headers => headers.TryAddWithoutValidation("Accept-Encoding", encoding));
            Assert.Equal("u2", response.Headers.GetValues("x-ccgate-upstream").Single());
        }

        Assert.Single(bad.Received);
    }

    [Theory]
    [InlineData("openai", "/v1/chat/completions", """{"error":{"message":"no","type":"server_error","code":null}}""")]
    [InlineData("openai-responses", "/v1/responses", """{"error":{"message":"no","type":"server_error","code":null}}""")]
    [InlineData("gemini", "/v1beta/models/m:generateContent", """{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}""")]
    [InlineData("gemini", "/v1beta/models/m:streamGenerateContent", """[{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}]""")]
    [InlineData("gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", "data: {\"error\":{\"code\":503,\"message\":\"no\",\"status\":\"UNAVAILABLE\"}}\n\n")]
    public async Task An_error_with_status_200_is_seen_in_every_protocol(string kind, string path, string error)
    {
        var type = error[0] == 'd' ? "text/event-stream" : "application/json";
        await using var bad = RawUpstream.Start(async upstream =>
        {
            await upstream.HeadAsync(type);
            await upstream.ChunkAsync(error);
            await upstream.EndAsync();
        });
        const string Answer = """{"error":null,"id":"1","usage":{"prompt_tokens":1,"completion_tokens":1}}""";
        await using var good = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, Answer));
        await using var gateway = await TestGateway.StartAsync(
            $$"""{ "upstreams": [ { "id": "bad", "kind": "{{kind}}", "url": "{{bad.Url}}", "key": "k", "weight": 100 }, { "id": "good", "kind": "{{kind}}", "url": "{{good.Url}}", "key": "k" } ] }""");

        using var response = await gateway.PostAsync("""{"model":"m","messages":[],"input":"x","contents":[]}""", path);

        Assert.Equal(Answer, await response.Content.ReadAsStringAsync());
        var completed = await gateway.EventAsync();
        Assert.Equal(("bad", UsageState.KnownZero), (completed.Attempts[0].UpstreamId, completed.Attempts[0].UsageState));
        Assert.EndsWith("before its answer had begun", completed.Attempts[0].Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_half_of_a_JSON_answer_does_not_wait_for_the_second()
    {
        var read = new TaskCompletionSource();
        var half = AnthropicAnswers.VectorJson[..20];
        await using var upstream = RawUpstream.Start(async upstream =>
        {
            await upstream.HeadAsync("application/json");
            await upstream.ChunkAsync(half);
            await read.Task;
            await upstream.ChunkAsync(AnthropicAnswers.VectorJson[20..]);
            await upstream.EndAsync();
        });
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url, upstream.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        await using var stream = await response.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[half.Length]).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        read.SetResult();

        Assert.Equal(AnthropicAnswers.VectorJson[20..], await new StreamReader(stream).ReadToEndAsync());
        Assert.Equal(AnthropicAnswers.VectorUsd, (await gateway.EventAsync()).SpendUsd);
    }

    [Fact]
    public async Task A_client_that_leaves_while_the_answer_is_held_is_not_a_failure_of_the_upstream()
    {
        var (sent, left) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var upstream = RawUpstream.Start(async upstream =>
        {
            await upstream.HeadAsync();
            await upstream.ChunkAsync(AnthropicAnswers.VectorFrames[0]);
            sent.SetResult();
            await upstream.SilenceAsync();
            left.SetResult();
        });
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url, upstream.Url));
        using var leaving = new CancellationTokenSource();

        var request = gateway.PostAsync(TestGateway.Body(stream: true), cancellationToken: leaving.Token);
        await sent.Task;
        await leaving.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        await left.Task.WaitAsync(TimeSpan.FromSeconds(30));
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.ClientAborted, UsageState.Estimated, "client: left"), (completed.Outcome, completed.Attempts.Single().UsageState, completed.Attempts[0].Failure));
        Assert.Equal(1, upstream.Requests);
    }

    [Fact]
    public async Task A_client_that_reads_nothing_stops_the_upstream_s_writing()
    {
        const int Megabyte = 1024 * 1024;
        RawConnection? writer = null;
        await using var upstream = RawUpstream.Start(async upstream =>
        {
            upstream.Socket.SendBufferSize = 64 * 1024;
            await upstream.HeadAsync();
            await upstream.ChunkAsync(AnthropicAnswers.VectorStream[..AnthropicAnswers.VectorStream.LastIndexOf("event: message_stop", StringComparison.Ordinal)]);
            writer = upstream;
            var filler = Encoding.UTF8.GetBytes($": {new string('x', 64 * 1024)}\n\n");
            while (upstream.Sent < 50 * Megabyte)
            {
                await upstream.ChunkAsync(filler);
            }
        });
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(upstream.Url, upstream.Url));
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 64 * 1024 };
        var body = TestGateway.Body(stream: true);
        await client.ConnectAsync("127.0.0.1", new Uri(gateway.Url).Port);
        await client.SendAsync(Encoding.UTF8.GetBytes($"POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: {TestGateway.Key}\r\nContent-Length: {body.Length}\r\n\r\n{body}"));

        var before = -1L;
        var still = 0;
        await Eventually.HoldsAsync(
            () =>
            {
                var now = writer?.Sent ?? -1;
                still = now > 0 && now == before ? still + 1 : 0;
                before = now;
                return still == 20;
            },
            "the upstream's writer stands still");

        Assert.InRange(before, 1, 8 * Megabyte);
    }
}
