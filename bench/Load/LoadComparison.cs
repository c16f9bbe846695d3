using CCGate.Bench.Processes;
using CCGate.Bench.Report;

namespace CCGate.Bench.Load;

/// <summary>One run: every scenario, each in alternating rounds over all targets, because a machine that others use is never the same twice.</summary>
internal static class LoadComparison
{
    public const string Direct = "direct";
    public const string Forwarder = "yarp";

    public static async Task<BenchReport> RunAsync(BenchOptions options, TextWriter output, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("ccgate-bench-");
        var targets = new List<Target>();
        try
        {
            await StartAsync(options, directory, targets, cancellationToken);
            await WarmUpAsync(options.Scenarios, targets, cancellationToken);
            var report = new BenchReport(Environment.ProcessorCount, options.Rounds);
            foreach (var scenario in options.Scenarios)
            {
                var figures = await MeasureAsync(scenario, options.Rounds, targets, cancellationToken);
                report.Scenarios.Add(figures);
                await output.WriteLineAsync(ReportTable.Of(figures));
            }

            return report;
        }
        finally
        {
            foreach (var target in targets)
            {
                await target.DisposeAsync();
            }

            directory.Delete(recursive: true);
        }
    }

    /// <summary>All scenarios before the first is measured, or the first would pay for the compiling of what all of them call.</summary>
    private static async Task WarmUpAsync(IReadOnlyList<Scenario> scenarios, List<Target> targets, CancellationToken cancellationToken)
    {
        foreach (var scenario in scenarios)
        {
            foreach (var target in targets)
            {
                await target.WarmUpAsync(scenario, cancellationToken);
            }
        }
    }

    private static async Task<ScenarioFigures> MeasureAsync(Scenario scenario, int rounds, List<Target> targets, CancellationToken cancellationToken)
    {
        await WarmUpAsync([scenario], targets, cancellationToken);
        var figures = targets.ToDictionary(target => target, _ => new List<RoundFigures>());
        for (var round = 0; round < rounds; round++)
        {
            foreach (var target in targets)
            {
                figures[target].Add(await target.MeasureAsync(scenario, cancellationToken));
            }
        }

        foreach (var target in targets)
        {
            await target.VerifyAsync(cancellationToken);
        }

        return new ScenarioFigures(
            scenario.Name, scenario.Connections, scenario.Requests, scenario.Body.Length, [.. targets.Select(target => TargetFigures.Of(target.Name, figures[target]))]);
    }

    private static async Task StartAsync(BenchOptions options, DirectoryInfo directory, List<Target> targets, CancellationToken cancellationToken)
    {
        var upstream = await BenchProcess.StartAsync(directory, BenchProcess.Bench, [PeerHosts.Upstream], [], cancellationToken);
        targets.Add(new Target(Direct, upstream, ledger: null));
        var forwarder = await BenchProcess.StartAsync(directory, BenchProcess.Bench, [PeerHosts.Forwarder, upstream.Url.AbsoluteUri], [], cancellationToken);
        targets.Add(new Target(Forwarder, forwarder, ledger: null));
        foreach (var gateway in options.Gateways)
        {
            targets.Add(await StartAsync(gateway, upstream.Url, directory.CreateSubdirectory(gateway.Name), cancellationToken));
        }
    }

    /// <summary>The gateway with all that it promises: a key, a budget that every request is held against, the journal, the ledger and the read models.</summary>
    private static async Task<Target> StartAsync(GatewayVariant gateway, Uri upstream, DirectoryInfo directory, CancellationToken cancellationToken)
    {
        var (config, data) = (directory.CreateSubdirectory("config"), directory.CreateSubdirectory("data"));
        await WriteAsync(config, "server.json", gateway.ServerJson);
        await WriteAsync(config, "upstreams.json", $$"""{ "upstreams": [ { "id": "bench", "url": "{{upstream}}", "key": "upstream-secret" } ] }""");
        await WriteAsync(config, "tenants.json", $$"""{ "tenants": [ { "id": "bench", "key": "{{LoadClients.Key}}", "limits": { "daily": { "maxUSD": 1000000 } } } ] }""");
        string[] arguments = ["run", "--config", config.FullName, "--data", data.FullName, "--urls", "http://127.0.0.1:0"];
        var process = await BenchProcess.StartAsync(directory, gateway.Program, arguments, gateway.Environment, cancellationToken);
        return new Target(gateway.Name, process, new GatewayLedger(gateway.Name, gateway.Program, config, data));

        Task WriteAsync(DirectoryInfo directory, string file, string text) => File.WriteAllTextAsync(Path.Combine(directory.FullName, file), text, cancellationToken);
    }
}
