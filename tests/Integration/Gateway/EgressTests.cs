using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Upstreams;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>How an upstream is connected to: by which proxy, trusting whom, in which version of HTTP.</summary>
public sealed class EgressTests
{
    [Theory]
    [InlineData("http", "forward")]
    [InlineData("socks4", "socks4")]
    [InlineData("socks4a", "socks4a")]
    [InlineData("socks5", "socks5")]
    public async Task An_upstream_is_reached_by_its_proxy(string scheme, string how)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var proxy = new TestProxy();
        var url = scheme == "socks4a" ? upstream.Url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal) : upstream.Url;
        await using var gateway = await StartAsync(url, $"\"proxy\": \"{scheme}://{proxy.Address}\"");

        await AnswersAsync(gateway);

        Assert.Equal($"{how} {new Uri(url).Authority}", Assert.Single(proxy.Passed));
    }

    [Theory]
    [InlineData("http", "forward")]
    [InlineData("socks5", "socks5")]
    public async Task A_proxy_is_given_the_user_and_the_password_of_its_address(string scheme, string how)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var proxy = new TestProxy("me@home:s3:cret");
        await using var gateway = await StartAsync(upstream.Url, $"\"proxy\": \"{scheme}://me%40home:s3%3Acret@{proxy.Address}\"");

        await AnswersAsync(gateway);

        Assert.StartsWith(how, Assert.Single(proxy.Passed), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secure_upstream_is_reached_through_a_tunnel_of_an_http_proxy()
    {
        using var authority = new TestAuthority();
        await using var upstream = await SecureAsync(authority.Issue());
        await using var proxy = new TestProxy("user:password");
        await using var gateway = await StartAsync(upstream.Url, $"\"proxy\": \"http://user:password@{proxy.Address}\", \"tls\": {{ \"caFile\": \"ca.pem\" }}", authority);

        await AnswersAsync(gateway);

        Assert.StartsWith("connect ", Assert.Single(proxy.Passed), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http")]
    [InlineData("socks5")]
    public async Task A_proxy_that_refuses_the_login_is_no_reason_to_go_without_it(string scheme)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var proxy = new TestProxy("user:password");
        await using var gateway = await StartAsync(upstream.Url, $"\"proxyFallback\": true, \"proxy\": \"{scheme}://user:wrong@{proxy.Address}\"");

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.NotEqual(HttpStatusCode.OK, response.StatusCode);
        Assert.Empty(upstream.Received);
        Assert.NotEqual(0, proxy.Refused);
    }

    [Theory]
    [InlineData("http")]
    [InlineData("socks5")]
    public async Task An_upstream_whose_proxy_takes_no_connection_is_reached_directly_if_that_is_allowed(string scheme)
    {
        await using var upstream = await ScriptedUpstream.StartAsync();
        await using var strict = await StartAsync(upstream.Url, $"\"proxy\": \"{scheme}://127.0.0.1:1\"");
        await using var lenient = await StartAsync(upstream.Url, $"\"proxyFallback\": true, \"proxy\": \"{scheme}://127.0.0.1:1\"");

        using var refused = await strict.PostAsync(TestGateway.Body(stream: false));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);

        await AnswersAsync(lenient);
        await AnswersAsync(lenient);
        Assert.Equal(2, upstream.Received.Count);
    }

    [Fact]
    public async Task A_proxy_that_took_no_connection_is_passed_by_for_a_while_and_then_tried_again()
    {
        var time = new ManualTimeProvider();
        await using var upstream = await ScriptedUpstream.StartAsync();
        var closed = new TestProxy();
        var address = new Uri($"http://{closed.Address}");
        await closed.DisposeAsync();
        var log = new LogLines();
        using var connections = UpstreamConnections.Build(new UpstreamConfig { Id = "u", Proxy = address, ProxyFallback = true }, time, log);

        await AskAsync(connections, upstream);
        await using var proxy = new TestProxy(port: address.Port);
        await AskAsync(connections, upstream);
        Assert.Empty(proxy.Passed);
        Assert.Contains($"its proxy {address.Authority} cannot be connected to", Assert.Single(log.Lines), StringComparison.Ordinal);

        time.Advance(UpstreamConnections.PassesByFor);
        await AskAsync(connections, upstream);
        Assert.Single(proxy.Passed);
    }

    [Fact]
    public async Task An_error_of_the_upstream_is_no_reason_to_go_without_the_proxy()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(http => AnthropicAnswers.ErrorAsync(http, 502, "api_error"));
        await using var proxy = new TestProxy();
        await using var gateway = await StartAsync(upstream.Url, $"\"proxyFallback\": true, \"proxy\": \"http://{proxy.Address}\"");

        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.BadGateway, response.StatusCode);
        Assert.Single(upstream.Received);
        Assert.Single(proxy.Passed);
    }

    [Fact]
    public async Task An_own_authority_is_trusted_for_the_upstream_that_names_it_and_for_no_other()
    {
        using var authority = new TestAuthority();
        await using var upstream = await SecureAsync(authority.Issue());
        await using var trusting = await StartAsync(upstream.Url, "\"tls\": { \"caFile\": \"ca.pem\" }", authority);
        await using var other = await StartAsync(upstream.Url, "\"weight\": 1");

        await AnswersAsync(trusting);
        using var refused = await other.PostAsync(TestGateway.Body(stream: false));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_or_for_another_host_stays_wrong()
    {
        using var authority = new TestAuthority();
        using var stranger = new TestAuthority(); // Of the same name.
        await using var impostor = await SecureAsync(stranger.Issue());
        await using var elsewhere = await SecureAsync(authority.Issue("elsewhere.example"));

        foreach (var url in new[] { impostor.Url, elsewhere.Url })
        {
            await using var gateway = await StartAsync(url, "\"tls\": { \"caFile\": \"ca.pem\" }", authority);
            using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        }

        Assert.Empty(impostor.Received.Concat(elsewhere.Received));
    }

    [Theory]
    [InlineData(HttpProtocols.Http1AndHttp2, "HTTP/2")]
    [InlineData(HttpProtocols.Http2, "HTTP/2")]
    [InlineData(HttpProtocols.Http1, "HTTP/1.1")]
    public async Task A_secure_upstream_is_spoken_to_in_HTTP_2_if_it_offers_that(HttpProtocols offered, string spoken)
    {
        using var authority = new TestAuthority();
        var protocol = "";
        await using var upstream = await SecureAsync(authority.Issue(), offered, http =>
        {
            protocol = http.Request.Protocol;
            return AnthropicAnswers.StreamAsync(http, AnthropicAnswers.VectorStream);
        });
        await using var gateway = await StartAsync(upstream.Url, "\"tls\": { \"caFile\": \"ca.pem\" }", authority);

        using var response = await gateway.PostAsync(TestGateway.Body(stream: true));

        Assert.Equal(AnthropicAnswers.VectorStream, await response.Content.ReadAsStringAsync());
        Assert.Equal(spoken, protocol);
    }

    [Fact]
    public async Task A_plain_upstream_is_spoken_to_in_HTTP_1_1()
    {
        var protocol = "";
        await using var upstream = await ScriptedUpstream.StartAsync(http =>
        {
            protocol = http.Request.Protocol;
            return AnthropicAnswers.JsonAsync(http, AnthropicAnswers.VectorJson);
        });
        await using var gateway = await TestGateway.StartAsync(upstream);

        await AnswersAsync(gateway);

        Assert.Equal("HTTP/1.1", protocol);
    }

    [Fact]
    public void A_dead_connection_of_HTTP_2_is_noticed_and_no_proxy_is_taken_from_the_environment()
    {
        using var sockets = UpstreamConnections.Sockets(new UpstreamConfig { Id = "u" }, proxy: null, TimeProvider.System);

        Assert.Equal((false, HttpKeepAlivePingPolicy.Always), (sockets.UseProxy, sockets.KeepAlivePingPolicy));
        Assert.True(sockets.KeepAlivePingDelay + sockets.KeepAlivePingTimeout < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void Connections_are_kept_unless_what_they_depend_on_changes()
    {
        var before = new UpstreamConfig { Id = "u", Url = new Uri("https://a.example"), Proxy = new Uri("socks5://user:old@p.example:1"), CaPem = "a" };

        Assert.True(UpstreamConnections.AreSame(before, before with
        {
            Weight = 1,
            Models = ["m"],
            Keys = ["k"],
            TotalTimeout = TimeSpan.FromSeconds(1),
        }));
        Assert.All(
            new UpstreamConfig[]
            {
                before with { Url = new Uri("https://b.example") }, before with { Proxy = null }, before with { Proxy = new Uri("socks5://user:new@p.example:1") },
                before with { ProxyFallback = true }, before with { CaPem = "b" }, before with { CaPem = null }, before with { ConnectTimeout = TimeSpan.FromSeconds(1) },
                before with { Kind = UpstreamKind.Simulator },
            },
            after => Assert.False(UpstreamConnections.AreSame(before, after)));
    }

    private static Task<ScriptedUpstream> SecureAsync(X509Certificate2 certificate, HttpProtocols offered = HttpProtocols.Http1AndHttp2, RequestDelegate? answer = null) =>
        ScriptedUpstream.StartAsync(answer, listen =>
        {
            listen.Protocols = offered;
            listen.UseHttps(certificate);
        });

    private static Task<TestGateway> StartAsync(string url, string members, TestAuthority? authority = null) => TestGateway.StartAsync(
        $$"""{ "upstreams": [ { "id": "u", "url": "{{url}}", "key": "k", {{members}} } ] }""",
        prepare: config => TestGateway.Write(config, "ca.pem", authority?.Pem ?? ""));

    private static async Task AskAsync(HttpMessageInvoker connections, ScriptedUpstream upstream)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, upstream.Url);
        using var response = await connections.SendAsync(request, CancellationToken.None);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private static async Task AnswersAsync(TestGateway gateway)
    {
        using var response = await gateway.PostAsync(TestGateway.Body(stream: false));
        Assert.Equal(AnthropicAnswers.VectorJson, await response.Content.ReadAsStringAsync());
    }

    /// <summary>What was logged.</summary>
    private sealed class LogLines : ILogger<UpstreamConnections>
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Enqueue(formatter(state, exception));
    }
}
