using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Proxy.Upstreams;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate upstreams list</c> and <c>test</c>: what is known of upstreams, and whether one works at all.</summary>
internal sealed class UpstreamsCommand(StoreOptions options)
{
    private readonly Argument<string> id = new("ID") { Description = "The upstream's id." };
    private readonly Option<string?> model = new("--model") { Description = "The model to ask for; by default the first one in 'models' that is no pattern, else a cheap one." };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON." };

    public static Command Create(StoreOptions options)
    {
        var upstreams = new UpstreamsCommand(options);
        var list = new Command("list", "Show the configured upstreams; with --url also their health, circuits, keys, load and spend, as that proxy knows them.")
        {
            upstreams.json, options.Config, options.Data, options.Url,
        };
        list.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => upstreams.ListAsync(parsed, cancellationToken)));
        var test = new Command("test", "Send one real small request with each key of an upstream, and say how each step went. It costs a few tokens for each key, and changes nothing.")
        {
            upstreams.id, upstreams.model, upstreams.json, options.Config, options.Data,
        };
        test.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => upstreams.TestAsync(parsed, cancellationToken)));
        var all = new Command("upstreams", "Show, change, drain, reset and test the upstreams.") { list, test };
        foreach (var change in UpstreamChangeCommands.Create(options))
        {
            all.Subcommands.Add(change);
        }

        return all;
    }

    private async Task<int> ListAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var list = parsed.GetValue(options.Url) is { } url
            ? JsonSerializer.Deserialize(await RunningGateway.AskAsync(url, parsed.GetValue(options.Config)!, UpstreamChangeCommands.Path, content: null, cancellationToken), UpstreamsJson.Default.UpstreamList)!
            : new UpstreamList(Proxy: null, [.. (await ConfigAsync(parsed, cancellationToken)).Upstreams.Select(upstream => UpstreamStatus.Of(upstream, state: null))]);
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(json))
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(list, UpstreamsJson.Default.UpstreamList));
        }
        else
        {
            Terminal.On(output).Write(UpstreamTables.Of(list));
        }

        return Exit.Ok;
    }

    private async Task<int> TestAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (config, name) = (await ConfigAsync(parsed, cancellationToken), parsed.GetValue(id)!);
        var upstream = config.Upstreams.FirstOrDefault(configured => configured.Id == name) ?? throw new CommandFailedException(
            $"There is no upstream \"{name}\" in {UpstreamsFile.Name}; there are: {string.Join(", ", config.Upstreams.Select(configured => configured.Id))}. Check --config.");
        var report = await new UpstreamTest(config.Prices, TimeProvider.System).RunAsync(upstream, parsed.GetValue(model), cancellationToken);
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(json))
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(report, UpstreamTestJson.Default.UpstreamTestReport));
        }
        else
        {
            await output.WriteLineAsync($"{report.Upstream} ({report.Kind}{(report.Url is null ? "" : $", {report.Url}")}), model {report.Model} from {report.ModelFrom}");
            Terminal.On(output).Write(UpstreamTables.Of(report));
        }

        foreach (var (key, step) in report.Keys.SelectMany(key => key.Steps.Where(step => !step.Passed).Select(step => (key, step))))
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync(
                $"{name}{(key.Key.Length == 0 ? "" : $", key …{key.Key}")}: {step.Step}: {step.Result}. Look at {step.Change} of the upstream in {UpstreamsFile.Name}.");
        }

        return report.Passed ? Exit.Ok : Exit.Failed;
    }

    /// <summary>What is in force by the files and, where there is a store, by what operators changed.</summary>
    private async Task<GatewayConfig> ConfigAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (config, data) = (options.ReadConfig(parsed), parsed.GetValue(options.Data)!);
        if (config.EventStore is null && !File.Exists(Path.Combine(data.FullName, "store.db")))
        {
            return config;
        }

        await using var store = options.Open(parsed);
        await store.CatchUpAsync(cancellationToken);
        var facts = await AdministrationTable.ReadAsync(store.Database, AdministrationFacts.None, cancellationToken);
        return facts.Over(config, () => new SecretBox(config.SecretsKey ?? SecretsKey.Of(data)));
    }
}

/// <summary>Upstreams as people read them.</summary>
internal static class UpstreamTables
{
    public static Table Of(UpstreamList list)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("id", "kind", "url", "state", "keys");
        foreach (var column in (string[])["weight", "in flight", "waiting", "first byte ms", "USD today", "of"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        foreach (var upstream in list.Upstreams)
        {
            table.AddRow(
            [
                new Text(upstream.Id), new Text(upstream.Kind), new Text(upstream.Url ?? ""), new Text(StateOf(upstream)), new Text(KeysOf(upstream)),
                Number(upstream.Weight), new Text(Load(upstream)), Number(upstream.Waiting), Number((decimal?)upstream.LatencyMs), Number(upstream.SpendTodayUsd), Number(upstream.DailyMaxUsd),
            ]);
        }

        return table;
    }

    public static Table Of(UpstreamTestReport report)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("key", "step", "").AddColumn(new TableColumn("ms").RightAligned()).AddColumn("result");
        foreach (var key in report.Keys)
        {
            foreach (var step in key.Steps)
            {
                table.AddRow(
                    new Text(key.Key.Length == 0 ? "" : "…" + key.Key), new Text(step.Step), new Text(step.Passed ? "ok" : "FAILED"),
                    new Text(step.Ms?.ToString("0.#", CultureInfo.InvariantCulture) ?? ""), new Text(step.Result));
            }
        }

        return table;
    }

    private static string StateOf(UpstreamStatus upstream) => upstream switch
    {
        { Fault: { } fault } => $"cannot be used: {fault}",
        { Enabled: false } => "disabled",
        { Drained: true } => "drained",
        { Health: { State: "unhealthy", Why: var why } } => $"unhealthy: {why}",
        { Circuit: { State: not "closed" } circuit } => Describe(circuit.State, circuit.OpenForSeconds, circuit.Reason),
        { Circuit: not null, Health.State: "healthy" } => "healthy",
        { Circuit: not null } => "closed",
        _ => "",
    };

    private static string KeysOf(UpstreamStatus upstream)
    {
        var keys = upstream.Keys ?? [];
        var benched = keys.Where(key => key.State != "closed").Select(key => $"…{key.Hint} {Describe(key.State, key.OpenForSeconds, key.Reason)}").ToList();
        return benched.Count > 0 ? string.Join("; ", benched) : keys.Count > 0 ? $"{keys.Count} ok" : "";
    }

    private static string Describe(string state, double? openForSeconds, string? reason) =>
        string.Create(CultureInfo.InvariantCulture, $"{state.Replace('_', '-')}{(openForSeconds is { } seconds ? $" for {seconds:0} s" : "")}{(reason is null ? "" : $": {reason}")}");

    private static string Load(UpstreamStatus upstream) => upstream switch
    {
        { InFlight: { } inFlight, MaxConcurrent: { } max } => $"{inFlight} of {max}",
        { InFlight: { } inFlight } => $"{inFlight}",
        _ => "",
    };

    private static Text Number(decimal? number) => new(number?.ToString("0.######", CultureInfo.InvariantCulture) ?? "");
}
