using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using CCGate.Hosting.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Proxy.Upstreams;

/// <summary>Asks upstreams now and then whether they are there, so that no request is spent on one that is not, and one that is back is used again at once.</summary>
internal sealed partial class HealthChecker(UpstreamPool upstreams, ConfigSource config, Random random, TimeProvider time, ILogger<HealthChecker> logger) : BackgroundService
{
    /// <summary>One lost packet is no outage.</summary>
    public const int FailuresInRow = 2;

    /// <summary>How soon a reload starts and stops checks; no interval is shorter.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    // A connection whose answer was not read to its end is closed; lists of models are seldom longer.
    private const int MaxAnswerBytes = 1024 * 1024;

    private readonly Dictionary<string, Check> checks = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Tick, time);
        do
        {
            _ = CheckDueAsync(stoppingToken);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>Starts the checks that are due and forgets those that are not wanted any more. One that is under way is never started twice.</summary>
    /// <returns>Ends with what was started; never fails.</returns>
    public Task CheckDueAsync(CancellationToken cancellationToken)
    {
        var now = time.GetTimestamp();
        var started = new List<Task>();
        var wanted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var upstream in upstreams.Current)
        {
            if (!upstream.Config.HealthCheck.Enabled || !config.Current.LoadBalancer.HealthChecks)
            {
                continue;
            }

            wanted.Add(upstream.Config.Id);
            var check = checks.GetValueOrDefault(upstream.Config.Id);
            if (check is { Running.IsCompleted: false })
            {
                continue;
            }

            if (check?.IsOf(upstream.Config) != true)
            {
                checks[upstream.Config.Id] = check = new Check(upstream, now);
            }

            if (now >= check.Due)
            {
                // Proxies that were started together must not ask together for ever.
                check.Due = now + (long)(upstream.Config.HealthCheck.Interval.TotalSeconds * (0.9 + (0.2 * random.NextDouble())) * time.TimestampFrequency);
                started.Add(check.Running = RunAsync(check, upstream, cancellationToken));
            }
        }

        Forget(wanted);
        return Task.WhenAll(started);
    }

    /// <summary>Nobody would ever say again that an upstream is back that is not checked any more.</summary>
    private void Forget(HashSet<string> wanted)
    {
        foreach (var (id, check) in checks)
        {
            if (!wanted.Contains(id) && check.Running.IsCompleted)
            {
                (check.State.Unhealthy, check.State.CheckedAt) = (null, null);
                checks.Remove(id);
            }
        }
    }

    private async Task RunAsync(Check check, Upstream upstream, CancellationToken cancellationToken)
    {
        var (settings, state) = (upstream.Config.HealthCheck, upstream.State);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        string? wrong;
        try
        {
            wrong = await AskAsync(upstream, end.Token).WaitAsync(settings.Timeout, time, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
        catch (TimeoutException)
        {
            wrong = string.Create(CultureInfo.InvariantCulture, $"no answer in {settings.Timeout.TotalSeconds:0.###} s");
        }
#pragma warning disable CA1031 // Whatever was wrong, the upstream did not answer as it should, and the other checks go on.
        catch (Exception error)
#pragma warning restore CA1031
        {
            wrong = Describe(error);
        }

        await end.CancelAsync();
        state.CheckedAt = time.GetUtcNow();
        if (wrong is null)
        {
            Passed(check, upstream);
        }
        else
        {
            Failed(check, upstream, $"{settings.Method} {settings.Path}: {wrong}");
        }
    }

    private void Passed(Check check, Upstream upstream)
    {
        // Failing requests alone have opened the circuit of one whose checks never failed; that they still pass says nothing new.
        if (check.Failures > 0 || upstream.State.Unhealthy is not null)
        {
            upstream.State.Breaker.Reset();
        }

        if (upstream.State.Unhealthy is not null)
        {
            LogHealthy(upstream.Config.Id);
        }

        upstream.State.Unhealthy = null;
        check.Failures = 0;
    }

    private void Failed(Check check, Upstream upstream, string why)
    {
        var state = upstream.State;
        if (check.Failures >= FailuresInRow && state.Unhealthy is null)
        {
            check.Failures = 0; // It has served a request since.
        }

        if (++check.Failures < FailuresInRow)
        {
            return;
        }

        if (state.Unhealthy is null)
        {
            LogUnhealthy(upstream.Config.Id, why);
        }

        state.Unhealthy = why;
    }

    /// <summary>What is wrong with the answer; null when nothing is.</summary>
    private static async Task<string?> AskAsync(Upstream upstream, CancellationToken cancellationToken)
    {
        using var request = RequestTo(upstream);
        using var response = await upstream.Connections.SendAsync(request, cancellationToken);
        await ReadAsync(response.Content, cancellationToken);
        var (expected, status) = (upstream.Config.HealthCheck.ExpectedStatus, (int)response.StatusCode);
        return expected.IsEmpty ? (status < 500 ? null : $"status {status}") : expected.Contains(status) ? null : $"status {status}, not {string.Join(", ", expected)}";
    }

    private static HttpRequestMessage RequestTo(Upstream upstream)
    {
        // When all are benched, any will do: the check asks for the upstream, not for a key.
        var (settings, keys) = (upstream.Config.HealthCheck, upstream.State.Keys.Keys);
        var key = keys.FirstOrDefault(key => key.Breaker.Allows) ?? keys.FirstOrDefault();
        return UpstreamRequest.Create(new HttpMethod(settings.Method), upstream.Config, settings.Path, key?.Secret);
    }

    private static async Task ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            await using var body = await content.ReadAsStreamAsync(cancellationToken);
            for (var total = 0; total < MaxAnswerBytes;)
            {
                var read = await body.ReadAsync(buffer, cancellationToken);
                if (read == 0)
                {
                    return;
                }

                total += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string Describe(Exception error) => error switch
    {
        HttpRequestException { InnerException: SocketException socket } => $"unreachable ({socket.SocketErrorCode})",
        HttpRequestException { HttpRequestError: not HttpRequestError.Unknown and var reason } => $"unreachable ({reason})",
        _ => error.Message,
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "Upstream {Upstream} is unhealthy and gets no requests until a check passes: {Why}")]
    private partial void LogUnhealthy(string upstream, string why);

    [LoggerMessage(Level = LogLevel.Information, Message = "Upstream {Upstream} is healthy again")]
    private partial void LogHealthy(string upstream);

    /// <summary>The checks of one upstream, as long as what is checked stays the same.</summary>
    private sealed class Check(Upstream upstream, long due)
    {
        public UpstreamState State => upstream.State;

        public long Due { get; set; } = due;

        public int Failures { get; set; }

        public Task Running { get; set; } = Task.CompletedTask;

        public bool IsOf(UpstreamConfig config)
        {
            var (before, next) = (upstream.Config.HealthCheck, config.HealthCheck);
            return config.Url == upstream.Config.Url && next == before with { ExpectedStatus = next.ExpectedStatus } && next.ExpectedStatus.SequenceEqual(before.ExpectedStatus);
        }
    }
}
