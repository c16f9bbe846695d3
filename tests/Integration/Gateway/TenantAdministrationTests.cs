using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Tenants and keys that an operator makes at run time, over HTTP as a client sees it.</summary>
public sealed class TenantAdministrationTests
{
    private const string Server = $$"""{ "admin": { "username": "{{TestGateway.Admin}}", "password": "{{TestGateway.Password}}" } }""";

    private const string Simulator = """{ "upstreams": [ { "id": "sim", "kind": "simulator" } ] }""";

    [Fact]
    public async Task A_tenant_declared_and_a_key_issued_serve_the_very_next_request_and_a_revoked_key_is_refused_within_a_second()
    {
        await using var gateway = await TestGateway.StartAsync(Simulator, server: Server);

        var created = await SendAsync(gateway, HttpMethod.Post, "/api/tenants", """{ "document": { "id": "kim", "name": "<script>", "limits": { "daily": { "maxUSD": 5 } } }, "reason": "new" }""");
        var issued = await SendAsync(gateway, HttpMethod.Post, "/api/tenants/kim/keys", """{ "id": "laptop", "label": "Kim's laptop" }""");
        var secret = issued.Body.GetProperty("secret").GetString()!;

        Assert.Equal((HttpStatusCode.Created, "<script>", "operator"), (created.Status, created.Body.GetProperty("name").GetString(), created.Body.GetProperty("origin").GetString()));
        Assert.StartsWith("ccg_", secret, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await AskModelAsync(gateway, secret));

        var revoked = await SendAsync(gateway, HttpMethod.Delete, "/api/tenants/kim/keys/laptop?reason=lost");
        var start = Stopwatch.GetTimestamp();
        await Eventually.PassesAsync(async () => Assert.Equal(HttpStatusCode.Unauthorized, await AskModelAsync(gateway, secret)));

        Assert.Equal(HttpStatusCode.NoContent, revoked.Status);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
        var audit = (await gateway.AskAsync("/api/audit?subject=kim")).GetProperty("items");
        Assert.Equal(["revoked", "issued", "created"], audit.EnumerateArray().Select(entry => entry.GetProperty("change").GetString()));
        Assert.Equal(("lost", TestGateway.Admin, "kim/laptop"), (audit[0].GetProperty("reason").GetString(), audit[0].GetProperty("by").GetString(), audit[0].GetProperty("subject").GetString()));
        Assert.DoesNotContain(secret, audit.GetRawText(), StringComparison.Ordinal);
        Assert.Equal("sha256:…", audit[1].GetProperty("data").GetProperty("SecretHash").GetString());
    }

    [Theory]
    [InlineData(".")]
    [InlineData("..")]
    public async Task An_id_that_an_address_takes_for_a_step_up_is_refused_so_that_revoking_a_key_cannot_remove_its_tenant(string id)
    {
        await using var gateway = await TestGateway.StartAsync(Simulator, server: Server);

        var tenant = await SendAsync(gateway, HttpMethod.Post, "/api/tenants", $$"""{ "document": { "id": "{{id}}" } }""");
        var key = await SendAsync(gateway, HttpMethod.Post, "/api/tenants/alice/keys", $$"""{ "id": "{{id}}" }""");

        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.BadRequest), (tenant.Status, key.Status));
    }

    [Theory]
    [InlineData("/api/tenants", """{ "document": { "id": "kim", "name": "\ud800" } }""")]
    [InlineData("/api/tenants", """{ "document": { "id": "kim" }, "reason": "\ud800" }""")]
    [InlineData("/api/tenants", """{ "document": { "id": "kim" }, "\ud800": 1 }""")]
    [InlineData("/api/tenants/alice/keys", """{ "label": "\udc00" }""")]
    [InlineData("/api/upstreams", """{ "document": { "id": "two", "kind": "simulator", "name": "\ud800" } }""")]
    [InlineData("/api/prices", """{ "version": "\ud800", "reason": "r", "prices": [] }""")]
    [InlineData("/api/prices/import", """{ "model": { "litellm_provider": "\ud800" } }""")]
    [InlineData("/api/billing/rerate", """{ "prices": { "version": "\ud800" }, "from": "2026-11-01", "to": "2026-11-30" }""")]
    [InlineData("/api/billing/rerate", """{ "from": "2026-11-01", "to": "2026-11-30" }""")]
    [InlineData("/api/billing/rerate", "{}")]
    [InlineData("/api/billing/reconcile", """{ "upstream": "sim", "report": "\ud800", "from": "2026-11-01", "to": "2026-11-20" }""")]
    [InlineData("/api/billing/reconcile", """{ "upstream": "sim", "from": "2026-11-01", "to": "2026-11-20" }""")]
    public async Task What_is_no_text_or_is_missing_is_said_to_be_wrong(string path, string body)
    {
        await using var gateway = await TestGateway.StartAsync(Simulator, server: Server);

        var refused = await SendAsync(gateway, HttpMethod.Post, path, body);

        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.NotEmpty(refused.Body.GetProperty("errors").EnumerateObject());
    }

    [Fact]
    public async Task A_rotated_key_works_with_both_secrets_while_they_overlap_and_is_listed_without_them()
    {
        await using var gateway = await TestGateway.StartAsync(Simulator, server: Server);
        var first = (await SendAsync(gateway, HttpMethod.Post, "/api/tenants/alice/keys", """{ "id": "ci", "limits": { "requestsPerMinute": 1000 } }""")).Body.GetProperty("secret").GetString()!;

        var second = (await SendAsync(gateway, HttpMethod.Post, "/api/tenants/alice/keys/ci/rotate", """{ "overlapMinutes": 5 }""")).Body.GetProperty("secret").GetString()!;

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await AskModelAsync(gateway, first), await AskModelAsync(gateway, second)));
        var listed = await gateway.AskAsync("/api/keys?q=ci");
        Assert.Equal(("rotating", second[^4..]), (listed.GetProperty("items")[0].GetProperty("state").GetString(), listed.GetProperty("items")[0].GetProperty("hint").GetString()));
        Assert.DoesNotContain("secret", listed.GetRawText(), StringComparison.OrdinalIgnoreCase);

        var third = (await SendAsync(gateway, HttpMethod.Post, "/api/tenants/alice/keys/ci/rotate")).Body.GetProperty("secret").GetString()!;
        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized, HttpStatusCode.OK), (await AskModelAsync(gateway, first), await AskModelAsync(gateway, second), await AskModelAsync(gateway, third)));
    }

    [Fact]
    public async Task What_is_left_out_of_a_keys_change_stays_and_null_takes_it_away()
    {
        await using var gateway = await TestGateway.StartAsync(Simulator, server: Server);
        await SendAsync(gateway, HttpMethod.Post, "/api/tenants/alice/keys", """{ "id": "ci", "label": "one", "limits": { "requestsPerMinute": 3 } }""");

        var relabelled = (await SendAsync(gateway, HttpMethod.Put, "/api/tenants/alice/keys/ci", """{ "label": "two" }""")).Body;
        var freed = (await SendAsync(gateway, HttpMethod.Put, "/api/tenants/alice/keys/ci", """{ "limits": null }""")).Body;

        Assert.Equal(("two", 3), (relabelled.GetProperty("label").GetString(), relabelled.GetProperty("limits").GetProperty("requestsPerMinute").GetInt32()));
        Assert.Equal(("two", false), (freed.GetProperty("label").GetString(), freed.TryGetProperty("limits", out _)));
    }

    [Theory]
    [InlineData("POST", "/api/tenants", """{ "document": { "id": "alice" } }""", 409, "already")]
    [InlineData("PUT", "/api/tenants/alice", """{ "document": { "id": "alice" } }""", 409, "tenants.json")]
    [InlineData("DELETE", "/api/tenants/alice", null, 409, "tenants.json")]
    [InlineData("DELETE", "/api/tenants/alice/keys/default", null, 409, "tenants.json")]
    [InlineData("POST", "/api/tenants/alice/keys", """{ "id": "default" }""", 409, "another id")]
    [InlineData("DELETE", "/api/tenants/nobody", null, 404, "nobody")]
    [InlineData("POST", "/api/tenants/nobody/keys", "{}", 404, "nobody")]
    [InlineData("DELETE", "/api/tenants/parent", null, 409, "child")]
    [InlineData("PUT", "/api/tenants/parent", """{ "document": { "id": "parent", "parent": "child" } }""", 400, "$.document.parent")]
    [InlineData("PUT", "/api/tenants/parent", """{ "document": { "id": "other" } }""", 400, "$.document.id")]
    [InlineData("POST", "/api/tenants", """{ "document": { "id": "x", "parent": "nobody" } }""", 400, "$.document.parent")]
    [InlineData("POST", "/api/tenants", """{ "document": { "id": "x", "limit": {} } }""", 400, "$.document.limit")]
    [InlineData("POST", "/api/tenants", """{ "document": { "id": "x/y", "key": "k" } }""", 400, "$.document.key")]
    [InlineData("POST", "/api/tenants", """{ "document": """, 400, "JSON")]
    [InlineData("GET", "/api/tenants?sort=name", null, 400, "parent, limit, cursor")]
    public async Task What_cannot_be_done_is_refused_with_the_reason(string method, string path, string? body, int status, string reason)
    {
        await using var gateway = await TestGateway.StartAsync(Simulator, server: Server);
        await SendAsync(gateway, HttpMethod.Post, "/api/tenants", """{ "document": { "id": "parent" } }""");
        await SendAsync(gateway, HttpMethod.Post, "/api/tenants", """{ "document": { "id": "child", "parent": "parent" } }""");

        var answer = await SendAsync(gateway, new HttpMethod(method), path, body);

        Assert.Equal(status, (int)answer.Status);
        Assert.Contains(reason, answer.Body.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_of_a_version_that_is_not_the_last_is_refused()
    {
        await using var gateway = await TestGateway.StartAsync(Simulator, server: Server);
        var created = await SendAsync(gateway, HttpMethod.Post, "/api/tenants", """{ "document": { "id": "kim" } }""");
        var version = $"\"{created.Body.GetProperty("version").GetInt64()}\"";

        var first = await SendAsync(gateway, HttpMethod.Put, "/api/tenants/kim", """{ "document": { "id": "kim", "name": "One" } }""", version);
        var second = await SendAsync(gateway, HttpMethod.Put, "/api/tenants/kim", """{ "document": { "id": "kim", "name": "Two" } }""", version);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.PreconditionFailed), (first.Status, second.Status));
        Assert.Equal("One", (await gateway.AskAsync("/api/tenants/kim")).GetProperty("document").GetProperty("name").GetString());
    }

    [Fact]
    public async Task Of_operators_who_declare_a_tenant_at_the_same_moment_one_does()
    {
        await using var gateway = await TestGateway.StartAsync(Simulator, server: Server);

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => SendAsync(gateway, HttpMethod.Post, "/api/tenants", $$$"""{ "document": { "id": "kim", "name": "{{{number}}}" } }""")));

        Assert.Equal([HttpStatusCode.Created, .. Enumerable.Repeat(HttpStatusCode.Conflict, 7)], answers.Select(answer => answer.Status).Order());
    }

    [Fact]
    public async Task What_was_declared_is_in_force_again_after_a_restart_and_a_removed_tenant_can_be_declared_anew()
    {
        var root = Directory.CreateTempSubdirectory("ccgate-test-");
        string secret;
        await using (var gateway = await TestGateway.StartAsync(Simulator, server: Server, over: root))
        {
            await SendAsync(gateway, HttpMethod.Post, "/api/tenants", """{ "document": { "id": "kim" } }""");
            await SendAsync(gateway, HttpMethod.Delete, "/api/tenants/kim");
            await SendAsync(gateway, HttpMethod.Post, "/api/tenants", """{ "document": { "id": "kim" } }""");
            secret = (await SendAsync(gateway, HttpMethod.Post, "/api/tenants/kim/keys")).Body.GetProperty("secret").GetString()!;
        }

        await using var again = await TestGateway.StartAsync(Simulator, server: Server, over: root);

        Assert.Equal(HttpStatusCode.OK, await AskModelAsync(again, secret));
        await again.StopAsync();
        root.Delete(recursive: true);
    }

    [Theory]
    [InlineData("/v1/messages", """{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}""", """{"type":"error","error":{"type":"authentication_error",""")]
    [InlineData("/openai/v1/chat/completions", """{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hi"}]}""", "\"code\":\"invalid_api_key\"")]
    [InlineData("/openai/v1/responses", """{"model":"gpt-5-mini","input":"Hi"}""", "\"code\":\"invalid_api_key\"")]
    [InlineData("/gemini/v1beta/models/gemini-3-pro:generateContent", """{"contents":[{"parts":[{"text":"Hi"}]}]}""", "\"status\":\"UNAUTHENTICATED\"")]
    public async Task A_key_that_has_expired_is_refused_in_the_words_of_each_protocol(string path, string body, string envelope)
    {
        await using var gateway = await TestGateway.StartAsync(
            Simulator, $$"""{ "tenants": [ { "id": "alice", "keys": [ { "id": "old", "key": "{{TestGateway.Key}}", "expiresAt": "2020-01-01" } ] } ] }""", Server);

        using var response = await gateway.PostAsync(body, path);
        var text = await response.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Contains(envelope, text.Replace(": ", ":", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_come_in_pages_and_as_CSV()
    {
        await using var gateway = await TestGateway.StartAsync(Simulator, server: Server);
        foreach (var id in (string[])["kim", "bob"])
        {
            await SendAsync(gateway, HttpMethod.Post, "/api/tenants", $$$"""{ "document": { "id": "{{{id}}}", "note": "=1+1" } }""");
            await SendAsync(gateway, HttpMethod.Post, $"/api/tenants/{id}/keys", """{ "id": "ci" }""");
        }

        foreach (var (path, first, second) in ((string, string, string)[])[("tenants", "alice", "bob"), ("keys", "alice/default", "bob/ci"), ("audit", "kim/ci", "kim")])
        {
            static string Name(JsonElement item) => item.TryGetProperty("subject", out var subject) ? subject.GetString()!
                : item.TryGetProperty("tenant", out var tenant) ? $"{tenant.GetString()}/{item.GetProperty("id").GetString()}" : item.GetProperty("id").GetString()!;
            var query = path == "audit" ? "subject=kim&limit=1" : "limit=1";
            var page = await gateway.AskAsync($"/api/{path}?{query}");
            var next = await gateway.AskAsync($"/api/{path}?{query}&cursor={page.GetProperty("next").GetString()}");
            Assert.Equal((first, second), (Name(page.GetProperty("items")[0]), Name(next.GetProperty("items")[0])));
            var wrong = await SendAsync(gateway, HttpMethod.Get, $"/api/{path}?cursor=x&limit=0");
            Assert.Equal(["cursor", "limit"], wrong.Body.GetProperty("errors").EnumerateObject().Select(error => error.Name).Order());
        }

        var tenants = (await TextAsync(gateway, "/api/tenants?format=csv")).Split("\r\n");
        Assert.Equal(("alice,alice,file,true,,default,UTC,,,1,{},*", "bob,bob,operator,true,,default,UTC,'=1+1,,1,{},*"), (tenants[1], tenants[2]));
        Assert.StartsWith("tenant,id,label,hint,origin,created_at,expires_at,state,limits\r\nalice,default,,,file,,,active,", await TextAsync(gateway, "/api/keys?format=csv"), StringComparison.Ordinal);
        var audit = await TextAsync(gateway, "/api/audit?format=csv&type=key_issued&by=admin&subject=kim/ci");
        Assert.Equal(2, audit.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Equal("position,at,by,type,subject,change,reason,data\r\n", await TextAsync(gateway, "/api/audit?format=csv&by=nobody"));
    }

    [Fact]
    public async Task Settings_and_the_export_show_no_secret_and_only_who_may_change_things_exports()
    {
        await using var gateway = await TestGateway.StartAsync(TestGateway.Upstreams("http://127.0.0.1:1"), server: Server);
        await SendAsync(gateway, HttpMethod.Post, "/api/tenants", """{ "document": { "id": "kim" } }""");
        var token = (await SendAsync(gateway, HttpMethod.Post, "/api/tokens", """{ "name": "look", "scope": "read" }""")).Body.GetProperty("token").GetString()!;

        var settings = await gateway.AskAsync("/api/settings");
        var export = await gateway.AskAsync("/api/export-config");

        static string Of(JsonElement settings, string name) =>
            settings.GetProperty("settings").EnumerateArray().Where(setting => setting.GetProperty("name").GetString() == name).Select(setting => $"{setting.GetProperty("value")} {setting.GetProperty("source")}").Single();
        Assert.Equal(("run", 3), (settings.GetProperty("mode").GetString(), settings.GetProperty("configuration").GetProperty("files").GetArrayLength()));
        Assert.Equal(("402 default", "••• server.json", "weighted_round_robin default"), (Of(settings, "limits.budgetStatus"), Of(settings, "admin.passwordHash"), Of(settings, "loadBalancer.strategy")));
        Assert.Contains("\"kim\"", export.GetProperty("tenants.json").GetString(), StringComparison.Ordinal);
        Assert.Contains("${CCGATE_UPSTREAM_U1_KEY}", export.GetProperty("upstreams.json").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("upstream-secret", export.GetRawText() + settings.GetRawText(), StringComparison.Ordinal);
        await Eventually.PassesAsync(async () =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/export-config");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            using var refused = await gateway.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        });
    }

    private static async Task<string> TextAsync(TestGateway gateway, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));
        using var response = await gateway.Http.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }

    private static async Task<HttpStatusCode> AskModelAsync(TestGateway gateway, string key)
    {
        using var response = await gateway.PostAsync(Encoding.UTF8.GetBytes(TestGateway.Body(stream: false)), key: key);
        return response.StatusCode;
    }

    private static async Task<(HttpStatusCode Status, JsonElement Body)> SendAsync(TestGateway gateway, HttpMethod method, string path, string? body = null, string? ifMatch = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{TestGateway.Admin}:{TestGateway.Password}")));
        if (ifMatch is not null)
        {
            request.Headers.IfMatch.Add(new EntityTagHeaderValue(ifMatch));
        }

        using var response = await gateway.Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, text.Length == 0 ? default : JsonElement.Parse(text));
    }
}
