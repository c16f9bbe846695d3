using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.EndToEnd;

/// <summary>
/// Random clients of a tree of tenants, upstreams that answer, fail, break off and say nothing of usage, clients that leave, and a gateway that is killed: in
/// the end the ledger, the read models and the limits agree with each other, and with what the upstreams and the clients saw.
/// </summary>
public sealed class MoneyOracleTests
{
    private const string Tree = """
        { "tenants": [
          { "id": "company", "keys": [], "limits": { "total": { "maxUSD": 3, "maxTokens": 4000000 } } },
          { "id": "ann", "parent": "company", "holdPolicy": "refuse", "limits": { "daily": { "maxUSD": 1.2 } }, "keys": [ { "id": "k", "key": "key-ann", "limits": { "weekly": { "maxRequests": 400 } } } ] },
          { "id": "bob", "parent": "company", "minOutputTokens": 10, "limits": { "monthly": { "maxTokens": 3000000 }, "concurrentRequests": 6 }, "keys": [ { "id": "k", "key": "key-bob" } ] },
          { "id": "eve", "keys": [ { "id": "k", "key": "key-eve" } ] }
        ] }
        """;

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public async Task Whatever_happens_the_books_agree(int seed)
    {
        await using var good = await ScriptedUpstream.StartAsync();
        await using var bad = await ScriptedUpstream.StartAsync();
        var truth = new ConcurrentDictionary<string, long>();
        good.Answer = http => AnswerAsync(http, new Random(HashCode.Combine(seed, good.Received.Count)), truth, isBad: false);
        bad.Answer = http => AnswerAsync(http, new Random(HashCode.Combine(seed, bad.Received.Count)), truth, isBad: true);
        using var files = GatewayFiles.With(
            $$"""{ "id": "u1", "url": "{{good.Url}}", "key": "k" }, { "id": "u2", "url": "{{bad.Url}}", "key": "k", "costMultiplier": 1.3 }""", Tree,
            """{ "admin": { "enabled": true, "username": "admin", "password": "operator-password" } }""");
        var whole = new ConcurrentDictionary<Guid, string>();
        for (var life = 1; life <= 3; life++)
        {
            using var gateway = await files.RunAsync();
            var seen = whole.Count;
            var clients = Enumerable.Range(0, 16).Select(client => ClientAsync(gateway.Http, new Random(HashCode.Combine(seed, life, client)), $"s{seed}-{life}-{client}", whole)).ToList();
            await Eventually.HoldsAsync(() => whole.Count >= seen + 40 || clients.TrueForAll(client => client.IsCompleted), "requests are answered");
            gateway.Kill();
            await Task.WhenAll(clients);
        }

        using var last = await files.RunAsync();
        using var probe = await last.Http.PostMessageAsync(TestGateway.Body(stream: false), key: "key-eve", session: "last");
        await Eventually.HoldsAsync(async () => (await files.EventsAsync()).Any(completed => completed.SessionId == "last"), "the journal of before is delivered");
        var events = await files.EventsAsync();

        // 1. No event twice, none missing for an answer that a client has whole, and that one billed as the upstream counted it.
        Assert.Equal(events.Count, events.Select(completed => completed.RequestId).Distinct().Count());
        var stored = events.ToDictionary(completed => completed.RequestId);
        foreach (var (id, session) in whole)
        {
            Assert.Equal(truth[session], stored[id].Attempts[^1].Usage.OutputTokens);
        }

        // 2. Every event adds up, never above its hold.
        foreach (var completed in events)
        {
            Assert.Equal(completed.SpendUsd, completed.Attempts.Sum(attempt => attempt.SpendUsd));
            Assert.True(completed.SpendUsd + (completed.UnsettledUsd ?? 0) <= completed.HeldUsd, $"{completed.RequestId} of {completed.Outcome} owes {completed.SpendUsd} + {completed.UnsettledUsd} of {completed.HeldUsd}");
        }

        // 3. Each limit holds.
        decimal Owed(params string[] tenants) => events.Where(completed => tenants.Contains(completed.TenantId)).Sum(completed => completed.SpendUsd + (completed.UnsettledUsd ?? 0));
        Assert.True(Owed("ann", "bob") <= 3m && Owed("ann") <= 1.2m);
        Assert.True(events.Count(completed => completed.TenantId == "ann") <= 400);
        Assert.True(events.Where(completed => completed.TenantId is "ann" or "bob").Sum(completed => completed.Usage.TotalTokens) <= 4_000_000);

        // 4. The read models say the same, and the gateway leaves exactly the rest.
        await Eventually.HoldsAsync(async () => Sum(await last.Http.AskAsync("/api/usage?by=tenant")) == events.Sum(completed => completed.SpendUsd), "the read model has all of it");
        using var refused = await last.Http.PostMessageAsync(TestGateway.Body(stream: false, maxTokens: 10_000_000), key: "key-ann");
        Assert.Equal(HttpStatusCode.PaymentRequired, refused.StatusCode);
        var said = await refused.Content.ReadAsStringAsync();
        var left = string.Create(CultureInfo.InvariantCulture, $"; {decimal.Round(Owed("ann"), 6):0.######} USD are spent, 0 USD are held");
        Assert.True(said.Contains(left, StringComparison.Ordinal), $"{left} is not in {said}");
        await RunTests.AssertTheBillIsRightAsync(files);
    }

    private static decimal Sum(JsonElement usage) => usage.GetProperty("total").GetProperty("spendUsd").GetDecimal();

    private static async Task ClientAsync(HttpClient http, Random random, string name, ConcurrentDictionary<Guid, string> whole)
    {
        for (var number = 0; number < 200; number++)
        {
            var session = $"{name}-{number}";
            using var leaving = new CancellationTokenSource();
            try
            {
                var stream = random.Next(2) == 0;
                var body = TestGateway.Body(stream, maxTokens: random.Next(20, 3_000), text: new string('x', random.Next(1, 2_000)));
                using var response = await http.PostMessageAsync(body, key: $"key-{(random.Next(3) switch { 0 => "ann", 1 => "bob", _ => "eve" })}", session: session, cancellationToken: leaving.Token);
                if (random.Next(6) == 0)
                {
                    await leaving.CancelAsync(); // Gone, somewhere in the middle of the answer.
                    continue;
                }

                var text = await response.Content.ReadAsStringAsync(leaving.Token);
                if (response.StatusCode == HttpStatusCode.OK && (stream ? text.Contains("message_stop", StringComparison.Ordinal) : text.Contains("output_tokens", StringComparison.Ordinal)))
                {
                    whole.TryAdd(response.RequestId(), session);
                }
            }
            catch (Exception gone) when (gone is HttpRequestException or IOException or OperationCanceledException)
            {
                if (gone is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError })
                {
                    return; // Killed.
                }
            }
        }
    }

    private static async Task AnswerAsync(HttpContext http, Random random, ConcurrentDictionary<string, long> truth, bool isBad)
    {
        var asked = JsonElement.Parse(((MemoryStream)http.Items["body"]!).ToArray());
        var output = random.NextInt64(1, asked.GetProperty("max_tokens").GetInt64() + 1);
        var usage = $"\"input_tokens\":{random.Next(1, 20)},\"cache_read_input_tokens\":{random.Next(3)},\"cache_creation_input_tokens\":0";
        truth[http.Request.Headers["X-Claude-Code-Session-Id"].ToString()] = output;
        if (isBad && random.Next(3) == 0)
        {
            await AnthropicAnswers.ErrorAsync(http, random.Next(2) == 0 ? 529 : 500, "overloaded_error");
        }
        else if (isBad && random.Next(4) == 0)
        {
            await AnthropicAnswers.JsonAsync(http, """{"type":"message","content":[]}"""); // Not a word about usage.
        }
        else if (asked.GetProperty("stream").GetBoolean())
        {
            var start = $$"""{"type":"message_start","message":{"type":"message","model":"{{AnthropicAnswers.VectorModel}}","content":[],"usage":{ {{usage}},"output_tokens":1 } } }""";
            var end = $$"""{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":{{output}} } }""";
            string[] frames =
            [
                $"event: message_start\ndata: {start}\n\n",
                "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
                $"event: message_delta\ndata: {end}\n\n",
                "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
            ];
            var cut = isBad && random.Next(3) == 0 ? random.Next(1, 4) : frames.Length;
            await AnthropicAnswers.FramesAsync(http, frames.Take(cut));
            if (cut < frames.Length)
            {
                http.Abort();
            }
        }
        else
        {
            await AnthropicAnswers.JsonAsync(
                http, $$$"""{"type":"message","model":"{{{AnthropicAnswers.VectorModel}}}","content":[],"stop_reason":"end_turn","usage":{ {{{usage}}},"output_tokens":{{{output}}}}}""");
        }
    }
}
