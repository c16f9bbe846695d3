using CCGate.Hosting.Configuration;
using CCGate.Hosting.Tenants;

namespace CCGate.Tests.Unit.Hosting;

/// <summary>The configuration directory: every error is named, and a file of the Node project works unchanged.</summary>
public sealed class ConfigDirectoryTests : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ccgate-config-");

    public void Dispose() => directory.Delete(recursive: true);

    [Fact]
    public void The_files_of_the_Node_project_work_unchanged()
    {
        var reading = new ConfigDirectory(new DirectoryInfo(Path.Combine(AppContext.BaseDirectory, "Fixtures", "node-ccgate", "config"))).Read();

        Assert.Empty(reading.Errors);
        var config = reading.Config!;
        Assert.Equal(("0.0.0.0", 3000, "admin"), (config.Server.Host, config.Server.Port, config.Admin!.Username));
        Assert.Equal(SecretHash.Of("change-me-please"), config.Admin.Password);
        Assert.Equal(["official", "mirror"], config.Upstreams.Select(upstream => upstream.Id));
        Assert.Equal(("/api/claude/", 50, false), (config.Upstreams[1].Url!.AbsolutePath, config.Upstreams[1].Weight, config.Upstreams[1].Enabled));
        Assert.Equal([100m, 20.5m], config.Tenants.Select(tenant => tenant.DailyMaxUsd!.Value));
        Assert.Equal(["*sonnet*", "claude-haiku-*"], config.Tenants[0].AllowedModels.ToArray());
        Assert.Equal(SecretHash.Of("ccgate-not-a-key-1"), config.Tenants[0].Keys.Single().Secret);
        Assert.Equal((true, "claude-sonnet-4-5", "claude-sonnet-4-5", null), (config.OpenAi.Enabled, config.OpenAi.DefaultModel, config.OpenAi.Models.Find("GPT-5-mini"), config.OpenAi.Models.Find("gpt-5")));
    }

    [Fact]
    public void A_string_that_is_no_text_is_an_error_of_its_file_and_throws_nothing()
    {
        Write("tenants.json", """{ "tenants": [ { "id": "a", "key": "k1", "name": "\ud800" } ] }""");

        Assert.Equal(["tenants.json: $: " + JsonStrings.Problem], new ConfigDirectory(directory).Read().Errors.Select(error => error.ToString()));
    }

    [Fact]
    public void What_a_model_is_to_be_called_is_checked_wherever_it_is_written()
    {
        Write("server.json", """{ "openai": { "models": { "gpt-4*": "claude-*", "gpt-5": 5, "o3": "o3" }, "defaultModel": "" } }""");
        Write("upstreams.json", """{ "upstreams": [ { "id": "a", "url": "https://a.example", "modelMapping": { "claude-*": " ", "b": "a", "a": "b" } } ] }""");
        Write("tenants.json", $$"""
            { "tenants": [
                { "id": "a", "key": "k1", "parent": "b", "modelAliases": { "fast": "smart", "long": "{{new string('x', 201)}}", "claude-*": "claude-haiku-4-5" } },
                { "id": "b", "key": "k2", "modelAliases": { "smart": "claude-opus-4-1", "same": "SAME", "cheap": "claude-haiku-4-5" } } ] }
            """);

        Assert.Equal(
            [
                "server.json $.openai.defaultModel", "server.json $.openai.models.gpt-4*", "server.json $.openai.models.gpt-5",
                "tenants.json $.tenants[0].modelAliases.fast", "tenants.json $.tenants[0].modelAliases.long", "upstreams.json $.upstreams[0].modelMapping.claude-*",
            ],
            new ConfigDirectory(directory).Read().Problems.Select(problem => $"{problem.File} {problem.Path}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_tenant_has_the_aliases_of_those_above_it_but_for_names_it_has_itself()
    {
        Write("upstreams.json", """{ "upstreams": [ { "id": "a", "url": "https://a.example" } ] }""");
        Write("tenants.json", """
            { "tenants": [
                { "id": "a", "key": "k1", "parent": "b", "modelAliases": { "FAST": "claude-haiku-4-5" } },
                { "id": "b", "key": "k2", "parent": "c", "modelAliases": { "fast": "gpt-5-mini", "smart": "claude-opus-4-1" } },
                { "id": "c", "keys": [], "modelAliases": { "smart": "gpt-5", "gpt-4*": "gpt-5" } } ] }
            """);

        var tenants = new ConfigDirectory(directory).Read().Config!.Tenants;

        Assert.Equal(
            ["claude-haiku-4-5 claude-opus-4-1 gpt-5 -", "gpt-5-mini claude-opus-4-1 gpt-5 -", "- gpt-5 gpt-5 -"],
            tenants.Select(tenant => string.Join(' ', new[] { "fast", "smart", "gpt-4o", "other" }.Select(name => tenant.ModelAliases.Find(name) ?? "-"))));
    }

    [Fact]
    public void What_has_no_effect_is_named_with_what_to_use_instead()
    {
        var reading = new ConfigDirectory(new DirectoryInfo(Path.Combine(AppContext.BaseDirectory, "Fixtures", "node-ccgate", "config"))).Read();

        var warned = reading.Problems.Where(problem => problem.File == "server.json").Select(problem => problem.Path).ToList();
        Assert.Equal(
            ["$.admin.path", "$.logging.directory", "$.logging.enableConsole", "$.logging.level", "$.logging.maxFileSize", "$.logging.maxFiles", "$.proxy.retryAttempts", "$.proxy.retryDelay", "$.proxy.timeout", "$.server.keepAlive", "$.server.timeout"],
            warned.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_error_of_every_file_is_listed_with_its_path()
    {
        Write("server.json", """{ "server": { "port": 70000 }, "limits": { "budgetStatus": 403, "maxBodyBites": 5 }, "abort": "wait", "broker": "http://x", "admin": { "passwordHash": "sha256:00" } }""");
        Write("upstreams.json", """
            { "upstreams": [
                { "id": "a", "url": "ftp://x", "weight": -1, "kind": "claude" },
                { "id": "a", "url": "https://ok.example", "key": 5, "timeouts": { "idleSeconds": 0 } },
                { "url": "https://ok.example" }, 7 ],
              "loadBalancer": { "strategy": "best" } }
            """);
        Write("tenants.json", """
            { "tenants": [
                { "id": "a/b", "key": "k", "timezone": "Mars/Olympus", "limits": { "dayly": { "maxUSD": 1 } } },
                { "id": "c", "key": "k", "holdPolicy": "ask", "limits": { "daily": { "maxUSD": "5" } } },
                { "id": "c", "keys": [ { "id": "x", "key": "sha256:zz" } ], "allowedModels": "all" },
                { "id": "d" } ] }
            """);
        Write("prices.json", """{ "version": "1", "prices": [ { "model": "x", "effectiveFrom": "2026-01-01", "perMillion": { "input": -1, "output": 1, "cacheRead": 1, "cacheWrite5m": 1, "cacheWrite1h": 1 } } ] }""");

        var reading = new ConfigDirectory(directory).Read();

        Assert.Null(reading.Config);
        Assert.Equal(
            [
                "prices.json $.prices[0].perMillion.input",
                "server.json $.abort", "server.json $.admin.passwordHash", "server.json $.broker", "server.json $.limits.budgetStatus", "server.json $.limits.maxBodyBites", "server.json $.server.port",
                "tenants.json $.tenants[0].id", "tenants.json $.tenants[0].limits.dayly", "tenants.json $.tenants[0].timezone",
                "tenants.json $.tenants[1].holdPolicy", "tenants.json $.tenants[1].key", "tenants.json $.tenants[1].limits.daily.maxUSD",
                "tenants.json $.tenants[2].allowedModels", "tenants.json $.tenants[2].id", "tenants.json $.tenants[2].keys[0].key", "tenants.json $.tenants[3].key",
                "upstreams.json $.loadBalancer.strategy", "upstreams.json $.upstreams[0].kind", "upstreams.json $.upstreams[0].url", "upstreams.json $.upstreams[0].weight",
                "upstreams.json $.upstreams[1].id", "upstreams.json $.upstreams[1].key", "upstreams.json $.upstreams[1].timeouts.idleSeconds", "upstreams.json $.upstreams[2].id", "upstreams.json $.upstreams[3]",
            ],
            reading.Errors.Select(problem => $"{problem.File} {problem.Path}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_setting_that_spreads_requests_is_checked()
    {
        Write("upstreams.json", """
            { "upstreams": [ { "id": "a", "url": "https://a.example", "keyRotation": "last", "maxConcurrent": -1, "queue": { "max": 1.5, "waitSeconds": 0 }, "dailyMaxUSD": -1,
                "activeHours": { "from": "8", "timezone": "Mars" },
                "circuitBreaker": { "failures": 0, "failureRate": 2, "openSeconds": 0, "successes": 0, "opens": 1 },
                "healthCheck": { "path": "v1", "method": "DELETE", "intervalSeconds": 0.5, "expectedStatus": [20] } } ],
              "loadBalancer": { "maxAttempts": 0, "backoffMs": -1, "models": { "claude-*": { "strategy": "dearest" } }, "groups": { "vip": 1 } } }
            """);

        Assert.Equal(
            [
                "$.loadBalancer.backoffMs", "$.loadBalancer.groups.vip", "$.loadBalancer.maxAttempts", "$.loadBalancer.models.claude-*.strategy",
                "$.upstreams[0].activeHours.from", "$.upstreams[0].activeHours.timezone", "$.upstreams[0].activeHours.to",
                "$.upstreams[0].circuitBreaker.failureRate", "$.upstreams[0].circuitBreaker.failures", "$.upstreams[0].circuitBreaker.openSeconds", "$.upstreams[0].circuitBreaker.successes",
                "$.upstreams[0].dailyMaxUSD", "$.upstreams[0].healthCheck.expectedStatus", "$.upstreams[0].healthCheck.intervalSeconds", "$.upstreams[0].healthCheck.method", "$.upstreams[0].healthCheck.path",
                "$.upstreams[0].keyRotation", "$.upstreams[0].maxConcurrent", "$.upstreams[0].queue.max", "$.upstreams[0].queue.waitSeconds",
            ],
            new ConfigDirectory(directory).Read().Errors.Select(problem => problem.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_model_that_nobody_serves_and_a_group_that_nobody_is_in_are_named()
    {
        Write("upstreams.json", """
            { "upstreams": [ { "id": "a", "url": "https://a.example", "models": ["claude-*"], "modelMapping": { "fast": "claude-haiku-4-5" } } ],
              "loadBalancer": { "models": { "gpt-5": { "strategy": "cheapest" } }, "groups": { "vip": { "strategy": "random" } } } }
            """);
        Write("tenants.json", """{ "tenants": [ { "id": "alice", "key": "k", "allowedModels": ["claude-opus-4-1", "fast", "gpt-5", "*mini"] } ] }""");

        Assert.Equal(
            ["tenants.json $.tenants[0].allowedModels[2]", "upstreams.json $.loadBalancer.groups.vip", "upstreams.json $.loadBalancer.models.gpt-5"],
            new ConfigDirectory(directory).Read().Problems.Select(problem => $"{problem.File} {problem.Path}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void How_conversations_stay_with_an_upstream_is_read()
    {
        Write("upstreams.json", """{ "upstreams": [], "loadBalancer": { "stickySessions": false, "sessionTtlSeconds": 3600, "stickyReturn": "when_idle" } }""");
        Assert.True(new ConfigDirectory(directory).Read().Config!.LoadBalancer is { StickySessions: false, SessionTtl.TotalHours: 1, StickyReturn: StickyReturn.WhenIdle });

        Write("upstreams.json", """{ "upstreams": [], "loadBalancer": {} }""");
        Assert.True(new ConfigDirectory(directory).Read().Config!.LoadBalancer is { StickySessions: true, SessionTtl.TotalMinutes: 5, StickyReturn: StickyReturn.Never });

        Write("upstreams.json", """{ "upstreams": [], "loadBalancer": { "stickyReturn": "at_once" } }""");
        Assert.Equal("$.loadBalancer.stickyReturn", Assert.Single(new ConfigDirectory(directory).Read().Errors).Path);
    }

    [Fact]
    public void A_file_that_is_not_JSON_is_named_with_line_and_byte()
    {
        Write("tenants.json", "{\n  \"tenants\": [ }\n}");

        var error = Assert.Single(new ConfigDirectory(directory).Read().Errors);

        Assert.Equal("tenants.json", error.File);
        Assert.Contains("line 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_variable_is_taken_from_the_environment_and_a_missing_one_is_an_error()
    {
        Environment.SetEnvironmentVariable("CCGATE_TEST_SECRET", "s3cret");
        Write("upstreams.json", """{ "upstreams": [ { "id": "a", "url": "https://a.example", "key": "x-${CCGATE_TEST_SECRET}" } ] }""");
        Assert.Equal("x-s3cret", new ConfigDirectory(directory).Read().Config!.Upstreams[0].Keys.Single().Reveal());

        Write("upstreams.json", """{ "upstreams": [ { "id": "a", "url": "https://a.example", "key": "${CCGATE_TEST_NOWHERE}" } ] }""");
        var error = Assert.Single(new ConfigDirectory(directory).Read().Errors);
        Assert.Equal("$.upstreams[0].key", error.Path);
        Assert.Contains("CCGATE_TEST_NOWHERE", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_limit_of_a_tenant_and_of_a_key_is_read()
    {
        Write("tenants.json", """
            { "tenants": [ { "id": "a", "parent": "top", "timezone": "Europe/Berlin", "resetTime": "06:45", "weekStartsOn": "sunday", "monthStartsOn": 28, "abort": "drain",
                "limits": {
                  "fiveHours": { "maxUSD": 0.5 }, "daily": { "maxUSD": 1, "maxTokens": 2, "maxRequests": 3 }, "weekly": { "maxTokens": 4 }, "monthly": { "maxRequests": 5 }, "total": { "maxUSD": 6 },
                  "requestsPerMinute": 7, "tokensPerMinute": 8, "concurrentRequests": 9, "concurrentSessions": 10, "alertAt": [0.5, 1] },
                "keys": [ { "id": "x", "key": "k", "limits": { "daily": { "maxUSD": 0 }, "alertAt": [] } } ] },
              { "id": "top", "keys": [] } ] }
            """);

        var tenant = new ConfigDirectory(directory).Read().Config!.Tenants[0];

        Assert.Equal(
            [
                new WindowLimit(LimitWindow.FiveHours, 0.5m), new WindowLimit(LimitWindow.Daily, 1m, 2, 3), new WindowLimit(LimitWindow.Weekly, null, 4),
                new WindowLimit(LimitWindow.Monthly, null, null, 5), new WindowLimit(LimitWindow.Total, 6m),
            ],
            tenant.Limits.Windows.ToArray());
        Assert.Equal((7, 8, 9, 10), (tenant.Limits.RequestsPerMinute, tenant.Limits.TokensPerMinute, tenant.Limits.ConcurrentRequests, tenant.Limits.ConcurrentSessions));
        Assert.Equal([0.5m, 1m], tenant.Limits.AlertAt.ToArray());
        Assert.Equal(new WindowClock(TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"), new TimeOnly(6, 45), DayOfWeek.Sunday, 28), tenant.Clock);
        Assert.Equal(("top", AbortPolicy.Drain), (tenant.Parent, tenant.Abort));
        Assert.Equal([new WindowLimit(LimitWindow.Daily, 0m)], tenant.Keys[0].Limits.Windows.ToArray());
        Assert.Empty(tenant.Keys[0].Limits.AlertAt);
        Assert.Equal([0.8m], LimitsConfig.None.AlertAt.ToArray());
    }

    [Theory]
    [InlineData("\"resetTime\": \"06:10\"", "resetTime", "06:00")]
    [InlineData("\"resetTime\": \"24:00\"", "resetTime", "23:45")]
    [InlineData("\"resetTime\": 6", "resetTime", "a string")]
    [InlineData("\"weekStartsOn\": \"Caturday\"", "weekStartsOn", "sunday, monday")]
    [InlineData("\"monthStartsOn\": 29", "monthStartsOn", "from 1 to 28")]
    [InlineData("\"abort\": \"wait\"", "abort", "cancel, drain")]
    [InlineData("\"limits\": { \"hourly\": {} }", "limits.hourly", "fiveHours")]
    [InlineData("\"limits\": { \"daily\": { \"maxEUR\": 1 } }", "limits.daily.maxEUR", "maxUSD")]
    [InlineData("\"limits\": { \"daily\": { \"maxTokens\": 1.5 } }", "limits.daily.maxTokens", "a whole number")]
    [InlineData("\"limits\": { \"weekly\": { \"maxUSD\": -1 } }", "limits.weekly.maxUSD", "from 0")]
    [InlineData("\"limits\": { \"alertAt\": [80] }", "limits.alertAt", "from 0.01 to 1")]
    [InlineData("\"limits\": { \"alertAt\": 0.8 }", "limits.alertAt", "an array")]
    [InlineData("\"limits\": { \"requestsPerMinute\": \"60\" }", "limits.requestsPerMinute", "a whole number")]
    [InlineData("\"keys\": [ { \"id\": \"x\", \"key\": \"x\", \"limits\": { \"dialy\": {} } } ]", "keys[0].limits.dialy", "daily")]
    public void A_limit_that_is_wrong_is_named_with_what_is_allowed(string member, string path, string allowed)
    {
        Write("tenants.json", $$"""{ "tenants": [ { "id": "a", "key": "k", {{member}} } ] }""");

        var error = Assert.Single(new ConfigDirectory(directory).Read().Errors);

        Assert.Equal(("tenants.json", "$.tenants[0]." + path), (error.File, error.Path));
        Assert.Contains(allowed, error.Allowed, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"id\": \"a\", \"key\": \"1\", \"parent\": \"z\" }", "\"z\" of \"a\"", "another tenant")]
    [InlineData("{ \"id\": \"a\", \"key\": \"1\", \"parent\": \"a\" }", "back to \"a\"", "a tree")]
    [InlineData("{ \"id\": \"a\", \"key\": \"1\", \"parent\": \"b\" }, { \"id\": \"b\", \"key\": \"2\", \"parent\": \"a\" }", "\"a\" lead back", "a tree")]
    public void Tenants_whose_parents_are_no_tree_are_named(string tenants, string message, string allowed)
    {
        Write("tenants.json", $$"""{ "tenants": [ {{tenants}} ] }""");

        var error = new ConfigDirectory(directory).Read().Errors.First();

        Assert.Equal(("tenants.json", "$.tenants"), (error.File, error.Path));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains(allowed, error.Allowed, StringComparison.Ordinal);
    }

    [Fact]
    public void Whoever_disables_a_tenant_disables_everybody_below_it()
    {
        Write("tenants.json", """
            { "tenants": [ { "id": "leaf", "key": "1", "parent": "team" }, { "id": "team", "key": "2", "parent": "top", "enabled": true }, { "id": "top", "keys": [], "enabled": false }, { "id": "other", "key": "3" } ] }
            """);

        Assert.Equal([false, false, false, true], new ConfigDirectory(directory).Read().Config!.Tenants.Select(tenant => tenant.Enabled));
    }

    [Fact]
    public void Where_alerts_go_is_read_and_never_written()
    {
        Write("server.json", """{ "alerts": { "webhook": "https://chat.example/T0/hidden", "secret": "hidden" }, "abort": "drain" }""");
        var config = new ConfigDirectory(directory).Read().Config!;
        Assert.Equal((new Uri("https://chat.example/T0/hidden"), "hidden", AbortPolicy.Drain), (config.Alerts!.Webhook, config.Alerts.Secret, config.Server.Abort));
        Assert.DoesNotContain("hidden", config.ToString(), StringComparison.Ordinal);

        Write("server.json", """{ "alerts": { "kinds": ["breaker_open"], "email": { "host": "mail.example", "username": "me", "password": "hidden", "from": "a@example.com", "to": ["b@example.com"] } } }""");
        config = new ConfigDirectory(directory).Read().Config!;
        Assert.Equal((587, SmtpSecurity.StartTls, "hidden", "breaker_open"), (config.Alerts!.Email!.Port, config.Alerts.Email.Security, config.Alerts.Email.Password!.Reveal(), config.Alerts.Kinds.Single()));
        Assert.DoesNotContain("hidden", config.ToString(), StringComparison.Ordinal);

        Write("server.json", """{ "alerts": { "kinds": ["breakfast"], "email": { "host": "h", "tls": "none", "password": "x", "from": "me", "to": ["a@b\r\nDATA"] } } }""");
        Assert.Equal(
            ["$.alerts.email.from", "$.alerts.email.tls", "$.alerts.email.to", "$.alerts.email.username", "$.alerts.kinds"],
            new ConfigDirectory(directory).Read().Errors.Select(error => error.Path).Order(StringComparer.Ordinal));

        Write("server.json", """{ "alerts": { "webhook": "mailto:me", "secret": "" } }""");
        Assert.Equal(["$.alerts.webhook", "$.alerts.secret"], new ConfigDirectory(directory).Read().Errors.Select(error => error.Path));
    }

    [Fact]
    public void A_key_may_be_written_as_its_hash()
    {
        Write("tenants.json", """{ "tenants": [ { "id": "a", "key": "sha256:2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" } ] }""");

        Assert.Equal(SecretHash.Of("key"), new ConfigDirectory(directory).Read().Config!.Tenants[0].Keys.Single().Secret);
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(directory.FullName, file), text);
}
