using System.Text.Json;
using System.Text.RegularExpressions;
using CCGate.Cli.Commands;

namespace CCGate.Tests.EndToEnd;

/// <summary>What is shipped to be copied: the compose file and the sample configurations, checked without a container engine.</summary>
public sealed partial class ComposeTests
{
    private static readonly string Root = FindRoot();
    private static readonly string Compose = Path.Combine(Root, "deploy", "compose");
    private static readonly Dictionary<string, object> Deployment = SmallYaml.Read(File.ReadAllLines(Path.Combine(Compose, "compose.yaml")));
    private static readonly Dictionary<string, object> Services = (Dictionary<string, object>)Deployment["services"];
    private static readonly Dictionary<string, object> Collector = SmallYaml.Read(File.ReadAllLines(Path.Combine(Compose, "collector", "config.yaml")));

    public static TheoryData<string> ServiceNames => [.. Services.Keys];

    /// <summary>Every directory in the repository with a configuration in it.</summary>
    public static TheoryData<string> SampleConfigurations => [.. Directory
        .EnumerateFiles(Root, "tenants*.json", new EnumerationOptions { RecurseSubdirectories = true })
        .Select(file => Path.GetRelativePath(Root, Path.GetDirectoryName(file)!))
        .Where(directory => !directory.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "node_modules" or "tests"))];

    [Fact]
    public void There_are_two_proxies_two_metering_projections_what_they_need_and_what_watches_them() => Assert.Equal(
        ["collector", "grafana", "metering-1", "metering-2", "postgres", "projections", "prometheus", "proxy-1", "proxy-2", "rabbitmq"],
        Services.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(ServiceNames))]
    public void Every_command_is_one_that_ccgate_understands(string name)
    {
        var service = Service(name);
        if (!IsOurs(service))
        {
            return;
        }

        var health = Words(((Dictionary<string, object>)service["healthcheck"])["test"]);
        Assert.Equal(["CMD", "dotnet", "/app/ccgate.dll"], health[..3]);
        foreach (var line in (string[][])[Words(service["command"]), health[3..]])
        {
            var parsed = CommandLine.Create().Parse(line);
            Assert.Empty(parsed.Errors);
            Assert.NotNull(parsed.CommandResult.Command.Action);
        }

        Assert.Equal(name.Split('-')[0], Words(service["command"])[0]);
    }

    [Theory]
    [MemberData(nameof(ServiceNames))]
    public void Every_service_is_watched_and_waits_for_services_that_are(string name)
    {
        var service = Service(name);

        Assert.Contains("healthcheck", service.Keys);
        foreach (var (needed, how) in service.TryGetValue("depends_on", out var depends) ? (Dictionary<string, object>)depends : [])
        {
            Assert.Contains(needed, Services.Keys);
            Assert.Equal("service_healthy", ((Dictionary<string, object>)how)["condition"]);
            Assert.False(IsOurs(service) && needed is "collector" or "prometheus", "The gateway must not wait for what watches it.");
        }

        Assert.Equal("unless-stopped", service["restart"]);
    }

    [Theory]
    [MemberData(nameof(ServiceNames))]
    public void Every_file_it_names_exists(string name)
    {
        var service = Service(name);
        foreach (var source in service.TryGetValue("volumes", out var volumes) ? Words(volumes).Select(volume => volume.Split(':')[0]) : [])
        {
            Assert.True(source[0] == '.' ? Path.Exists(Path.Combine(Compose, source)) : ((Dictionary<string, object>)Deployment["volumes"]).ContainsKey(source), source);
        }

        if (service.TryGetValue("build", out var build))
        {
            var context = Path.Combine(Compose, (string)((Dictionary<string, object>)build)["context"]);
            Assert.Equal(IsOurs(service) ? Root : Path.Combine(Compose, name), Path.GetFullPath(context).TrimEnd('/'));
            Assert.True(File.Exists(Path.Combine(context, (string)((Dictionary<string, object>)build)["dockerfile"])));
        }
        else
        {
            Assert.Matches(@":v?\d+(\.\d+)*$", (string)service["image"]);
        }
    }

    [Fact]
    public void Only_the_proxies_and_Grafana_can_be_reached_and_each_proxy_has_a_journal_of_its_own()
    {
        Assert.Equal(["proxy-1", "proxy-2", "grafana"], Services.Where(service => ((Dictionary<string, object>)service.Value).ContainsKey("ports")).Select(service => service.Key));
        var journals = Services.Keys.Where(name => name.StartsWith("proxy", StringComparison.Ordinal)).Select(name => Words(Service(name)["volumes"]).Single(volume => volume.EndsWith(":/data", StringComparison.Ordinal)));
        Assert.Equal(2, journals.Distinct().Count());
    }

    [Fact]
    public void Grafana_lets_nobody_in_without_the_password_of_the_environment()
    {
        var environment = (Dictionary<string, object>)Service("grafana")["environment"];

        Assert.StartsWith("${GRAFANA_PASSWORD:?", (string)environment["GF_SECURITY_ADMIN_PASSWORD"], StringComparison.Ordinal);
        Assert.Equal(("false", "false"), (environment["GF_AUTH_ANONYMOUS_ENABLED"], environment["GF_USERS_ALLOW_SIGN_UP"]));
    }

    [Fact]
    public void Metrics_are_answered_to_the_operator_alone_since_the_port_of_a_proxy_is_open()
    {
        var telemetry = ServerJson().GetProperty("telemetry");

        Assert.Equal("operator", telemetry.GetProperty("metrics").GetProperty("scrape").GetString());
    }

    [Fact]
    public void What_the_processes_send_is_what_the_collector_takes_and_what_it_gives_is_what_Prometheus_reads_and_Grafana_asks()
    {
        var receivers = At(Collector, "receivers", "otlp", "protocols");
        Assert.Equal("http://collector:" + PortOf(At(receivers, "grpc")), ServerJson().GetProperty("telemetry").GetProperty("otlpEndpoint").GetString());
        Assert.Equal("4318", PortOf(At(receivers, "http")));

        var scraped = File.ReadAllText(Path.Combine(Root, "deploy", "prometheus", "prometheus.yaml"));
        Assert.Contains($"targets: [\"collector:{PortOf(At(Collector, "exporters", "prometheus"))}\"]", scraped, StringComparison.Ordinal);
        Assert.Contains("honor_labels: true", scraped, StringComparison.Ordinal);
        Assert.Equal("true", At(Collector, "exporters", "prometheus")["add_metric_suffixes"]);
        Assert.Equal("false", At(Collector, "exporters", "prometheus", "resource_to_telemetry_conversion")["enabled"]);

        Assert.Contains("prometheus.yaml", string.Join(' ', Words(Service("prometheus")["command"])), StringComparison.Ordinal);
        Assert.Contains("url: http://prometheus:9090", File.ReadAllText(Path.Combine(Root, "deploy", "grafana", "provisioning", "datasources", "prometheus.yaml")), StringComparison.Ordinal);
        Assert.Contains(Words(At(Service("collector"), "healthcheck")["test"]), word => word.Contains(PortOf(At(Collector, "extensions", "health_check")), StringComparison.Ordinal));
    }

    [Fact]
    public void Grafana_finds_the_dashboards_where_they_are_mounted()
    {
        var provider = File.ReadAllText(Path.Combine(Root, "deploy", "grafana", "provisioning", "dashboards", "ccgate.yaml"));

        Assert.Contains(Words(Service("grafana")["volumes"]), volume => provider.Contains("path: " + volume.Split(':')[1], StringComparison.Ordinal) && volume.StartsWith("../grafana/dashboards:", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_pipeline_of_the_collector_is_made_of_what_is_configured_and_bounded_first()
    {
        var pipelines = At(Collector, "service", "pipelines");

        Assert.Equal(["logs", "metrics", "traces"], pipelines.Keys.Order(StringComparer.Ordinal));
        foreach (var pipeline in pipelines.Values.Cast<Dictionary<string, object>>())
        {
            foreach (var kind in (string[])["receivers", "processors", "exporters"])
            {
                Assert.All(Words(pipeline[kind]), name => Assert.Contains(name, At(Collector, kind).Keys));
            }

            Assert.Equal("memory_limiter", Words(pipeline["processors"])[0]);
        }

        Assert.All(Words(At(Collector, "service")["extensions"]), name => Assert.Contains(name, At(Collector, "extensions").Keys));
    }

    [Fact]
    public void No_secret_has_a_default_and_every_variable_is_in_the_example()
    {
        var files = Directory.EnumerateFiles(Path.Combine(Compose, "config")).Append(Path.Combine(Compose, "compose.yaml"));
        var named = files.SelectMany(file => Variable().Matches(File.ReadAllText(file))).ToList();

        Assert.All(named, variable => Assert.DoesNotContain(":-", variable.Value, StringComparison.Ordinal));
        Assert.Equal(named.Select(variable => variable.Groups[1].Value).Distinct().Order(), Example().Keys.Order());
        Assert.All(Example().Values, value => Assert.Equal("", value));
    }

    [Theory]
    [MemberData(nameof(SampleConfigurations))]
    public async Task Every_sample_configuration_validates(string directory)
    {
        var config = Path.Combine(Root, directory);
        var variables = Directory.EnumerateFiles(config).SelectMany(file => Variable().Matches(File.ReadAllText(file)))
            .Select(variable => variable.Groups[1].Value).Distinct().ToDictionary(name => name, _ => "abc123-and-so-on-for-more-than-32-characters");

        var result = await GatewayProcess.RunAsync(["config", "validate", "--config", config], variables);

        Assert.True(result.ExitCode == 0, result.Output + result.Error);
    }

    [Fact]
    public void The_broker_leaves_room_on_the_disk() =>
        Assert.Contains("disk_free_limit.absolute = 2GB", File.ReadAllText(Path.Combine(Compose, "rabbitmq", "ccgate.conf")), StringComparison.Ordinal);

    [Fact]
    public void The_image_is_made_of_what_exists_and_does_not_run_as_root()
    {
        var lines = File.ReadAllLines(Path.Combine(Compose, "Dockerfile"));
        foreach (var source in lines.Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from", StringComparison.Ordinal)).SelectMany(line => line.Split(' ')[1..^1]))
        {
            Assert.True(Path.Exists(Path.Combine(Root, source)), source);
        }

        Assert.Contains("USER $APP_UID", lines);
        Assert.Contains(lines, line => line.Contains("tzdata", StringComparison.Ordinal));
    }

    private static Dictionary<string, object> At(Dictionary<string, object> map, params string[] path) =>
        path.Aggregate(map, (at, name) => (Dictionary<string, object>)at[name]);

    private static string PortOf(Dictionary<string, object> listener) => ((string)listener["endpoint"]).Split(':')[^1];

    private static JsonElement ServerJson() => JsonElement.Parse(
        File.ReadAllText(Path.Combine(Compose, "config", "server.json")),
        new JsonDocumentOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });

    private static Dictionary<string, object> Service(string name) => (Dictionary<string, object>)Services[name];

    private static bool IsOurs(Dictionary<string, object> service) => (string)service["image"] == "ccgate";

    private static string[] Words(object list) => (string[])list;

    private static Dictionary<string, string> Example() => File.ReadAllLines(Path.Combine(Compose, ".env.example"))
        .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "CCGate.sln")))
        {
            directory = directory.Parent!;
        }

        return directory.FullName;
    }

    [GeneratedRegex(@"\$\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}")]
    private static partial Regex Variable();
}

/// <summary>As much YAML as the compose file uses: maps by indentation, scalars, and lists in brackets.</summary>
internal static partial class SmallYaml
{
    public static Dictionary<string, object> Read(IEnumerable<string> lines)
    {
        var root = new Dictionary<string, object>();
        var open = new Stack<(int Indent, Dictionary<string, object> Map)>([(-1, root)]);
        foreach (var line in lines.Where(line => line.Trim().Length > 0 && line.TrimStart()[0] != '#'))
        {
            var match = Entry().Match(line);
            Assert.True(match.Success, $"this test reads only maps: {line}");
            var indent = match.Groups[1].Length;
            while (open.Peek().Indent >= indent)
            {
                open.Pop();
            }

            var (name, text) = (match.Groups[2].Value, match.Groups[3].Value.Trim());
            if (text.Length > 0)
            {
                open.Peek().Map.Add(name, Value(text));
                continue;
            }

            var map = new Dictionary<string, object>();
            open.Peek().Map.Add(name, map); // Also of a name with nothing behind it, as volumes have it.
            open.Push((indent, map));
        }

        return root;
    }

    private static object Value(string text) => text[0] == '['
        ? Item().Matches(text).Select(item => item.Groups[1].Value).ToArray()
        : text.Trim('"');

    [GeneratedRegex(@"^( *)([\w-]+):(.*)$")]
    private static partial Regex Entry();

    [GeneratedRegex("\"([^\"]*)\"")]
    private static partial Regex Item();
}
