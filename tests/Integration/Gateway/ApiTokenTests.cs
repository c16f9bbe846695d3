using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Tokens that programs ask <c>/api</c> with.</summary>
public sealed class ApiTokenTests
{
    private const string NoUpstream = """{ "upstreams": [] }""";

    [Fact]
    public async Task A_token_is_shown_once_asks_in_its_scope_survives_a_restart_and_is_revoked()
    {
        var root = Directory.CreateTempSubdirectory("ccgate-test-");
        string token;
        string id;
        await using (var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server, over: root))
        {
            using var issued = await IssueAsync(gateway, new { name = "ci", scope = "read" });
            var answer = await issued.JsonAsync();
            (token, id) = (answer.GetProperty("token").GetString()!, answer.GetProperty("id").GetString()!);
            Assert.Equal((HttpStatusCode.Created, "admin"), (issued.StatusCode, answer.GetProperty("by").GetString()));
            Assert.StartsWith("ccgate_at_", token, StringComparison.Ordinal);
            await Eventually.HoldsAsync(async () => await StatusAsync(gateway, HttpMethod.Get, "/api/usage", token) == HttpStatusCode.OK, "the token is known");

            Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(gateway, HttpMethod.Post, "/api/tokens", token));
            var listed = (await gateway.AskAsync("/api/tokens")).GetProperty("items")[0];
            Assert.Equal(("ci", "read", token[^4..]), (Text(listed, "name"), Text(listed, "scope"), Text(listed, "hint")));
            Assert.True(listed.TryGetProperty("lastUsedAt", out _));
            Assert.DoesNotContain(token, (await gateway.AskAsync("/api/events")).GetRawText() + (await gateway.AskAsync("/api/tokens")).GetRawText(), StringComparison.Ordinal);
        }

        await using (var again = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server, over: root))
        {
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(again, HttpMethod.Get, "/api/usage", token));
            using var revoked = await again.SendAsync(HttpMethod.Delete, $"/api/tokens/{id}?reason=lost", headers: headers => headers.Authorization = SignedInClient.Basic());
            Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
            await Eventually.HoldsAsync(async () => await StatusAsync(again, HttpMethod.Get, "/api/usage", token) is HttpStatusCode.Unauthorized or HttpStatusCode.TooManyRequests, "the token is no longer taken");
            Assert.Empty((await again.AskAsync("/api/tokens")).GetProperty("items").EnumerateArray());
        }

        root.Delete(recursive: true);
    }

    [Fact]
    public async Task What_a_token_changes_is_ascribed_to_it()
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);
        using var issued = await IssueAsync(gateway, new { name = "deploy", scope = "admin" });
        var token = (await issued.JsonAsync()).GetProperty("token").GetString()!;
        await Eventually.HoldsAsync(async () => await StatusAsync(gateway, HttpMethod.Get, "/api/usage", token) == HttpStatusCode.OK, "the token is known");

        using var second = await gateway.SendAsync(HttpMethod.Post, "/api/tokens", new { name = "other", scope = "read" }, headers => headers.Authorization = new AuthenticationHeaderValue("Bearer", token));

        Assert.Equal("token:deploy", Text(await second.JsonAsync(), "by"));
    }

    [Theory]
    [InlineData("", "read", "2100-01-01T00:00:00Z", "name")]
    [InlineData("ci", "write", "2100-01-01T00:00:00Z", "scope")]
    [InlineData("ci", "read", "2020-01-01T00:00:00Z", "expiresAt")]
    public async Task A_token_that_makes_no_sense_is_refused_with_the_reason(string name, string scope, string expiresAt, string member)
    {
        await using var gateway = await TestGateway.StartAsync(NoUpstream, server: SignedInClient.Server);

        using var response = await IssueAsync(gateway, new { name, scope, expiresAt });

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(member, Assert.Single((await response.JsonAsync()).GetProperty("errors").EnumerateObject()).Name);
    }

    private static Task<HttpResponseMessage> IssueAsync(TestGateway gateway, object body) =>
        gateway.SendAsync(HttpMethod.Post, "/api/tokens", body, headers => headers.Authorization = SignedInClient.Basic());

    private static async Task<HttpStatusCode> StatusAsync(TestGateway gateway, HttpMethod method, string path, string token)
    {
        using var response = await gateway.SendAsync(method, path, headers: headers => headers.Authorization = new AuthenticationHeaderValue("Bearer", token));
        return response.StatusCode;
    }

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();
}
