using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using CCGate.Contracts;
using CCGate.Hosting.Telemetry;
using CCGate.Proxy.Journal;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>One trace from the client to the read models, and what it may not say.</summary>
public sealed class TraceTests
{
    private const string Prompt = "the-secret-of-the-prompt";
    private static readonly string Asking = $"chat {AnthropicAnswers.VectorModel}";

    [Fact]
    public async Task One_trace_leads_from_the_clients_span_to_the_read_models()
    {
        using var trace = new TraceRecorder();
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);

        await SendAsync(gateway, trace);
        await trace.EndedAsync("publish", "append", "project spend", "journal complete");
        await trace.ServedAsync();

        var (server, attempt) = (trace.Server, trace.Named(Asking));
        foreach (var child in (Activity[])[attempt, trace.Named("journal open"), trace.Named("journal complete"), trace.Named("publish"), trace.Named("append"), trace.Named("project spend")])
        {
            Assert.Equal(server.SpanId, child.ParentSpanId);
        }

        Assert.Contains(trace.Ended, span => span.Source.Name == "System.Net.Http" && span.ParentSpanId == attempt.SpanId);
        var completed = await gateway.EventAsync();
        Assert.Equal(server.Id, completed.TraceParent);
        Assert.Equal(
            ("alice", "anthropic", AnthropicAnswers.VectorModel, 27737L, 57L, "succeeded"),
            (server.GetTagItem("ccgate.tenant"), server.GetTagItem("ccgate.surface"), server.GetTagItem("gen_ai.request.model"), server.GetTagItem("gen_ai.usage.input_tokens"), server.GetTagItem("gen_ai.usage.output_tokens"), server.GetTagItem("ccgate.outcome")));
        Assert.Equal(AnthropicAnswers.VectorUsd, decimal.Parse((string)server.GetTagItem("ccgate.spend_usd")!, CultureInfo.InvariantCulture));
        Assert.Equal((200, "u1", "127.0.0.1"), (attempt.GetTagItem("http.response.status_code"), attempt.GetTagItem("ccgate.upstream"), attempt.GetTagItem("server.address")));
    }

    [Fact]
    public async Task What_nobody_records_has_no_trace_even_when_the_client_recorded_it()
    {
        using var other = new TraceRecorder(); // It listens, but not to this trace.
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);

        using var answer = await gateway.PostAsync(Encoding.UTF8.GetBytes(TestGateway.Body(stream: false)), headers: headers => headers.Add("traceparent", $"00-{ActivityTraceId.CreateRandom()}-00f067aa0ba902b7-01"));

        Assert.Null((await gateway.EventAsync()).TraceParent);
        await gateway.SettledAsync();
        Assert.Empty(other.Ended);
    }

    [Fact]
    public async Task A_failover_is_two_attempts_side_by_side_and_the_first_says_why_it_failed()
    {
        using var trace = new TraceRecorder();
        await using var failing = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, 529, "overloaded_error"));
        await using var answering = await ScriptedUpstream.StartAsync(failing.Answer);
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams(failing.Url, answering.Url));
        var answered = 0;
        failing.Answer = answering.Answer = http => Interlocked.Increment(ref answered) == 1
            ? AnthropicAnswers.ErrorAsync(http, 529, "overloaded_error")
            : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);

        await SendAsync(gateway, trace);
        await trace.ServedAsync();

        Assert.Equal(2, trace.Attempts.Count);
        Assert.All(trace.Attempts, attempt => Assert.Equal(trace.Server.SpanId, attempt.ParentSpanId));
        Assert.Equal(("529", ActivityStatusCode.Error, 529), (trace.Attempts[0].GetTagItem("error.type"), trace.Attempts[0].Status, trace.Attempts[0].GetTagItem("http.response.status_code")));
        Assert.Equal((null, ActivityStatusCode.Unset), (trace.Attempts[1].GetTagItem("error.type"), trace.Attempts[1].Status));
        foreach (var attempt in trace.Attempts)
        {
            Assert.Single(trace.Ended, span => span.Source.Name == "System.Net.Http" && span.ParentSpanId == attempt.SpanId);
        }
    }

    [Fact]
    public async Task Two_attempts_at_once_are_side_by_side()
    {
        using var trace = new TraceRecorder();
        var first = 0;
        async Task AnswerAsync(HttpContext http)
        {
            if (Interlocked.Increment(ref first) == 1)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return;
            }

            await AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        }

        await using var one = await ScriptedUpstream.StartAsync(AnswerAsync);
        await using var two = await ScriptedUpstream.StartAsync(AnswerAsync);
        await using var gateway = await TestGateway.StartAsync(
            $$"""{ "upstreams": [ { "id": "u1", "url": "{{one.Url}}", "key": "k1" }, { "id": "u2", "url": "{{two.Url}}", "key": "k2" } ], "loadBalancer": { "hedgeAfterMs": 20 } }""");

        await SendAsync(gateway, trace);
        await trace.ServedAsync();

        Assert.Equal(2, trace.Attempts.Count);
        Assert.All(trace.Attempts, attempt => Assert.Equal(trace.Server.SpanId, attempt.ParentSpanId));
        Assert.Equal(["outrun", null], trace.Attempts.Select(attempt => attempt.GetTagItem("error.type")));
    }

    [Fact]
    public async Task An_upstream_is_sent_nothing_of_the_trace()
    {
        using var trace = new TraceRecorder();
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);

        await SendAsync(gateway, trace);

        var sent = Assert.Single(upstream.Received).Headers;
        Assert.DoesNotContain(sent.Keys, name => name.ToLowerInvariant() is "traceparent" or "tracestate" or "baggage" or "correlation-context" or "request-id");
    }

    [Fact]
    public async Task An_upstream_that_may_know_is_sent_a_span_below_its_attempt()
    {
        using var trace = new TraceRecorder();
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: """{ "telemetry": { "traces": { "propagateToUpstreams": true } } }""");

        await SendAsync(gateway, trace);
        await trace.ServedAsync();

        var sent = Assert.Single(upstream.Received).Headers;
        var connection = Assert.Single(trace.Ended, span => span.Source.Name == "System.Net.Http" && span.ParentSpanId == trace.Named(Asking).SpanId);
        Assert.Equal((connection.Id, "vendor=1"), (sent["traceparent"], sent["tracestate"]));
        Assert.DoesNotContain("baggage", sent.Keys);
    }

    [Fact]
    public async Task Neither_keys_nor_prompts_are_in_a_span()
    {
        using var trace = new TraceRecorder();
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);

        await SendAsync(gateway, trace, path: $"/v1/messages?key={TestGateway.Key}&beta=true", key: null);
        await trace.EndedAsync("publish", "append", "project spend");
        await trace.ServedAsync();

        Assert.DoesNotContain(TestGateway.Key, trace.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("upstream-secret", trace.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(Prompt, trace.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Grüße", trace.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_prompt_is_in_the_attempts_span_when_the_operator_wants_that()
    {
        using var trace = new TraceRecorder();
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream, server: """{ "telemetry": { "traces": { "content": true } } }""");

        await SendAsync(gateway, trace);
        await trace.ServedAsync();

        Assert.Equal($$"""[{"role":"user","parts":[{"type":"text","content":"{{Prompt}}"}]}]""", trace.Named(Asking).GetTagItem("gen_ai.input.messages"));
    }

    [Fact]
    public async Task A_refusal_says_why()
    {
        using var trace = new TraceRecorder();
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var gateway = await TestGateway.StartAsync(upstream);

        await SendAsync(gateway, trace, HttpStatusCode.Unauthorized, key: "wrong");
        await trace.ServedAsync();

        Assert.Equal(("unauthenticated", ActivityStatusCode.Unset), (trace.Server.GetTagItem("ccgate.refusal"), trace.Server.Status));
    }

    [Fact]
    public void A_request_that_a_crash_interrupted_keeps_its_trace()
    {
        var opening = JournalRecord.Of(isOpening: true, new RequestCompleted { RequestId = Guid.CreateVersion7(TimeProvider.System.GetUtcNow()), TenantId = "alice", Outcome = RequestOutcome.Interrupted, TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" });

        var recovered = opening.AsFact().ReadEvent();

        var parent = EventSpans.ParentOf(recovered.Data.Replace(":", ": ", StringComparison.Ordinal))!.Value; // As PostgreSQL writes it.
        Assert.Equal(("4bf92f3577b34da6a3ce929d0e0e4736", false), (parent.TraceId.ToString(), parent.IsRemote));
    }

    [Theory]
    [InlineData("""{"TenantId":"a"}""")]
    [InlineData("""{"TraceParent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"}""")]
    [InlineData("""{"Usage":{"RawUsage":{"TraceParent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}}""")]
    [InlineData("""{"TraceParent":"nonsense"}""")]
    [InlineData("""{ "TraceParent": 1 }""")]
    [InlineData("""{"TraceParent":""")]
    public void An_event_whose_request_was_not_recorded_belongs_to_no_trace(string data) => Assert.Null(EventSpans.ParentOf(data));

    [Fact]
    public void An_event_without_a_trace_is_written_and_read_as_before()
    {
        var written = EventRecord.From(new RequestCompleted { TenantId = "alice" }).Data;

        Assert.DoesNotContain("TraceParent", written, StringComparison.Ordinal);
        Assert.Null(System.Text.Json.JsonSerializer.Deserialize(written, ContractsJson.Default.RequestCompleted)!.TraceParent);
    }

    private static async Task SendAsync(TestGateway gateway, TraceRecorder trace, HttpStatusCode expected = HttpStatusCode.OK, string path = "/v1/messages", string? key = TestGateway.Key)
    {
        using var answer = await gateway.PostAsync(Encoding.UTF8.GetBytes(TestGateway.Body(stream: false, text: Prompt)), path, key, headers =>
        {
            headers.Add("traceparent", trace.TraceParent);
            headers.Add("tracestate", "vendor=1");
            headers.Add("baggage", "who=me");
        });
        await answer.Content.ReadAsStringAsync();
        Assert.Equal(expected, answer.StatusCode);
    }
}
