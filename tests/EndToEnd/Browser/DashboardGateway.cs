using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd.Browser;

/// <summary>A gateway that has seen some life, for tests that look at it: tenants, requests, failures, changes, and names that try to be markup.</summary>
public sealed class DashboardGateway : IAsyncLifetime
{
    public const string Server = $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""";

    /// <summary>What an operator or a client may call something, and what a page must not take for markup.</summary>
    public const string HostileName = "<script>alert(1)</script>";

    public const string HostileModel = "\"><img src=x onerror=alert(2)>";

    public const string UpstreamSecret = "sk-upstream-7f3a-secret";

    // The closed upstream is tried first and refuses the connection, so that there are requests with a failed attempt.
    private const string Upstreams = $$"""
        { "upstreams": [
            { "id": "closed", "url": "http://127.0.0.1:9", "key": "{{UpstreamSecret}}", "models": ["claude-haiku*"], "priority": -1, "healthCheck": { "enabled": false } },
            { "id": "sim", "kind": "simulator" },
            { "id": "spare", "kind": "simulator", "priority": 5 } ],
          "loadBalancer": { "strategy": "priority" } }
        """;

    private readonly GatewayFiles files = new();
    private GatewayProcess? process;

    internal GatewayProcess Process => process!;

    internal HttpClient Http => Process.Http;

    public string Url => Process.Url;

    /// <summary>Every secret the gateway was told or has made up.</summary>
    internal List<string> Secrets { get; } = [TestGateway.Password, TestGateway.Key, UpstreamSecret];

    /// <summary>The key of the tenant with the hostile names.</summary>
    public string HostileKey { get; private set; } = "";

    /// <summary>A request with a failed attempt before the one that was answered.</summary>
    public Guid RequestId { get; private set; }

    public async Task InitializeAsync()
    {
        files.Write("server.json", Server);
        files.Write("upstreams.json", Upstreams);
        files.Write("tenants.json", TestGateway.Tenant("\"name\": \"Alice\", \"limits\": { \"daily\": { \"maxUSD\": 5 }, \"monthly\": { \"maxTokens\": 3000000 } }"));
        process = await files.RunAsync();
        await PostAsync("/api/tenants", new { document = new { id = "hostile", name = HostileName, parent = "alice", note = HostileModel }, reason = HostileName });
        HostileKey = await IssueKeyAsync("hostile", new { id = "ci", label = HostileModel });
        await IssueKeyAsync("alice", new { id = "old" });
        await SendAsync(HttpMethod.Delete, "/api/tenants/alice/keys/old?reason=lost");
        await PostAsync("/api/prices", new { prices = new[] { new { model = HostileModel, effectiveFrom = "2020-01-01", perMillion = new { input = 1, output = 2, cacheRead = 0.1, cacheWrite5m = 1.25, cacheWrite1h = 2 } } } });
        Secrets.Add((await PostAsync("/api/tokens", new { name = HostileName, scope = "read" })).GetProperty("token").GetString()!);
        await AskAsync(TestGateway.Key, AnthropicAnswers.VectorModel, "conversation-1");
        await AskAsync(TestGateway.Key, AnthropicAnswers.VectorModel, "conversation-1");
        // The price is in force a moment after it was set.
        await Eventually.PassesAsync(() => AskAsync(HostileKey, HostileModel, HostileName));
        RequestId = await AskAsync(TestGateway.Key, "claude-haiku-4-5", "conversation-2");
        await PostAsync("/api/billing/verify", new { });
        await Eventually.HoldsAsync(async () => (await Http.AskAsync("/api/requests")).GetProperty("items").GetArrayLength() == 4, "the requests are in the read model");
    }

    public Task DisposeAsync()
    {
        process?.Dispose();
        files.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>As the operator, who is not in the browser at that moment.</summary>
    internal async Task<JsonElement> PostAsync(string path, object body) => await SendAsync(HttpMethod.Post, path, body);

    internal async Task<JsonElement> SendAsync(HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));
        using var response = await Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{method} {path}: {(int)response.StatusCode} {text}");
        return text.Length == 0 ? default : JsonElement.Parse(text);
    }

    internal async Task<string> IssueKeyAsync(string tenant, object body)
    {
        var secret = (await PostAsync($"/api/tenants/{tenant}/keys", body)).GetProperty("secret").GetString()!;
        Secrets.Add(secret);
        return secret;
    }

    /// <summary>A request as a client sends it, read to its end.</summary>
    internal async Task<Guid> AskAsync(string key, string model = AnthropicAnswers.VectorModel, string? session = null)
    {
        using var response = await AnswerAsync(key, model, session);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        return response.RequestId();
    }

    internal Task<HttpResponseMessage> AnswerAsync(string key, string model = AnthropicAnswers.VectorModel, string? session = null)
    {
        var body = JsonSerializer.Serialize(new { model, max_tokens = 100, stream = true, messages = new[] { new { role = "user", content = "Hello" } } });
        return Http.PostMessageAsync(body, key, session);
    }
}
