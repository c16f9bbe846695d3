using System.Net;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>A request becomes exactly one event, at exactly its price.</summary>
public sealed class BillingTests
{
    [Theory]
    [InlineData(true, null)]
    [InlineData(true, "gzip")]
    [InlineData(true, "br")]
    [InlineData(true, "deflate")]
    [InlineData(false, null)]
    [InlineData(false, "gzip")]
    [InlineData(false, "br")]
    public async Task The_metering_vector_costs_exactly_what_it_should(bool stream, string? encoding)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
            stream ? AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream, encoding) : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson, encoding: encoding));
        await using var gateway = await TestGateway.StartAsync(upstream, TestGateway.Tenant("\"limits\": { \"daily\": { \"maxUSD\": 1 } }"));

        using var response = await gateway.PostAsync(
            Encoding.UTF8.GetBytes(TestGateway.Body(stream)), headers: headers => headers.TryAddWithoutValidation("Accept-Encoding", encoding ?? "identity"));
        await response.Content.ReadAsByteArrayAsync();

        var completed = await gateway.EventAsync();
        Assert.Equal(AnthropicAnswers.VectorUsd, completed.SpendUsd);
        var attempt = Assert.Single(completed.Attempts);
        Assert.Equal((UsageState.Known, AnthropicAnswers.VectorModel, 200), (attempt.UsageState, attempt.ProviderModel, attempt.StatusCode));
        Assert.Equal((103, 26358, 1000, 276, 57), (attempt.Usage.InputTokens, attempt.Usage.CacheReadTokens, attempt.Usage.CacheWrite5mTokens, attempt.Usage.CacheWrite1hTokens, attempt.Usage.OutputTokens));
        Assert.Equal(RequestOutcome.Succeeded, completed.Outcome);
        Assert.Equal(response.Headers.GetValues("x-ccgate-request-id").Single(), completed.RequestId.ToString());
        Assert.Equal((stream, "alice", "default", "anthropic", "cret"[^4..]), (completed.Streaming, completed.TenantId, completed.KeyId, completed.Surface, "cret"));
        Assert.True(completed.HeldUsd >= completed.SpendUsd || completed.Usage.PromptTokens > 1000, "the hold covers the spend of a prompt it could see");
    }

    [Theory]
    [InlineData("claude-opus-5", UsageState.Known, 0.0275)] // 1,500 × 5 + 800 × 25
    [InlineData("claude-nobody-knows", UsageState.Estimated, 0.011)] // 1,500 × 2 + 800 × 10, as the model that asked
    public async Task Advice_of_another_model_is_an_attempt_of_its_own_at_its_own_price_and_was_held(string advisor, UsageState state, decimal adviceUsd)
    {
        var answer = $$"""
            {"type":"message","model":"claude-sonnet-5","content":[],"stop_reason":"end_turn","usage":{"input_tokens":20,"output_tokens":50,
             "iterations":[{"type":"message","input_tokens":20,"output_tokens":10},{"type":"advisor_message","model":"{{advisor}}","input_tokens":1500,"output_tokens":800},{"type":"message","input_tokens":0,"output_tokens":40} ] } }
            """;
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, answer));
        await using var gateway = await TestGateway.StartAsync(upstream, TestGateway.Tenant("\"limits\": { \"daily\": { \"maxUSD\": 10 } }"));

        using var response = await gateway.PostAsync(
            $$"""{"model":"claude-sonnet-5","max_tokens":100,"messages":[{"role":"user","content":"{{new string('x', 4000)}}"}],"tools":[{"type":"advisor_20260301","name":"advisor","model":"{{advisor}}","max_uses":1}]}""");
        await response.Content.ReadAsByteArrayAsync();

        var completed = await gateway.EventAsync();
        Assert.Equal([2, 1], completed.Attempts.Select(attempt => attempt.Number));
        var (advice, own) = (completed.Attempts[0], completed.Attempts[1]);
        Assert.Equal((state, adviceUsd, 2300), (advice.UsageState, advice.SpendUsd, advice.Usage.TotalTokens));
        Assert.Equal((UsageState.Known, "claude-sonnet-5", 0.00054m), (own.UsageState, own.ProviderModel, own.SpendUsd));
        Assert.Equal((adviceUsd + 0.00054m, 2370), (completed.SpendUsd, completed.Usage.TotalTokens));
        Assert.True(completed.SpendUsd <= completed.HeldUsd && completed.Usage.TotalTokens <= completed.HeldTokens);
    }

    [Fact]
    public async Task A_conversation_that_was_summed_up_first_is_billed_for_that_and_was_held()
    {
        const string Answer = """
            {"type":"message","model":"claude-sonnet-5","content":[],"stop_reason":"end_turn","usage":{"input_tokens":100,"output_tokens":90,
             "iterations":[{"type":"compaction","input_tokens":1900,"output_tokens":80},{"type":"message","input_tokens":100,"output_tokens":90}]}}
            """;
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, Answer));
        await using var gateway = await TestGateway.StartAsync(upstream, TestGateway.Tenant("\"limits\": { \"daily\": { \"maxUSD\": 10 } }"));

        using var response = await gateway.PostAsync(
            $$"""{"model":"claude-sonnet-5","max_tokens":100,"messages":[{"role":"user","content":"{{new string('x', 4000)}}"}],"context_management":{"edits":[{"type":"compact_20260112"} ] } }""");
        await response.Content.ReadAsByteArrayAsync();

        var completed = await gateway.EventAsync();
        Assert.Equal(((2000 * 2m) + (170 * 10m)) / 1_000_000m, completed.SpendUsd);
        Assert.True(completed.SpendUsd <= completed.HeldUsd && completed.Usage.TotalTokens <= completed.HeldTokens);
    }

    [Fact]
    public async Task The_spend_is_shown_by_the_api_and_to_the_tenant()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(
            upstream, server: $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""");

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        await gateway.SettledAsync();

        var usage = await gateway.AskAsync("/api/usage?tenant=alice&by=model");
        Assert.Equal(AnthropicAnswers.VectorUsd, usage.GetProperty("total").GetProperty("spendUsd").GetDecimal());
        using var own = new HttpRequestMessage(HttpMethod.Get, "/usage");
        own.Headers.Add("x-api-key", TestGateway.Key);
        using var answer = await gateway.Http.SendAsync(own);
        var today = JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("data").GetProperty("usage").GetProperty("todayUsage");
        Assert.Equal(AnthropicAnswers.VectorUsd, today.GetProperty("totalCost").GetDecimal());
    }

    [Fact]
    public async Task A_session_of_Claude_Code_is_named_in_the_event()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);
        var body = JsonSerializer.Serialize(new { model = "claude-sonnet-4-5", max_tokens = 5, messages = Array.Empty<object>(), metadata = new { user_id = """{"device_id":"0","session_id":"s-1"}""" } });

        using var response = await gateway.PostAsync(body);

        Assert.Equal("s-1", (await gateway.EventAsync()).SessionId);
    }

    [Theory]
    [InlineData("""{"session_id":"\ud800"}""")]
    [InlineData("""["session_id"]""")]
    [InlineData("user_session_")]
    public async Task A_session_that_cannot_be_read_is_none(string userId)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);
        var metadata = $$"""{"metadata":{"user_id":{{System.Text.Json.JsonSerializer.Serialize(userId)}}},""";

        using var response = await gateway.PostAsync(metadata + TestGateway.Body(stream: false)[1..]);

        Assert.Equal(System.Net.HttpStatusCode.OK, response.StatusCode);
        Assert.Null((await gateway.EventAsync()).SessionId);
    }

    [Fact]
    public async Task A_session_name_is_kept_no_longer_than_names_are()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);
        var metadata = $$"""{"metadata":{"user_id":"user_session_{{new string('s', 100_000)}}"},""";

        using var response = await gateway.PostAsync(metadata + TestGateway.Body(stream: false)[1..]);

        Assert.Null((await gateway.EventAsync()).SessionId);
    }

    [Fact]
    public async Task A_truncated_stream_ends_with_an_error_event_and_is_billed_by_estimate()
    {
        var read = new TaskCompletionSource();
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            await AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames[..8]);
            await read.Task;
            http.Abort();
        });
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));
        await using var stream = await response.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[Encoding.UTF8.GetByteCount(string.Concat(AnthropicAnswers.VectorFrames[..8]))]);
        read.SetResult();

        Assert.StartsWith("event: error\n", await TestGateway.ReadUntilCutAsync(stream), StringComparison.Ordinal);
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.UpstreamTruncated, UsageState.Estimated), (completed.Outcome, completed.Attempts.Single().UsageState));
        Assert.Equal(103, completed.Usage.InputTokens);
        Assert.InRange(completed.Usage.OutputTokens, 1, 57);
    }

    [Fact]
    public async Task A_client_that_leaves_stops_the_upstream_and_pays_what_was_generated()
    {
        var stopped = new TaskCompletionSource();
        await using var upstream = await ScriptedUpstream.StartAsync(async http =>
        {
            http.RequestAborted.Register(stopped.SetResult);
            await AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames, index => index < 8 ? Task.CompletedTask : Task.Delay(Timeout.Infinite, http.RequestAborted));
        });
        await using var gateway = await TestGateway.StartAsync(upstream);

        using (var response = await gateway.PostAsync(TestGateway.Body(stream: true)))
        {
            await using var stream = await response.Content.ReadAsStreamAsync();
            await stream.ReadExactlyAsync(new byte[Encoding.UTF8.GetByteCount(string.Concat(AnthropicAnswers.VectorFrames[..8]))]);
        }

        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(30));
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.ClientAborted, UsageState.Estimated, "cancel"), (completed.Outcome, completed.Attempts.Single().UsageState, completed.Abort));
        Assert.Equal(103, completed.Usage.InputTokens);
        Assert.InRange(completed.Usage.OutputTokens, 1, 57);
    }

    [Fact]
    public async Task A_client_that_leaves_before_the_first_byte_stops_the_upstream_and_pays_its_prompt()
    {
        var (asked, stopped) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
        {
            http.RequestAborted.Register(stopped.SetResult);
            asked.SetResult();
            return Task.Delay(Timeout.Infinite, http.RequestAborted);
        });
        await using var gateway = await TestGateway.StartAsync(upstream);
        using var leaving = new CancellationTokenSource();

        var request = gateway.PostAsync(TestGateway.Body(stream: true), cancellationToken: leaving.Token);
        await asked.Task;
        await leaving.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(30));
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.ClientAborted, UsageState.Estimated), (completed.Outcome, completed.Attempts.Single().UsageState));
        Assert.True(completed.SpendUsd > 0 && completed.SpendUsd <= completed.HeldUsd);
    }

    [Theory]
    [InlineData(302)]
    [InlineData(304)]
    public async Task A_redirection_is_no_answer_of_a_model_and_costs_nothing(int status)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
        {
            http.Response.StatusCode = status;
            return Task.CompletedTask;
        });
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        var completed = await gateway.EventAsync();
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal((RequestOutcome.Failed, UsageState.KnownZero, 0m), (completed.Outcome, completed.Attempts[0].UsageState, completed.SpendUsd));
    }

    [Fact]
    public async Task An_upstream_that_refuses_the_request_is_heard_and_costs_nothing()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, 400, "invalid_request_error"));
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("said the upstream", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var completed = await gateway.EventAsync();
        Assert.Equal((RequestOutcome.Failed, 0m, UsageState.KnownZero), (completed.Outcome, completed.SpendUsd, completed.Attempts.Single().UsageState));
    }
}
