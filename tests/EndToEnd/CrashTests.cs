using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>What kill -9 leaves behind: every token that was served is one event, whatever was in flight.</summary>
public sealed partial class CrashTests
{
    private const decimal LimitUsd = 5m;

    [Fact]
    public async Task A_stream_that_was_killed_is_one_interrupted_event_and_the_budget_knows_it()
    {
        using var files = GatewayFiles.With(GatewayFiles.Simulator(chunks: 100, chunkDelayMs: 500), RunTests.Tenants(LimitUsd));
        Guid requestId;
        using (var gateway = await files.RunAsync())
        {
            using var response = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: true, maxTokens: 4000));
            requestId = response.RequestId();
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
            await RunTests.ReadToDeltaAsync(reader);
            gateway.Kill();
            await Assert.ThrowsAnyAsync<Exception>(() => reader.ReadToEndAsync());
        }

        using var again = await files.RunAsync();
        var completed = Assert.Single(await files.EventsAsync(1));
        Assert.Equal((requestId, RequestOutcome.Interrupted), (completed.RequestId, completed.Outcome));
        Assert.True(completed.SpendUsd > 0 && completed.SpendUsd <= completed.HeldUsd, $"{completed.SpendUsd} of {completed.HeldUsd}");

        // The hold is gone and the spend is there.
        Assert.Equal((decimal.Round(completed.SpendUsd, 6), 0m), await CommittedAndHeldAsync(again.Http));
        await RunTests.AssertTheBillIsRightAsync(files);
        Assert.Single(await files.EventsAsync());
    }

    [Fact]
    public async Task Killed_again_and_again_under_load_no_answer_goes_unbilled_and_none_is_billed_twice()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
        {
            var asked = JsonElement.Parse(((MemoryStream)http.Items["body"]!).ToArray());
            return asked.GetProperty("stream").GetBoolean()
                ? AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream)
                : AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        });
        using var files = GatewayFiles.With($$"""{ "id": "u1", "url": "{{upstream.Url}}", "key": "k" }""");
        var load = new Load();
        for (var life = 1; life <= 4; life++)
        {
            using var gateway = await files.RunAsync();
            var clients = Enumerable.Range(0, 12).Select(client => load.RunUntilGoneAsync(gateway.Http, $"life {life} client {client}")).ToList();
            await load.AnsweredAsync(150 * life);
            gateway.Kill();
            await Task.WhenAll(clients);
        }

        using var last = await files.RunAsync();
        using var after = await last.Http.PostMessageAsync(TestGateway.Body(stream: false), session: "last");
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
        await Eventually.HoldsAsync(async () => (await files.EventsAsync()).Any(completed => completed.SessionId == "last"), "the journal of before is delivered");

        var events = await files.EventsAsync();
        Assert.Equal(events.Count, events.Select(completed => completed.RequestId).Distinct().Count());
        Assert.Equal(events.Count, events.Select(completed => completed.SessionId).Distinct().Count());
        var stored = events.ToDictionary(completed => completed.RequestId);
        Assert.All(load.Answered, requestId => Assert.Contains(requestId, stored));

        // What was billed by its usage was forwarded; what was only on disk when the process died may not have been, and nobody can know.
        var forwarded = upstream.Received.Select(received => received.Headers["X-Claude-Code-Session-Id"]).ToHashSet();
        Assert.All(events, completed => Assert.True(forwarded.Contains(completed.SessionId!) || completed.Outcome == RequestOutcome.Interrupted, completed.SessionId));
        Assert.All(forwarded, session => Assert.Contains(events, completed => completed.SessionId == session));
        Assert.Contains(events, completed => completed.Outcome == RequestOutcome.Interrupted);
        Assert.All(events.Where(completed => completed.Outcome == RequestOutcome.Succeeded), completed => Assert.Equal(AnthropicAnswers.VectorUsd, completed.SpendUsd));
        await RunTests.AssertTheBillIsRightAsync(files);
    }

    /// <summary>What the gateway says is left: it tells when it refuses something that costs more.</summary>
    private static async Task<(decimal Committed, decimal Held)> CommittedAndHeldAsync(HttpClient http)
    {
        using var refused = await http.PostMessageAsync(TestGateway.Body(stream: false, maxTokens: 10_000_000));
        Assert.Equal(HttpStatusCode.PaymentRequired, refused.StatusCode);
        var said = Said().Match(await refused.Content.ReadAsStringAsync());
        return (decimal.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture), decimal.Parse(said.Groups[2].Value, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"; ([0-9.]+) USD are spent, ([0-9.]+) USD are held")]
    private static partial Regex Said();

    /// <summary>Clients that ask until the gateway is gone, each request under a name of its own.</summary>
    internal sealed class Load
    {
        private readonly ConcurrentQueue<Guid> answered = new();

        public IReadOnlyCollection<Guid> Answered => answered;

        public Task AnsweredAsync(int count) => Eventually.HoldsAsync(() => answered.Count >= count, $"{count} requests are answered");

        public async Task RunUntilGoneAsync(HttpClient http, string name)
        {
            try
            {
                for (var number = 0; ; number++)
                {
                    var stream = number % 2 == 0;
                    using var response = await http.PostMessageAsync(TestGateway.Body(stream), session: $"{name} request {number}");
                    var text = await response.Content.ReadAsStringAsync();
                    Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                    Assert.Contains(stream ? "message_stop" : "end_turn", text, StringComparison.Ordinal);
                    answered.Enqueue(response.RequestId());
                }
            }
            catch (Exception gone) when (gone is HttpRequestException or IOException)
            {
                // Killed, as the test wants it.
            }
        }
    }
}
