using System.Collections.Concurrent;
using System.Net;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>Three mirrors, one of which dies and comes back under two hundred streams. Each mirror is a gateway with a ledger of its own, so it can say what it served.</summary>
public sealed class MirrorFailoverTests
{
    private const int Streams = 200;
    private const int Batch = 600;

    [Fact]
    public async Task A_mirror_that_is_killed_and_revived_costs_no_client_an_answer_that_another_could_give()
    {
        using var first = GatewayFiles.With(GatewayFiles.Simulator(chunks: 5, chunkDelayMs: 20));
        using var second = GatewayFiles.With(GatewayFiles.Simulator(chunks: 5, chunkDelayMs: 20));
        using var third = GatewayFiles.With(GatewayFiles.Simulator(chunks: 5, chunkDelayMs: 20));
        using var one = await first.RunAsync();
        using var two = await second.RunAsync();
        using var three = await third.RunAsync();
        using var files = GatewayFiles.With(string.Join(", ", Mirror("u1", one.Url, 100), Mirror("u2", two.Url, 100), Mirror("u3", three.Url, 200)));
        using var gateway = await files.RunAsync();
        var load = new Load(gateway.Http);

        // All of them are there.
        await load.RunAsync("before", Batch);
        Assert.Empty(load.Broken);
        AssertSharedByWeight(await SucceededAsync(files, load, Batch), skip: 0);

        // One dies in the middle: what it had begun is lost, and the client is told; nothing else is.
        var during = load.RunAsync("during", Batch);
        await load.AnsweredAsync(Batch + (Batch / 4));
        two.Kill();
        await during;
        Assert.All(load.Broken, text => Assert.Contains("event: error", text, StringComparison.Ordinal));
        Assert.InRange(load.Broken.Count, 0, Streams);

        // It comes back, and is trusted again after a few requests.
        using var revived = await GatewayProcess.StartAsync(second.Root, ["run", .. second.Options, "--urls", two.Url]);
        var broken = load.Broken.Count;
        await Eventually.PassesAsync(async () =>
        {
            await load.RunAsync("probe", 12);
            var last = (await files.EventsAsync(load.Asked)).OrderBy(completed => completed.AdmittedAt).TakeLast(12);
            Assert.True(last.Count(completed => completed.Attempts[^1].UpstreamId == "u2") >= 3);
        });
        var settled = load.Asked;
        await load.RunAsync("after", Batch);
        Assert.Equal(broken, load.Broken.Count);
        AssertSharedByWeight(await SucceededAsync(files, load, load.Asked), skip: settled);

        // What the gateway bills is what the mirrors say they served.
        Assert.Equal(0, await gateway.StopAsync());
        var events = await files.EventsAsync(load.Asked);
        Assert.Equal(load.Asked, events.Count);
        foreach (var (id, mirror) in (IEnumerable<(string, GatewayFiles)>)[("u1", first), ("u2", second), ("u3", third)])
        {
            var attempts = events.SelectMany(completed => completed.Attempts).Where(attempt => attempt.UpstreamId == id && attempt.Failure is null).ToList();
            await Eventually.PassesAsync(async () =>
            {
                var served = (await mirror.EventsAsync()).ToLookup(completed => completed.Outcome);

                // The one that was killed had sent the last word of some answers, and not yet written down that it had.
                var lastWords = attempts.Count - served[RequestOutcome.Succeeded].Count();
                Assert.InRange(lastWords, 0, served[RequestOutcome.Interrupted].Count());
                Assert.True(lastWords == 0 || id == "u2");
                var tokens = attempts.Select(attempt => attempt.Usage.OutputTokens).Distinct();
                Assert.Equal(Assert.Single(tokens) * (attempts.Count - lastWords), served[RequestOutcome.Succeeded].Sum(completed => completed.Usage.OutputTokens));
            });
        }

        await RunTests.AssertTheBillIsRightAsync(files);
    }

    private static string Mirror(string id, string url, int weight) => $$"""
        { "id": "{{id}}", "url": "{{url}}", "key": "{{TestGateway.Key}}", "weight": {{weight}}, "circuitBreaker": { "failures": 3, "openSeconds": 1, "successes": 1 } }
        """;

    private static async Task<IReadOnlyList<RequestCompleted>> SucceededAsync(GatewayFiles files, Load load, int count)
    {
        var events = await files.EventsAsync(count);
        Assert.Equal(load.Asked, events.Count);
        return events;
    }

    private static void AssertSharedByWeight(IReadOnlyList<RequestCompleted> events, int skip)
    {
        var shares = events.OrderBy(completed => completed.AdmittedAt).Skip(skip).ToList();
        foreach (var (id, share) in (IEnumerable<(string, double)>)[("u1", 0.25), ("u2", 0.25), ("u3", 0.5)])
        {
            var found = shares.Count(completed => completed.Attempts[0].UpstreamId == id) / (double)shares.Count;
            Assert.True(Math.Abs(found - share) <= 0.02, $"{id} was asked {found:P1} of the time");
        }
    }

    /// <summary>Clients that stream, each conversation a new one.</summary>
    private sealed class Load(HttpClient http)
    {
        private int asked;
        private int answered;

        public int Asked => Volatile.Read(ref asked);

        /// <summary>Answers that did not come to their end.</summary>
        public ConcurrentQueue<string> Broken { get; } = new();

        public Task AnsweredAsync(int count) => Eventually.HoldsAsync(() => Volatile.Read(ref answered) >= count, $"{count} are answered");

        public async Task RunAsync(string name, int count)
        {
            var left = count;
            await Task.WhenAll(Enumerable.Range(0, Math.Min(count, Streams)).Select(async _ =>
            {
                while (Interlocked.Decrement(ref left) is var number and >= 0)
                {
                    await AskAsync($"{name} {number} {Interlocked.Increment(ref asked)}");
                }
            }));
        }

        private async Task AskAsync(string text)
        {
            using var response = await http.PostMessageAsync(TestGateway.Body(stream: true, text: text));
            var answer = "";
            try
            {
                using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
                while (await reader.ReadLineAsync() is { } line)
                {
                    answer += line + "\n";
                }
            }
            catch (Exception cut) when (cut is IOException or HttpRequestException)
            {
            }

            Assert.True(response.StatusCode == HttpStatusCode.OK, $"{(int)response.StatusCode} {answer}");
            if (!answer.Contains("message_stop", StringComparison.Ordinal))
            {
                Broken.Enqueue(answer);
            }

            Interlocked.Increment(ref answered);
        }
    }
}
