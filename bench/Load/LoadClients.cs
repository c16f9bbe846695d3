using System.Diagnostics;
using System.Net.Http.Headers;

namespace CCGate.Bench.Load;

/// <summary>Clients that send one request after another to one target, and take nothing but the whole answer for an answer.</summary>
internal sealed class LoadClients(Uri url) : IDisposable
{
    public const string Key = "bench-key";

    private readonly HttpMessageInvoker connections = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, ActivityHeadersPropagator = null });

    /// <summary>Sends so many requests over the scenario's connections; throws when one of them is answered wrongly.</summary>
    public async Task<RoundTimes> SendAsync(Scenario scenario, int requests, CancellationToken cancellationToken)
    {
        var round = new Round(scenario, requests);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var started = Stopwatch.GetTimestamp();
        var clients = new Task[Math.Min(scenario.Connections, requests)];
        for (var client = 0; client < clients.Length; client++)
        {
            clients[client] = SendUntilDoneAsync(round, stop);
        }

        await Task.WhenAll(clients);
        return new RoundTimes(Stopwatch.GetElapsedTime(started), round.FirstBytes, round.Latencies);
    }

    public void Dispose() => connections.Dispose();

    private async Task SendUntilDoneAsync(Round round, CancellationTokenSource stop)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (round.TryNext(out var number))
            {
                (round.FirstBytes[number], round.Latencies[number]) = await SendAsync(round.Scenario, buffer, stop.Token);
            }
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException)
        {
            await stop.CancelAsync();
            throw new BenchFailedException($"{round.Scenario.Name}, {url}: {failure.Message}");
        }
        catch (BenchFailedException)
        {
            await stop.CancelAsync();
            throw;
        }
    }

    private async Task<(TimeSpan FirstByte, TimeSpan Latency)> SendAsync(Scenario scenario, byte[] buffer, CancellationToken cancellationToken)
    {
        using var request = Request(scenario);
        var started = Stopwatch.GetTimestamp();
        using var response = await connections.SendAsync(request, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var firstByte = TimeSpan.Zero;
        var length = 0;
        while (await body.ReadAsync(buffer, cancellationToken) is > 0 and var read)
        {
            firstByte = length == 0 ? Stopwatch.GetElapsedTime(started) : firstByte;
            length += read;
        }

        var latency = Stopwatch.GetElapsedTime(started);
        return (int)response.StatusCode == 200 && length == scenario.Answer.Length
            ? (firstByte, latency)
            : throw new BenchFailedException($"{scenario.Name}, {url}: status {(int)response.StatusCode}, {length} bytes instead of {scenario.Answer.Length}");
    }

    /// <summary>A request with the headers that Claude Code sends.</summary>
    private HttpRequestMessage Request(Scenario scenario)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(url, "/v1/messages?beta=true")) { Content = new ReadOnlyMemoryContent(scenario.Body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var headers = request.Headers;
        headers.TryAddWithoutValidation("Accept", "application/json");
        headers.TryAddWithoutValidation("Accept-Encoding", "gzip, deflate, br, zstd");
        headers.TryAddWithoutValidation("User-Agent", "claude-cli/2.1.329 (external, cli)");
        headers.TryAddWithoutValidation("anthropic-version", "2023-06-01");
        headers.TryAddWithoutValidation("anthropic-beta", "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,prompt-caching-scope-2026-01-05");
        headers.TryAddWithoutValidation("x-app", "cli");
        headers.TryAddWithoutValidation("X-Claude-Code-Session-Id", "0b8f6b4e-8a51-4d0e-9d5b-6a7a4f6f7d10");
        headers.TryAddWithoutValidation("x-api-key", Key);
        headers.TryAddWithoutValidation(UpstreamAnswer.Header, scenario.Answer.Name);
        return request;
    }

    private sealed class Round(Scenario scenario, int requests)
    {
        private int next = -1;

        public Scenario Scenario => scenario;

        public TimeSpan[] FirstBytes { get; } = new TimeSpan[requests];

        public TimeSpan[] Latencies { get; } = new TimeSpan[requests];

        public bool TryNext(out int number) => (number = Interlocked.Increment(ref next)) < requests;
    }
}

/// <summary>What the clients of one round saw.</summary>
internal sealed record RoundTimes(TimeSpan Elapsed, TimeSpan[] FirstBytes, TimeSpan[] Latencies);
