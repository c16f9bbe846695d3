using System.Net;
using System.Net.Http.Headers;
using CCGate.Hosting.Operators;
using CCGate.Hosting.Storage;
using CCGate.Tests.Infrastructure;
using Dapper;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Nobody is answered under <c>/api</c> who did not say who they are, and guessing is slow.</summary>
public sealed class AuthenticationTests
{
    private const string NoUpstream = """{ "upstreams": [] }""";
    private static readonly string[] Closed = ["/api", "/docs", "/openapi"];

    [Fact]
    public async Task Every_endpoint_refuses_a_stranger_and_all_but_their_own_refuse_a_tenant()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        var asked = 0;
        foreach (var endpoint in gateway.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            var path = "/" + string.Join('/', endpoint.RoutePattern.PathSegments.Select(segment =>
                string.Concat(segment.Parts.Select(part => part is Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal ? literal.Content : Guid.Empty.ToString()))));
            if (!Closed.Any(prefix => path == prefix || path.StartsWith(prefix + "/", StringComparison.Ordinal)) || path == "/api/hello")
            {
                continue;
            }

            foreach (var method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET"])
            {
                using var stranger = await gateway.SendAsync(new HttpMethod(method), path);
                using var tenant = await gateway.SendAsync(new HttpMethod(method), path, headers: headers => headers.Add("x-api-key", TestGateway.Key));
                var isOwn = path is "/api/session" || path.StartsWith("/api/me", StringComparison.Ordinal);

                Assert.True(stranger.StatusCode == HttpStatusCode.Unauthorized || (method == "POST" && path == "/api/session"), $"{method} {path} answered a stranger {stranger.StatusCode}");
                Assert.True(tenant.StatusCode == HttpStatusCode.Forbidden || isOwn, $"{method} {path} answered a tenant {tenant.StatusCode}");
                asked++;
            }
        }

        Assert.True(asked > 10, $"{asked} endpoints were asked");
    }

    [Fact]
    public async Task A_challenge_is_for_programs_and_not_for_the_page()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);

        using var program = await gateway.SendAsync(HttpMethod.Get, "/api/usage");
        using var page = await gateway.SendAsync(HttpMethod.Get, "/api/usage", headers: headers => headers.Add("x-ccgate-csrf", "1"));
        using var stream = await gateway.SendAsync(HttpMethod.Get, "/api/usage", headers: headers => headers.Accept.ParseAdd("text/event-stream"));

        Assert.Equal("Basic", Assert.Single(program.Headers.WwwAuthenticate).Scheme);
        Assert.Empty(page.Headers.WwwAuthenticate);
        Assert.Empty(stream.Headers.WwwAuthenticate);
        Assert.All([program, page, stream], response => Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType));
        Assert.Equal("no-store", program.Headers.CacheControl!.ToString());
        Assert.Contains("frame-ancestors 'none'", program.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("script-src", program.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal("nosniff", program.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Fact]
    public async Task Guessing_is_locked_out_for_that_name_while_tokens_and_other_names_go_on()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        for (var i = 0; i < 5; i++)
        {
            using var wrong = await AskAsync(gateway, SignedInClient.Basic("wrong"));
            Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        }

        using var right = await AskAsync(gateway, SignedInClient.Basic());
        using var session = await gateway.SendAsync(HttpMethod.Post, "/api/session", new { username = TestGateway.Admin, password = TestGateway.Password });
        using var node = await gateway.SendAsync(HttpMethod.Post, "/usage", new { type = "admin", username = TestGateway.Admin, password = TestGateway.Password });
        using var other = await AskAsync(gateway, SignedInClient.Basic(name: "other"));

        Assert.All([right, session, node], response => Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode));
        Assert.InRange(right.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 30);
        Assert.Equal(HttpStatusCode.Unauthorized, other.StatusCode);
        Assert.Equal("alice", (await (await gateway.SendAsync(HttpMethod.Get, "/api/session", headers: headers => headers.Add("x-api-key", TestGateway.Key))).JsonAsync()).GetProperty("name").GetString());
    }

    [Fact]
    public async Task Wrong_keys_make_their_own_sender_wait_and_never_a_right_key_from_the_same_address()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 7; i++)
        {
            using var wrong = await gateway.SendAsync(HttpMethod.Get, "/api/me", headers: headers => headers.Add("x-api-key", $"wrong-{i}"));
            statuses.Add(wrong.StatusCode);
        }

        using var right = await gateway.SendAsync(HttpMethod.Get, "/api/me", headers: headers => headers.Add("x-api-key", TestGateway.Key));

        Assert.Equal(HttpStatusCode.TooManyRequests, statuses[^1]);
        Assert.Equal(HttpStatusCode.OK, right.StatusCode);
    }

    [Fact]
    public async Task A_store_that_fails_is_a_problem_in_words()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        await using (var connection = await gateway.Services.GetRequiredService<Database>().OpenAsync(CancellationToken.None))
        {
            await connection.ExecuteAsync("alter table requests rename to elsewhere");
        }

        using var response = await gateway.SendAsync(HttpMethod.Get, "/api/requests", headers: headers => headers.Authorization = SignedInClient.Basic());

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "application/problem+json"), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
    }

    [Fact]
    public async Task Who_asks_too_often_waits()
    {
        await using var gateway = await TestGateway.StartAsync(
            NoUpstream, server: """{ "admin": { "username": "admin", "password": "operator-password" }, "api": { "requestsPerSecond": 1, "burst": 3 } }""");
        var statuses = new List<HttpStatusCode>();
        for (var i = 0; i < 10; i++)
        {
            using var response = await AskAsync(gateway, SignedInClient.Basic());
            statuses.Add(response.StatusCode);
            Assert.Equal(response.StatusCode == HttpStatusCode.TooManyRequests, response.Headers.RetryAfter is not null);
        }

        using var tenant = await gateway.SendAsync(HttpMethod.Get, "/api/session", headers: headers => headers.Add("x-api-key", TestGateway.Key));
        Assert.Equal(HttpStatusCode.OK, statuses[0]);
        Assert.Contains(HttpStatusCode.TooManyRequests, statuses);
        Assert.Equal(HttpStatusCode.OK, tenant.StatusCode);
    }

    [Fact]
    public async Task An_operators_query_for_a_key_is_not_taken_for_a_credential()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        var cookie = await gateway.SignInAsync(new { username = TestGateway.Admin, password = TestGateway.Password });

        using var response = await gateway.WithCookieAsync(HttpMethod.Get, "/api/usage?key=laptop", cookie);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task No_secret_that_was_shown_is_logged()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        using var warnings = new Warnings();
        gateway.Services.GetRequiredService<ILoggerFactory>().AddProvider(warnings);
        foreach (var header in (AuthenticationHeaderValue[])[SignedInClient.Basic("secret-one", "secret-name"), new("Bearer", ApiToken.Prefix + "secret-two"), new("Bearer", "secret-three")])
        {
            using var response = await AskAsync(gateway, header);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }

        Assert.Equal(3, warnings.ToString().Split("sign-in with a").Length - 1);
        Assert.DoesNotContain("secret-", warnings.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_may_call_the_surfaces_and_not_the_api()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);

        using var preflight = await PreflightAsync(gateway, "/v1/messages");
        using var answer = await gateway.SendAsync(HttpMethod.Post, "/openai/v1/chat/completions", new { }, headers => headers.Add("Origin", "https://app.example"));
        using var api = await PreflightAsync(gateway, "/api/usage");

        Assert.Equal((HttpStatusCode.NoContent, "*", "x-api-key,authorization"), (preflight.StatusCode, Allowed(preflight), preflight.Headers.GetValues("Access-Control-Allow-Headers").Single()));
        Assert.Equal((HttpStatusCode.Unauthorized, "*", "*"), (answer.StatusCode, Allowed(answer), answer.Headers.GetValues("Access-Control-Expose-Headers").Single()));
        Assert.Null(Allowed(api));
    }

    [Fact]
    public async Task Only_the_configured_origins_are_allowed()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: """{ "cors": { "origins": ["https://app.example"] } }""");

        using var ours = await PreflightAsync(gateway, "/v1/messages");
        using var theirs = await PreflightAsync(gateway, "/v1/messages", "https://evil.example");

        Assert.Equal(("https://app.example", null), (Allowed(ours), Allowed(theirs)));
        Assert.Contains("Origin", ours.Headers.Vary);
    }

    private static Task<HttpResponseMessage> PreflightAsync(TestGateway gateway, string path, string origin = "https://app.example") =>
        gateway.SendAsync(HttpMethod.Options, path, headers: headers =>
        {
            headers.Add("Origin", origin);
            headers.Add("Access-Control-Request-Method", "POST");
            headers.Add("Access-Control-Request-Headers", "x-api-key,authorization");
        });

    private static string? Allowed(HttpResponseMessage response) => response.Headers.TryGetValues("Access-Control-Allow-Origin", out var values) ? values.Single() : null;

    private static Task<HttpResponseMessage> AskAsync(TestGateway gateway, AuthenticationHeaderValue credentials) =>
        gateway.SendAsync(HttpMethod.Get, "/api/session", headers: headers => headers.Authorization = credentials);
}
