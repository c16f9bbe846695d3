using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Projections.Settings;
using CCGate.Projections.Upstreams;
using CCGate.Tests.Infrastructure;

namespace CCGate.Tests.Unit.Projections;

/// <summary>What is in force, written as files.</summary>
public sealed partial class ConfigExportTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    // Of this test alone, because variables are the whole process's.
    private const string UpstreamId = "export.test-1";

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ccgate-test-");
    private readonly List<string> variables = [];

    [Fact]
    public void Exported_files_are_read_as_the_same_configuration_once_their_variables_are_set()
    {
        var before = Write();

        var files = ConfigExport.Files(before, Now);
        var text = string.Concat(files.Values);
        foreach (var secret in (string[])["upstream-secret", "declared-secret", "header-secret", "proxy-secret", "hook.example", "alert-secret", "mail-secret", "0123456789abcdef", "store-secret", "broker-secret", "tenant-secret", "admin-secret"])
        {
            Assert.DoesNotContain(secret, text, StringComparison.Ordinal);
        }

        Set("CCGATE_UPSTREAM_EXPORT_TEST_1_KEY_1", "upstream-secret-1");
        Set("CCGATE_UPSTREAM_EXPORT_TEST_1_KEY_2", "upstream-secret-2");
        Set("CCGATE_UPSTREAM_EXPORT_TEST_1_HEADER_X_TEAM", "header-secret");
        Set("CCGATE_UPSTREAM_EXPORT_TEST_1_PROXY_PASSWORD", "proxy-secret");
        Set("CCGATE_UPSTREAM_EXPORT_TEST_2_KEY", "declared-secret");
        Set("CCGATE_ALERTS_WEBHOOK", "https://hook.example/T0/B0");
        Set("CCGATE_ALERTS_SECRET", "alert-secret");
        Set("CCGATE_ALERTS_EMAIL_PASSWORD", "mail-secret");
        Set("CCGATE_SECRETS_KEY", "0123456789abcdef0123456789abcdef");
        Set("CCGATE_EVENT_STORE_PASSWORD", "store-secret");
        Set("CCGATE_BROKER_PASSWORD", "broker-secret");
        Assert.Equal(variables.Order(StringComparer.Ordinal), Variable().Matches(text).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal));
        Assert.All(variables, variable => Assert.Matches($"(?m)^// Set these variables .*{variable}", text));
        foreach (var (name, content) in files)
        {
            TestGateway.Write(directory, name, content);
        }

        var reading = new ConfigDirectory(directory).Read();

        Assert.Empty(reading.Errors);
        AssertSame(before, reading.Config!);
    }

    [Fact]
    public void A_variable_that_an_operator_wrote_is_not_replaced_when_the_file_is_read()
    {
        var written = ConfigExport.Files(new GatewayConfig { Tenants = [new TenantConfig { Id = "kim", Name = "${PATH}" }] }, Now)["tenants.json"];

        Assert.DoesNotContain("${PATH}", written, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_written_of_prices_while_only_the_shipped_ones_hold() =>
        Assert.DoesNotContain("prices.json", ConfigExport.Files(new GatewayConfig { Prices = PriceBookFile.Shipped }, Now).Keys);

    [Fact]
    public void An_upstream_that_cannot_be_used_is_named_and_left_out()
    {
        var written = ConfigExport.Files(new GatewayConfig { Upstreams = [new UpstreamConfig { Id = "far", Fault = "sealed with\nanother key" }] }, Now)["upstreams.json"];

        Assert.Contains("// Left out: far, which cannot be used here: sealed with another key\n", written, StringComparison.Ordinal);
        Assert.DoesNotContain("\"far\"", written, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        variables.ForEach(variable => Environment.SetEnvironmentVariable(variable, null));
        directory.Delete(recursive: true);
    }

    /// <summary>Files with everything that is secret, and what operators changed besides.</summary>
    private GatewayConfig Write()
    {
        TestGateway.Write(directory, "server.json", """
            { "admin": { "username": "root", "password": "admin-secret" }, "secretsKey": "0123456789abcdef0123456789abcdef", "server": { "port": 3333 }, "limits": { "budgetStatus": 429, "shutdownSeconds": 1.5 }, "abort": "drain",
              "eventStore": "Host=db;Username=gate;Password=store-secret", "broker": "amqp://gate:broker-secret@mq:5672/v", "projections": "http://127.0.0.1:3001", "cors": { "origins": ["https://app.example"] }, "openai": { "models": { "gpt-*": "claude-haiku" } },
              "alerts": { "webhook": "https://hook.example/T0/B0", "secret": "alert-secret", "kinds": ["soft_limit"], "email": { "host": "mail.example", "username": "gate", "password": "mail-secret", "from": "a@b.example", "to": ["c@d.example"] } } }
            """);
        TestGateway.Write(directory, "upstreams.json", $$"""
            { "upstreams": [ { "id": "{{UpstreamId}}", "url": "https://one.example/v", "keys": ["upstream-secret-1", "upstream-secret-2"], "headers": { "X-Team": "header-secret" }, "proxy": "socks5://me:proxy-secret@proxy:9", "models": ["claude-*"], "costMultiplier": 1.25 } ],
              "loadBalancer": { "strategy": "priority", "models": { "claude-*": { "strategy": "cheapest" } }, "maxAttempts": 7 } }
            """);
        TestGateway.Write(directory, "tenants.json", """
            { "tenants": [
              { "id": "team", "keys": [], "timezone": "Europe/Berlin", "resetTime": "06:00", "weekStartsOn": "sunday", "modelAliases": { "fast": "claude-haiku" },
                "limits": { "daily": { "maxUSD": 5.5, "maxTokens": 7 }, "requestsPerMinute": 3, "alertAt": [0.5, 1] } },
              { "id": "bob", "key": "tenant-secret", "parent": "team", "abort": "drain", "keys": [ { "id": "ci", "key": "other-tenant-secret", "label": "CI", "expiresAt": "2027-01-31T18:00:00Z", "limits": { "weekly": { "maxRequests": 9 } } } ] } ] }
            """);
        TestGateway.Write(directory, "prices.json", """
            { "version": "mine", "prices": [ { "model": "claude-own", "effectiveFrom": "2026-01-01", "perMillion": { "input": 1, "output": 2, "cacheRead": 0.1, "cacheWrite5m": 1.25, "cacheWrite1h": 2 },
              "aboveInputTokens": [ { "tokens": 200000, "perMillion": { "input": 2, "output": 4, "cacheRead": 0.2, "cacheWrite5m": 2.5, "cacheWrite1h": 4 } } ], "inferenceGeo": { "us": 1.1 } } ] }
            """);
        var files = new ConfigDirectory(directory).Read();
        Assert.Empty(files.Errors);

        var box = new SecretBox(files.Config!.SecretsKey!);
        var sealedDocument = UpstreamSecrets.Seal((JsonObject)JsonNode.Parse("""{ "id": "export.test-2", "url": "https://two.example", "key": "declared-secret" }""")!, "export.test-2", box);
        EventRecord[] changes =
        [
            EventRecord.From(new TenantChanged { TenantId = "kim", Change = DeclarationChange.Created, Document = JsonElement.Parse("""{ "id": "kim", "parent": "team", "note": "<script>", "holdPolicy": "refuse", "groups": ["a"] }"""), By = "admin", At = Now }),
            EventRecord.From(new UpstreamChanged { UpstreamId = "export.test-2", Change = DeclarationChange.Created, Document = sealedDocument, By = "admin", At = Now }),
            EventRecord.From(new RoutingChanged { OpenAi = JsonElement.Parse("""{ "defaultModel": "claude-haiku" }"""), By = "admin", At = Now }),
            EventRecord.From(new PriceBookPublished { EventId = Guid.CreateVersion7(Now), Book = new PriceBook { Prices = [new ModelPrice { Model = "claude-set", PerMillion = new TokenRates { Input = 3 } }] }, PublishedAt = Now, Origin = PriceBookPublished.OperatorOrigin, By = "admin" }),
        ];
        return changes.Index().Aggregate(AdministrationFacts.None, (facts, change) => facts.With(change.Index + 1, change.Item.Type, change.Item.Data)).Over(files.Config, () => box);
    }

    private static void AssertSame(GatewayConfig before, GatewayConfig after)
    {
        Assert.Equal(before.Tenants.Select(tenant => TenantDocument.WithKeys(tenant).ToJsonString()), after.Tenants.Select(tenant => TenantDocument.WithKeys(tenant).ToJsonString()));
        Assert.Equal(["team", "bob", "kim"], after.Tenants.Select(tenant => tenant.Id));
        Assert.Equal(before.Upstreams.Select(Text), after.Upstreams.Select(Text));
        Assert.Equal([UpstreamId, "export.test-2"], after.Upstreams.Select(upstream => upstream.Id));
        Assert.Equal(RoutingDocument.Of(before.LoadBalancer).GetRawText(), RoutingDocument.Of(after.LoadBalancer).GetRawText());
        Assert.Equal(RoutingDocument.Of(before.OpenAi).GetRawText(), RoutingDocument.Of(after.OpenAi).GetRawText());
        Assert.Equal((before.Server, before.Admin, before.Api, before.Projections), (after.Server, after.Admin, after.Api, after.Projections));
        Assert.Equal(before.Broker, after.Broker);
        Assert.Equal(before.EventStore!.Reveal(), after.EventStore!.Reveal(), ignoreCase: true);
        Assert.Equal([.. before.Cors.Origins], after.Cors.Origins.ToArray());
        Assert.Equal((before.Alerts!.Webhook, before.Alerts.Secret, before.Alerts.Email!.Password, before.Alerts.Email.Port), (after.Alerts!.Webhook, after.Alerts.Secret, after.Alerts.Email!.Password, after.Alerts.Email.Port));
        Assert.Equal([.. before.Alerts.Kinds], after.Alerts.Kinds.ToArray());
        Assert.Equal(before.SecretsKey!.Derive("x", 8), after.SecretsKey!.Derive("x", 8));
        Assert.Equal(before.Prices.Version, after.Prices.Version);
        foreach (var model in (string[])["claude-own", "claude-set", "claude-sonnet-4-5"])
        {
            var usage = new TokenUsage { InputTokens = 300_000, OutputTokens = 5, CacheReadTokens = 7, InferenceGeo = "us" };
            Assert.Equal(before.Prices.Find(model, Now)!.Spend(usage, 1), after.Prices.Find(model, Now)!.Spend(usage, 1));
        }
    }

    private static string Text(UpstreamConfig upstream) => string.Join(
        ' ', upstream.Id, upstream.Kind, upstream.Url, string.Join(',', upstream.Keys.Select(key => key.Reveal())), string.Join(',', upstream.Headers.Select(header => header.Key + header.Value.Reveal())), upstream.Proxy, string.Join(',', upstream.Models), upstream.CostMultiplier, upstream.Enabled);

    private void Set(string name, string value)
    {
        Environment.SetEnvironmentVariable(name, value);
        variables.Add(name);
    }

    [GeneratedRegex(@"\$\{(\w+)\}")]
    private static partial Regex Variable();
}
