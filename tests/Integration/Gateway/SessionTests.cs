using System.Net;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Sessions: begun with a password or a key, carried by a cookie, over when the secret is.</summary>
public sealed class SessionTests
{
    private const string NoUpstream = """{ "upstreams": [] }""";
    private static readonly object Operator = new { username = TestGateway.Admin, password = TestGateway.Password };

    [Fact]
    public async Task The_operator_signs_in_asks_and_signs_out()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        using var began = await gateway.SendAsync(HttpMethod.Post, "/api/session", Operator);
        var set = began.Headers.GetValues("Set-Cookie").Single();
        var cookie = SignedInClient.Cookie(began);

        using var who = await gateway.WithCookieAsync(HttpMethod.Get, "/api/session", cookie);
        using var usage = await gateway.WithCookieAsync(HttpMethod.Get, "/api/usage", cookie);
        using var ended = await gateway.WithCookieAsync(HttpMethod.Delete, "/api/session", cookie, csrf: true);

        var session = await who.JsonAsync();
        Assert.Equal(("operator", "admin", "admin"), (session.GetProperty("role").GetString(), session.GetProperty("scope").GetString(), session.GetProperty("name").GetString()));
        Assert.True(session.GetProperty("expiresAt").GetDateTimeOffset() > TimeProvider.System.GetUtcNow().AddHours(11));
        Assert.False(session.TryGetProperty("tenant", out _));
        Assert.Contains("httponly", set, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", set, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("secure", set, StringComparison.OrdinalIgnoreCase);
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.NoContent), (usage.StatusCode, ended.StatusCode));
        Assert.Contains("1970", ended.Headers.GetValues("Set-Cookie").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tenant_signs_in_with_a_key_and_is_no_operator()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        var cookie = await gateway.SignInAsync(new { key = TestGateway.Key });

        using var who = await gateway.WithCookieAsync(HttpMethod.Get, "/api/session", cookie);
        using var usage = await gateway.WithCookieAsync(HttpMethod.Get, "/api/usage", cookie);

        var session = await who.JsonAsync();
        Assert.Equal(("tenant", "read", "alice"), (session.GetProperty("role").GetString(), session.GetProperty("scope").GetString(), session.GetProperty("tenant").GetString()));
        Assert.Equal(HttpStatusCode.Forbidden, usage.StatusCode);
    }

    [Theory]
    [InlineData("""{"username":"admin","password":"wrong"}""", HttpStatusCode.Unauthorized)]
    [InlineData("""{"key":"wrong"}""", HttpStatusCode.Unauthorized)]
    [InlineData("""{"username":"admin"}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"username":"admin","password":"operator-password","key":"test-key-of-alice"}""", HttpStatusCode.BadRequest)]
    [InlineData("[]", HttpStatusCode.BadRequest)]
    public async Task What_names_nobody_begins_no_session(string body, HttpStatusCode status)
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);

        using var response = await gateway.PostAsync(body, "/api/session");

        Assert.Equal((status, false), (response.StatusCode, response.Headers.Contains("Set-Cookie")));
    }

    [Fact]
    public async Task A_change_with_the_cookie_alone_is_refused()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        var cookie = await gateway.SignInAsync(Operator);
        var token = new { name = "ci", scope = "read" };

        using var without = await gateway.WithCookieAsync(HttpMethod.Post, "/api/tokens", cookie, body: token);
        using var with = await gateway.WithCookieAsync(HttpMethod.Post, "/api/tokens", cookie, csrf: true, body: token);

        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Created), (without.StatusCode, with.StatusCode));
        Assert.Contains("x-ccgate-csrf", await without.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_password_a_revoked_key_and_a_disabled_tenant_end_sessions_at_once()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        var ofOperator = await gateway.SignInAsync(Operator);
        var ofTenant = await gateway.SignInAsync(new { key = TestGateway.Key });

        gateway.Reload("tenants.json", TestGateway.Tenant("\"enabled\": false"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(gateway, ofTenant));
        gateway.Reload("tenants.json", TestGateway.Tenant());
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(gateway, ofTenant));
        gateway.Reload("tenants.json", TestGateway.Tenant().Replace(TestGateway.Key, "another-key", StringComparison.Ordinal));
        gateway.Reload("server.json", SignedInClient.Server.Replace(TestGateway.Password, "another-password", StringComparison.Ordinal));

        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized), (await StatusAsync(gateway, ofTenant), await StatusAsync(gateway, ofOperator)));
    }

    [Fact]
    public async Task A_session_survives_a_restart_and_holds_on_every_process_with_the_same_key()
    {
        const string server = """{ "admin": { "username": "admin", "password": "operator-password" }, "secretsKey": "correct horse battery staple, and more" }""";
        string cookie;
        await using (var first = await TestGateway.StartAsync(NoUpstream, server: server))
        {
            cookie = await first.SignInAsync(Operator);
            Assert.False(File.Exists(Path.Combine(first.Data.FullName, "secrets.key")));
        }

        await using var second = await TestGateway.StartAsync(NoUpstream, server: server);
        await using var stranger = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Unauthorized), (await StatusAsync(second, cookie), await StatusAsync(stranger, cookie)));
    }

    private static async Task<HttpStatusCode> StatusAsync(TestGateway gateway, string cookie)
    {
        using var response = await gateway.WithCookieAsync(HttpMethod.Get, "/api/session", cookie);
        return response.StatusCode;
    }
}
