using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using CCGate.Contracts;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Http;
using Npgsql;
using RabbitMQ.Client;

namespace CCGate.Tests.EndToEnd;

/// <summary>All roles with everything that can go wrong beside what goes well, and a Prometheus that watches them.</summary>
/// <remarks>Each kind of request has a model or a tenant of its own, so that a test can ask for one of them alone.</remarks>
internal sealed class TelemetryRun : IAsyncDisposable
{
    public const string UnpricedModel = "unpriced-1";

    /// <summary>What a client says who is answered for ever.</summary>
    private const string Endless = "endless";

    private const string SilentAnswer = """{"type":"message","content":[]}""";

    private readonly List<IDisposable> owned = [];
    private readonly string database;
    private readonly Uri broker;
    private readonly NpgsqlDataSource store;
    private int asked;

    private TelemetryRun(RabbitMqServer rabbit, PostgresServer postgres, Uri broker, string database, ScriptedUpstream steady, ScriptedUpstream flaky)
    {
        (Rabbit, Postgres, Steady, Flaky) = (rabbit, postgres, steady, flaky);
        (this.broker, this.database) = (broker, database);
        store = NpgsqlDataSource.Create(database);
        Roles = RoleFiles.Create(broker, database, Tenants(carolUsd: 0.0155m), """, "limits": { "maxJournalEvents": 2000 }""");
        Roles.Files.Write("upstreams.json", $$"""
            { "upstreams": [
                { "id": "steady", "url": "{{steady.Url}}", "key": "k1", "circuitBreaker": { "failures": 3, "openSeconds": 2, "successes": 1 } },
                { "id": "flaky", "url": "{{flaky.Url}}", "key": "k2", "circuitBreaker": { "failures": 3, "openSeconds": 2, "successes": 1 } },
                { "id": "narrow", "url": "{{steady.Url}}", "key": "k3", "models": ["unpriced-*"], "maxConcurrent": 1, "queue": { "max": 50, "waitSeconds": 30 } } ],
              "loadBalancer": { "failoverEnabled": true, "maxAttempts": 2 } }
            """);
    }

    public RabbitMqServer Rabbit { get; }

    public PostgresServer Postgres { get; }

    /// <summary>An upstream that always answers.</summary>
    public ScriptedUpstream Steady { get; }

    /// <summary>An upstream that answers until it is told to fail.</summary>
    public ScriptedUpstream Flaky { get; }

    public RoleFiles Roles { get; }

    public PrometheusServer Prometheus { get; private set; } = null!;

    public GatewayProcess Projections { get; private set; } = null!;

    public IReadOnlyList<GatewayProcess> Proxies { get; private set; } = [];

    /// <summary>tenants.json: one without limits, one whose budget the first request uses up, and one whose budget it nearly does.</summary>
    public static string Tenants(decimal carolUsd) => string.Create(CultureInfo.InvariantCulture, $$"""
        { "tenants": [ { "id": "alice", "key": "{{TestGateway.Key}}" },
                       { "id": "bob", "key": "key-of-bob", "holdPolicy": "refuse", "limits": { "daily": { "maxUSD": 0.01 } } },
                       { "id": "carol", "key": "key-of-carol", "holdPolicy": "refuse", "limits": { "daily": { "maxUSD": {{carolUsd}} } } } ] }
        """);

    /// <param name="rules">A file of rules for Prometheus; empty for none.</param>
    public static async Task<TelemetryRun> StartAsync(string rules = "")
    {
        var (rabbit, postgres) = (RabbitMqServer.StartAsync(), PostgresServer.StartAsync());
        var run = new TelemetryRun(
            await rabbit, await postgres, await (await rabbit).CreateVirtualHostAsync(), await (await postgres).CreateDatabaseAsync(),
            await ScriptedUpstream.StartAsync(AnswerAsync), await ScriptedUpstream.StartAsync(AnswerAsync));
        try
        {
            await run.StartRolesAsync(rules);
            return run;
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    /// <summary>One of each kind: whole, streamed, left by its client, without usage, without a price and in a queue, with a budget that is used up, with one that nearly is.</summary>
    public async Task RoundAsync(CancellationToken cancellationToken)
    {
        var proxy = Proxies[Interlocked.Increment(ref asked) % Proxies.Count].Http;
        await Task.WhenAll(
            AskAsync(proxy, cancellationToken: cancellationToken),
            AskAsync(proxy, stream: true, cancellationToken: cancellationToken),
            AskAsync(proxy, text: "silent", cancellationToken: cancellationToken),
            LeaveAsync(proxy, cancellationToken),
            AskAsync(proxy, model: UnpricedModel, cancellationToken: cancellationToken),
            AskAsync(proxy, model: UnpricedModel, cancellationToken: cancellationToken),
            AskAsync(proxy, key: "key-of-bob", cancellationToken: cancellationToken),
            AskAsync(proxy, key: "key-of-carol", cancellationToken: cancellationToken));
    }

    /// <summary>Rounds until it is told to stop.</summary>
    public async Task KeepAskingAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                await RoundAsync(stopping);
            }
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
        }
    }

    /// <summary>A request of its own conversation, read to its end; gives its status.</summary>
    public async Task<HttpStatusCode> AskAsync(
        HttpClient proxy, string key = TestGateway.Key, string model = AnthropicAnswers.VectorModel, bool stream = false, string text = "Hello", CancellationToken cancellationToken = default)
    {
        using var response = await proxy.PostMessageAsync(Body(stream, model, text), key, cancellationToken: cancellationToken);
        await response.Content.ReadAsStringAsync(cancellationToken);
        return response.StatusCode;
    }

    /// <summary>A request whose answer has begun and does not end until it is disposed.</summary>
    public async Task<HttpResponseMessage> BeginAsync(HttpClient proxy, string key = TestGateway.Key, CancellationToken cancellationToken = default)
    {
        var response = await proxy.PostMessageAsync(Body(stream: true, AnthropicAnswers.VectorModel, Endless), key, cancellationToken: cancellationToken);
        response.EnsureSuccessStatusCode();
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        await stream.ReadAtLeastAsync(new byte[10], 10, throwOnEndOfStream: false, cancellationToken);
        return response;
    }

    /// <summary>What an operator does; the answer must be a good one.</summary>
    public async Task OperateAsync(string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));
        using var response = await Proxies[0].Http.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
    }

    /// <summary>Compares with a provider's report of yesterday, when nothing was metered, that has so many input tokens. Of today only a part is over.</summary>
    public Task ReconcileAsync(long inputTokens)
    {
        var day = TimeProvider.System.GetUtcNow().AddDays(-1).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        return OperateAsync("/api/billing/reconcile", string.Create(
            CultureInfo.InvariantCulture,
            $$"""{ "upstream": "steady", "from": "{{day}}", "to": "{{day}}", "report": "date,input_tokens,output_tokens\n{{day}},{{inputTokens}},0" }"""));
    }

    /// <summary>Says of every request whose usage is unknown that it was free.</summary>
    public async Task SettleAsync()
    {
        foreach (var item in (await Proxies[0].Http.AskAsync("/api/billing/unknown")).GetProperty("items").EnumerateArray())
        {
            await OperateAsync("/api/billing/adjustments", $$"""{ "requestId": "{{item.GetProperty("requestId").GetString()}}", "kind": "settlement", "usd": 0, "reason": "test" }""");
        }
    }

    /// <summary>Puts something on the queue that no metering can read.</summary>
    public async Task SendNonsenseAsync()
    {
        await using var connection = await new ConnectionFactory { Uri = broker }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        await channel.BasicPublishAsync(UsageTopology.Queue, "", mandatory: true, new BasicProperties { ContentType = "application/vnd.masstransit+json" }, "not a message"u8.ToArray());
    }

    public async Task EmptyErrorQueueAsync()
    {
        await using var connection = await new ConnectionFactory { Uri = broker }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        await channel.QueuePurgeAsync(UsageTopology.ErrorQueue);
    }

    /// <summary>Holds a projection still, and whoever wants to put a rebuilt one in its place, until it is disposed.</summary>
    public async Task<IAsyncDisposable> HoldProjectionAsync(string projection)
    {
        var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("begin; select position from ccgate.projection_checkpoint where name = @name for update", connection);
        command.Parameters.AddWithValue("name", projection);
        await command.ExecuteScalarAsync();
        return connection;
    }

    /// <summary>Runs statements in the database of the ledger.</summary>
    public async Task SqlAsync(string sql)
    {
        await using var command = store.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>As a deployment does it.</summary>
    public async Task RestartProjectionsAsync()
    {
        await Projections.StopAsync();
        Projections = Own(await Roles.StartProjectionsAsync());
    }

    /// <summary>The second proxy comes back where it was.</summary>
    public async Task RestartKilledProxyAsync()
    {
        var data = Path.Combine(Roles.Files.Root, "proxy-2");
        Own(await GatewayProcess.StartAsync(Roles.Files.Root, "proxy", "--config", Roles.Files.Config, "--data", data, "--urls", Proxies[1].Url));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in owned)
        {
            process.Dispose();
        }

        await store.DisposeAsync();
        await Roles.DisposeAsync();
        await Steady.DisposeAsync();
        await Flaky.DisposeAsync();
        Postgres.Dispose();
        Rabbit.Dispose();
    }

    private async Task StartRolesAsync(string rules)
    {
        Projections = Own(await Roles.StartProjectionsAsync());
        var started = await Task.WhenAll(Roles.StartMeteringAsync(), Roles.StartProxyAsync(1), Roles.StartProxyAsync(2));
        Array.ForEach(started, process => Own(process));
        Proxies = started[1..];
        var login = $"basic_auth: {{ username: {TestGateway.Admin}, password: {TestGateway.Password} }}";
        var jobs = PrometheusServer.ScrapeConfig("ccgate", started.Append(Projections).Select(process => process.Url), login);
        Prometheus = Own(await PrometheusServer.StartAsync(jobs, rules.Length == 0 ? [] : [rules]));
    }

    private T Own<T>(T process)
        where T : IDisposable
    {
        owned.Add(process);
        return process;
    }

    private async Task LeaveAsync(HttpClient proxy, CancellationToken cancellationToken)
    {
        using var left = await BeginAsync(proxy, cancellationToken: cancellationToken);
    }

    // Another text is another conversation, which may go to another upstream.
    private string Body(bool stream, string model, string text) =>
        TestGateway.Body(stream, model, text: string.Create(CultureInfo.InvariantCulture, $"{text} {Interlocked.Increment(ref asked)}"));

    private static async Task AnswerAsync(HttpContext http)
    {
        var asked = Encoding.UTF8.GetString(((MemoryStream)http.Items["body"]!).ToArray());
        if (asked.Contains("\"stream\":true", StringComparison.Ordinal))
        {
            var isEndless = asked.Contains(Endless, StringComparison.Ordinal);
            await AnthropicAnswers.FramesAsync(http, AnthropicAnswers.VectorFrames, index => isEndless && index == 4
                ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted)
                : Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, http.RequestAborted));
            return;
        }

        // A place at an upstream is taken long enough for the next request to wait for it.
        await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, http.RequestAborted);
        await AnthropicAnswers.JsonAsync(http, asked switch
        {
            _ when asked.Contains("silent", StringComparison.Ordinal) => SilentAnswer,
            _ when asked.Contains("greedy", StringComparison.Ordinal) => AnthropicAnswers.VectorJson.Replace("\"output_tokens\":57", "\"output_tokens\":5700000", StringComparison.Ordinal),
            _ when asked.Contains(UnpricedModel, StringComparison.Ordinal) => AnthropicAnswers.VectorJson.Replace(AnthropicAnswers.VectorModel, UnpricedModel, StringComparison.Ordinal),
            _ => AnthropicAnswers.VectorJson,
        });
    }
}
