using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Cli.Hosts;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Metering.EventStore;
using CCGate.Proxy.Journal;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace CCGate.Tests.Infrastructure;

/// <summary>The gateway as <c>ccgate run</c> builds it, on a real port, with a configuration directory and a data directory of its own.</summary>
internal sealed class TestGateway : IAsyncDisposable
{
    public const string Key = "test-key-of-alice";
    public const string Admin = "admin";
    public const string Password = "operator-password";

    private readonly WebApplication app;
    private readonly DirectoryInfo root;
    private readonly bool keepsData;
    private bool stopped;

    private TestGateway(WebApplication app, DirectoryInfo root, bool keepsData)
    {
        this.app = app;
        this.root = root;
        this.keepsData = keepsData;
        Http = new HttpClient { BaseAddress = new Uri(app.Urls.First()), Timeout = TimeSpan.FromSeconds(100) };
    }

    public HttpClient Http { get; }

    public string Url => app.Urls.First();

    public DirectoryInfo Data => new(Path.Combine(root.FullName, "data"));

    public DirectoryInfo Config => new(Path.Combine(root.FullName, "config"));

    public IServiceProvider Services => app.Services;

    /// <summary>Starts a gateway over these files; what is not given is a tenant without limits and no upstream.</summary>
    public static async Task<TestGateway> StartAsync(string upstreams, string? tenants = null, string server = "{}", DirectoryInfo? over = null, string? prices = null, Action<DirectoryInfo>? prepare = null)
    {
        var root = over ?? Directory.CreateTempSubdirectory("ccgate-test-");
        var config = root.CreateSubdirectory("config");
        Write(config, "server.json", server);
        Write(config, "upstreams.json", upstreams);
        Write(config, "tenants.json", tenants ?? Tenant());
        if (prices is not null)
        {
            Write(config, "prices.json", prices);
        }

        prepare?.Invoke(config);
        var directory = new ConfigDirectory(config);
        var reading = directory.Read();
        Assert.Empty(reading.Errors);
        var app = GatewayHosts.Run(new HostStart(server.Contains("\"telemetry\"", StringComparison.Ordinal) ? reading.Config! : WithoutMetrics(reading.Config!), directory, new DirectoryInfo(Path.Combine(root.FullName, "data")), "http://127.0.0.1:0"));
        await app.StartAsync();
        return new TestGateway(app, root, keepsData: over is not null);
    }

    /// <summary>A listener to all instruments reserves some megabytes, which hundreds of gateways in one process need not: only those whose files speak of telemetry have one.</summary>
    private static GatewayConfig WithoutMetrics(GatewayConfig config) => config with { Telemetry = config.Telemetry with { Metrics = config.Telemetry.Metrics with { Enabled = false } } };

    public static Task<TestGateway> StartAsync(ScriptedUpstream upstream, string? tenants = null, string server = "{}") =>
        StartAsync(Upstreams(upstream.Url), tenants, server);

    /// <summary>upstreams.json with upstreams <c>u1</c>, <c>u2</c>… at these addresses.</summary>
    public static string Upstreams(params string[] urls) =>
        $$"""{ "upstreams": [ {{string.Join(", ", urls.Select((url, index) => $$"""{ "id": "u{{index + 1}}", "url": "{{url}}", "key": "upstream-secret-{{index + 1}}" }"""))}} ] }""";

    /// <summary>tenants.json with the tenant <c>alice</c>.</summary>
    public static string Tenant(string members = "") => $$"""{ "tenants": [ { "id": "alice", "key": "{{Key}}" {{(members.Length == 0 ? "" : ", " + members)}} } ] }""";

    /// <summary>A body as clients send it.</summary>
    public static string Body(bool stream, string model = AnthropicAnswers.VectorModel, int maxTokens = 100, string text = "Hello") =>
        $$"""{"model":"{{model}}","max_tokens":{{maxTokens}},"stream":{{(stream ? "true" : "false")}},"messages":[{"role":"user","content":"{{text}}"}]}""";

    public Task<HttpResponseMessage> PostAsync(string body, string path = "/v1/messages", CancellationToken cancellationToken = default) =>
        PostAsync(Encoding.UTF8.GetBytes(body), path, cancellationToken: cancellationToken);

    public async Task<HttpResponseMessage> PostAsync(
        byte[] body, string path = "/v1/messages", string? key = Key, Action<HttpRequestHeaders>? headers = null, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add("anthropic-version", "2023-06-01");
        if (key is not null)
        {
            request.Headers.Add("x-api-key", key);
        }

        headers?.Invoke(request.Headers);
        return await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    /// <summary>What still comes of an answer before its connection is cut.</summary>
    public static async Task<string> ReadUntilCutAsync(Stream stream)
    {
        using var received = new MemoryStream();
        await Assert.ThrowsAnyAsync<IOException>(() => stream.CopyToAsync(received));
        return Encoding.UTF8.GetString(received.ToArray());
    }

    /// <summary>The stored requests, once there are so many.</summary>
    public async Task<IReadOnlyList<RequestCompleted>> EventsAsync(int count)
    {
        IReadOnlyList<RequestCompleted> events = [];
        await Eventually.HoldsAsync(async () => (events = await ReadEventsAsync()).Count >= count, $"{count} requests are stored");
        return events;
    }

    public async Task<RequestCompleted> EventAsync() => Assert.Single(await EventsAsync(1));

    /// <summary>Nothing is in flight, undelivered or uncounted any more.</summary>
    public Task SettledAsync() => Eventually.HoldsAsync(() => Services.GetRequiredService<UsageJournal>().Index.Depth == 0, "the journal is empty");

    /// <summary>Changes a file of the configuration, and takes it over.</summary>
    public void Reload(string file, string text)
    {
        Write(Config, file, text);
        var reading = new ConfigDirectory(Config).Read();
        Assert.Empty(reading.Errors);
        Services.GetRequiredService<ConfigSource>().Replace(reading.Config!);
    }

    public async Task<JsonElement> AskAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Admin}:{Password}")));
        using var response = await Http.SendAsync(request);
        response.EnsureSuccessStatusCode();
        return JsonElement.Parse(await response.Content.ReadAsStringAsync());
    }

    /// <summary>Stops as a process does that is asked to; the data stays for the next one.</summary>
    public async Task<DirectoryInfo> StopAsync()
    {
        if (!stopped)
        {
            stopped = true;
            Http.Dispose();
            await app.StopAsync();
            await app.DisposeAsync();
        }

        return root;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (!keepsData)
        {
            root.Delete(recursive: true);
        }
    }

    public static void Write(DirectoryInfo directory, string file, string text) => File.WriteAllText(Path.Combine(directory.FullName, file), text);

    private async Task<IReadOnlyList<RequestCompleted>> ReadEventsAsync()
    {
        var store = Services.GetRequiredService<IEventStore>();
        var stored = await store.ReadAsync(0, long.MaxValue, 100_000, CancellationToken.None);
        return [.. stored.Where(found => found.Type == EventTypes.RequestCompleted).Select(found => JsonSerializer.Deserialize(found.Data, ContractsJson.Default.RequestCompleted)!)];
    }
}
