using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Every way an upstream can fail: what the client gets, with and without another upstream, and what is stored of it.</summary>
public sealed class UpstreamFailureTests
{
    private const string Ping = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
    private const string Error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    private const string ErrorJson = """{"type":"error","error":{"type":"overloaded_error","message":"said the upstream"}}""";
    private const string HalfFrame = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"";

    private static readonly string MessageStart = AnthropicAnswers.VectorFrames[0];
    private static readonly string WithContent = string.Concat(AnthropicAnswers.VectorFrames[..8]);
    private static readonly string WithUsage = string.Concat(AnthropicAnswers.VectorFrames[..10]);

    private static readonly Dictionary<string, Row> Rows = new()
    {
        ["close before headers"] = Row.Unreachable(_ => Task.CompletedTask),
        ["half a status line"] = Row.Unreachable(upstream => upstream.SendAsync("HTTP/1.1 20")),
        ["half of the headers"] = Row.Unreachable(upstream => upstream.SendAsync("HTTP/1.1 200 OK\r\nContent-Ty")),
        ["headers only"] = Row.BeforeContent("", UsageState.Unknown, "upstream: broke off before the first byte of its answer") with { AloneStatus = 503 },
        ["silence after the headers"] = Row.BeforeContent("", UsageState.Estimated, "upstream: no answer in time (timeouts.firstByteSeconds)") with
        {
            AloneStatus = 503,
            Silent = true,
            AloneOutcome = RequestOutcome.Failed,
        },
        ["empty stream"] = Row.Whole("", UsageState.Unknown, "upstream: an empty answer") with { AloneStatus = 503 },
        ["error event first"] = Row.Whole(Error, UsageState.KnownZero, "upstream: overloaded_error before its answer had begun") with { AloneOutcome = RequestOutcome.Failed, Bytes = Error },
        ["ping then error event"] = Row.Whole(Ping + Error, UsageState.KnownZero, "upstream: overloaded_error before its answer had begun") with
        {
            AloneOutcome = RequestOutcome.Failed,
            Bytes = Ping + Error,
        },
        ["HTML with status 200"] = Row.Whole("<html>Bad gateway</html>", UsageState.Unknown, "upstream: its answer ended before it had begun") with
        {
            Type = "text/html",
            Bytes = "<html>Bad gateway</html>",
        },
        ["JSON error with status 200"] = Row.Whole(ErrorJson, UsageState.KnownZero, "upstream: overloaded_error before its answer had begun") with
        {
            Type = "application/json",
            AloneOutcome = RequestOutcome.Failed,
            Bytes = ErrorJson,
        },
        ["empty JSON"] = Row.Whole("", UsageState.Unknown, "upstream: an empty answer") with { Type = "application/json", Bytes = "" },
        ["message_start then cut"] = Row.BeforeContent(MessageStart, UsageState.Estimated, "upstream: broke off before its answer had begun") with { Bytes = MessageStart, Breaks = "" },
        ["message_start then end"] = Row.Whole(MessageStart, UsageState.Estimated, "upstream: its answer ended before it had begun") with { Bytes = MessageStart, Breaks = "" },
        ["cut between frames"] = Row.AfterContent(WithContent, WithContent, ""),
        ["end between frames"] = Row.AfterContent(WithContent, WithContent, "") with { Ends = true },
        ["cut in the middle of a frame"] = Row.AfterContent(WithContent + HalfFrame, WithContent + HalfFrame, "\n\n"),
        ["cut in the middle of a character"] = Row.AfterContent([.. Encoding.UTF8.GetBytes(WithContent + HalfFrame + "ü"), .. "🌍"u8[..3]], WithContent + HalfFrame + "ü", "\n\n"),
        ["cut after the last usage"] = Row.AfterContent(WithUsage, WithUsage, "") with { State = UsageState.Known },
        ["idle after content"] = Row.AfterContent(WithContent, WithContent, "") with { Silent = true, Failure = "upstream: fell silent (timeouts.idleSeconds)" },
    };

    public static TheoryData<string> AllRows => [.. Rows.Keys];

    public static TheoryData<string> RowsBeforeContent => [.. Rows.Where(row => row.Value.FailsOver).Select(row => row.Key)];

    public static TheoryData<string> RowsAfterContent => [.. Rows.Where(row => !row.Value.FailsOver).Select(row => row.Key)];

    [Theory]
    [MemberData(nameof(RowsBeforeContent))]
    public async Task Before_the_first_content_another_upstream_answers(string name)
    {
        var row = Rows[name];
        await using var bad = RawUpstream.Start(row.PlayAsync);
        await using var good = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream));
        await using var gateway = await TestGateway.StartAsync(Upstreams(row, bad.Url, good.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));

        Assert.Equal((200, AnthropicAnswers.VectorStream), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.Equal("good", response.Headers.GetValues("x-ccgate-upstream").Single());
        Assert.False(response.Headers.Contains("x-of-the-broken"));
        var completed = await gateway.EventAsync();
        Assert.Equal(completed.RequestId.ToString(), response.Headers.GetValues("x-ccgate-request-id").Single());
        Assert.Equal([("bad", row.Failure, row.State), ("good", null, UsageState.Known)], completed.Attempts.Select(attempt => (attempt.UpstreamId, attempt.Failure, attempt.UsageState)));
        Assert.Equal(RequestOutcome.Succeeded, completed.Outcome);
        Assert.Equal(row.State == UsageState.Estimated, completed.Attempts[0].SpendUsd > 0);
    }

    [Theory]
    [MemberData(nameof(RowsAfterContent))]
    public async Task After_the_first_content_no_other_upstream_is_asked(string name)
    {
        var row = Rows[name];
        await using var bad = RawUpstream.Start(row.PlayAsync);
        await using var good = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream));
        await using var gateway = await TestGateway.StartAsync(Upstreams(row, bad.Url, good.Url));

        await AssertAloneAsync(gateway, row);

        Assert.Empty(good.Received);
    }

    [Theory]
    [MemberData(nameof(AllRows))]
    public async Task Without_another_upstream_the_client_is_told(string name)
    {
        var row = Rows[name];
        await using var bad = RawUpstream.Start(row.PlayAsync);
        await using var gateway = await TestGateway.StartAsync(Upstreams(row, bad.Url));

        await AssertAloneAsync(gateway, row);

        Assert.Equal(1, bad.Requests);
        Assert.Equal((CircuitState.Open, CircuitState.Closed), Circuits(gateway));
    }

    [Theory]
    [InlineData(401)]
    [InlineData(402)]
    [InlineData(403)]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(529)]
    public async Task An_error_of_the_upstream_is_not_the_client_s_as_long_as_another_answers(int status)
    {
        await using var bad = RawUpstream.Start(upstream => RefuseAsync(upstream, status));
        await using var good = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Upstreams(new Row(), bad.Url, good.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal((200, "OK", AnthropicAnswers.VectorJson), ((int)response.StatusCode, response.ReasonPhrase, await response.Content.ReadAsStringAsync()));
        Assert.False(response.Headers.Contains("x-of-the-broken"));
        var completed = await gateway.EventAsync();
        Assert.Equal([(status, UsageState.KnownZero), (200, UsageState.Known)], completed.Attempts.Select(attempt => (attempt.StatusCode!.Value, attempt.UsageState)));
        Assert.StartsWith($"upstream: status {status}", completed.Attempts[0].Failure, StringComparison.Ordinal);
        Assert.Equal((RequestOutcome.Succeeded, AnthropicAnswers.VectorUsd), (completed.Outcome, completed.SpendUsd));
    }

    [Theory]
    [InlineData(400, true)]
    [InlineData(404, true)]
    [InlineData(409, true)]
    [InlineData(413, true)]
    [InlineData(422, true)]
    [InlineData(408, false)]
    [InlineData(429, false)]
    [InlineData(500, false)]
    [InlineData(503, false)]
    [InlineData(529, false)]
    public async Task An_error_that_nobody_can_mend_reaches_the_client_as_it_was(int status, bool hasAnother)
    {
        await using var bad = RawUpstream.Start(upstream => RefuseAsync(upstream, status));
        await using var good = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Upstreams(new Row(), hasAnother ? [bad.Url, good.Url] : [bad.Url]));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal((status, ErrorJson), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.Equal((1, 0), (bad.Requests, good.Received.Count));
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.Failed, UsageState.KnownZero, $"upstream: status {status}"), (completed.Outcome, completed.Attempts.Single().UsageState, completed.Attempts[0].Failure));

        // At whose fault it was decides what is left alone: nothing, the key, or the upstream.
        Assert.Equal(hasAnother ? (CircuitState.Closed, CircuitState.Closed) : status == 429 ? (CircuitState.Closed, CircuitState.Open) : (CircuitState.Open, CircuitState.Closed), Circuits(gateway));
    }

    [Theory]
    [InlineData(401)]
    [InlineData(402)]
    [InlineData(403)]
    public async Task A_client_is_not_told_that_its_key_is_wrong_when_it_is_the_upstream_s(int status)
    {
        await using var bad = RawUpstream.Start(upstream => RefuseAsync(upstream, status));
        await using var gateway = await TestGateway.StartAsync(Upstreams(new Row(), bad.Url));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal((503, "Service Unavailable"), ((int)response.StatusCode, response.ReasonPhrase));
        var error = JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("error");
        Assert.Equal("api_error", error.GetProperty("type").GetString());
        Assert.Equal(
            $"No upstream answered (bad: upstream: status {status}, it refused the gateway's key). The gateway's operator has to check the key of bad in upstreams.json.",
            error.GetProperty("message").GetString());
        Assert.False(response.Headers.Contains("x-of-the-broken"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_that_is_refused_is_one_attempt(bool hasAnother)
    {
        await using var good = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(Upstreams(Rows["headers only"], hasAnother ? [RawUpstream.Refusing(), good.Url] : [RawUpstream.Refusing()]));

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(hasAnother ? 200 : 503, (int)response.StatusCode);
        var completed = await gateway.EventAsync();
        Assert.Equal((null, UsageState.KnownZero), (completed.Attempts[0].StatusCode, completed.Attempts[0].UsageState));
        Assert.StartsWith("upstream: unreachable", completed.Attempts[0].Failure, StringComparison.Ordinal);
        Assert.Equal(hasAnother ? RequestOutcome.Succeeded : RequestOutcome.Failed, completed.Outcome);
    }

    private static Task RefuseAsync(RawConnection upstream, int status) => upstream.SendAsync(
        $"HTTP/1.1 {status} Said The Upstream\r\nContent-Type: application/json\r\nX-Of-The-Broken: 1\r\nContent-Length: {ErrorJson.Length}\r\n\r\n{ErrorJson}");

    /// <summary>Of the upstream that was tried first, and of its key.</summary>
    private static (CircuitState Upstream, CircuitState Key) Circuits(TestGateway gateway)
    {
        var state = gateway.Services.GetRequiredService<UpstreamPool>().Current[0].State;
        return (state.Breaker.State, state.Keys.Keys[0].Breaker.State);
    }

    private static async Task AssertAloneAsync(TestGateway gateway, Row row)
    {
        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));
        var requestId = response.Headers.GetValues("x-ccgate-request-id").Single();
        var (text, isCut) = await ReadAsync(response);

        Assert.Equal((row.Breaks is not null, requestId), (isCut, (await gateway.EventAsync()).RequestId.ToString()));
        Assert.Equal(row.AloneStatus, (int)response.StatusCode);
        if (row.AloneStatus == 503)
        {
            Assert.Contains("No upstream answered (bad: upstream: ", text, StringComparison.Ordinal);
            Assert.False(response.Headers.Contains("x-of-the-broken") || response.Headers.Contains("x-ccgate-upstream"));
        }
        else
        {
            Assert.Equal(row.Bytes + (row.Breaks is null ? "" : row.Breaks + Broken(row, requestId)), text);
        }

        var completed = await gateway.EventAsync();
        var attempt = Assert.Single(completed.Attempts);
        Assert.Equal((row.AloneOutcome, row.AloneState ?? row.State), (completed.Outcome, attempt.UsageState));
        Assert.NotNull(attempt.Failure);
        Assert.Equal(row.FailsOver ? attempt.Failure : row.Failure, attempt.Failure);
        Assert.Equal((row.AloneState ?? row.State) == UsageState.Unknown, completed.UnsettledUsd > 0);
    }

    /// <summary>What came, and whether the connection broke afterwards.</summary>
    private static async Task<(string Text, bool IsCut)> ReadAsync(HttpResponseMessage response)
    {
        using var received = new MemoryStream();
        var cut = await Record.ExceptionAsync(() => response.Content.CopyToAsync(received));
        return (Encoding.UTF8.GetString(received.ToArray()), cut is not null);
    }

    private static string Broken(Row row, string requestId) =>
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"The upstream bad "
        + (row.Silent ? "fell silent (timeouts.idleSeconds)" : "broke off its answer") + ": the answer is not complete.\"},\"request_id\":\"" + requestId + "\"}\n\n";

    /// <summary>The first address is the one that is tried first.</summary>
    private static string Upstreams(Row row, params string[] urls)
    {
        var timeouts = row.Silent ? """ "firstByteSeconds": 1, "idleSeconds": 1 """ : "";
        var good = urls.Length == 1 ? "" : $$""", { "id": "good", "url": "{{urls[1]}}", "key": "k", "weight": 1 }""";
        return $$"""{ "upstreams": [ { "id": "bad", "url": "{{urls[0]}}", "key": "k", "weight": 100, "circuitBreaker": { "failures": 1 }, "timeouts": { {{timeouts}} } } {{good}} ] }""";
    }

    /// <summary>What an upstream does, and what comes of it.</summary>
    private sealed record Row
    {
        public Func<RawConnection, Task>? Script { get; init; }

        /// <summary>What it sends as the body of its answer.</summary>
        public ReadOnlyMemory<byte> Sends { get; init; }

        public string Type { get; init; } = "text/event-stream";

        /// <summary>It says properly that this was all; else it cuts, or says no more.</summary>
        public bool Ends { get; init; }

        public bool Silent { get; init; }

        public bool FailsOver { get; init; } = true;

        /// <summary>What the event says of the failed attempt, when another upstream could be asked.</summary>
        public string Failure { get; init; } = "";

        public UsageState State { get; init; }

        public UsageState? AloneState { get; init; }

        public int AloneStatus { get; init; } = 200;

        public RequestOutcome AloneOutcome { get; init; } = RequestOutcome.UpstreamTruncated;

        /// <summary>What the client gets when there is no other upstream.</summary>
        public string Bytes { get; init; } = "";

        /// <summary>What stands before the error event that ends it; null when it ends without one.</summary>
        public string? Breaks { get; init; }

        public static Row Unreachable(Func<RawConnection, Task> script) => new()
        {
            Script = script,
            Failure = "upstream: unreachable (Request)",
            State = UsageState.KnownZero,
            AloneStatus = 503,
            AloneOutcome = RequestOutcome.Failed,
        };

        public static Row BeforeContent(string sends, UsageState state, string failure) => new() { Sends = Encoding.UTF8.GetBytes(sends), State = state, Failure = failure };

        public static Row Whole(string sends, UsageState state, string failure) => BeforeContent(sends, state, failure) with { Ends = true };

        public static Row AfterContent(string sends, string bytes, string closing) => AfterContent(Encoding.UTF8.GetBytes(sends), bytes, closing);

        public static Row AfterContent(byte[] sends, string bytes, string closing) =>
            new() { Sends = sends, Bytes = bytes, Breaks = closing, FailsOver = false, State = UsageState.Estimated, Failure = "upstream: broke off its answer" };

        public async Task PlayAsync(RawConnection upstream)
        {
            if (Script is not null)
            {
                await Script(upstream);
                return;
            }

            await upstream.HeadAsync(Type);
            if (!Sends.IsEmpty)
            {
                await upstream.ChunkAsync(Sends);
            }

            await (Ends ? upstream.EndAsync() : Silent ? upstream.SilenceAsync() : Task.CompletedTask);
        }
    }
}
