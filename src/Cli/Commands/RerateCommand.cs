using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Metering;
using CCGate.Projections;
using CCGate.Projections.Billing;
using CCGate.Projections.Export;
using CCGate.Projections.Spend;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate billing rerate</c>: what a period would have cost at other prices, and charging that.</summary>
internal sealed class RerateCommand
{
    private readonly StoreOptions options;
    private readonly Option<FileInfo> prices = new("--prices") { Description = "A price book in the form of prices.json; the shipped prices stand behind it.", Required = true };
    private readonly Option<string> from = new("--from") { Description = "The first date, or an instant with its offset.", Required = true };
    private readonly Option<string> to = new("--to") { Description = "The last date (included), or an instant with its offset (not included).", Required = true };
    private readonly Option<string?> tenant = new("--tenant") { Description = "Only this tenant; dates are then in its time zone." };
    private readonly Option<string?> model = new("--model") { Description = "Only attempts of this model; '*' stands for anything." };
    private readonly Option<bool> apply = new("--apply") { Description = "Adjust every request whose amount differs; without it nothing is written." };
    private readonly Option<string?> reason = new("--reason") { Description = "Why, in your words; it is kept with every adjustment." };
    private readonly Option<bool> json = new("--json") { Description = "Print the result as JSON." };

    private RerateCommand(StoreOptions options) => this.options = options;

    public static Command Create(StoreOptions options)
    {
        var rerate = new RerateCommand(options);
        var command = new Command("rerate", "Show what a period would have cost at other prices; with --apply, charge that.")
        {
            rerate.prices, rerate.from, rerate.to, rerate.tenant, rerate.model, rerate.apply, rerate.reason, rerate.json, options.Config, options.Data,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => rerate.RunAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        await using var store = options.Open(parsed);
        var reader = new SpendQuestionReader(store.Config);
        var question = reader.Read(name => Written(parsed, name));
        if (reader.Errors.Count == 0 && question.Tenant is { } asked && !await store.KnowsTenantAsync(asked, cancellationToken))
        {
            reader.Errors["tenant"] = [OpenStore.UnknownTenant(asked)];
        }

        if (question.From >= question.To)
        {
            reader.Errors["from"] = ["It is not before --to; the period must not end before it begins."];
        }

        if (parsed.GetValue(apply) && string.IsNullOrWhiteSpace(parsed.GetValue(reason)))
        {
            reader.Errors["reason"] = ["Say why: --apply keeps it with every adjustment."];
        }

        if (reader.Errors.Count > 0)
        {
            await error.WriteLineAsync(string.Join('\n', reader.Errors.Select(found => $"--{found.Key}: {string.Join(' ', found.Value)}")));
            return Exit.Usage;
        }

        var book = ReadBook(parsed.GetValue(prices)!);
        await RefuseOtherContentAsync(book, store, cancellationToken);
        var report = await RerateAsync(book, new LedgerExport(store.Events, question, new ProgressText(error, "rerate")), store, parsed, cancellationToken);
        if (parsed.GetValue(json))
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(report, ProjectionsJson.Default.RerateReport));
        }
        else
        {
            Terminal.On(output).Write(RerateText.Table(report));
            await output.WriteLineAsync(string.Join('\n', RerateText.Notes(report)));
        }

        return report.Adjusted is null || report.Adjusted == report.RequestsThatDiffer ? Exit.Ok : Exit.Failed;
    }

    private async Task<RerateReport> RerateAsync(PriceBook book, LedgerExport ledger, OpenStore store, ParseResult parsed, CancellationToken cancellationToken)
    {
        var rerating = new Rerating(book, parsed.GetValue(model));
        if (!parsed.GetValue(apply))
        {
            return await rerating.LookAsync(ledger, cancellationToken);
        }

        try
        {
            var order = new RerateOrder(parsed.GetValue(reason)!, Environment.UserName, TimeProvider.System.GetUtcNow());
            var report = await rerating.ApplyAsync(ledger, new EventIntake(store.Events), order, cancellationToken);
            await store.CatchUpAsync(cancellationToken);
            return report;
        }
        catch (InvalidOperationException refused)
        {
            throw new CommandFailedException(refused.Message);
        }
    }

    /// <summary>As the gateway would use it: the operator's entries before the shipped ones.</summary>
    private static PriceBook ReadBook(FileInfo file)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file.FullName), PriceBookFile.Syntax);
            var errors = new List<(string Path, string Message)>();
            return RerateBook.Read(document.RootElement, errors)
                ?? throw new CommandFailedException(string.Join('\n', errors.Select(wrong => $"--prices: {file.Name}: {wrong.Path}: {wrong.Message}")));
        }
        catch (JsonException malformed)
        {
            throw new CommandFailedException($"--prices: {file.FullName} is not JSON: {malformed.Message}");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailedException($"--prices: {file.FullName} cannot be read: {failure.Message}");
        }
    }

    private static async Task RefuseOtherContentAsync(PriceBook book, OpenStore store, CancellationToken cancellationToken)
    {
        if (await RerateBook.RefusalAsync(book, store.Config.Prices, store.Events, cancellationToken) is { } refusal)
        {
            throw new CommandFailedException($"--prices: {refusal}");
        }
    }

    private string? Written(ParseResult parsed, string name) => name switch
    {
        "tenant" => parsed.GetValue(tenant),
        "from" => parsed.GetValue(from),
        "to" => parsed.GetValue(to),
        _ => null,
    };
}

/// <summary>The report as people read it.</summary>
internal static class RerateText
{
    public static Table Table(RerateReport report)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("tenant").AddColumn("model");
        foreach (var column in (string[])["requests", "charged USD", $"USD at {report.PriceVersion}", "difference"])
        {
            table.AddColumn(new TableColumn(new Text(column)).RightAligned());
        }

        foreach (var row in report.Rows)
        {
            table.AddRow(Cells(row.Tenant ?? "", row));
        }

        return table.AddEmptyRow().AddRow(Cells("total", report.Total));
    }

    public static IEnumerable<string> Notes(RerateReport report)
    {
        var left = report.LeftOut;
        if (left.UnknownUsage + left.Imported + left.NoPrice > 0)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"Attempts left out: {left.UnknownUsage:N0} whose usage nobody reported, {left.Imported:N0} imported, {left.NoPrice:N0} of models without a price.");
        }

        yield return report.Adjusted switch
        {
            null => string.Create(CultureInfo.InvariantCulture, $"{report.RequestsThatDiffer:N0} requests differ; nothing was written. Add --apply --reason TEXT to adjust them."),
            { } adjusted when adjusted < report.RequestsThatDiffer => string.Create(
                CultureInfo.InvariantCulture,
                $"{adjusted:N0} of {report.RequestsThatDiffer:N0} requests adjusted; somebody else adjusted the others meanwhile. Run this again."),
            { } adjusted => string.Create(CultureInfo.InvariantCulture, $"{adjusted:N0} requests adjusted."),
        };
    }

    private static Text[] Cells(string tenant, RerateRow row) =>
    [
        new(tenant),
        new(row.Model ?? ""),
        new(row.Requests.ToString("N0", CultureInfo.InvariantCulture)),
        Usd(row.ChargedUsd),
        Usd(row.ReratedUsd),
        Usd(row.DifferenceUsd),
    ];

    private static Text Usd(decimal amount) => new(amount.ToString("0.00##########", CultureInfo.InvariantCulture));
}
