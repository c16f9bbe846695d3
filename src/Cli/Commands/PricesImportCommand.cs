using System.CommandLine;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Projections;
using CCGate.Projections.Prices;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate prices import</c>: takes over the prices of a file, our own or LiteLLM's; a second time there is nothing to do.</summary>
internal sealed class PricesImportCommand
{
    private readonly PriceStore store;
    private readonly Argument<FileInfo> file = new("FILE") { Description = "A prices.json, or LiteLLM's model_prices_and_context_window.json." };
    private readonly Option<string?> format = new("--format") { Description = "What the file is; found out when not given." };
    private readonly Option<string?> provider = new("--provider") { Description = "Only this provider's entries; of LiteLLM's file otherwise those of anthropic, openai and gemini." };
    private readonly Option<string[]> models = new("--models") { Description = "Only models of these patterns.", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> from = new("--from") { Description = "The first UTC date of admission for entries that have no date; today when not given." };
    private readonly Option<string?> reason = new("--reason") { Description = "Why; kept in the event." };
    private readonly Option<bool> dryRun = new("--dry-run") { Description = "Say what would be done." };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON." };

    private PricesImportCommand(StoreOptions options)
    {
        store = new PriceStore(options);
        format.AcceptOnlyFromAmong(PriceImport.Own, PriceImport.LiteLlm);
    }

    public static Command Create(StoreOptions options)
    {
        var import = new PricesImportCommand(options);
        var command = new Command("import", "Take over the prices of a file; entries that leave out what their provider bills are skipped.")
        {
            import.file, import.format, import.provider, import.models, import.from, import.reason, import.dryRun, import.json, options.Config, options.Data, options.Url,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => import.RunAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var date = parsed.GetValue(from) is { } written ? PricesCommand.Date(written) : DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
        if (date is not { } day)
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync($"--from: '{parsed.GetValue(from)}' is not a date such as 2026-11-21.");
            return Exit.Usage;
        }

        var imported = await ReadAsync(parsed, day, cancellationToken);
        var document = new PriceChangeDocument
        {
            Reason = parsed.GetValue(reason) ?? $"Imported from {parsed.GetValue(file)!.Name}",
            Prices = [.. imported.Prices.Select(PriceEntry.Of)],
        };
        var isTrial = parsed.GetValue(dryRun);
        var result = imported.Prices.Count > 0
            ? await store.ChangeAsync(parsed, document, isTrial, cancellationToken)
            : new PriceChangeResult(null, [], [], []);
        await WriteAsync(parsed, new ImportReport(isTrial, result.Id, result.Changed, result.Unchanged, imported.Skipped, imported.OtherProviders));
        return Exit.Ok;
    }

    private async Task<ImportedPrices> ReadAsync(ParseResult parsed, DateOnly day, CancellationToken cancellationToken)
    {
        var source = parsed.GetValue(file)!;
        if (!source.Exists)
        {
            throw new CommandFailedException($"There is no file {source.FullName}.");
        }

        await using var stream = source.OpenRead();
        using var document = await ParseAsync(source, stream, cancellationToken);
        var root = document.RootElement;
        if ((parsed.GetValue(format) ?? PriceImport.Detect(root)) is not { } kind)
        {
            throw new CommandFailedException($"{source.Name} is neither a prices.json nor LiteLLM's model_prices_and_context_window.json. Name what it is with --format.");
        }

        var errors = new List<(string Path, string Message)>();
        return PriceImport.Read(root, kind, day, parsed.GetValue(provider), parsed.GetValue(models) ?? [], errors)
            ?? throw new CommandFailedException(string.Join('\n', errors.Select(error => $"{source.Name}: {error.Path}: {error.Message}")));
    }

    private static async Task<JsonDocument> ParseAsync(FileInfo source, FileStream stream, CancellationToken cancellationToken)
    {
        try
        {
            return await JsonDocument.ParseAsync(stream, PriceBookFile.Syntax, cancellationToken);
        }
        catch (JsonException error)
        {
            throw new CommandFailedException($"{source.Name} is not JSON: line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}.");
        }
    }

    private async Task WriteAsync(ParseResult parsed, ImportReport report)
    {
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(json))
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(report, ProjectionsJson.Default.ImportReport));
            return;
        }

        foreach (var name in report.Imported)
        {
            await output.WriteLineAsync($"{(report.DryRun ? "would set" : "set")}: {name}");
        }

        foreach (var skipped in report.Skipped)
        {
            await output.WriteLineAsync($"skipped: {skipped.Model}: {skipped.Reason}");
        }

        if (report.OtherProviders > 0)
        {
            await output.WriteLineAsync($"{report.OtherProviders} entries of other providers were not looked at; choose one with --provider.");
        }

        await output.WriteLineAsync($"{report.Imported.Count} {(report.DryRun ? "to import" : "imported")}, {report.Skipped.Count} skipped, {report.Unchanged.Count} unchanged.");
    }
}
