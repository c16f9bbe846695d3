using System.Net;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Simulator;
using CCGate.Proxy.Usage;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Proxy;

public sealed class SimulatorTests
{
    private static readonly TokenUsage Vector = new()
    {
        InputTokens = 103,
        CacheWrite5mTokens = 1000,
        CacheWrite1hTokens = 276,
        CacheReadTokens = 26358,
        OutputTokens = 57,
        WebSearches = 2,
        ReasoningTokens = 11,
        ServiceTier = "standard",
        InferenceGeo = "us",
        Speed = "fast",
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_configured_usage_is_what_a_meter_reads(bool stream)
    {
        using var response = await AskAsync(new SimulatorConfig { Usage = Vector }, stream);

        var metered = await MeterAsync(response);

        Assert.Equal((UsageState.Known, true, "claude-x"), (metered.State, metered.Ended, metered.Model));
        Assert.Equal(Vector, metered.Usage with { RawUsage = null });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Usage_that_is_not_configured_is_counted(bool stream)
    {
        var body = Request(stream);
        using var response = await AskAsync(new SimulatorConfig { Text = new string('a', 41) }, stream);

        var metered = await MeterAsync(response);

        Assert.Equal((body.Length / 4, 10), (metered.Usage.InputTokens, metered.Usage.OutputTokens));
    }

    [Fact]
    public async Task A_stream_has_the_events_of_the_protocol_in_their_order()
    {
        using var response = await AskAsync(new SimulatorConfig { Text = "Grüße aus 東京 🗼🗼🗼, \"quoted\"\n", Chunks = 9 });

        var events = await EventsAsync(response);

        Assert.Equal(
            ["message_start", "content_block_start", "ping", .. Enumerable.Repeat("content_block_delta", 9), "content_block_stop", "message_delta", "message_stop"],
            events.Select(found => found.Name));
        Assert.All(events, found => Assert.Equal(found.Name, found.Data.GetProperty("type").GetString()));
        Assert.Equal("Grüße aus 東京 🗼🗼🗼, \"quoted\"\n", TextOf(events));
        Assert.Equal("end_turn", events[^2].Data.GetProperty("delta").GetProperty("stop_reason").GetString());
        Assert.Equal("text/event-stream; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("4000", Assert.Single(response.Headers.GetValues("anthropic-ratelimit-requests-limit")));
        Assert.StartsWith("req_", Assert.Single(response.Headers.GetValues("request-id")));
    }

    [Theory]
    [InlineData("", 5, 0)]
    [InlineData("ab", 5, 2)]
    [InlineData("🗼🗼", 4, 2)]
    [InlineData("abc", 0, 1)]
    public async Task A_text_is_cut_into_no_more_pieces_than_it_has_characters(string text, int chunks, int deltas)
    {
        using var response = await AskAsync(new SimulatorConfig { Text = text, Chunks = chunks });

        var events = await EventsAsync(response);

        Assert.Equal(deltas, events.Count(found => found.Name == "content_block_delta"));
        Assert.Equal(text, TextOf(events));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_answer_ends_at_max_tokens(bool stream)
    {
        using var response = await AskAsync(new SimulatorConfig { Text = new string('a', 100) }, stream, maxTokens: 7);
        var text = await response.Content.ReadAsStringAsync();

        Assert.Contains("\"stop_reason\":\"max_tokens\"", text);
        Assert.Equal(28, text.Split('"').Where(part => part.Length > 0 && part.All(letter => letter == 'a')).Sum(part => part.Length));
        Assert.Contains("\"output_tokens\":7", text);
    }

    [Fact]
    public async Task An_answer_that_is_not_streamed_is_a_message()
    {
        using var response = await AskAsync(new SimulatorConfig { Text = "é" }, stream: false);

        var message = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;

        Assert.Equal("é", message.GetProperty("content")[0].GetProperty("text").GetString());
        Assert.Equal(("message", "assistant", "claude-x", "end_turn"), (Member("type"), Member("role"), Member("model"), Member("stop_reason")));
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        string? Member(string name) => message.GetProperty(name).GetString();
    }

    [Theory]
    [InlineData(400, "invalid_request_error")]
    [InlineData(401, "authentication_error")]
    [InlineData(429, "rate_limit_error")]
    [InlineData(500, "api_error")]
    [InlineData(529, "overloaded_error")]
    public async Task A_configured_status_has_the_error_of_the_protocol(int status, string type)
    {
        using var response = await AskAsync(new SimulatorConfig { Status = status });
        var error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(("error", type), (error.GetProperty("type").GetString(), error.GetProperty("error").GetProperty("type").GetString()));
        Assert.Equal(Assert.Single(response.Headers.GetValues("request-id")), error.GetProperty("request_id").GetString());
        Assert.Equal(status == 429, response.Headers.RetryAfter is not null);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{}")]
    public async Task A_request_without_a_model_is_refused(string body)
    {
        using var response = await SendAsync(new SimulatorConfig(), HttpMethod.Post, "/v1/messages", body);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(99)]
    public async Task A_truncated_stream_breaks_as_a_cut_connection_does(int after)
    {
        using var response = await AskAsync(new SimulatorConfig { Chunks = 5, TruncateAfterChunks = after });
        var stream = await response.Content.ReadAsStreamAsync();
        using var read = new MemoryStream();

        await Assert.ThrowsAsync<HttpIOException>(() => stream.CopyToAsync(read));

        var text = Encoding.UTF8.GetString(read.ToArray());
        Assert.Equal(Math.Min(after, 5), text.Split("event: content_block_delta").Length - 1);
        Assert.EndsWith("\n\n", text);
        Assert.DoesNotContain("message_delta", text);
    }

    [Fact]
    public async Task Each_delta_comes_when_its_time_has_come()
    {
        var time = new ManualTimeProvider();
        var config = new SimulatorConfig { Text = "abc", Chunks = 3, FirstByteDelay = TimeSpan.FromSeconds(2), ChunkDelay = TimeSpan.FromSeconds(1) };

        var asking = AskAsync(config, time: time);
        Assert.False(asking.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));
        using var response = await asking;
        var stream = await response.Content.ReadAsStreamAsync();

        Assert.EndsWith("\"a\"}}\n\n", await ReadAsync(stream));
        var second = ReadAsync(stream);
        Assert.False(second.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.EndsWith("\"b\"}}\n\n", await second);
        var rest = ReadAsync(stream);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.EndsWith("message_stop\"}\n\n", await rest);
        Assert.Equal("", await ReadAsync(stream));
    }

    [Fact]
    public async Task A_reader_that_waits_is_woken_when_it_cancels_or_the_answer_is_disposed()
    {
        var config = new SimulatorConfig { ChunkDelay = TimeSpan.FromHours(1) };
        using var response = await AskAsync(config, time: new ManualTimeProvider());
        var stream = await response.Content.ReadAsStreamAsync();
        await ReadAsync(stream);
        using var leaving = new CancellationTokenSource();

        var cancelled = stream.ReadAsync(new byte[10], leaving.Token).AsTask();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);

        var abandoned = stream.ReadAsync(new byte[10]).AsTask();
        response.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => abandoned);
    }

    [Fact]
    public async Task Tokens_are_counted_and_models_listed()
    {
        var body = Request(stream: false);
        using var counted = await SendAsync(new SimulatorConfig(), HttpMethod.Post, "/prefix/v1/messages/count_tokens?beta=true", body);
        using var listed = await SendAsync(new SimulatorConfig { Status = 529 }, HttpMethod.Get, "/v1/models?limit=1000", null);
        using var one = await SendAsync(new SimulatorConfig(), HttpMethod.Get, "/v1/models/claude-y", null);
        using var none = await SendAsync(new SimulatorConfig(), HttpMethod.Get, "/v1/else", null);

        Assert.Equal($$"""{"input_tokens":{{body.Length / 4}}}""", await counted.Content.ReadAsStringAsync());
        Assert.False(JsonDocument.Parse(await listed.Content.ReadAsStringAsync()).RootElement.GetProperty("has_more").GetBoolean());
        Assert.Equal("claude-y", JsonDocument.Parse(await one.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetString());
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }

    private static string Request(bool stream, int maxTokens = 1024) =>
        $$"""{"model":"claude-x","max_tokens":{{maxTokens}},"messages":[{"role":"user","content":"hi","model":"no"}],"stream":{{(stream ? "true" : "false")}}}""";

    private static Task<HttpResponseMessage> AskAsync(SimulatorConfig config, bool stream = true, int maxTokens = 1024, TimeProvider? time = null) =>
        SendAsync(config, HttpMethod.Post, "/v1/messages?beta=true", Request(stream, maxTokens), time);

    private static async Task<HttpResponseMessage> SendAsync(SimulatorConfig config, HttpMethod method, string path, string? body, TimeProvider? time = null)
    {
        using var invoker = new HttpMessageInvoker(new SimulatorHandler(config, time ?? TimeProvider.System));
        using var request = new HttpRequestMessage(method, "http://simulator" + path);
        request.Content = body is null ? null : new StringContent(body);
        return await invoker.SendAsync(request, CancellationToken.None);
    }

    private static async Task<MeteredUsage> MeterAsync(HttpResponseMessage response)
    {
        using var meter = new AttemptMeter(new AnthropicUsageReader(), (int)response.StatusCode, response.Content.Headers.ContentType?.ToString(), null);
        using var tap = new UsageTap(response.Content, meter, TimeProvider.System);
        await tap.CopyToAsync(Stream.Null);
        return meter.Finish();
    }

    private static async Task<List<(string Name, JsonElement Data)>> EventsAsync(HttpResponseMessage response)
    {
        var events = new List<(string Name, JsonElement Data)>();
        using var scanner = new SseScanner((name, data) => events.Add((Encoding.UTF8.GetString(name), JsonElement.Parse(data))));
        scanner.Push(await response.Content.ReadAsByteArrayAsync());
        return events;
    }

    private static string TextOf(IEnumerable<(string Name, JsonElement Data)> events) =>
        string.Concat(events.Where(found => found.Name == "content_block_delta").Select(found => found.Data.GetProperty("delta").GetProperty("text").GetString()));

    private static async Task<string> ReadAsync(Stream stream)
    {
        var buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer.AsSpan(0, await stream.ReadAsync(buffer)));
    }
}
