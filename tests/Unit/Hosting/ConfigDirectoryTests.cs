using CCGate.Hosting.Configuration;

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
    }

    [Fact]
    public void What_has_no_effect_is_named_with_what_to_use_instead()
    {
        var reading = new ConfigDirectory(new DirectoryInfo(Path.Combine(AppContext.BaseDirectory, "Fixtures", "node-ccgate", "config"))).Read();

        var warned = reading.Problems.Where(problem => problem.File == "server.json").Select(problem => problem.Path).ToList();
        Assert.Equal(
            ["$.admin.path", "$.logging.directory", "$.logging.enableConsole", "$.logging.level", "$.logging.maxFileSize", "$.logging.maxFiles", "$.openai", "$.proxy.retryAttempts", "$.proxy.retryDelay", "$.proxy.timeout", "$.server.keepAlive", "$.server.timeout"],
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
        Assert.Equal("x-s3cret", new ConfigDirectory(directory).Read().Config!.Upstreams[0].Keys.Single());

        Write("upstreams.json", """{ "upstreams": [ { "id": "a", "url": "https://a.example", "key": "${CCGATE_TEST_NOWHERE}" } ] }""");
        var error = Assert.Single(new ConfigDirectory(directory).Read().Errors);
        Assert.Equal("$.upstreams[0].key", error.Path);
        Assert.Contains("CCGATE_TEST_NOWHERE", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_may_be_written_as_its_hash()
    {
        Write("tenants.json", """{ "tenants": [ { "id": "a", "key": "sha256:2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683" } ] }""");

        Assert.Equal(SecretHash.Of("key"), new ConfigDirectory(directory).Read().Config!.Tenants[0].Keys.Single().Secret);
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(directory.FullName, file), text);
}
