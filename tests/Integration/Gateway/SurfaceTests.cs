using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Each protocol goes through to upstreams that speak it, byte for byte, and is held, clamped, refused and billed in its own words.</summary>
public sealed class SurfaceTests
{
    private const string Chat = "/v1/chat/completions";
    private const string Responses = "/v1/responses";
    private const string Embeddings = "/v1/embeddings";
    private const string Generate = "/v1beta/models/gemini-3-pro:generateContent";
    private const string Stream = "/v1beta/models/gemini-3-pro:streamGenerateContent";

    // A dollar a million for everything that is read, ten for what is written.
    private const string Prices = """
        { "version": "test", "prices": [
            { "model": "g*", "perMillion": { "input": 1, "output": 10, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } },
            { "model": "text-embedding-*", "perMillion": { "input": 1, "output": 10, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } } ] }
        """;

    [Theory]
    [InlineData("", Chat, "openai", "chat.json", """{ "messages":[{"role":"developer","content":"世界 \u4e16"}], "x":1.0,"model":"gpt-5.5" }""", 1500, 64)]
    [InlineData("/openai", Chat, "openai", "chat.sse", """{"model":"gpt-5.5","stream":true,"stream_options":{"include_usage":true},"messages":[]}""", 1500, 64)]
    [InlineData("", Responses, "openai-responses", "completed.json", """{"model":"gpt-6.1-sol","input":"Hallo","previous_response_id":"resp_0","background":false}""", 2000, 120)]
    [InlineData("/openai", Responses, "openai-responses", "completed.sse", """{"stream":true,"model":"gpt-6.1-sol","input":[]}""", 2000, 120)]
    [InlineData("/openai", Embeddings, "openai", "embeddings.json", """{"model":"text-embedding-3-small","input":["a","b"]}""", 8, 0)]
    [InlineData("", Generate, "gemini", "single.json", """{"contents":[{"parts":[{"text":"世界"}]}],"generation_config":{"temperature":1.0}}""", 930, 62)]
    [InlineData("/gemini", Stream + "?alt=sse", "gemini", "stream.sse", """{"contents":[]}""", 930, 62)]
    [InlineData("/gemini", Stream, "gemini", "stream.json", """{"contents":[]}""", 930, 62)]
    public async Task A_call_goes_through_byte_for_byte_and_is_billed_as_the_upstream_counted(
        string prefix, string path, string kind, string answer, string body, long read, long written)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnswerAsync(http, kind, answer));
        await using var gateway = await StartAsync(upstream, kind);

        using var response = await gateway.PostAsync(body, prefix + path);

        Assert.Equal(Fixture(kind, answer), await response.Content.ReadAsByteArrayAsync());
        var received = Assert.Single(upstream.Received);
        Assert.Equal((body, path), (received.Text, received.Path + received.Query));
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.Succeeded, UsageState.Known, kind.Split('-')[0]), (completed.Outcome, completed.Attempts[0].UsageState, completed.Surface));
        Assert.Equal((read, written), (completed.Usage.PromptTokens, completed.Usage.OutputTokens));
        Assert.Equal((read + (written * 10)) / 1_000_000m, completed.SpendUsd);
        Assert.Equal(answer.EndsWith("sse", StringComparison.Ordinal) || path.StartsWith(Stream, StringComparison.Ordinal), completed.Streaming);
        Assert.True(completed.HeldUsd >= written * 10 / 1_000_000m);
    }

    [Theory]
    [InlineData("""{"model":"gpt-5.5","stream":true,"messages":[]}""", """{"stream_options":{"include_usage":true},"model":"gpt-5.5","stream":true,"messages":[]}""")]
    [InlineData("""{"stream_options":{},"model":"gpt-5.5","stream":true,"messages":[]}""", """{"stream_options":{"include_usage":true},"model":"gpt-5.5","stream":true,"messages":[]}""")]
    [InlineData("""{"stream_options": { "x":1 },"model":"gpt-5.5","stream":true,"messages":[]}""", """{"stream_options": {"include_usage":true, "x":1 },"model":"gpt-5.5","stream":true,"messages":[]}""")]
    [InlineData("""{"model":"gpt-5.5","stream":true,"messages":[],"stream_options":{"include_usage": false}}""", """{"model":"gpt-5.5","stream":true,"messages":[],"stream_options":{"include_usage": true}}""")]
    [InlineData("""{"model":"gpt-5.5","stream":true,"messages":[],"stream_options":null}""", """{"model":"gpt-5.5","stream":true,"messages":[],"stream_options":{"include_usage":true}}""")]
    public async Task A_chat_stream_is_asked_for_its_usage_and_a_client_that_did_not_ask_does_not_see_it(string body, string asked)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnswerAsync(http, "openai", "chat.sse"));
        await using var gateway = await StartAsync(upstream, "openai");

        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(body), Chat, headers: headers => headers.TryAddWithoutValidation("Accept-Encoding", "gzip"));

        var whole = Encoding.UTF8.GetString(Fixture("openai", "chat.sse"));
        var at = whole.LastIndexOf("data: {", StringComparison.Ordinal);
        Assert.Equal(whole.Remove(at, whole.IndexOf("data: [DONE]", StringComparison.Ordinal) - at), await response.Content.ReadAsStringAsync());
        Assert.Equal((asked, "identity"), upstream.Received.Select(received => (received.Text, received.Headers["Accept-Encoding"])).Single());
        var completed = await gateway.EventAsync();
        Assert.Equal((UsageState.Known, 1500, 64), (completed.Attempts[0].UsageState, completed.Usage.PromptTokens, completed.Usage.OutputTokens));
    }

    [Fact]
    public async Task A_chat_stream_without_its_usage_chunk_still_leaves_frame_by_frame()
    {
        using var seen = new SemaphoreSlim(1);
        var frames = Encoding.UTF8.GetString(Fixture("openai", "chat.sse")).Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(frame => frame + "\n\n").ToList();
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.FramesAsync(http, frames, _ => seen.WaitAsync(http.RequestAborted)));
        await using var gateway = await StartAsync(upstream, "openai");

        using var response = await gateway.PostAsync("""{"model":"gpt-5.5","stream":true,"messages":[]}""", Chat);
        await using var stream = await response.Content.ReadAsStreamAsync();
        foreach (var frame in frames)
        {
            if (!frame.Contains("\"choices\":[]", StringComparison.Ordinal))
            {
                // The upstream writes the next frame only after this one was read here.
                await stream.ReadExactlyAsync(new byte[Encoding.UTF8.GetByteCount(frame)]);
            }

            seen.Release();
        }

        Assert.Equal(0, await stream.ReadAsync(new byte[1]));
    }

    [Theory]
    [InlineData(Chat, "openai", """{"model":"gpt-5.5","messages":[],"max_tokens":90000}""", """{"model":"gpt-5.5","messages":[],"max_tokens":LIMIT}""")]
    [InlineData(Chat, "openai", """{"model":"gpt-5.5","max_completion_tokens":90000,"messages":[]}""", """{"model":"gpt-5.5","max_completion_tokens":LIMIT,"messages":[]}""")]
    [InlineData(Chat, "openai", """{"max_completion_tokens":90000,"max_tokens":7,"model":"gpt-5.5","messages":[]}""", """{"max_completion_tokens":LIMIT,"max_tokens":7,"model":"gpt-5.5","messages":[]}""")]
    [InlineData(Chat, "openai", """{"max_tokens":null,"model":"gpt-5.5","messages":[]}""", """{"max_tokens":LIMIT,"model":"gpt-5.5","messages":[]}""")]
    [InlineData(Chat, "openai", """{ "model":"gpt-5.5","messages":[]}""", """{"max_completion_tokens":LIMIT, "model":"gpt-5.5","messages":[]}""")]
    [InlineData(Responses, "openai-responses", """{"model":"gpt-5.5","input":"x","max_output_tokens": 90000 }""", """{"model":"gpt-5.5","input":"x","max_output_tokens": LIMIT }""")]
    [InlineData(Responses, "openai-responses", """{"model":"gpt-5.5","input":"x"}""", """{"max_output_tokens":LIMIT,"model":"gpt-5.5","input":"x"}""")]
    [InlineData(Generate, "gemini", """{"contents":[],"generationConfig":{"maxOutputTokens":60000}}""", """{"contents":[],"generationConfig":{"maxOutputTokens":LIMIT}}""")]
    [InlineData(Generate, "gemini", """{"contents":[],"generation_config":{"max_output_tokens":"60000","topK":1}}""", """{"contents":[],"generation_config":{"max_output_tokens":LIMIT,"topK":1}}""")]
    [InlineData(Generate, "gemini", """{"contents":[],"generationConfig":{"topK":1}}""", """{"contents":[],"generationConfig":{"maxOutputTokens":LIMIT,"topK":1}}""")]
    [InlineData(Generate, "gemini", """{"contents":[],"generationConfig":{}}""", """{"contents":[],"generationConfig":{"maxOutputTokens":LIMIT}}""")]
    [InlineData(Generate, "gemini", """{"contents":[],"generationConfig":null}""", """{"contents":[],"generationConfig":{"maxOutputTokens":LIMIT}}""")]
    [InlineData(Generate, "gemini", """{"contents":[]}""", """{"generationConfig":{"maxOutputTokens":LIMIT},"contents":[]}""")]
    public async Task A_limit_that_does_not_fit_is_lowered_where_the_protocol_has_it(string path, string kind, string body, string clamped)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnswerAsync(http, kind, kind == "gemini" ? "single.json" : kind == "openai" ? "chat.json" : "completed.json"));
        await using var clamping = await StartAsync(upstream, kind, """ "limits": { "daily": { "maxUSD": 0.05 } }, "holdPolicy": "clamp" """);
        await using var refusing = await StartAsync(upstream, kind, """ "limits": { "daily": { "maxUSD": 0.05 } }, "holdPolicy": "refuse" """);

        using var answered = await clamping.PostAsync(body, path);
        using var refused = await refusing.PostAsync(body, path);

        Assert.Equal(HttpStatusCode.OK, answered.StatusCode);
        var limit = answered.Headers.GetValues("x-ccgate-max-tokens").Single();
        Assert.InRange(int.Parse(limit, CultureInfo.InvariantCulture), 4900, 4999);
        Assert.Equal(clamped.Replace("LIMIT", limit, StringComparison.Ordinal), Assert.Single(upstream.Received).Text);
        Assert.InRange((await clamping.EventAsync()).HeldUsd, 0.0499m, 0.05m);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
    }

    [Theory]
    [InlineData(Chat, "openai", """{"model":"gpt-5.5","messages":[],"max_tokens":1000,"n":3}""", 3000)]
    [InlineData(Chat, "openai", """{"model":"gpt-5.5","messages":[]}""", 128_000)]
    [InlineData(Responses, "openai-responses", """{"model":"gpt-5.5","input":"x"}""", 128_000)]
    [InlineData(Generate, "gemini", """{"contents":[],"generationConfig":{"candidateCount":2,"maxOutputTokens":1000}}""", 2000)]
    [InlineData(Generate, "gemini", """{"contents":[]}""", 65_536)]
    [InlineData(Embeddings, "openai", """{"model":"text-embedding-3-small","input":"x"}""", 0)]
    public async Task What_is_held_covers_every_answer_at_its_limit_or_the_longest_there_is(string path, string kind, string body, long tokens)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, "{}", status: 400));
        await using var gateway = await StartAsync(upstream, kind);

        using var response = await gateway.PostAsync(body, path);

        var prompt = (Encoding.UTF8.GetByteCount(body) + 1) / 2;
        Assert.Equal(((tokens * 10) + prompt) / 1_000_000m, (await gateway.EventAsync()).HeldUsd);
    }

    [Theory]
    [InlineData(Chat, "openai")]
    [InlineData(Responses, "openai-responses")]
    [InlineData(Generate, "gemini")]
    public async Task The_tenant_s_key_is_taken_out_and_the_upstream_s_own_put_in(string path, string kind)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, "{}", status: 400));
        await using var gateway = await StartAsync(upstream, kind);

        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(Body(kind)), $"{path}?key={TestGateway.Key}&x=1", key: null, headers =>
        {
            headers.TryAddWithoutValidation("x-goog-api-key", TestGateway.Key);
            headers.Authorization = new AuthenticationHeaderValue("Bearer", TestGateway.Key);
        });

        var received = Assert.Single(upstream.Received);
        var (header, value) = kind == "gemini" ? ("x-goog-api-key", "upstream-secret") : ("Authorization", "Bearer upstream-secret");
        Assert.Equal((value, "?x=1"), (received.Headers[header], received.Query));
        Assert.DoesNotContain("x-api-key", received.Headers.Keys);
        Assert.DoesNotContain(received.Headers, found => found.Value.Contains(TestGateway.Key, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("openai", "/v1", Chat, "/v1/chat/completions")]
    [InlineData("openai", "/v1beta/openai/", Chat, "/v1beta/openai/chat/completions")]
    [InlineData("openai", "/proxy", Chat, "/proxy/v1/chat/completions")]
    [InlineData("openai-responses", "/v1/", Responses, "/v1/responses")]
    [InlineData("gemini", "/v1beta", Generate, "/v1beta/models/mapped%2Fgemini:generateContent")]
    [InlineData("gemini", "/v2/proxy", Generate, "/v2/proxy/v1beta/models/mapped%2Fgemini:generateContent")]
    public async Task An_address_that_names_its_version_is_taken_as_it_is_and_a_mapped_model_is_named_where_the_protocol_names_it(string kind, string prefix, string path, string received)
    {
        var asked = new TaskCompletionSource<string>();
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
        {
            asked.TrySetResult(http.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget);
            return AnthropicAnswers.JsonAsync(http, "{}", status: 400);
        });
        await using var gateway = await StartAsync(upstream, kind, prefix: prefix, mapping: """{ "gemini-3-pro": "mapped/gemini", "gpt-5.5": "mapped/gpt" }""");

        using var response = await gateway.PostAsync(Body(kind), path);

        Assert.Equal(received, await asked.Task);
        Assert.Equal(Body(kind).Replace("gpt-5.5", "mapped/gpt", StringComparison.Ordinal), Assert.Single(upstream.Received).Text);
    }

    [Theory]
    [InlineData(Chat, "wrong", """{"model":"gpt-5.5","messages":[]}""", 401, "invalid_request_error", "invalid_api_key")]
    [InlineData(Chat, "key-of-bob", """{"model":"gpt-5.5","messages":[]}""", 403, "invalid_request_error", "permission_denied")]
    [InlineData(Chat, TestGateway.Key, """{"model":"other","messages":[]}""", 403, "invalid_request_error", "model_not_found")]
    [InlineData(Chat, TestGateway.Key, """{"model":"gone","messages":[]}""", 404, "invalid_request_error", "model_not_found")]
    [InlineData(Chat, TestGateway.Key, """{"model":"gpt-5.5","messages":[""", 400, "invalid_request_error", null)]
    [InlineData(Chat, TestGateway.Key, """{"model":"gpt-5.5"}""", 400, "invalid_request_error", null)]
    [InlineData(Chat, TestGateway.Key, """{"model":"gpt-5.5","messages":[],"n":1,"n":9}""", 400, "invalid_request_error", null)]
    [InlineData(Chat, TestGateway.Key, """{"model":"gpt-5.5","messages":[],"max_tokens":1,"max_tokens":9}""", 400, "invalid_request_error", null)]
    [InlineData(Chat, TestGateway.Key, """{"model":"gpt-5.5","messages":[],"stream":true,"stream":false}""", 400, "invalid_request_error", null)]
    [InlineData(Responses, TestGateway.Key, """{"model":"gpt-5.5","max_output_tokens":"9"}""", 400, "invalid_request_error", null)]
    [InlineData(Responses, "key-of-poor", """{"model":"gpt-5.5","input":"x"}""", 429, "insufficient_quota", "insufficient_quota")]
    [InlineData(Embeddings, TestGateway.Key, """{"model":"text-embedding-3-small"}""", 400, "invalid_request_error", null)]
    [InlineData(Chat, "key-of-poor", """{"model":"gpt-5.5","messages":[]}""", 429, "insufficient_quota", "insufficient_quota")]
    [InlineData(Chat, TestGateway.Key, """{"model":"gpt-5.5","messages":[]}""", 503, "server_error", null)]
    [InlineData("/openai/v1/audio", TestGateway.Key, "{}", 404, "invalid_request_error", null)]
    public async Task OpenAI_s_clients_are_refused_in_OpenAI_s_words(string path, string key, string body, int status, string type, string? code)
    {
        await using var gateway = await UnreachableAsync();

        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(body), path, key);

        var error = JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("error");
        Assert.Equal((status, type, code), ((int)response.StatusCode, error.GetProperty("type").GetString(), error.GetProperty("code").GetString()));
        Assert.True(error.GetProperty("message").GetString()!.Length > 10);
        AssertHeaders(response, status);
    }

    [Theory]
    [InlineData(Generate, "wrong", """{"contents":[]}""", 401, "UNAUTHENTICATED")]
    [InlineData(Generate, "key-of-bob", """{"contents":[]}""", 403, "PERMISSION_DENIED")]
    [InlineData("/v1beta/models/other:generateContent", TestGateway.Key, """{"contents":[]}""", 403, "PERMISSION_DENIED")]
    [InlineData("/v1beta/models/gone:generateContent", TestGateway.Key, """{"contents":[]}""", 404, "NOT_FOUND")]
    [InlineData("/gemini/v1beta/models/gemini-3-pro:embedContent", TestGateway.Key, """{"contents":[]}""", 404, "NOT_FOUND")]
    [InlineData("/v1beta/models/gemini-3-pro", TestGateway.Key, """{"contents":[]}""", 404, "NOT_FOUND")]
    [InlineData("/v1beta/models/generateContent", TestGateway.Key, """{"contents":[]}""", 404, "NOT_FOUND")]
    [InlineData(Generate, TestGateway.Key, "[]", 400, "INVALID_ARGUMENT")]
    [InlineData(Generate, TestGateway.Key, "{}", 400, "INVALID_ARGUMENT")]
    [InlineData(Generate, TestGateway.Key, """{"contents":[],"generationConfig":{"maxOutputTokens":1,"max_output_tokens":9}}""", 400, "INVALID_ARGUMENT")]
    [InlineData(Generate, TestGateway.Key, """{"contents":[],"generationConfig":{},"generation_config":{"maxOutputTokens":9}}""", 400, "INVALID_ARGUMENT")]
    [InlineData(Generate, "key-of-poor", """{"contents":[]}""", 429, "RESOURCE_EXHAUSTED")]
    [InlineData(Generate, TestGateway.Key, """{"contents":[]}""", 503, "UNAVAILABLE")]
    public async Task Gemini_s_clients_are_refused_in_Gemini_s_words(string path, string key, string body, int status, string name)
    {
        await using var gateway = await UnreachableAsync();

        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(body), path, key);

        var error = JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("error");
        Assert.Equal((status, status, name), ((int)response.StatusCode, error.GetProperty("code").GetInt32(), error.GetProperty("status").GetString()));
        AssertHeaders(response, status);
    }

    [Theory]
    [InlineData("/v1", "\"type\":\"not_found_error\"")] // As the client says that it is Anthropic's.
    [InlineData("/openai/v1", "\"type\":\"invalid_request_error\",\"param\"")]
    [InlineData("/anthropic/v1", "\"type\":\"not_found_error\"")]
    [InlineData("/v1beta", "\"status\":\"NOT_FOUND\"")]
    [InlineData("/gemini/v1beta", "\"status\":\"NOT_FOUND\"")]
    public async Task A_path_that_nobody_serves_is_refused_in_the_words_of_its_surface_and_one_beside_it_in_none(string prefix, string words)
    {
        await using var gateway = await UnreachableAsync();

        using var below = await gateway.PostAsync("{}"u8.ToArray(), prefix + "/some.file/below");
        using var beside = await gateway.PostAsync("{}"u8.ToArray(), prefix.Replace("v1", "v3", StringComparison.Ordinal) + "/below");

        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.NotFound), (below.StatusCode, beside.StatusCode));
        Assert.Contains(words, await below.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("", await beside.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused_in_every_protocol()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: """{ "limits": { "maxBodyBytes": 1024 } }""");

        foreach (var path in (string[])[Chat, Generate])
        {
            using var response = await gateway.PostAsync(new string(' ', 2000), path);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
            Assert.Contains("maxBodyBytes", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_not_translated_never_goes_to_an_upstream_of_another_protocol_and_tokens_are_estimated()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, "openai-responses");

        using var embeddings = await gateway.PostAsync("""{"model":"text-embedding-3-small","input":"x"}""", Embeddings);
        using var gemini = await gateway.PostAsync(Body("gemini"), "/v1beta/models/gemini-3-pro:countTokens");
        using var anthropic = await gateway.PostAsync(TestGateway.Body(stream: false, model: "gpt-5.5"), "/v1/messages/count_tokens");

        Assert.Equal(HttpStatusCode.NotFound, embeddings.StatusCode);
        Assert.All([gemini, anthropic], response => Assert.Equal((HttpStatusCode.OK, "true"), (response.StatusCode, response.Headers.GetValues("x-ccgate-estimated").Single())));
        Assert.Empty(upstream.Received);
    }

    [Fact]
    public async Task Counting_Gemini_s_tokens_is_forwarded_and_neither_recorded_nor_held()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, """{"totalTokens":31}"""));
        await using var gateway = await StartAsync(upstream, "gemini", """ "limits": { "daily": { "maxUSD": 0 } } """);

        using var response = await gateway.PostAsync("""{"generateContentRequest":{}}""", "/gemini/v1beta/models/gemini-3-pro:countTokens");

        Assert.Equal("""{"totalTokens":31}""", await response.Content.ReadAsStringAsync());
        await gateway.SettledAsync();
        Assert.Empty(await gateway.EventsAsync(0));
    }

    [Theory]
    [InlineData(Chat, "openai", "chat-cut.sse", """{"model":"gpt-5.5","stream":true,"messages":[]}""")]
    [InlineData(Responses, "openai-responses", "cut.sse", """{"model":"gpt-5.5","stream":true,"input":"x"}""")]
    [InlineData(Stream + "?alt=sse", "gemini", "cut.sse", """{"contents":[]}""")]
    public async Task A_stream_that_is_cut_is_billed_what_was_seen_and_an_estimate_of_what_was_not(string path, string kind, string answer, string body)
    {
        var read = new TaskCompletionSource();
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            await AnswerAsync(http, kind, answer);
            await http.Response.Body.FlushAsync();
            await read.Task;
            http.Abort();
        });
        await using var gateway = await StartAsync(upstream, kind);

        using var response = await gateway.PostAsync(body, path);
        await using var stream = await response.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[Fixture(kind, answer).Length - 100]); // Half a chunk may be held back until its other half comes.
        read.SetResult();

        Assert.EndsWith(Broken(kind, response), await TestGateway.ReadUntilCutAsync(stream), StringComparison.Ordinal);
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.UpstreamTruncated, UsageState.Estimated), (completed.Outcome, completed.Attempts[0].UsageState));
        Assert.Equal(kind == "gemini" ? 500 : (body.Length + 1) / 2 / 2, completed.Usage.InputTokens);
        Assert.True(completed.Usage.OutputTokens > 0 && completed.SpendUsd > 0);
    }

    /// <summary>What the SDKs of each protocol throw.</summary>
    private static string Broken(string kind, HttpResponseMessage response)
    {
        var message = $"The upstream {response.Headers.GetValues("x-ccgate-upstream").Single()} broke off its answer: the answer is not complete.";
        var error = $$"""{"message":"{{message}}","type":"server_error","code":"upstream_truncated"}""";
        var frame = kind switch
        {
            "openai" => $$"""data: {"error":{{error}}}""",
            "openai-responses" => $$"""
                event: error
                data: {"type":"error","code":"upstream_truncated","message":"{{message}}","param":null,"sequence_number":9,"error":{{error}}}
                """,
            _ => $$$"""data: {"error":{"code":503,"message":"{{{message}}}","status":"UNAVAILABLE"}}""",
        };
        return $"{(kind == "gemini" ? "\r\n\r\n" : "\n\n")}{frame}\n\n";
    }

    [Fact]
    public async Task A_limit_of_tokens_is_shared_by_all_the_answers_that_are_asked_for()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnswerAsync(http, "openai", "chat.json"));
        await using var gateway = await StartAsync(upstream, "openai", """ "limits": { "daily": { "maxTokens": 2000 } }, "minOutputTokens": 10 """);
        const string Two = """{"model":"gpt-5.5","messages":[],"n":2,"max_tokens":5000}""";

        using var response = await gateway.PostAsync(Two, Chat);

        var prompt = (Two.Length + 1) / 2;
        Assert.Equal(((2000 - prompt) / 2).ToString(CultureInfo.InvariantCulture), response.Headers.GetValues("x-ccgate-max-tokens").Single());
    }

    [Theory]
    [InlineData(Chat, "openai", "rate_limit_exceeded")]
    [InlineData(Responses, "openai-responses", "rate_limit_exceeded")]
    [InlineData(Generate, "gemini", "RESOURCE_EXHAUSTED")]
    public async Task A_rate_is_refused_with_the_time_to_wait(string path, string kind, string code)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, "{}", status: 400));
        await using var gateway = await StartAsync(upstream, kind, """ "limits": { "requestsPerMinute": 1 } """);

        using var first = await gateway.PostAsync(Body(kind), path);
        using var second = await gateway.PostAsync(Body(kind), path);

        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.TooManyRequests), (first.StatusCode, second.StatusCode));
        Assert.Contains($"\"{code}\"", await second.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.InRange(second.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 75);
        Assert.False(second.Headers.Contains("x-should-retry"));
    }

    [Theory]
    [InlineData(Chat, "openai", "chat.sse", """{"model":"gpt-5.5","stream":true,"max_tokens":5000,"messages":[]}""")]
    [InlineData(Responses, "openai-responses", "completed.sse", """{"model":"gpt-5.5","stream":true,"max_output_tokens":5000,"input":"x"}""")]
    [InlineData(Stream + "?alt=sse", "gemini", "stream.sse", """{"contents":[],"generationConfig":{"maxOutputTokens":5000}}""")]
    [InlineData(Generate, "gemini", "single.json", """{"contents":[],"generationConfig":{"maxOutputTokens":5000}}""")]
    public async Task Who_has_the_whole_answer_finds_the_hold_given_back(string path, string kind, string answer, string body)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnswerAsync(http, kind, answer));
        await using var gateway = await StartAsync(upstream, kind, """ "limits": { "daily": { "maxUSD": 0.09 } }, "holdPolicy": "refuse" """);

        for (var i = 0; i < 10; i++)
        {
            // One hold of 0.05 fits and two do not; what is spent of it is less than 0.004.
            using var response = await gateway.PostAsync(body, path);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            await response.Content.ReadAsByteArrayAsync();
        }
    }

    [Theory]
    [InlineData("/openai/v1/models", null, "data", "id", "gpt-5.5", "object")]
    [InlineData("/v1/models", null, "data", "id", "gpt-5.5", "object")]
    [InlineData("/v1/models", "2023-06-01", "data", "id", "claude-x", "display_name")]
    [InlineData("/anthropic/v1/models", null, "data", "id", "claude-x", "display_name")]
    [InlineData("/v1beta/models", null, "models", "name", "models/gemini-3-pro", "supportedGenerationMethods")]
    [InlineData("/gemini/v1beta/models", null, "models", "name", "models/gemini-3-pro", "supportedGenerationMethods")]
    public async Task Models_of_all_upstreams_are_listed_in_the_shape_of_who_asks(string path, string? version, string list, string member, string own, string shape)
    {
        var upstreams = string.Join(", ", new[] { ("anthropic", "claude-x"), ("openai", "gpt-5.5"), ("gemini", "gemini-3-pro") }.Select(pair =>
            $$"""{ "id": "{{pair.Item1}}", "kind": "{{pair.Item1}}", "url": "http://127.0.0.1:1", "key": "k", "models": ["{{pair.Item2}}"] }"""));
        await using var gateway = await TestGateway.StartAsync($$"""{ "upstreams": [ {{upstreams}} ] }""");

        var all = await GetAsync(gateway, path, version);
        var one = await GetAsync(gateway, $"{path}/{own.Split('/')[^1]}", version);

        Assert.Equal(["claude-x", "gemini-3-pro", "gpt-5.5"], all.GetProperty(list).EnumerateArray().Select(model => model.GetProperty(member).GetString()!.Split('/')[^1]));
        Assert.All(all.GetProperty(list).EnumerateArray(), model => Assert.True(model.TryGetProperty(shape, out _)));
        Assert.Equal(own, one.GetProperty(member).GetString());
    }

    [Fact]
    public async Task A_provider_s_models_are_offered_in_every_protocol_where_there_is_an_upstream_of_its_kind()
    {
        const string Rates = """ "perMillion": { "input": 1, "output": 10, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } """;
        var upstreams = string.Join(", ", new[] { "anthropic", "openai" }.Select(kind => $$"""{ "id": "{{kind}}", "kind": "{{kind}}", "url": "http://127.0.0.1:1", "key": "k" }"""));
        var prices = string.Join(", ", new[] { "anthropic", "openai", "gemini" }.Select(provider => $$"""{ "model": "of-{{provider}}", "provider": "{{provider}}", {{Rates}} }"""));
        await using var gateway = await TestGateway.StartAsync(
            $$"""{ "upstreams": [ {{upstreams}} ] }""", prices: $$"""{ "version": "test", "prices": [ {{prices}}, { "model": "of-anybody", {{Rates}} } ] }""");

        var openAi = await GetAsync(gateway, "/openai/v1/models", version: null);
        var anthropic = await GetAsync(gateway, "/anthropic/v1/models?limit=1000", version: null);

        Assert.Equal(["of-anthropic", "of-anybody", "of-openai"], Names(openAi).Where(name => name.StartsWith("of-", StringComparison.Ordinal)));
        Assert.Equal(["of-anthropic", "of-anybody", "of-openai"], Names(anthropic).Where(name => name.StartsWith("of-", StringComparison.Ordinal)));
        Assert.DoesNotContain(Names(openAi), name => name.StartsWith("gemini", StringComparison.Ordinal));

        static IEnumerable<string> Names(JsonElement list) => list.GetProperty("data").EnumerateArray().Select(model => model.GetProperty("id").GetString()!);
    }

    private static string Body(string kind) => kind switch
    {
        "gemini" => """{"contents":[]}""",
        "openai" => """{"model":"gpt-5.5","messages":[]}""",
        _ => """{"model":"gpt-5.5","input":"x"}""",
    };

    private static async Task<JsonElement> GetAsync(TestGateway gateway, string path, string? version)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("x-api-key", TestGateway.Key);
        if (version is not null)
        {
            request.Headers.Add("anthropic-version", version);
        }

        using var response = await gateway.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonElement.Parse(await response.Content.ReadAsStringAsync());
    }

    private static void AssertHeaders(HttpResponseMessage response, int status)
    {
        Assert.True(Guid.TryParse(response.Headers.GetValues("x-ccgate-request-id").Single(), out _));
        Assert.Equal(status == 429, response.Headers.Contains("x-should-retry"));
        if (status == 429)
        {
            Assert.Equal("false", response.Headers.GetValues("x-should-retry").Single());
            Assert.Contains("poor", response.Headers.GetValues("x-ccgate-limit").Single(), StringComparison.Ordinal);
            Assert.EndsWith("Z", response.Headers.GetValues("x-ccgate-reset").Single(), StringComparison.Ordinal);
            Assert.False(response.Headers.Contains("retry-after"));
        }
    }

    private static byte[] Fixture(string kind, string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Fixtures", kind, name));

    private static async Task AnswerAsync(HttpContext http, string kind, string name)
    {
        http.Response.ContentType = name.EndsWith(".sse", StringComparison.Ordinal) ? "text/event-stream" : "application/json";
        await http.Response.Body.WriteAsync(Fixture(kind, name), http.RequestAborted);
    }

    private static Task<TestGateway> StartAsync(ScriptedUpstream upstream, string kind, string tenant = "", string prefix = "", string mapping = "{}") => TestGateway.StartAsync(
        $$"""{ "upstreams": [ { "id": "u1", "kind": "{{kind}}", "url": "{{upstream.Url}}{{prefix}}", "key": "upstream-secret", "modelMapping": {{mapping}} } ] }""",
        TestGateway.Tenant(tenant),
        prices: Prices);

    /// <summary>One upstream of each kind, none of which is there; a tenant that may do much, one that may do nothing and one that has nothing.</summary>
    private static Task<TestGateway> UnreachableAsync()
    {
        var upstreams = string.Join(", ", new[] { "openai", "openai-responses", "gemini" }.Select(kind =>
            $$"""{ "id": "{{kind}}", "kind": "{{kind}}", "url": "http://127.0.0.1:1", "key": "k", "models": ["gpt-*", "gemini-*", "text-*"] }"""));
        var tenants = $$"""
            { "tenants": [
                { "id": "alice", "key": "{{TestGateway.Key}}", "allowedModels": ["g*", "text-*"] },
                { "id": "bob", "key": "key-of-bob", "enabled": false },
                { "id": "poor", "key": "key-of-poor", "limits": { "daily": { "maxUSD": 0 } } } ] }
            """;
        return TestGateway.StartAsync($$"""{ "upstreams": [ {{upstreams}} ] }""", tenants, prices: Prices);
    }
}
