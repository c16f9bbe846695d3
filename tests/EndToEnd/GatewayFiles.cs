using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>What a gateway process is started over: a directory with its configuration and its data, and what a test wants to read out of it.</summary>
internal sealed class GatewayFiles : IDisposable
{
    public GatewayFiles()
    {
        Root = ServerProcess.NewDirectory("gateway");
        Config = Path.Combine(Root, "config");
        Data = Path.Combine(Root, "data");
    }

    public string Root { get; }

    public string Config { get; }

    public string Data { get; }

    public string[] Options => ["--config", Config, "--data", Data];

    public void Write(string file, string text)
    {
        Directory.CreateDirectory(Config);
        File.WriteAllText(Path.Combine(Config, file), text);
    }

    /// <summary>Files with one upstream and one tenant.</summary>
    public static GatewayFiles With(string upstream, string? tenants = null, string server = "{}")
    {
        var files = new GatewayFiles();
        files.Write("server.json", server);
        files.Write("upstreams.json", $$"""{ "upstreams": [ {{upstream}} ] }""");
        files.Write("tenants.json", tenants ?? TestGateway.Tenant());
        return files;
    }

    /// <summary>An upstream inside the gateway.</summary>
    public static string Simulator(int chunks = 12, int chunkDelayMs = 0) => string.Create(
        CultureInfo.InvariantCulture, $$"""{ "id": "sim", "kind": "simulator", "simulator": { "chunks": {{chunks}}, "chunkDelayMs": {{chunkDelayMs}} } }""");

    public Task<GatewayProcess> RunAsync() => GatewayProcess.StartAsync(Root, ["run", .. Options]);

    /// <summary>The ledger of <c>ccgate run</c>, read beside whoever else uses it.</summary>
    public async Task<IReadOnlyList<RequestCompleted>> EventsAsync()
    {
        await using var database = new SqliteDatabase(Path.Combine(Data, "store.db"));
        using var store = new SqliteEventStore(database, TimeProvider.System);
        var stored = await store.ReadAsync(0, long.MaxValue, 1_000_000, CancellationToken.None);
        return [.. stored.Where(found => found.Type == EventTypes.RequestCompleted).Select(found => JsonSerializer.Deserialize(found.Data, ContractsJson.Default.RequestCompleted)!)];
    }

    public async Task<IReadOnlyList<RequestCompleted>> EventsAsync(int count)
    {
        IReadOnlyList<RequestCompleted> events = [];
        await Eventually.HoldsAsync(async () => (events = await EventsAsync()).Count >= count, $"{count} requests are stored");
        return events;
    }

    public void Dispose() => ServerProcess.TryDelete(Root);
}

/// <summary>Requests as clients send them.</summary>
internal static class MessagesRequests
{
    public static async Task<HttpResponseMessage> PostMessageAsync(
        this HttpClient http, string body, string key = TestGateway.Key, string? session = null, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/messages") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("anthropic-version", "2023-06-01");
        request.Headers.Add("x-api-key", key);
        if (session is not null)
        {
            request.Headers.Add("X-Claude-Code-Session-Id", session);
        }

        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    public static Guid RequestId(this HttpResponseMessage response) => Guid.Parse(response.Headers.GetValues("x-ccgate-request-id").Single());

    /// <summary>Asks as the operator.</summary>
    public static async Task<JsonElement> AskAsync(this HttpClient http, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode} {text}");
        return JsonElement.Parse(text);
    }
}
