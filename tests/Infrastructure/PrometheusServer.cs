using System.Globalization;
using System.Text.Json;

namespace CCGate.Tests.Infrastructure;

/// <summary>One series of an answer, with its newest value.</summary>
internal sealed record PrometheusSample(IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>A target, as Prometheus sees it.</summary>
/// <param name="Health"><c>up</c>, <c>down</c> or <c>unknown</c> before the first scrape.</param>
internal sealed record PrometheusTarget(string Job, string Url, string Health, string LastError);

/// <summary>A real Prometheus: Debian's, on a free port with its own data.</summary>
internal sealed class PrometheusServer : IDisposable
{
    private readonly string directory;
    private readonly ServerProcess process;

    private PrometheusServer(string directory, ServerProcess process, int port)
    {
        this.directory = directory;
        this.process = process;
        Http = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")) };
    }

    /// <summary>Its own address, such as for <c>/api/v1/rules</c>.</summary>
    public HttpClient Http { get; }

    /// <summary>What it wrote to its log.</summary>
    public string Log
    {
        get
        {
            using var log = new StreamReader(new FileStream(directory + "/log", FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return log.ReadToEnd();
        }
    }

    /// <summary>The lines of its log that are not about its work alone.</summary>
    public IReadOnlyList<string> Warnings => [.. Log.Split('\n').Where(line => line.Contains("level=warn", StringComparison.Ordinal) || line.Contains("level=error", StringComparison.Ordinal))];

    /// <summary>Scrapes these addresses (of gateways, without a path) each second as the job <c>ccgate</c>.</summary>
    public static Task<PrometheusServer> StartAsync(params string[] gateways) => StartAsync(ScrapeConfig("ccgate", gateways), []);

    /// <param name="scrapeConfigs">What stands below <c>scrape_configs:</c>, such as from <see cref="ScrapeConfig"/>; empty for none.</param>
    /// <param name="ruleFiles">Files of rules and alerts.</param>
    /// <param name="interval">How often is scraped and evaluated.</param>
    public static async Task<PrometheusServer> StartAsync(string scrapeConfigs, IReadOnlyList<string> ruleFiles, string interval = "1s")
    {
        var directory = ServerProcess.NewDirectory("prometheus");
        var port = ServerProcess.FreePort();
        await File.WriteAllTextAsync(directory + "/prometheus.yml", $"""
            global:
              scrape_interval: {interval}
              scrape_timeout: {interval}
              evaluation_interval: {interval}
            rule_files: [{string.Join(", ", ruleFiles.Select(file => $"'{Path.GetFullPath(file)}'"))}]
            scrape_configs:{(scrapeConfigs.Length > 0 ? "" : " []")}
            {scrapeConfigs}
            """);
        var process = ServerProcess.Start(
            directory + "/log",
            "KILL",
            [
                "/usr/bin/prometheus", $"--config.file={directory}/prometheus.yml", $"--storage.tsdb.path={directory}/data",
                string.Create(CultureInfo.InvariantCulture, $"--web.listen-address=127.0.0.1:{port}"), "--web.enable-lifecycle",
            ],
            new Dictionary<string, string>());
        var server = new PrometheusServer(directory, process, port);
        await Eventually.PassesAsync(async () =>
        {
            using var ready = await server.Http.GetAsync("/-/ready");
            Assert.True(ready.IsSuccessStatusCode, server.Log);
        });
        return server;
    }

    /// <summary>A job for <c>scrape_configs</c>.</summary>
    /// <param name="job">The job's name.</param>
    /// <param name="gateways">Addresses such as <c>http://127.0.0.1:3000</c>.</param>
    /// <param name="more">Further lines of the job, such as <c>basic_auth: { username: admin, password: secret }</c>.</param>
    public static string ScrapeConfig(string job, IEnumerable<string> gateways, params IEnumerable<string> more) =>
        $"- job_name: {job}\n"
        + string.Concat(more.Select(line => $"  {line}\n"))
        + $"  static_configs: [{{ targets: [{string.Join(", ", gateways.Select(gateway => $"'{new Uri(gateway).Authority}'"))}] }}]\n";

    /// <summary>What a query answers now; fails with Prometheus's words when it cannot be evaluated.</summary>
    public async Task<IReadOnlyList<PrometheusSample>> QueryAsync(string expression)
    {
        var data = await AskAsync("/api/v1/query?query=" + Uri.EscapeDataString(expression));
        var result = data.GetProperty("result");
        return data.GetProperty("resultType").GetString() == "scalar"
            ? [new PrometheusSample(new Dictionary<string, string>(), Value(result))]
            : [.. result.EnumerateArray().Select(series => new PrometheusSample(
                series.GetProperty("metric").EnumerateObject().ToDictionary(label => label.Name, label => label.Value.GetString()!), Value(series.GetProperty("value"))))];
    }

    public async Task<IReadOnlyList<PrometheusTarget>> TargetsAsync()
    {
        var data = await AskAsync("/api/v1/targets");
        return [.. data.GetProperty("activeTargets").EnumerateArray().Select(target => new PrometheusTarget(
            target.GetProperty("scrapePool").GetString()!, target.GetProperty("scrapeUrl").GetString()!, target.GetProperty("health").GetString()!, target.GetProperty("lastError").GetString()!))];
    }

    /// <summary>Returns once every target was scraped with success.</summary>
    public Task TargetsAreUpAsync() => Eventually.PassesAsync(async () => Assert.All(await TargetsAsync(), target => Assert.Equal(("up", ""), (target.Health, target.LastError))));

    public void Dispose()
    {
        Http.Dispose();
        process.Dispose();
        ServerProcess.TryDelete(directory);
    }

    private static double Value(JsonElement pair) => double.Parse(
        pair[1].GetString()!.Replace("+Inf", "Infinity", StringComparison.Ordinal).Replace("-Inf", "-Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture);

    private async Task<JsonElement> AskAsync(string path)
    {
        using var response = await Http.GetAsync(path);
        var answer = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        Assert.True(answer.GetProperty("status").GetString() == "success", answer.ToString());
        return answer.GetProperty("data").Clone();
    }
}
