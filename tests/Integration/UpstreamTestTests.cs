using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Integration;

/// <summary>What <c>ccgate upstreams test</c> says of an upstream, step by step.</summary>
public sealed class UpstreamTestTests
{
    private const string Ok = """{"candidates":[{"content":{"parts":[{"text":"OK"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":1,"totalTokenCount":5},"modelVersion":"gemini-2.5-flash-lite"}""";

    private static readonly string Chat = string.Concat(
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4.1-nano\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"OK\"}}]}\n\n",
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4.1-nano\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4.1-nano\",\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1,\"total_tokens\":5}}\n\n",
        "data: [DONE]\n\n");

    [Fact]
    public async Task A_good_upstream_passes_every_step()
    {
        await using var provider = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream));

        var report = await TestAsync(At(provider.Url));

        var key = Assert.Single(report.Keys);
        Assert.True(report.Passed);
        Assert.Equal("1234", key.Key);
        Assert.Equal(["dns", "connect", "http", "auth", "model", "first token", "answer", "usage", "cost"], key.Steps.Select(step => step.Step));
        Assert.Equal("HTTP/1.1, status 200", Step(key, "http").Result);
        Assert.Equal("27737 input, 57 output tokens", Step(key, "usage").Result);
        Assert.Equal($"0.0144774 USD at the price of {AnthropicAnswers.VectorModel}", Step(key, "cost").Result);
        Assert.All(["dns", "connect", "http", "first token", "answer"], name => Assert.NotNull(Step(key, name).Ms));
    }

    [Theory]
    [InlineData(UpstreamKind.Anthropic, "/v1/messages", "x-api-key", "claude-haiku-4-5")]
    [InlineData(UpstreamKind.OpenAi, "/v1/chat/completions", "Authorization", "gpt-4.1-nano")]
    [InlineData(UpstreamKind.Gemini, "/v1beta/models/gemini-2.5-flash-lite:generateContent", "x-goog-api-key", "gemini-2.5-flash-lite")]
    public async Task The_request_is_of_the_upstreams_kind(object kind, string path, string header, string model)
    {
        await using var provider = await ScriptedUpstream.StartAsync(http => (UpstreamKind)kind switch
        {
            UpstreamKind.OpenAi => AnthropicAnswers.StreamAsync(http, Chat),
            UpstreamKind.Gemini => AnthropicAnswers.JsonAsync(http, Ok),
            _ => AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream),
        });

        var report = await TestAsync(At(provider.Url) with { Kind = (UpstreamKind)kind, Headers = ImmutableDictionary<string, Secret>.Empty.Add("x-team", "blue") });

        var request = Assert.Single(provider.Received);
        Assert.True(report.Passed, string.Join('\n', report.Keys[0].Steps));
        Assert.Equal((path, model, "blue"), (request.Path, report.Model, request.Headers["x-team"]));
        Assert.Contains("upstream-secret-1234", request.Headers[header], StringComparison.Ordinal);
        Assert.NotNull(PriceBookFile.Shipped.Find(model, TimeProvider.System.GetUtcNow()));
    }

    [Fact]
    public async Task The_model_is_the_one_asked_for_else_the_first_that_is_configured_under_its_name_there()
    {
        await using var provider = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream));
        var upstream = At(provider.Url) with { Models = ["*haiku*", "house-model"], ModelMapping = new ModelMap([new("house-model", "mapped-model")]) };

        var configured = await TestAsync(upstream);
        var asked = await TestAsync(upstream, "asked-model");

        Assert.Equal(("mapped-model", "models"), (configured.Model, configured.ModelFrom));
        Assert.Equal(("asked-model", "--model"), (asked.Model, asked.ModelFrom));
        Assert.Equal(["mapped-model", "asked-model"], provider.Received.Select(request => JsonElement.Parse(request.Text).GetProperty("model").GetString()));
    }

    [Fact]
    public async Task Each_key_is_tested_and_one_that_is_refused_is_named_without_being_told()
    {
        await using var provider = await ScriptedUpstream.StartAsync(http => http.Request.Headers["x-api-key"] == "upstream-secret-good"
            ? AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream)
            : AnthropicAnswers.JsonAsync(http, """{"error":{"message":"invalid x-api-key upstream-secret-evil"}}""", 401));

        var report = await TestAsync(At(provider.Url) with { Keys = ["upstream-secret-good", "upstream-secret-evil"] });

        Assert.False(report.Passed);
        Assert.Equal([true, false], report.Keys.Select(key => key.Passed));
        var auth = Step(report.Keys[1], "auth");
        Assert.Equal((false, "key"), (auth.Passed, auth.Change));
        Assert.StartsWith("the key is refused (status 401): ", auth.Result, StringComparison.Ordinal);
        Assert.DoesNotContain("upstream-secret", auth.Result, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(403, "auth", "key")]
    [InlineData(404, "model", "models, modelMapping, url")]
    [InlineData(400, "model", "models, modelMapping, kind")]
    [InlineData(429, "auth", "key")]
    [InlineData(302, "http", "url")]
    [InlineData(500, "answer", "url, if it goes on")]
    public async Task A_refusal_names_the_setting_to_change(int status, string step, string change)
    {
        await using var provider = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, status, "some_error"));

        var report = await TestAsync(At(provider.Url));

        var failed = Assert.Single(report.Keys[0].Steps, found => !found.Passed);
        Assert.Equal((step, change), (failed.Step, failed.Change));
        Assert.Contains("said the upstream", failed.Result, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_instead_of_an_answer_is_no_success()
    {
        await using var provider = await ScriptedUpstream.StartAsync(http =>
        {
            http.Response.ContentType = "text/html";
            return http.Response.WriteAsync("<html>welcome</html>");
        });

        var report = await TestAsync(At(provider.Url));

        Assert.Equal("kind, url", Step(report.Keys[0], "answer").Change);
        Assert.False(report.Passed);
    }

    [Theory]
    [InlineData("http://127.0.0.1:1", null, "connect", "url")]
    [InlineData("http://no-such-host.invalid", null, "dns", "url")]
    [InlineData("http://127.0.0.1:1", "http://no-such-proxy.invalid:3128", "dns", "proxy")]
    [InlineData("http://no-such-host.invalid", "http://127.0.0.1:1", "connect", "proxy")]
    public async Task What_cannot_be_reached_names_the_address_to_change(string url, string? proxy, string step, string change)
    {
        var report = await TestAsync(At(url) with { Proxy = proxy is null ? null : new Uri(proxy) });

        var failed = Assert.Single(report.Keys[0].Steps, found => !found.Passed);
        Assert.Equal((step, change), (failed.Step, failed.Change));
    }

    [Fact]
    public async Task An_upstream_that_stays_silent_ends_with_its_timeout()
    {
        await using var provider = await ScriptedUpstream.StartAsync(http => Task.Delay(Timeout.Infinite, http.RequestAborted));

        var report = await TestAsync(At(provider.Url) with { FirstByteTimeout = TimeSpan.FromMilliseconds(200) });

        Assert.Equal("timeouts.firstByteSeconds", Step(report.Keys[0], "answer").Change);
    }

    [Fact]
    public async Task A_certificate_that_nobody_trusts_is_a_failure_of_tls()
    {
        await using var provider = await StartTlsAsync();

        var report = await TestAsync(At($"https://localhost:{new Uri(provider.Urls.First()).Port}"));

        var failed = Assert.Single(report.Keys[0].Steps, found => !found.Passed);
        Assert.Equal(("tls", "url"), (failed.Step, failed.Change));
        Assert.Contains("certificate", failed.Result, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_succeeds_tells_the_version_of_TLS_and_whose_certificate_it_is()
    {
        await using var provider = await StartTlsAsync();
        var trace = new ConnectionTrace(proxy: null, TimeProvider.System);
        using var handler = new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, presented, _, _) => presented?.Subject == "CN=localhost" } };
        trace.Watch(handler);
        using var http = new HttpClient(handler);

        await http.GetStringAsync(new Uri($"https://localhost:{new Uri(provider.Urls.First()).Port}"));

        var tls = trace.Steps[^1];
        Assert.Equal(("tls", true, "TLS 1.3, CN=localhost, expires in 30 days"), (tls.Step, tls.Passed, tls.Result));
    }

    [Fact]
    public async Task The_simulator_needs_no_connection()
    {
        var report = await TestAsync(new UpstreamConfig { Id = "simulator", Kind = UpstreamKind.Simulator });

        Assert.True(report.Passed, string.Join('\n', report.Keys[0].Steps));
        Assert.Equal("http", report.Keys[0].Steps[0].Step);
    }

    private static async Task<WebApplication> StartTlsAsync()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Run(http => AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream));
        await app.StartAsync();
        return app;
    }

    private static Task<UpstreamTestReport> TestAsync(UpstreamConfig upstream, string? model = null) =>
        new UpstreamTest(PriceBookFile.Shipped, TimeProvider.System).RunAsync(upstream, model, CancellationToken.None);

    private static UpstreamConfig At(string url) => new() { Id = "u1", Url = new Uri(url), Keys = ["upstream-secret-1234"] };

    private static UpstreamTestStep Step(UpstreamKeyTest key, string name) => Assert.Single(key.Steps, step => step.Step == name);
}
