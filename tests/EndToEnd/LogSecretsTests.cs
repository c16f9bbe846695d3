using System.Net.Http.Headers;
using System.Text;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.EndToEnd;

/// <summary>Nothing that must stay secret is written anywhere, even when everything is logged.</summary>
public sealed class LogSecretsTests
{
    private const string Prompt = "marker-of-a-prompt";
    private const string UpstreamKey = "secret-of-the-upstream";
    private const string BrokenKey = "secret-of-the-broken-upstream";
    private const string HeaderSecret = "secret-in-a-header";
    private const string Wrong = "a-key-that-nobody-has";
    private const string WrongPassword = "a-password-that-is-wrong";

    [Fact]
    public async Task No_key_password_or_prompt_is_written_at_the_level_trace()
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        using var files = GatewayFiles.With(
            $$"""
            { "id": "u1", "url": "{{upstream.Url}}", "key": "{{UpstreamKey}}", "headers": { "x-extra": "{{HeaderSecret}}" } },
            { "id": "u2", "url": "http://127.0.0.1:1", "key": "{{BrokenKey}}" }
            """);
        var logs = Path.Combine(files.Root, "logs");
        files.Write("server.json", $$"""
            { "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" },
              "telemetry": { "logs": { "console": "json", "directory": "{{logs}}", "level": "trace", "levels": { "Microsoft": "trace", "System": "trace", "Yarp": "trace", "Microsoft.AspNetCore": "trace" } } } }
            """);
        string written;
        using (var gateway = await files.RunAsync())
        {
            foreach (var path in (string[])["/v1/messages", "/v1/chat/completions", "/v1/responses", "/v1beta/models/gemini-2.5-pro:generateContent"])
            {
                await AskEverywhereAsync(gateway.Http, path, TestGateway.Key);
                await AskEverywhereAsync(gateway.Http, path, Wrong);
            }

            await gateway.Http.AskAsync("/api/usage?by=day");
            using var refused = new HttpRequestMessage(HttpMethod.Get, "/api/usage");
            refused.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{WrongPassword}")));
            using var answer = await gateway.Http.SendAsync(refused);
            Assert.Equal(0, await gateway.StopAsync());
            written = gateway.Output;
        }

        foreach (var file in Directory.EnumerateFiles(logs).Concat(Directory.EnumerateFiles(files.Data, "*", SearchOption.AllDirectories)))
        {
            written += Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file));
        }

        Assert.Contains("\"category\":\"CCGate.Access\"", written, StringComparison.Ordinal);
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}"));
        Assert.All((string[])[Prompt, UpstreamKey, BrokenKey, HeaderSecret, Wrong, WrongPassword, TestGateway.Key, TestGateway.Password, basic], secret => Assert.False(written.Contains(secret, StringComparison.OrdinalIgnoreCase), secret + " was written: " + Around(written, secret)));
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

    private static string Around(string written, string secret)
    {
        var at = written.IndexOf(secret, StringComparison.OrdinalIgnoreCase);
        return at < 0 ? "" : written[Math.Max(0, at - 300)..Math.Min(written.Length, at + 100)];
    }
}
