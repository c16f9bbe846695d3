using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>Nothing that must stay secret is written anywhere, even when everything is logged.</summary>
public sealed class LogSecretsTests
{
    private const string Prompt = "marker-of-a-prompt";
    private const string Answer = "marker-of-an-answer";
    private const string UpstreamKey = "secret-of-the-upstream";
    private const string FailingKey = "secret-of-the-failing-upstream";
    private const string HeaderSecret = "secret-in-a-header";
    private const string ProxyPassword = "secret-of-the-forward-proxy";
    private const string WebhookSecret = "secret-of-the-webhook";
    private const string WebhookPath = "secret-path-of-the-webhook";
    private const string MailPassword = "secret-of-the-mail-server";
    private const string CollectorToken = "secret-of-the-collector";
    private const string CarolKey = "key-of-carol-that-is-secret";
    private const string Wrong = "a-key-that-nobody-has";
    private const string WrongPassword = "a-password-that-is-wrong";
    private const string StorePassword = "secret-of-the-store";
    private const string BrokerPassword = "secret-of-the-broker";
    private const string Trace = """ "level": "trace", "levels": { "Microsoft": "trace", "System": "trace", "Yarp": "trace", "Npgsql": "trace", "MassTransit": "trace", "Microsoft.AspNetCore": "trace" } """;

    private static readonly string Basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}"));

    [Fact]
    public async Task No_key_password_prompt_or_answer_is_written_at_the_level_trace()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson.Replace("\"usage\"", $"\"said\":\"{Answer}\",\"usage\"", StringComparison.Ordinal)));
        await using var failing = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.JsonAsync(http, $$$"""{"type":"error","error":{"type":"api_error","message":"no {{{FailingKey}}} {{{Answer}}}"}}""", 500));
        await using var receiver = await ScriptedUpstream.StartAsync();
        await using var collector = await OtlpReceiver.StartAsync();
        using var files = GatewayFiles.With(
            $$"""
            { "id": "failing", "url": "{{failing.Url}}", "key": "{{FailingKey}}", "priority": 1, "models": ["claude-*"], "circuitBreaker": { "failures": 10000 } },
            { "id": "steady", "url": "{{upstream.Url}}", "key": "{{UpstreamKey}}", "priority": 2, "models": ["claude-*", "gemini-*"], "headers": { "x-extra": "{{HeaderSecret}}" } },
            { "id": "proxied", "url": "http://127.0.0.1:1", "key": "{{UpstreamKey}}", "models": ["proxied-*"], "proxy": "http://me:{{ProxyPassword}}@{{new Uri(RawUpstream.Refusing()).Authority}}" }
            """,
            $$"""
            { "tenants": [ { "id": "alice", "key": "{{TestGateway.Key}}" },
                           { "id": "carol", "key": "{{CarolKey}}", "holdPolicy": "refuse", "limits": { "daily": { "maxUSD": 0.0155 } } } ] }
            """);
        files.Write("upstreams.json", (await File.ReadAllTextAsync(Path.Combine(files.Config, "upstreams.json"))).Replace("{ \"upstreams\":", """{ "loadBalancer": { "strategy": "priority", "failoverEnabled": true, "maxAttempts": 2 }, "upstreams":""", StringComparison.Ordinal));
        var logs = Path.Combine(files.Root, "logs");
        files.Write("server.json", $$"""
            { "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" },
              "alerts": { "webhook": "{{receiver.Url}}/{{WebhookPath}}", "secret": "{{WebhookSecret}}",
                          "email": { "host": "127.0.0.1", "port": 1, "tls": "none", "username": "me", "password": "{{MailPassword}}", "from": "a@example.com", "to": ["b@example.com"] } },
              "telemetry": { "otlpEndpoint": "{{collector.GrpcUrl}}", "otlpProtocol": "grpc", "otlpHeaders": { "x-token": "{{CollectorToken}}" }, "traces": { "sampleRatio": 1 },
                             "logs": { "console": "json", "directory": "{{logs}}", {{Trace}} } } }
            """);
        var secrets = new List<string>
        {
            Prompt, Answer, UpstreamKey, FailingKey, HeaderSecret, ProxyPassword, WebhookSecret, WebhookPath, MailPassword, CollectorToken, CarolKey, Wrong, WrongPassword, TestGateway.Key, TestGateway.Password, Basic,
        };
        var written = new Dictionary<string, string>();
        using (var gateway = await files.RunAsync())
        {
            var token = await IssueAsync(gateway.Http, "/api/tokens", """{ "name": "grafana", "scope": "read" }""", "token");
            var issued = await IssueAsync(gateway.Http, "/api/tenants/alice/keys", """{ "id": "ci" }""", "secret");
            var rotated = await IssueAsync(gateway.Http, "/api/tenants/alice/keys/ci/rotate", """{ "overlapMinutes": 5 }""", "secret");
            secrets.AddRange([token, issued, rotated]);
            foreach (var path in (string[])["/v1/messages", "/v1/chat/completions", "/v1/responses", "/v1beta/models/gemini-2.5-pro:generateContent"])
            {
                foreach (var key in (string[])[TestGateway.Key, issued, rotated, Wrong])
                {
                    await AskEverywhereAsync(gateway.Http, path, key);
                }
            }

            using var carol = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false, text: Prompt), CarolKey);
            using var proxied = await gateway.Http.PostMessageAsync(TestGateway.Body(stream: false, model: "proxied-1", text: Prompt));
            await gateway.Http.AskAsync("/api/usage?by=day");
            await GetAsync(gateway.Http, "/api/usage?by=day", new AuthenticationHeaderValue("Bearer", token));
            await GetAsync(gateway.Http, "/api/usage", new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{WrongPassword}"))));
            await Eventually.HoldsAsync(() => !receiver.Received.IsEmpty, "the alert is sent");
            written["metrics"] = await GetAsync(gateway.Http, "/metrics", null);
            Assert.Equal(0, await gateway.StopAsync());
            written["console"] = gateway.Output;
        }

        written["files"] = await TextAsync(Directory.EnumerateFiles(logs));
        written["data"] = await TextAsync(Directory.EnumerateFiles(files.Data, "*", SearchOption.AllDirectories));
        written["collector"] = string.Concat(collector.Bodies.Select(Encoding.Latin1.GetString));

        // What is no secret is found in all of them: the search sees what was written, and the failing upstream was asked.
        Assert.All(written, output => Assert.Contains("failing", output.Value, StringComparison.Ordinal));
        Assert.False(failing.Received.IsEmpty || upstream.Received.IsEmpty || collector.Logs.Count == 0 || collector.Spans.Count == 0);
        Assert.Contains("\"category\":\"CCGate.Access\"", written["console"], StringComparison.Ordinal);
        AssertHides(written, secrets);
    }

    [Fact]
    public async Task No_role_writes_the_logins_of_a_store_or_a_broker_that_let_nobody_in()
    {
        var rabbit = new UriBuilder(await (await RabbitMqServer.SharedAsync()).CreateVirtualHostAsync()) { Password = BrokerPassword }.Uri;
        var nowhere = new Uri(RawUpstream.Refusing());
        var written = new Dictionary<string, string>();
        foreach (var broker in (Uri[])[rabbit, new UriBuilder(rabbit) { Port = nowhere.Port }.Uri])
        {
            await using var roles = RoleFiles.Create(
                broker, $"Host=127.0.0.1;Port={nowhere.Port};Username=me;Password={StorePassword};Database=ccgate", TestGateway.Tenant(), $$""", "telemetry": { "logs": { {{Trace}} } }""");
            var starting = (roles.StartProxyAsync(1), roles.StartMeteringAsync(), roles.StartProjectionsAsync());
            using var proxy = await starting.Item1;
            using var metering = await starting.Item2;
            using var projections = await starting.Item3;
            using var answer = await proxy.Http.PostMessageAsync(TestGateway.Body(stream: false));
            foreach (var (name, role) in ((string, GatewayProcess)[])[("proxy", proxy), ("metering", metering), ("projections", projections)])
            {
                await Eventually.HoldsAsync(() => role.Output.Contains("Exception", StringComparison.Ordinal) || role.Output.Contains("cannot", StringComparison.Ordinal), name + " says that it gets nowhere");
            }

            await Eventually.HoldsAsync(
                () => metering.Output.Contains("BrokerUnreachableException", StringComparison.Ordinal) || metering.Output.Contains("Connect Failed", StringComparison.OrdinalIgnoreCase), "the broker is tried");
            written[$"proxy {broker.Port}"] = proxy.Output;
            written[$"metering {broker.Port}"] = metering.Output;
            written[$"projections {broker.Port}"] = projections.Output;
        }

        AssertHides(written, [StorePassword, BrokerPassword, TestGateway.Key, TestGateway.Password]);
    }

    private static void AssertHides(Dictionary<string, string> written, IEnumerable<string> secrets)
    {
        var found = from secret in secrets
                    from output in written
                    let at = output.Value.IndexOf(secret, StringComparison.OrdinalIgnoreCase)
                    where at >= 0
                    select $"{secret} is in {output.Key}: {output.Value[Math.Max(0, at - 300)..Math.Min(output.Value.Length, at + 100)]}";
        Assert.Equal("", string.Join('\n', found));
    }

    private static async Task<string> TextAsync(IEnumerable<string> paths)
    {
        var text = new StringBuilder();
        foreach (var path in paths)
        {
            text.Append(Encoding.Latin1.GetString(await File.ReadAllBytesAsync(path)));
        }

        return text.ToString();
    }

    private static async Task<string> GetAsync(HttpClient http, string path, AuthenticationHeaderValue? authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = authorization;
        using var response = await http.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }

    private static async Task<string> IssueAsync(HttpClient http, string path, string body, string member)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Basic);
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{path}: {(int)response.StatusCode} {text}");
        return JsonElement.Parse(text).GetProperty(member).GetString()!;
    }

    private static async Task AskEverywhereAsync(HttpClient http, string path, string key)
    {
        foreach (var (query, header) in ((string, string)[])[("", "x-api-key"), ("", "Authorization"), ("", "x-goog-api-key"), ("?key=" + key, ""), ("?api_key=" + key, "")])
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path + query) { Content = new StringContent(TestGateway.Body(stream: false, text: Prompt), Encoding.UTF8, "application/json") };
            if (header.Length > 0)
            {
                request.Headers.TryAddWithoutValidation(header, header == "Authorization" ? "Bearer " + key : key);
            }

            using var response = await http.SendAsync(request);
            await response.Content.ReadAsStringAsync();
        }
    }
}
