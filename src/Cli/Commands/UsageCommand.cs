using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using CCGate.Projections;
using CCGate.Projections.Spend;
using Spectre.Console;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate usage</c>: who used and owes how much, as a table or as JSON.</summary>
internal sealed class UsageCommand
{
    private readonly StoreOptions options;
    private readonly Option<string?> tenant = new("--tenant") { Description = "Only this tenant, in its time zone." };
    private readonly Option<string?> from = new("--from") { Description = "A date, or an instant with its offset." };
    private readonly Option<string?> to = new("--to") { Description = "A date (included), or an instant with its offset (not included)." };
    private readonly Option<string> by = new("--by") { Description = "What the rows are by.", DefaultValueFactory = _ => "day" };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON as GET /api/usage answers it." };

    private UsageCommand(StoreOptions options)
    {
        this.options = options;
        by.AcceptOnlyFromAmong("day", "hour", "model", "tenant", "key", "upstream");
    }

    public static Command Create(StoreOptions options)
    {
        var usage = new UsageCommand(options);
        var command = new Command("usage", "Show who used how much and what it costs.")
        {
            usage.tenant, usage.from, usage.to, usage.by, usage.json, options.Config, options.Data, options.Url,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => usage.RunAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var reader = new SpendQuestionReader(options.ReadConfig(parsed));
        var question = reader.Read(name => Written(parsed, name));
        if (reader.Errors.Count > 0)
        {
            foreach (var (name, errors) in reader.Errors)
            {
                await parsed.InvocationConfiguration.Error.WriteLineAsync($"--{name}: {string.Join(' ', errors)}");
            }

            return Exit.Usage;
        }

        var report = parsed.GetValue(options.Url) is { } url
            ? await AskAsync(url, parsed, cancellationToken)
            : await ReadAsync(question, parsed, cancellationToken);
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(json))
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(report, ProjectionsJson.Default.SpendReport));
        }
        else
        {
            Terminal.On(output).Write(UsageTable.Of(report));
        }

        return Exit.Ok;
    }

    private async Task<SpendReport> ReadAsync(SpendQuestion question, ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var store = options.Open(parsed);
        await store.CatchUpAsync(cancellationToken);
        return await new SpendReader(store.Database).ReadAsync(question, cancellationToken);
    }

    private async Task<SpendReport> AskAsync(Uri url, ParseResult parsed, CancellationToken cancellationToken)
    {
        var query = string.Join('&', SpendQuestionReader.Parameters
            .Select(name => (Name: name, Value: Written(parsed, name)))
            .Where(parameter => parameter.Value is not null)
            .Select(parameter => $"{parameter.Name}={Uri.EscapeDataString(parameter.Value!)}"));
        var body = await RunningGateway.AskAsync(url, parsed.GetValue(options.Config)!, "/api/usage?" + query, content: null, cancellationToken);
        return JsonSerializer.Deserialize(body, ProjectionsJson.Default.SpendReport)!;
    }

    private string? Written(ParseResult parsed, string name) => name switch
    {
        "tenant" => parsed.GetValue(tenant),
        "from" => parsed.GetValue(from),
        "to" => parsed.GetValue(to),
        "by" => parsed.GetValue(by),
        _ => null,
    };
}

/// <summary>The report as people read it.</summary>
internal static class UsageTable
{
    public static Table Of(SpendReport report)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn($"{report.By} ({report.Timezone})");
        foreach (var column in (string[])["requests", "errors", "input", "cache read", "cache write", "output", "tokens", "USD"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        foreach (var row in report.Rows)
        {
            table.AddRow(Cells(Name(row), row));
        }

        return table.AddEmptyRow().AddRow(Cells("total", report.Total));
    }

    private static string Name(SpendRow row) =>
        string.Join(' ', new[] { row.Day, row.Hour, row.Key is not null ? $"{row.Tenant}/{row.Key}" : row.Tenant, row.Model, row.Upstream }.Where(name => name is not null));

    private static Text[] Cells(string name, SpendTotals totals) =>
    [
        new Text(name),
        Number(totals.Requests),
        Number(totals.Errors),
        Number(totals.InputTokens),
        Number(totals.CacheReadTokens),
        Number(totals.CacheWrite5mTokens + totals.CacheWrite1hTokens),
        Number(totals.OutputTokens),
        Number(totals.TotalTokens),
        new Text(totals.SpendUsd.ToString("0.00##########", CultureInfo.InvariantCulture)),
    ];

    private static Text Number(long number) => new(number.ToString("N0", CultureInfo.InvariantCulture));
}
