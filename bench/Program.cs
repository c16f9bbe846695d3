using System.CommandLine;
using CCGate.Bench;
using CCGate.Bench.Api;
using CCGate.Bench.Load;
using CCGate.Bench.Processes;
using CCGate.Bench.Rebuild;
using CCGate.Bench.Report;
using CCGate.Bench.Translate;

var test = new Option<bool>("--test") { Description = "Everything once, at a tiny size: seconds instead of minutes, and the figures mean nothing." };
var json = new Option<FileInfo?>("--json") { Description = "Write the figures to this file." };
var rounds = new Option<int>("--rounds") { Description = "How often each target is measured in each scenario; the median counts.", DefaultValueFactory = _ => 5 };
var scale = new Option<double>("--scale") { Description = "Multiplies the requests of each round.", DefaultValueFactory = _ => 1.0 };
var only = new Option<string[]>("--scenario") { Description = $"Only these: {string.Join(", ", Scenario.All.Select(scenario => scenario.Name))}.", AllowMultipleArgumentsPerToken = true };
var also = new Option<string[]>("--also") { Description = "Another gateway to measure in the same rounds: NAME[=PATH/ccgate.dll][;VARIABLE=VALUE]…[;server.json=JSON]" };
var root = new RootCommand("Measures ccgate against the bare forwarder it is built on, and against no gateway at all.") { test, json, rounds, scale, only, also };
root.SetAction(async (parsed, cancellationToken) =>
{
    var isTest = parsed.GetValue(test);
    var options = new BenchOptions(
        Scenario.Choose(parsed.GetValue(only) ?? [], isTest ? null : parsed.GetValue(scale)),
        isTest ? 1 : parsed.GetValue(rounds),
        [new GatewayVariant("ccgate", BenchProcess.Gateway, []), .. (parsed.GetValue(also) ?? []).Select(GatewayVariant.Parse)]);
    try
    {
        var report = await LoadComparison.RunAsync(options, Console.Out, cancellationToken);
        if (parsed.GetValue(json) is { } file)
        {
            await report.SaveAsync(file, cancellationToken);
        }

        return 0;
    }
    catch (Exception failure) when (failure is BenchFailedException or OperationCanceledException)
    {
        await Console.Error.WriteLineAsync(failure is BenchFailedException ? failure.Message : "Stopped.");
        return 1;
    }
});

root.Add(RebuildBench.Command());
root.Add(ApiBench.Command());
root.Add(TranslateBench.Command());

// The two peers of a run are this program again.
root.Add(PeerHosts.UpstreamCommand());
root.Add(PeerHosts.ForwarderCommand());
return await root.Parse(args).InvokeAsync();
