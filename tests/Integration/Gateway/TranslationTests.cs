using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Clients of one protocol and upstreams of another, over HTTP: streaming, failing over, and what comes back in the next turn.</summary>
public sealed partial class TranslationTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // The deltas of text.*.sse, as they stand in JSON.
    private static readonly string[] Pieces = ["Grüezi, ", "it is 21 °C ", "🌤"];

    public static TheoryData<string, string> CrossPairs => Spoken.CrossPairs;

    public static TheoryData<string, string> AllPairs => Spoken.AllPairs;

    [Theory]
    [MemberData(nameof(CrossPairs))]
    public async Task Each_piece_reaches_the_client_before_the_upstream_says_the_next(string from, string to)
    {
        var (client, upstream) = (Spoken.Of(from), Spoken.Of(to));
        using var heard = new SemaphoreSlim(0);
        await using var gateway = await TranslatingGateway.StartAsync();
        var frames = Spoken.FramesOf(Spoken.Fixture($"text.{to}.sse"));
        var firsts = Pieces.Select(piece => Array.FindIndex(frames, frame => frame.Contains(piece, StringComparison.Ordinal))).ToHashSet();
        gateway.At(upstream).Answer = http => AnthropicAnswers.FramesAsync(
            http, frames, index => firsts.Contains(index - 1) ? heard.WaitAsync(http.RequestAborted) : Task.CompletedTask);

        using var response = await gateway.PostAsync(client, upstream, stream: true);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var told = new StringBuilder();
        foreach (var piece in Pieces)
        {
            while (!told.ToString().Contains(piece, StringComparison.Ordinal))
            {
                var line = await reader.ReadLineAsync().WaitAsync(Patience);
                Assert.NotNull(line);
                told.Append(EscapePattern().Replace(line, match => ((char)Convert.ToInt32(match.Groups[1].Value, 16)).ToString())).Append('\n');
            }

            heard.Release();
        }

        told.Append(await reader.ReadToEndAsync().WaitAsync(Patience));
        Assert.True(client.IsWhole(told.ToString()), told.ToString());
        Assert.Equal(RequestOutcome.Succeeded, (await gateway.Gateway.EventAsync()).Outcome);
    }

    [Theory]
    [InlineData("anthropic")]
    [InlineData("responses")]
    [InlineData("gemini")]
    [InlineData("chat")]
    public async Task What_another_kind_of_provider_signed_comes_back_to_it_alone(string from)
    {
        var client = Spoken.Of(from);
        foreach (var maker in Spoken.All.Where(maker => maker != client && maker.Name is "anthropic" or "gemini" or "responses"))
        {
            foreach (var streams in client.Name is "responses" or "gemini" ? (bool[])[false, true] : [false])
            {
                await RoundTripAsync(client, maker, streams);
            }
        }
    }

    [Theory]
    [MemberData(nameof(AllPairs))]
    public async Task Everybody_counts_the_tokens_that_the_upstream_counted_and_they_cost_their_price(string from, string to)
    {
        var (client, upstream) = (Spoken.Of(from), Spoken.Of(to));
        await using var gateway = await TranslatingGateway.StartAsync();

        using var whole = await gateway.PostAsync(client, upstream, stream: false);
        var answer = JsonElement.Parse(await whole.Content.ReadAsStringAsync());
        using var streamed = await gateway.PostAsync(client, upstream, stream: true);
        var told = Spoken.FramesOf(await streamed.Content.ReadAsStringAsync()).Where(frame => !frame.Contains("[DONE]", StringComparison.Ordinal))
            .Select(frame => client.TokensIn(JsonElement.Parse(frame[(frame.IndexOf("data: ", StringComparison.Ordinal) + 6)..]))).OfType<(long Prompt, long Output)>().ToList();

        // In its own streams Anthropic tells of the prompt at the beginning, in another place.
        var counted = to == "anthropic"
            ? new TokenUsage { InputTokens = 103, CacheReadTokens = 2000, CacheWrite5mTokens = 100, CacheWrite1hTokens = 200, OutputTokens = 57 }
            : new TokenUsage { InputTokens = 103, CacheReadTokens = 2000, OutputTokens = 57, ReasoningTokens = 20 };
        Assert.Equal((counted.PromptTokens, counted.OutputTokens), client.TokensIn(answer));
        Assert.Equal((counted.PromptTokens, counted.OutputTokens), from == to && to == "anthropic" ? (counted.PromptTokens, told[^1].Output) : told[^1]);
        Assert.All(await gateway.Gateway.EventsAsync(2), completed =>
        {
            Assert.Equal(counted, completed.Usage with { ServiceTier = null, RawUsage = null, Unknown = null });
            Assert.Equal(TranslatingGateway.Usd(counted), completed.SpendUsd);
        });
    }

    [Theory]
    [MemberData(nameof(CrossPairs))]
    public async Task A_limit_that_the_hold_pays_for_reaches_the_upstream_as_its_own(string from, string to)
    {
        var (client, upstream) = (Spoken.Of(from), Spoken.Of(to));
        await using var gateway = await TranslatingGateway.StartAsync(""" "limits": { "daily": { "maxUSD": 0.005 } }, "holdPolicy": "clamp", "minOutputTokens": 20 """);

        // Anthropic's protocol has no request without a limit.
        using var response = await gateway.PostAsync(client, upstream, stream: false, Encoding.UTF8.GetBytes(client.Body(upstream.Model, stream: false).Replace("\"max_tokens\":100", "\"max_tokens\":30000", StringComparison.Ordinal)));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var limit = int.Parse(response.Headers.GetValues("x-ccgate-max-tokens").Single(), System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(limit, 500, 999);
        var sent = JsonElement.Parse(Assert.Single(gateway.At(upstream).Received).Text);
        Assert.Equal(limit, to switch
        {
            "anthropic" => sent.GetProperty("max_tokens").GetInt32(),
            "chat" => sent.GetProperty("max_completion_tokens").GetInt32(),
            "responses" => sent.GetProperty("max_output_tokens").GetInt32(),
            _ => sent.GetProperty("generationConfig").GetProperty("maxOutputTokens").GetInt32(),
        });
    }

    [Theory]
    [InlineData("anthropic", "anthropic", "gemini")]
    [InlineData("anthropic", "gemini", "chat")]
    [InlineData("chat", "chat", "anthropic")]
    [InlineData("chat", "anthropic", "responses")]
    [InlineData("responses", "gemini", "responses")]
    [InlineData("gemini", "chat", "anthropic")]
    public async Task Another_kind_of_upstream_takes_over_from_one_that_fails_before_content(string from, string first, string second)
    {
        var (client, a, b) = (Spoken.Of(from), Spoken.Of(first), Spoken.Of(second));
        foreach (var streams in (bool[])[false, true])
        {
            var calls = 0;
            await using var failing = await ScriptedUpstream.StartAsync(http => calls++ == 0 ? AnthropicAnswers.JsonAsync(http, "{}", status: 529) : EndAsync(http, streams));
            await using var serving = await ScriptedUpstream.StartAsync(http => TranslatingGateway.AnswerAsync(http, b));
            await using var gateway = await TestGateway.StartAsync(
                Both(a, failing, b, serving, """{ "strategy": "priority", "stickySessions": false }"""), prices: TranslatingGateway.Prices);

            for (var i = 0; i < 2; i++)
            {
                using var response = await gateway.PostAsync(client.Body("house", streams, text: $"conversation {i}"), client.PathFor("house", streams));
                await AssertServedAsync(client, response, b, streams);
            }

            Assert.All(await gateway.EventsAsync(2), completed =>
            {
                Assert.Equal([a.Name, b.Name], completed.Attempts.Select(attempt => attempt.UpstreamId));
                Assert.Equal(RequestOutcome.Succeeded, completed.Outcome);
            });
        }
    }

    [Theory]
    [InlineData("anthropic", "gemini")]
    [InlineData("responses", "anthropic")]
    [InlineData("gemini", "chat")]
    [InlineData("chat", "responses")]
    public async Task A_client_that_leaves_stops_the_upstream_and_is_billed_for_what_was_said(string from, string to)
    {
        var (client, upstream) = (Spoken.Of(from), Spoken.Of(to));
        var stopped = new TaskCompletionSource();
        await using var gateway = await TranslatingGateway.StartAsync();
        var frames = Spoken.FramesOf(Spoken.Fixture($"text.{to}.sse"));
        var said = Array.FindIndex(frames, frame => frame.Contains(Pieces[1], StringComparison.Ordinal)) + 1;
        gateway.At(upstream).Answer = async http =>
        {
            using var cut = http.RequestAborted.Register(() => stopped.TrySetResult());
            await AnthropicAnswers.FramesAsync(http, frames[..said]);
            await stopped.Task;
        };

        using (var response = await gateway.PostAsync(client, upstream, stream: true))
        {
            Assert.NotNull(await new StreamReader(await response.Content.ReadAsStreamAsync()).ReadLineAsync().WaitAsync(Patience));
        }

        await stopped.Task.WaitAsync(Patience);
        var completed = await gateway.Gateway.EventAsync();
        Assert.Equal(RequestOutcome.ClientAborted, completed.Outcome);
        Assert.True(completed is { SpendUsd: > 0, UnsettledUsd: null } && Assert.Single(completed.Attempts).UsageState is UsageState.Estimated or UsageState.Known, completed.ToString());
    }

    [Fact]
    public async Task A_client_that_takes_nothing_holds_the_upstream_back()
    {
        const int megabyte = 1024 * 1024;
        RawConnection? writer = null;
        var delta = "data: " + JsonSerializer.Serialize(new { id = "c", model = "gpt-5-mini", choices = new[] { new { index = 0, delta = new { content = new string('x', 64 * 1024) } } } }) + "\n\n";
        await using var endless = RawUpstream.Start(async connection =>
        {
            writer = connection;
            await connection.HeadAsync();
            while (connection.Sent < 100 * megabyte)
            {
                await connection.ChunkAsync(delta);
            }
        });
        var (client, upstream) = (Spoken.Of("anthropic"), Spoken.Of("chat"));
        await using var gateway = await TestGateway.StartAsync(TranslatingGateway.Upstreams([TranslatingGateway.Upstream(upstream, endless.Url, """ "models": ["house"] """)]), prices: TranslatingGateway.Prices);

        using var response = await gateway.PostAsync(client.Body("house", stream: true), client.PathFor("house", stream: true));

        var before = -1L;
        await Eventually.HoldsAsync(
            () =>
            {
                var now = writer?.Sent ?? -1;
                var stands = now > 0 && now == before;
                before = now;
                return stands;
            },
            "the upstream stands still");
        Assert.InRange(before, 1, 40 * megabyte); // What the buffers of four sockets take.
    }

    [Fact]
    public async Task A_large_image_and_whatever_JSON_can_say_reach_another_kind_of_upstream()
    {
        const int imageBytes = 15 * 1024 * 1024; // 20 MB in Base64.
        var (client, upstream) = (Spoken.Of("anthropic"), Spoken.Of("gemini"));
        await using var gateway = await TranslatingGateway.StartAsync(server: """{ "maxBodyBytes": 33554432 }""");
        var image = Convert.ToBase64String(new byte[imageBytes]);
        var pictured = client.Body(upstream.Model, stream: false).Replace("\"Hello\"", $$$"""[{"type":"text","text":"Look\u0000"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"{{{image}}}"}}]""", StringComparison.Ordinal);
        var before = GC.GetTotalAllocatedBytes();

        using var response = await gateway.PostAsync(client, upstream, stream: false, Encoding.UTF8.GetBytes(pictured));

        Assert.True(response.StatusCode == HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 20L * image.Length);
        Assert.Contains(image, Assert.Single(gateway.At(upstream).Received).Text, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(CrossPairs))]
    public async Task JSON_that_is_deep_or_odd_is_answered_or_refused_and_never_a_fault(string from, string to)
    {
        var (client, upstream) = (Spoken.Of(from), Spoken.Of(to));
        await using var gateway = await TranslatingGateway.StartAsync();
        var deep = string.Concat(Enumerable.Repeat("{\"properties\":{\"a\":", 450)) + "{}" + new string('}', 900);
        foreach (var (schema, text) in ((string, string)[])
            [(deep, "\"x\""), ("{\"type\":\"object\"}", "\"\\ud800\""), ("{\"type\":\"object\",\"\\ud800\":1}", "\"x\""), ("{\"type\":\"object\",\"maximum\":1e400,\"maximum\":-0.0}", "\"\\u0000\"")])
        {
            var tools = from switch
            {
                "anthropic" => $$""" "tools":[{"name":"t","input_schema":{{schema}}}], """,
                "chat" => $$$""" "tools":[{"type":"function","function":{"name":"t","parameters":{{{schema}}}}}], """,
                "responses" => $$""" "tools":[{"type":"function","name":"t","parameters":{{schema}}}], """,
                _ => $$""" "tools":[{"functionDeclarations":[{"name":"t","parametersJsonSchema":{{schema}}}]}], """,
            };
            var body = Encoding.UTF8.GetBytes(client.Body(upstream.Model, stream: false, tools).Replace("\"Hello\"", text, StringComparison.Ordinal));
            using var response = await gateway.PostAsync(client, upstream, stream: false, body);
            var answer = await response.Content.ReadAsStringAsync();
            Assert.True(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.BadRequest && answer.Length > 0, $"{response.StatusCode} {answer} {schema[..Math.Min(99, schema.Length)]}");
            Assert.True(response.IsSuccessStatusCode ? client.IsAnswer(JsonElement.Parse(answer)) : client.IsError(JsonElement.Parse(answer)), answer);
        }

        Assert.All(gateway.At(upstream).Received, received => JsonDocument.Parse(received.Body, new JsonDocumentOptions { MaxDepth = 1000 }).Dispose());
    }

    [Fact]
    public async Task Another_kind_of_upstream_is_asked_as_well_when_the_first_is_slow()
    {
        var (client, a, b) = (Spoken.Of("anthropic"), Spoken.Of("gemini"), Spoken.Of("chat"));
        var stopped = new TaskCompletionSource();
        await using var slow = await ScriptedUpstream.StartAsync(async http =>
        {
            using var cut = http.RequestAborted.Register(() => stopped.TrySetResult());
            await stopped.Task;
        });
        await using var quick = await ScriptedUpstream.StartAsync(http => TranslatingGateway.AnswerAsync(http, b));
        await using var gateway = await TestGateway.StartAsync(
            Both(a, slow, b, quick, """{ "strategy": "priority", "stickySessions": false, "hedgeAfterMs": 50 }"""), prices: TranslatingGateway.Prices);

        using var response = await gateway.PostAsync(client.Body("house", stream: true), client.PathFor("house", stream: true));

        await AssertServedAsync(client, response, b, streams: true);
        await stopped.Task.WaitAsync(Patience);
        var completed = await gateway.EventAsync();
        Assert.Equal(["gemini", "chat"], completed.Attempts.Select(attempt => attempt.UpstreamId));
        Assert.Equal([UsageState.Estimated, UsageState.Known], completed.Attempts.Select(attempt => attempt.UsageState));
    }

    [Fact]
    public async Task Who_cannot_be_told_what_the_client_says_is_left_out_and_when_nobody_can_the_field_is_named()
    {
        var (client, a, b) = (Spoken.Of("anthropic"), Spoken.Of("responses"), Spoken.Of("gemini"));
        await using var without = await ScriptedUpstream.StartAsync();
        await using var with = await ScriptedUpstream.StartAsync(http => TranslatingGateway.AnswerAsync(http, b));
        await using var gateway = await TestGateway.StartAsync(Both(a, without, b, with, """{ "strategy": "priority" }"""), prices: TranslatingGateway.Prices);
        await using var alone = await TestGateway.StartAsync(
            TranslatingGateway.Upstreams([TranslatingGateway.Upstream(a, without.Url, """ "models": ["house"] """)]), prices: TranslatingGateway.Prices);
        var body = client.Body("house", stream: false, """ "stop_sequences":["END"], """);

        using var served = await gateway.PostAsync(body);
        using var refused = await alone.PostAsync(body);

        await AssertServedAsync(client, served, b, streams: false);
        Assert.Single((await gateway.EventAsync()).Attempts);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        var error = JsonElement.Parse(await refused.Content.ReadAsStringAsync());
        Assert.True(client.IsError(error));
        Assert.Contains("stop_sequences", error.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        await alone.SettledAsync();
        Assert.Empty(await alone.EventsAsync(0));
        Assert.Empty(without.Received);
    }

    private static string Both(Spoken a, ScriptedUpstream first, Spoken b, ScriptedUpstream second, string balancer) => TranslatingGateway.Upstreams(
        [
            TranslatingGateway.Upstream(a, first.Url, $$""" "priority": 0, "modelMapping": { "house": "{{a.Model}}" } """),
            TranslatingGateway.Upstream(b, second.Url, $$""" "priority": 1, "modelMapping": { "house": "{{b.Model}}" } """),
        ],
        balancer);

    private static Task EndAsync(Microsoft.AspNetCore.Http.HttpContext http, bool streams)
    {
        http.Response.ContentType = streams ? "text/event-stream" : "application/json";
        return http.Response.StartAsync();
    }

    private static async Task AssertServedAsync(Spoken client, HttpResponseMessage response, Spoken by, bool streams)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        Assert.Equal(by.Name, response.Headers.GetValues("x-ccgate-upstream").Single());
        Assert.True(streams ? client.IsWhole(text) : client.IsAnswer(JsonElement.Parse(text)), text);
    }

    private static async Task RoundTripAsync(Spoken client, Spoken maker, bool streams)
    {
        await using var gateway = await TranslatingGateway.StartAsync();
        gateway.At(maker).Answer = http => TranslatingGateway.AnswerAsync(http, maker, "calls");

        // 1. Another kind of provider thinks, signs and calls tools.
        using var thought = await gateway.PostAsync(client, maker, streams, NextTurns.First(client, maker, streams));
        var (text, _) = await TranslatingGateway.ReadAsync(thought);
        Assert.True(thought.StatusCode == HttpStatusCode.OK, text);
        var said = NextTurns.Said(client, text, streams);

        // 2. The next turn goes to each kind, the client's own too, and then to who signed.
        foreach (var upstream in Spoken.All)
        {
            using var next = await gateway.PostAsync(client, upstream, stream: false, NextTurns.Second(client, upstream, said));
            var (answer, _) = await TranslatingGateway.ReadAsync(next);
            Assert.True(next.StatusCode == HttpStatusCode.OK, $"{client.Name}, {maker.Name} then {upstream.Name}: {answer}");
            var received = gateway.At(upstream).Received.Last();
            Assert.Equal(upstream == maker ? SignatureOf(maker) : null, NextTurns.SignatureIn(received.Text));
            Assert.DoesNotContain("ccgate", received.Text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(Convert.ToBase64String("ccgate"u8), received.Text, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex("\\\\u([0-9a-fA-F]{4})")]
    private static partial Regex EscapePattern();

    private static string SignatureOf(Spoken maker) => maker.Name switch { "anthropic" => "EqQBsignature==", "gemini" => "c2lnbmF0dXJl", _ => "gAAAAencrypted" };
}
