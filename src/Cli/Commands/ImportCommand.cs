using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using CCGate.Hosting.Configuration;
using CCGate.Metering;
using CCGate.Metering.NodeImport;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate import node-ccgate</c>: takes the history of the Node project over, and looks at its configuration.</summary>
internal sealed class ImportCommand
{
    private readonly StoreOptions options;
    private readonly Argument<DirectoryInfo> project = new("DIR") { Description = "The directory of the Node project, with data/usage and config in it." };
    private readonly Option<bool> dryRun = new("--dry-run") { Description = "Look and say what would be imported; nothing is written." };
    private readonly Option<bool> yes = new("--yes") { Description = "Do not ask." };
    private readonly Option<bool> json = new("--json") { Description = "Print the result as JSON." };

    private ImportCommand(StoreOptions options) => this.options = options;

    public static Command Create(StoreOptions options)
    {
        var import = new ImportCommand(options);
        var node = new Command("node-ccgate", "Import the usage files of CCGate on Node; what was imported before is not imported again.")
        {
            import.project, import.dryRun, import.yes, import.json, options.Config, options.Data,
        };
        node.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => import.RunAsync(parsed, cancellationToken)));
        return new Command("import", "Take over what another gateway recorded.") { node };
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        var directory = parsed.GetValue(project)!;
        if (!NodeUsageFiles.Usage(directory).Exists)
        {
            throw new CommandFailedException($"There is no {NodeUsageFiles.Usage(directory).FullName}: name the directory of the Node project, which has data/usage in it.");
        }

        var looksOnly = parsed.GetValue(dryRun);
        var asks = !looksOnly && !parsed.GetValue(yes);
        if (asks && (!Terminal.IsInteractive(output) || Console.IsInputRedirected))
        {
            await error.WriteLineAsync("Add --yes to import, or --dry-run to look first: the ledger is never edited, so an import stays.");
            return Exit.Usage;
        }

        if (looksOnly || asks)
        {
            var found = await new NodeUsageImport(intake: null, new ProgressText(error, "look")).RunAsync(directory, cancellationToken);
            await WriteAsync(found, parsed, directory);
            if (looksOnly)
            {
                return Code(found);
            }

            if (!await new ConfirmationPrompt("Import this?") { DefaultValue = false }.ShowAsync(AnsiConsole.Console, cancellationToken))
            {
                return Exit.Failed;
            }
        }

        await using var store = options.Open(parsed, create: true);
        await store.CatchUpAsync(cancellationToken);
        var report = await new NodeUsageImport(new EventIntake(store.Events), new ProgressText(error, "import")).RunAsync(directory, cancellationToken);
        await store.CatchUpAsync(cancellationToken);
        await WriteAsync(report, parsed, directory);
        return Code(report);
    }

    /// <summary>Half a last line is what a killed writer leaves behind, and no reason to look; anything else that is not taken over is.</summary>
    private static int Code(NodeImportReport report) => report.RefusedCount == 0 ? Exit.Ok : Exit.Failed;

    private async Task WriteAsync(NodeImportReport report, ParseResult parsed, DirectoryInfo directory)
    {
        var output = parsed.InvocationConfiguration.Output;
        var config = new ConfigDirectory(new DirectoryInfo(Path.Combine(directory.FullName, "config")));
        var reading = config.Exists ? config.Read() : new ConfigReading(null, []);
        var problems = reading.Problems;
        var known = options.ReadConfig(parsed).Tenants.Concat(reading.Config?.Tenants ?? []).Select(tenant => tenant.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var tenant in report.Tenants)
        {
            tenant.Known = known.Contains(tenant.Tenant);
        }

        if (parsed.GetValue(json))
        {
            var answer = new ImportAnswer(report.Duplicates is null, report, config.Exists ? config.Path : null, [.. problems.Select(problem => problem.ToString())]);
            await output.WriteLineAsync(JsonSerializer.Serialize(answer, ImportJson.Default.ImportAnswer));
            return;
        }

        foreach (var line in report.Refused)
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync($"{line.File}:{line.Line}: {line.Reason}");
        }

        Terminal.On(output).Write(Table(report));
        foreach (var line in Notes(report).Concat(ConfigNotes(config, problems)))
        {
            await output.WriteLineAsync(line);
        }
    }

    private static Table Table(NodeImportReport report)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("tenant");
        foreach (var column in (string[])["days", "requests", "under-counted", "USD"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        foreach (var tenant in report.Tenants)
        {
            table.AddRow([new Text(tenant.Known ? tenant.Tenant : $"{tenant.Tenant} (not in tenants.json)"), .. Cells(tenant.Days, tenant.Requests, tenant.UnderCounted, tenant.SpendUsd)]);
        }

        return table.AddEmptyRow()
            .AddRow([new Text("total"), .. Cells(report.Tenants.Sum(tenant => tenant.Days), report.Requests, report.UnderCounted, report.SpendUsd)]);
    }

    private static Text[] Cells(long days, long requests, long underCounted, decimal usd) =>
        [Number(days), Number(requests), Number(underCounted), new Text(usd.ToString("0.00##########", CultureInfo.InvariantCulture))];

    private static IEnumerable<string> Notes(NodeImportReport report)
    {
        yield return report.Duplicates is { } duplicates
            ? string.Create(CultureInfo.InvariantCulture, $"{report.Stored} requests imported out of {report.Files} files, {duplicates} were there already.")
            : string.Create(CultureInfo.InvariantCulture, $"{report.Requests} requests in {report.Files} files; nothing was written.");
        if (report.HalfLines > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{report.HalfLines} last lines were not written to their end, and are left out.");
        }

        if (report.RefusedCount > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{report.RefusedCount} lines were refused.");
        }

        if (report.UnderCounted > 0)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"{report.UnderCounted} requests have output and no input: streamed answers were recorded without it. They keep the recorded amount and are marked Estimated.");
        }
    }

    private static IEnumerable<string> ConfigNotes(ConfigDirectory config, IReadOnlyList<ConfigProblem> problems)
    {
        if (config.Exists)
        {
            yield return $"Its configuration can be used as it is: --config {config.Path}{(problems.Count == 0 ? "" : ", with this to know:")}";
        }

        foreach (var problem in problems)
        {
            yield return "  " + problem;
        }
    }

    private static Text Number(long number) => new(number.ToString("N0", CultureInfo.InvariantCulture));
}

/// <summary>The result as programs read it.</summary>
internal sealed record ImportAnswer(bool DryRun, NodeImportReport Usage, string? Config, IReadOnlyList<string> ConfigProblems);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImportAnswer))]
internal sealed partial class ImportJson : JsonSerializerContext;
